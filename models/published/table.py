"""The table of published models: the files in ``tables/``, read once."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import AnomalureError, did_you_mean
from models.published.entry import DETECTOR, ENCODER, HUB, PublishedFile, PublishedModel

TABLES = Path(__file__).with_name("tables")
USUAL_DETECTOR = "megadetector-v6-yolov10-c"
"""The detector of those who choose none; why: docs/decisions/0018."""
TIMM = "timm/"
"""Before the name of any model of timm, which need not stand in the table: ``timm/resnet18.a1_in1k``."""


@cache
def list_models() -> dict[str, PublishedModel]:
    """The models of the table by name, in its order: MegaDetectors first, then other detectors, then encoders."""
    found: dict[str, PublishedModel] = {}
    for path in (TABLES / f"{name}.toml" for name in ("megadetector", "ultralytics", "encoders")):
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["model"]:
            found |= {model.name: model for model in _read_row(row)}
    return found


def list_detectors() -> list[str]:
    """The names of the detectors."""
    return [model.name for model in list_models().values() if model.kind == DETECTOR]


def list_encoders() -> list[str]:
    """The names of the encoders."""
    return [model.name for model in list_models().values() if model.kind == ENCODER]


def find_model(name: str) -> PublishedModel | None:
    """The model of this name: of the table, or any of timm after ``timm/``; None if there is none."""
    known = list_models().get(name)
    if known is None and name.startswith(TIMM) and len(name) > len(TIMM) and _is_plain(name.removeprefix(TIMM)):
        return _of_timm(name.removeprefix(TIMM))
    return known


def get_model(name: str) -> PublishedModel:
    """As ``find_model``.

    Raises:
        AnomalureError: If there is no such model.
    """
    model = find_model(name)
    if model is None:
        raise AnomalureError(
            f"There is no published model {name!r} in the table.{did_you_mean(name, list_models())} "
            "python cli.py models list shows them all; any model of timm is called timm/NAME."
        )
    return model


def _read_row(row: Mapping[str, Any]) -> Iterator[PublishedModel]:
    for name in row.get("names", [row.get("name")]):
        values: dict[str, Any] = {
            key: value.replace("{name}", name) if isinstance(value, str) else value for key, value in row.items()
        }
        repository, checksum = values.pop("repository", ""), values.pop("md5", "")
        names = values.pop("files", None) or [values.pop("file")]
        address = values.pop("address", "")
        files = tuple(
            PublishedFile(
                name=file,
                address=f"{HUB}/{repository}/resolve/main/{file}" if repository else address,
                checksum=f"md5:{checksum}" if checksum else "",
            )
            for file in names
        )
        values.pop("names", None)
        values |= {"name": name, "files": files, "class_names": tuple(values.get("class_names", ()))}
        yield PublishedModel(**values)


def _of_timm(name: str) -> PublishedModel:
    files = tuple(
        PublishedFile(name=file, address=f"{HUB}/timm/{name}/resolve/main/{file}")
        for file in ("model.safetensors", "config.json")
    )
    return PublishedModel(
        name=f"{TIMM}{name}",
        kind=ENCODER,
        loader="timm",
        about="A model of timm.",
        files=files,
        licence="see its page",
        licence_address=f"{HUB}/timm/{name}",
        network=name.partition(".")[0],
    )


def _is_plain(name: str) -> bool:
    """Whether a name is one of a model, not of a folder somewhere else."""
    return name.replace("_", "").replace(".", "").replace("-", "").isalnum() and not name.startswith(".")
