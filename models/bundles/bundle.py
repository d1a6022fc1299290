"""A bundle: one folder with everything that a run needs. It never changes after it is made and has no pickle in it."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from core.disk.files import read_whole, temporary_beside
from core.disk.inside import inside
from core.disk.json import parse_values
from core.errors import AnomalureError, BundleError, did_you_mean
from core.records import NOTHING, PERSON
from core.settings.run import RunSettings
from core.settings.training import SCORED_BY
from core.study.moved_projects import find_again
from core.study.project import check_name
from core.version import VERSION
from models.bundles.rows import TrainingRows
from models.encoders.sections import ERRORS, find_section
from models.encoders.sources.source import find_source
from models.encoders.spec import EncoderSpec
from models.judging.background import Background
from models.judging.calibration import Units
from models.judging.judge import Group, Judge, Kind
from models.judging.normaliser import Normaliser
from models.judging.patch_distance import PatchBank
from models.judging.patch_judge import PatchJudge
from models.one_class.methods import DEFAULT, name_method, read_one_class

FORMAT = 6
"""Bundles that score whole frames alone; all others are written in the format before, which older versions read."""
FORMAT_WITH_SPECIES = 5
MANIFEST = "bundle.json"
CARD = "MODEL_CARD.md"
NORMALISERS = "normaliser.safetensors"
CALIBRATION = "calibration.safetensors"
BACKGROUND = "background.safetensors"
ROWS = "training.parquet"


@dataclass(frozen=True)
class Bundle:
    """A bundle as a run uses it.

    Attributes:
        name: Also the name of its folder.
        created_at: UTC.
        encoders: What turns crops into vectors, joined in this order. Weights from a file are copied into the bundle.
        sections: Length of each encoder's part of an embedding.
        detector: The default detector of runs with this bundle, as ``load_detector`` takes it.
        settings: The settings that it was made with.
        one_class: Name of the one-class model (``models.one_class.methods``); species with few crops have their mean.
        components: Main directions that rows are reduced to; 0: not reduced.
        species_judge: Scores crops; None: it was trained on whole frames alone, and crops of a run are scored against
            each other, as in a first look.
        camera_judges: Scores whole frames by their embedding, by deployment.
        patch_judges: Scores whole frames by their most unusual patch, by deployment; used instead of
            ``camera_judges`` if the run has a heat map of the frame.
        unseen_events: Events among its training rows that its trained encoder has not seen; empty: it was not trained.
        counts: Number of crops that each species was trained on; boxes on nothing and on people are not counted.
        notes: What a user should know, in sentences.
        path: Its folder; ``None`` before it is written.
    """

    name: str
    created_at: datetime
    encoders: tuple[EncoderSpec, ...]
    sections: tuple[int, ...]
    detector: str
    settings: RunSettings
    species_judge: Judge | None
    camera_judges: Mapping[str, Judge] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    path: Path | None = None
    one_class: str = DEFAULT
    components: int = 0
    patch_judges: Mapping[str, PatchJudge] = field(default_factory=dict)
    unseen_events: tuple[str, ...] = ()

    @property
    def error_at(self) -> int | None:
        """The column of an embedding that crops are scored by, an autoencoder's error; None: by one-class models."""
        return self.first_judge.error_at

    @property
    def first_judge(self) -> Judge:
        """What scores crops, else the whole frames of the first camera: both see embeddings in the same way."""
        return self.species_judge or self.camera_judges[min(self.camera_judges)]

    @property
    def left_out(self) -> Mapping[str, str]:
        """The species that have no model, and why."""
        return {} if self.species_judge is None else self.species_judge.left_out

    @property
    def background(self) -> Background | None:
        """What tells crops without an animal; None: they are not told apart."""
        return None if self.species_judge is None else self.species_judge.background

    @property
    def scored_by(self) -> str:
        """Of ``SCORED_BY``."""
        errors = self._list_error_columns()
        return SCORED_BY[1 + errors.index(self.error_at)] if self.error_at in errors else SCORED_BY[0]

    @property
    def species(self) -> tuple[str, ...]:
        """The species that have a model."""
        return () if self.species_judge is None else tuple(kind.name for kind in self.species_judge.kinds)

    def to_values(self) -> dict[str, Any]:
        """Its contents as JSON values, for commands and pages."""
        return {
            "name": self.name,
            "created_at": self.created_at.isoformat(),
            "species": {name: int(self.counts.get(name, 0)) for name in self.species},
            "species_left_out": dict(self.left_out),
            "background": self._count_background(),
            "cameras": sorted({*self.camera_judges, *self.patch_judges}),
            "cameras_by_patches": sorted(self.patch_judges),
            "encoders": [spec.to_values() for spec in self.encoders],
            "detector": self.detector,
            "one_class": self.one_class,
            "scored_by": self.scored_by,
            "components": self.components,
            "settings": self.settings.to_values(),
            "notes": list(self.notes),
        }

    def _count_background(self) -> dict[str, int] | None:
        """How many crops without an animal it was trained on; None: it does not tell them apart."""
        known = self.background
        return None if known is None else {NOTHING: known.n_nothing, PERSON: known.n_people}

    def write(self, out_dir: Path, *, card: str, rows: TrainingRows | None = None) -> "Bundle":
        """Write it to ``out_dir/name``. If that fails, nothing is left behind.

        Args:
            out_dir: The project's ``bundles`` folder; it is made if it is missing.
            card: Markdown for its MODEL_CARD.md.
            rows: The crops it was trained on, so that it can be retrained without the photos.

        Returns:
            The bundle with its ``path``; its encoders refer to the copies inside.

        Raises:
            BundleError: If a bundle of that name exists, or it cannot be written.
            AnomalureError: If the name is not allowed for a folder.
        """
        check_name(self.name, what="bundle")
        path = out_dir / self.name
        refuse_existing(path)
        temporary = temporary_beside(path)
        try:
            temporary.mkdir(parents=True)
            self._write_files(temporary, card=card, rows=rows)
            refuse_existing(path)
            os.rename(temporary, path)
            _sync_folder(out_dir)
        except OSError as error:
            raise BundleError(f"The bundle {self.name} could not be written to {out_dir}: {error}.") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return Bundle.load(path)

    def _write_files(self, folder: Path, *, card: str, rows: TrainingRows | None) -> None:
        files: dict[str, bytes] = {CARD: card.encode()}
        encoders = []
        for i, spec in enumerate(self.encoders):
            file_name = f"encoder-{i}.safetensors"
            kept, source = find_source(spec).copy_into(spec, file_name)
            if source is not None:
                files[file_name] = source.read_bytes()
            encoders.append(kept.to_values())
        normalisers: dict[str, np.ndarray] = {}
        references: dict[str, np.ndarray] = {}
        described: dict[str, Any] = {}
        judges = {} if self.species_judge is None else {"species": self.species_judge}
        judges |= {f"camera-{i:03d}": self.camera_judges[name] for i, name in enumerate(sorted(self.camera_judges))}
        for prefix, judge in judges.items():
            described[prefix] = _describe_judge(judge, prefix=prefix, files=files)
            normalisers.update({f"{prefix}.{key}": value for key, value in judge.normaliser.to_arrays().items()})
            references.update({f"{prefix}.group-{i:03d}": group.scores for i, group in enumerate(judge.groups)})
            references.update({f"{prefix}.kind-{i:03d}": kind.held_out for i, kind in enumerate(judge.kinds)})
        background = self.background
        if background is not None:
            files[BACKGROUND] = background.to_bytes()
        patches = {}
        for i, (camera, patch_judge) in enumerate(sorted(self.patch_judges.items())):
            patches[camera] = _describe_patches(patch_judge, prefix=f"patches-{i:03d}", files=files)
            references[f"patches-{i:03d}"] = patch_judge.group.scores
        files[NORMALISERS] = safetensors.numpy.save(normalisers)
        files[CALIBRATION] = safetensors.numpy.save(references)
        manifest = {
            "format": FORMAT if self.species_judge is None else FORMAT_WITH_SPECIES,
            "code_version": VERSION,
            "name": self.name,
            "created_at": self.created_at.isoformat(),
            "detector": self.detector,
            "encoders": encoders,
            "sections": list(self.sections),
            "error_columns": self._list_error_columns(),
            "one_class": self.one_class,
            "components": self.components,
            "settings": self.settings.to_values(),
            "counts": {name: int(count) for name, count in self.counts.items()},
            "notes": list(self.notes),
            "unseen_events": list(self.unseen_events),
            "species": described.pop("species", None),
            "cameras": dict(zip(sorted(self.camera_judges), described.values(), strict=True)),
            "patches": patches,
            "background": None
            if background is None
            else {"file": BACKGROUND, "species": list(background.animals), "counts": self._count_background()},
            "files": {name: _hash(content) for name, content in files.items()},
        }
        if rows is not None:  # listed apart from the files that a run needs, because there may be many rows
            files[ROWS] = rows.to_bytes()
            manifest["training_rows"] = {"file": ROWS, "hash": _hash(files[ROWS]), "n": len(rows)}
        files[MANIFEST] = (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
        for name, content in files.items():
            with (folder / name).open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _sync_folder(folder)

    def _list_error_columns(self) -> list[int]:
        """The columns of an embedding that say how little a crop fits, not how it looks."""
        errors = find_section(self.encoders, self.sections, ERRORS)
        return [] if errors is None else list(range(errors.start, errors.stop))

    def training_rows(self) -> TrainingRows:
        """The crops it was trained on.

        Raises:
            BundleError: If the bundle is not on disk, was made before bundles kept their rows, or the file was changed.
        """
        return read_training_rows(self.path, name=self.name)

    @classmethod
    def load(cls, path: Path) -> "Bundle":
        """Open a bundle and check that it is complete and unchanged.

        Raises:
            BundleError: If it is missing, incomplete or changed, or comes from a newer version.
        """
        path = Path(path)
        manifest = _read_manifest(path)
        contents = _read_files(path, manifest)
        try:
            normalisers = safetensors.numpy.load(contents[NORMALISERS])
            references = safetensors.numpy.load(contents[CALIBRATION])

            def read_judge(values: Mapping[str, Any], prefix: str) -> Judge:
                return _read_judge(values, prefix, contents=contents, normalisers=normalisers, references=references)

            return cls(
                name=manifest["name"],
                created_at=datetime.fromisoformat(manifest["created_at"]),
                encoders=tuple(_locate(values, path) for values in manifest["encoders"]),
                sections=tuple(manifest["sections"]),
                detector=find_again(manifest["detector"], path.parent.parent),
                settings=RunSettings.from_values(manifest["settings"]),
                species_judge=None
                if manifest["species"] is None and manifest["cameras"]  # not before format 6
                else replace(
                    read_judge(manifest["species"], "species"),
                    background=_read_background(manifest.get("background"), contents),  # not before format 4
                ),
                camera_judges={
                    name: read_judge(values, f"camera-{i:03d}")
                    for i, (name, values) in enumerate(manifest["cameras"].items())
                },
                counts=manifest["counts"],
                notes=tuple(manifest["notes"]),
                path=path,
                one_class=manifest.get("one_class", DEFAULT),
                components=manifest.get("components", 0),
                patch_judges={
                    camera: _read_patches(values, contents=contents, reference=references[f"patches-{i:03d}"])
                    for i, (camera, values) in enumerate(manifest.get("patches", {}).items())  # not before format 3
                },
                unseen_events=tuple(map(str, manifest.get("unseen_events", ()))),  # not before format 5
            )
        except AnomalureError as error:
            raise BundleError(f"The bundle {path.name} cannot be used: {error}") from error
        except Exception as error:  # what a broken file raises depends on where it is broken
            raise BundleError(f"The bundle {path.name} is damaged ({repr(error)[:200]}). Train it again.") from error


def refuse_existing(path: Path) -> None:
    """Raise a BundleError if a file or folder of that name exists."""
    if path.exists():
        raise BundleError(
            f"There is a bundle named {path.name} already, and a bundle never changes. Choose another name."
        )


def _locate(values: Mapping[str, Any], folder: Path) -> EncoderSpec:
    spec = EncoderSpec.from_values(values)
    return find_source(spec).locate(spec, folder)


def _describe_judge(judge: Judge, *, prefix: str, files: dict[str, bytes]) -> dict[str, Any]:
    kinds = []
    for i, kind in enumerate(judge.kinds):
        file_name = f"{prefix}-{i:03d}.{kind.model.ending}"
        files[file_name] = kind.model.to_bytes()
        kinds.append(
            {
                "name": kind.name,
                "file": file_name,
                "one_class": name_method(kind.model),
                "method": kind.model.form,
                "n_rows": kind.model.n_rows,
                "median": kind.units.median,
                "high": kind.units.high,
                "group": kind.group,
            }
        )
    return {
        "kinds": kinds,
        "groups": [group.name for group in judge.groups],
        "left_out": dict(judge.left_out),
        "one_scale": judge.one_scale,
        "error_at": judge.error_at,
    }


def _read_judge(
    values: Mapping[str, Any],
    prefix: str,
    *,
    contents: Mapping[str, bytes],
    normalisers: Mapping[str, np.ndarray],
    references: Mapping[str, np.ndarray],
) -> Judge:
    normaliser = Normaliser.from_arrays(
        {key.removeprefix(f"{prefix}."): value for key, value in normalisers.items() if key.startswith(f"{prefix}.")}
    )
    groups = tuple(Group(name, references[f"{prefix}.group-{i:03d}"]) for i, name in enumerate(values["groups"]))
    kinds = []
    for i, item in enumerate(values["kinds"]):
        model = read_one_class(
            contents[item["file"]],
            name=item.get("one_class", "ocsvm"),  # format 1 had no other
            n_rows=item["n_rows"],
            form=item["method"],
        )
        if model.n_features != normaliser.width:
            raise ValueError(f"{item['file']} takes rows of length {model.n_features}, not {normaliser.width}")
        if not 0 <= item["group"] < len(groups):
            raise ValueError(f"{item['name']} has no group {item['group']}")
        units = Units(float(item["median"]), float(item["high"]))
        kinds.append(Kind(item["name"], model, units, item["group"], references[f"{prefix}.kind-{i:03d}"]))
    if not kinds:
        raise ValueError(f"{prefix} has no model")
    one_scale = bool(values.get("one_scale", False))  # bundles of earlier versions keep their scores
    error_at = values.get("error_at")  # not before format 5
    if error_at is not None and not (type(error_at) is int and 0 <= error_at < sum(normaliser.sections)):
        raise ValueError(f"{prefix} is scored by column {error_at!r} of {sum(normaliser.sections)}")
    return Judge(normaliser, tuple(kinds), groups, values["left_out"], one_scale=one_scale, error_at=error_at)


def _read_background(values: Mapping[str, Any] | None, contents: Mapping[str, bytes]) -> Background | None:
    if values is None:
        return None
    counts = values["counts"]
    return Background.from_bytes(
        contents[values["file"]], species=values["species"], n_nothing=counts[NOTHING], n_people=counts[PERSON]
    )


def _describe_patches(judge: PatchJudge, *, prefix: str, files: dict[str, bytes]) -> dict[str, Any]:
    file_name = f"{prefix}.safetensors"
    files[file_name] = judge.bank.to_bytes()
    return {"file": file_name, "group": judge.group.name, "median": judge.units.median, "high": judge.units.high}


def _read_patches(values: Mapping[str, Any], *, contents: Mapping[str, bytes], reference: np.ndarray) -> PatchJudge:
    units = Units(float(values["median"]), float(values["high"]))
    return PatchJudge(PatchBank.from_bytes(contents[values["file"]]), units, Group(values["group"], reference))


def read_training_rows(path: Path | None, *, name: str) -> TrainingRows:
    """The crops that the bundle in a folder was trained on, without opening its models.

    Raises:
        BundleError: If the bundle is not on disk, was made before bundles kept their rows, or the file was changed.
    """
    listed = _read_manifest(path).get("training_rows") if path else None
    if not path or not isinstance(listed, dict):
        raise BundleError(
            f"The bundle {name} keeps no training rows, so it cannot be retrained. "
            "Train a new bundle from the photos; new bundles keep their rows."
        )
    try:
        content = _read_listed(path, str(listed.get("file")), str(listed.get("hash")))
        return TrainingRows.from_bytes(content)
    except ValueError as error:
        raise BundleError(f"The training rows of the bundle {name} cannot be used: {error}.") from error


def _read_manifest(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        there = sorted(item.name for item in path.parent.glob("*") if (item / MANIFEST).is_file())
        raise BundleError(
            f"There is no bundle named {path.name}. There are: {', '.join(there) or 'none yet'}."
            + did_you_mean(path.name, there)
        )
    try:
        manifest = parse_values(read_whole(path / MANIFEST))
    except FileNotFoundError as error:
        raise BundleError(f"{path} is not a bundle: it has no {MANIFEST}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"The {MANIFEST} of the bundle {path.name} cannot be read: {error}.") from error
    version = manifest.get("format") if isinstance(manifest, dict) else None
    if type(version) is not int or version < 1:
        raise BundleError(f"The {MANIFEST} of the bundle {path.name} does not say its format.")
    if version > FORMAT:
        raise BundleError(
            f"The bundle {path.name} has format {version} and comes from a newer version of Anomalure "
            f"({manifest.get('code_version', 'unknown')}); this version reads formats up to {FORMAT}. Update Anomalure."
        )
    return manifest


def _read_files(path: Path, manifest: Mapping[str, Any]) -> dict[str, bytes]:
    listed = manifest.get("files")
    if not isinstance(listed, dict) or not {NORMALISERS, CALIBRATION, CARD} <= set(listed):
        raise BundleError(f"The {MANIFEST} of the bundle {path.name} does not list its files.")
    return {name: _read_listed(path, name, expected) for name, expected in listed.items()}


def _read_listed(path: Path, name: str, expected: str) -> bytes:
    """A file that the manifest lists, after its hash was checked."""
    try:
        content = read_whole(inside(path, _check_file_name(name)))
    except OSError as error:
        raise BundleError(f"The bundle {path.name} has lost its file {name} ({error.strerror}).") from error
    if _hash(content) != expected:
        raise BundleError(
            f"The file {name} of the bundle {path.name} is damaged or was "
            "changed. Get the bundle again, or train it again."
        )
    return content


def _check_file_name(name: str) -> str:
    if Path(name).name != name or name in ("", ".", ".."):
        raise BundleError(f"A bundle's files lie directly in its folder, not at {name!r}.")
    return name


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=32).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make sure that the file names are on the disk, too, where the system supports it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def now_utc() -> datetime:
    """The current time in whole seconds, as bundles store it."""
    return datetime.now(UTC).replace(microsecond=0)


def list_bundles(bundles_dir: Path) -> Sequence[str]:
    """Names of the bundles in a folder, sorted."""
    return sorted(
        item.parent.name for item in bundles_dir.glob(f"*/{MANIFEST}") if not item.parent.name.startswith(".")
    )
