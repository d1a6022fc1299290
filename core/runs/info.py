"""What a run was made with: ``run.json`` in its folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.disk.files import read_whole
from core.disk.inside import check_ordinary
from core.disk.json import from_values, parse_values
from core.errors import AnomalureError, NewerVersion
from core.version import is_newer

INFO = "run.json"


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What a run was made with. It is written once, as ``run.json``, when the run is made.

    Attributes:
        run_id: The name of the run's folder.
        name: What the pages call it.
        folder: The folder of photos, absolute.
        bundle: The bundle's name; empty for a first look.
        detector: Name of the detector.
        encoder: Name of the encoder.
        encoders: The specifications of that encoder, so that a first look can be resumed.
        sections: Lengths of the parts of an embedding; empty in runs of earlier versions.
        engines: The engine of each encoder. A resumed run uses the same engines. Others round differently, and the
            crops of one run could not be compared.
        boxes: The file that boxes came from instead of a detector, absolute or empty.
        deployments_csv: The table of cameras, absolute or empty.
        classifications: The file of a classifier's names for the photos or boxes, absolute or empty.
        settings: As ``RunSettings.to_values()`` gives them.
        created_at: In UTC.
        code_version: The version of Anomalure that made it.
    """

    run_id: str
    name: str
    folder: str
    bundle: str = ""
    detector: str = ""
    encoder: str = ""
    encoders: tuple[Mapping[str, Any], ...] = ()
    sections: tuple[int, ...] = ()
    engines: tuple[str, ...] = ()
    boxes: str = ""
    deployments_csv: str = ""
    classifications: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    code_version: str = ""


def read_info(path: Path) -> RunInfo:
    """Read ``run.json``.

    Raises:
        AnomalureError: If it is missing, invalid, or of a newer version.
    """
    run_id = path.parent.name
    try:
        check_ordinary(path.parent)
        values = parse_values(read_whole(path))
        unknown = sorted(set(values) - {item.name for item in fields(RunInfo)})
        if unknown or is_newer(dict(values).get("code_version")):
            raise NewerVersion(
                f"Run {run_id} was made by a newer version of Anomalure, or {path} was changed by another program. It "
                "is not read, and nothing was changed. Update Anomalure."
            )
        info = from_values({**values, "run_id": run_id}, RunInfo)
        if info.created_at.tzinfo is None:
            raise ValueError("created_at has no time zone")
        if Path(info.bundle).name != info.bundle or info.bundle in (".", ".."):
            raise ValueError("its bundle is not one of this project")
        size = info.settings.get("shard_photos", 256)
        if type(size) is not int or size < 1:
            raise ValueError(f"shard_photos must be a whole number of at least 1, got {size!r}")
        return info
    except FileNotFoundError as error:
        raise AnomalureError(
            f"There is no finished run folder at {path.parent}: run.json is missing. If making it was "
            "cut short, delete the folder and start the run again."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnomalureError(
            f"Run {run_id} cannot be read: {path} is not what Anomalure wrote ({error}). Put it back "
            "from a copy, or delete the run's folder."
        ) from error
