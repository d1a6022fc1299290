"""The photos of a fixed camera as whole frames, with what each shows: a label without a box is no crop of an animal."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from core.formats.labelled import Label
from core.formats.recognise import read_labels
from core.records import hash_content
from core.runs.parts import Encoder
from core.settings.run import RunSettings
from core.species import EMPTY
from models.bundles.training import TrainingCrops, embed_labelled


def embed_whole_frames(mammals: Path, encoder: Encoder) -> tuple[TrainingCrops, np.ndarray]:
    """All photos of ``mammals`` as frames, and the label of each, shape ``(n,)``, str.

    Args:
        mammals: A folder with ``labels.csv`` and ``images/``, one label a photo.
        encoder: Embeds the frames.
    """
    truth = read_labels(mammals / "labels.csv")
    as_frames = [replace(photo, labels=(Label(EMPTY),), is_incomplete=False) for photo in truth.photos]
    frames = embed_labelled(as_frames, mammals / "images", encoder=encoder, settings=RunSettings())
    label_of = {
        hash_content((mammals / "images" / photo.file_name).read_bytes()): photo.labels[0].species
        for photo in truth.photos
    }
    return frames, np.array([label_of[photo] for photo in frames.photos], dtype=object)
