"""A trained model of scenes with its calibration, kept in one safetensors file: loading it runs no code."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy
from safetensors import SafetensorError
from scipy import sparse

from core.disk.bounded import MEGA, read_bounded
from core.disk.files import write_whole
from core.errors import FileFormatError
from core.scenes.findings import FINDING_COLUMNS, Calibration, Kind, find_odd
from core.scenes.scene_set import SceneSet, list_pairs
from models.scenes.methods import list_scene_models, name_scene_model
from models.scenes.model import SceneModel

MODEL_FILE = "model.safetensors"
FORMAT, VERSION = "anomalure-scenes", 1
MOST_BYTES = 500 * MEGA
CHUNK_SCENES = 16_384
_CALIBRATION = ("calibration.unexpected", "calibration.missing", "several_of")


@dataclass(frozen=True, eq=False)
class TrainedScenes:
    """What ``scenes train`` makes.

    Attributes:
        model: How likely each class is.
        classes: Its classes, length k.
        several_of: As in ``SceneSet``, shape ``(k,)``.
        calibration: The scores of held-out ordinary scenes.
        n_scenes: How many scenes it was made from.
        by: ``photo`` or ``event``.
        left_out: Classes that were left out, such as people.
        notes: Sentences that a user should read.
    """

    model: SceneModel
    classes: tuple[str, ...]
    several_of: np.ndarray
    calibration: Calibration
    n_scenes: int
    by: str = "photo"
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def find(self, scenes: SceneSet, *, rate: float) -> pd.DataFrame:
        """What is unexpected in these scenes, and missing from them, most anomalous first.

        Args:
            scenes: In their own classes.
            rate: The promised share of ordinary scenes with a false alarm of a kind, 0 to 1.

        Returns:
            ``FINDING_COLUMNS``: ``scene`` is the index of the scene, ``class`` the name of the class. A class that no
            scene of the training had is unexpected by definition: its probability and p-value are 0.
        """
        aligned, unknown = scenes.align(self.classes, self.several_of)
        found = [self._never_seen(scenes, unknown)]
        names = np.array(self.classes, dtype=object)
        for start in range(0, len(scenes), CHUNK_SCENES):
            chunk = aligned.take_slice(start, start + CHUNK_SCENES)
            part = find_odd(
                self.model.predict(chunk), chunk.present, self.calibration, rate=rate, several_of=self.several_of
            )
            # What is missing cannot be said beside nothing but unknown classes: there was no such scene to learn from.
            knows_none = np.diff(chunk.present.indptr) == 0
            part = part[~((part["kind"] == Kind.MISSING) & knows_none[part["scene"]])]
            found.append(part.assign(**{"scene": part["scene"] + start, "class": names[part["class"]]}))
        joined = pd.concat(found, ignore_index=True)
        return joined.sort_values(["p_value", "score"], ascending=[True, False], kind="stable", ignore_index=True)

    @staticmethod
    def _never_seen(scenes: SceneSet, unknown: sparse.csr_array) -> pd.DataFrame:
        rows, columns = list_pairs(unknown)
        table = pd.DataFrame(
            {
                "scene": rows.astype(int),
                "class": np.array(scenes.classes, dtype=object)[columns],
                "kind": str(Kind.UNEXPECTED),
                "probability": 0.0,
                "score": np.inf,
                "p_value": 0.0,
            }
        )
        return table[list(FINDING_COLUMNS)]

    def save(self, path: Path) -> None:
        """Write it in one step: the file is complete or absent."""
        about = {
            "format": FORMAT,
            "version": VERSION,
            "method": name_scene_model(self.model),
            "classes": list(self.classes),
            "cameras": list(self.model.cameras),
            "n_scenes": self.n_scenes,
            "by": self.by,
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }
        arrays = {
            **self.model.to_arrays(),
            "calibration.unexpected": self.calibration.unexpected,
            "calibration.missing": self.calibration.missing,
            "several_of": self.several_of,
        }
        packed = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_whole(path, safetensors.numpy.save(packed, metadata={FORMAT: json.dumps(about)}))

    @classmethod
    def load(cls, path: Path) -> "TrainedScenes":
        """Read what ``save`` wrote, without running code from it.

        Raises:
            FileFormatError: If it is missing, or holds anything else.
        """
        try:
            content = read_bounded(path, most_bytes=MOST_BYTES)
            return _unpack(content)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
            raise FileFormatError(
                f"{path} is not a model of scenes that Anomalure can read ({reason}). Expected the file that "
                "scenes train writes: train the model again, or choose another one."
            ) from error

    def describe(self) -> dict[str, Any]:
        """What it is, as JSON values."""
        return {
            "method": name_scene_model(self.model),
            "by": self.by,
            "scenes": self.n_scenes,
            "classes": len(self.classes),
            "cameras": len(self.model.cameras),
            "held_out": len(self.calibration.unexpected),
            "left_out": list(self.left_out),
            "notes": list(self.notes),
        }

    def with_notes(self, *notes: str) -> "TrainedScenes":
        """The same with more sentences for its reader."""
        return replace(self, notes=(*self.notes, *notes))


def _unpack(content: bytes) -> TrainedScenes:
    arrays = safetensors.numpy.load(content)
    about = _read_about(content)
    if about.get("version") != VERSION:
        raise ValueError(f"it has version {about.get('version')!r}, and this version of Anomalure reads {VERSION}")
    method = list_scene_models().get(str(about.get("method")))
    if method is None:
        raise ValueError(f"there is no model of scenes {about.get('method')!r}")
    classes, cameras = (_read_names(about, name) for name in ("classes", "cameras"))
    _check_arrays(arrays, {**method.shapes, **dict.fromkeys(_CALIBRATION[:2], ""), "several_of": "k"}, k=len(classes))
    several_of = arrays["several_of"].astype(int)
    if not ((several_of >= -1) & (several_of < len(classes))).all():
        raise ValueError("several_of must name classes of the model")
    scores = [arrays[name] for name in _CALIBRATION[:2]]
    if any(one.ndim != 1 or np.isnan(one).any() for one in scores) or len({len(one) for one in scores}) != 1:
        raise ValueError("the calibration must be two lists of numbers of one length")
    return TrainedScenes(
        model=method.from_arrays(arrays, several_of=several_of, cameras=cameras),
        classes=classes,
        several_of=several_of,
        calibration=Calibration(*(np.sort(one) for one in scores)),
        n_scenes=int(about["n_scenes"]),
        by=str(about["by"]),
        left_out=_read_names(about, "left_out"),
        notes=_read_names(about, "notes"),
    )


def _read_about(content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    written = header.get("__metadata__", {}).get(FORMAT)
    if written is None:
        raise ValueError("it is a safetensors file of something else")
    about = json.loads(written)
    if not isinstance(about, dict):
        raise ValueError("its description must be an object")
    return about


def _read_names(about: dict[str, Any], name: str) -> tuple[str, ...]:
    value = about.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} must be a list of texts")
    return tuple(value)


def _check_arrays(arrays: dict[str, np.ndarray], shapes: dict[str, str], *, k: int) -> None:
    lengths = {"k": k}
    for name, letters in shapes.items():
        if name not in arrays:
            raise ValueError(f"it has no {name}")
        if name.startswith("calibration."):
            continue
        if arrays[name].ndim != len(letters):
            raise ValueError(f"{name} must have {len(letters)} dimensions, got shape {arrays[name].shape}")
        for letter, length in zip(letters, arrays[name].shape, strict=True):
            if lengths.setdefault(letter, length) != length:
                raise ValueError(f"{name} has shape {arrays[name].shape}, which does not fit the rest")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} must be finite")
