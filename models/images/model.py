"""A model of normal images: it says of an image 1 (inlier) or -1 (outlier), as scikit-learn does."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from core.disk.bounded import read_bounded
from core.disk.files import write_whole
from core.errors import AnomalureError
from core.settings.images import ImageSettings
from models.images.descriptors.descriptor import Descriptor, make_descriptor
from models.judging.calibration import Units, assign_folds, compute_p_values, score_held_out
from models.judging.normaliser import Normaliser
from models.one_class.methods import check_one_class, fit_one_class, has_enough, name_method, read_one_class
from models.one_class.model import OneClassModel
from models.one_class.scored_rows import pack_arrays, unpack_arrays

INLIER, OUTLIER = 1, -1
LEAST_IMAGES = 10
FACTS, ARRAYS, ONE_CLASS = "model.json", "model.safetensors", "one-class"
FORMAT = 1
_LARGEST_BYTES = 500_000_000


@dataclass(frozen=True)
class Answers:
    """What a model says of n images.

    Attributes:
        answers: 1 for an inlier, -1 for an outlier, shape ``(n,)``, int.
        scores: Higher is more anomalous; 0 is the median of the held-out normal images and 1 the limit that one in
            twenty of them is over; shape ``(n,)``.
        p_values: The share of held-out normal images that score at least as high, over 0 to 1, shape ``(n,)``.
    """

    answers: np.ndarray
    scores: np.ndarray
    p_values: np.ndarray


@dataclass(frozen=True)
class ImageModel:
    """A one-class model of the descriptions of normal images, with held-out scores for its p-values.

    Attributes:
        descriptor: Name of what images are described by.
        settings: Its settings, and the false-alarm rate at which an image is an outlier.
        normaliser: Of the descriptions.
        model: Of the normalised descriptions.
        held_out: Scores of the normal images by models that were not trained on them, ascending, shape ``(n,)``.
    """

    descriptor: str
    settings: ImageSettings
    normaliser: Normaliser
    model: OneClassModel
    held_out: np.ndarray

    @property
    def one_class(self) -> str:
        """Name of the one-class model."""
        return name_method(self.model)

    @cached_property
    def describer(self) -> Descriptor:
        """What describes the images that it is asked about."""
        return make_descriptor(self.descriptor, self.settings)

    def answer(self, rows: np.ndarray) -> Answers:
        """Answer for the descriptions of n images, shape ``(n, d)``."""
        scores = self.model.score_samples(self.normaliser.transform(rows))
        p_values = compute_p_values(scores, reference=self.held_out)
        answers = np.where(p_values <= self.settings.false_alarm_rate, OUTLIER, INLIER)
        units = Units.of_reference(self.held_out, least=1)
        return Answers(answers, units.standardise(scores), p_values)

    def save(self, folder: Path) -> None:
        """Write it to an existing folder, without pickle; the facts come last, so that a part is no model."""
        arrays = {**self.normaliser.to_arrays(), "held_out": self.held_out.astype(np.float64)}
        write_whole(folder / ARRAYS, pack_arrays(arrays))
        write_whole(folder / f"{ONE_CLASS}.{self.model.ending}", self.model.to_bytes())
        facts = {
            "format": FORMAT,
            "descriptor": self.descriptor,
            "settings": self.settings.to_values(),
            "one_class": self.one_class,
            "n_rows": self.model.n_rows,
            "form": self.model.form,
            "ending": self.model.ending,
        }
        write_whole(folder / FACTS, json.dumps(facts, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "ImageModel":
        """The model that ``save`` wrote. No code from its files is run.

        Raises:
            AnomalureError: If there is none, or it is damaged.
        """
        try:
            facts = json.loads(read_bounded(folder / FACTS, most_bytes=1_000_000))
            if facts["format"] != FORMAT:
                raise ValueError(f"it has the format {facts['format']}, and this version knows {FORMAT}")
            content = read_bounded(folder / ARRAYS, most_bytes=_LARGEST_BYTES)
            held_out = unpack_arrays(content, {"held_out": "n"})["held_out"]
            normaliser = Normaliser.from_arrays(unpack_arrays(content, {"mean": "d", "scale": "d", "sections": "s"}))
            ending = str(facts["ending"])
            if ending not in ("safetensors", "skops"):
                raise ValueError(f"its one-class model is in a file that ends in {ending!r}")
            model = read_one_class(
                read_bounded(folder / f"{ONE_CLASS}.{ending}", most_bytes=_LARGEST_BYTES),
                name=str(facts["one_class"]),
                n_rows=int(facts["n_rows"]),
                form=str(facts["form"]),
            )
            settings = ImageSettings.from_values(facts["settings"])
            descriptor = make_descriptor(str(facts["descriptor"]), settings)
            fits = model.n_features == normaliser.width and descriptor.sections == normaliser.sections
            if not fits or len(held_out) == 0:
                raise ValueError("its parts do not fit each other")
            return cls(str(facts["descriptor"]), settings, normaliser, model, np.sort(held_out))
        except FileNotFoundError as error:
            raise AnomalureError(f"There is no model of images in {folder}. Train one first.") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError, AnomalureError) as error:
            raise AnomalureError(f"The model of images in {folder} cannot be used: {error} Train it again.") from error

    def at_rate(self, rate: float) -> "ImageModel":
        """The same model with another false-alarm rate."""
        settings = ImageSettings.from_values({**self.settings.to_values(), "false_alarm_rate": rate})
        return replace(self, settings=settings)


def fit_images(
    rows: np.ndarray,
    groups: list[str],
    *,
    descriptor: Descriptor,
    name: str,
    one_class: str,
    seed: int = 0,
    on_share: Callable[[float], None] = lambda share: None,
) -> ImageModel:
    """Learn what normal images look like, and calibrate on images that each fold leaves out.

    Args:
        rows: Descriptions of the normal images, shape ``(n, d)``.
        groups: What each image belongs to, such as its series; images of one group are held out together.
        descriptor: What described them.
        name: The descriptor's name.
        one_class: Name of the one-class model.

    Raises:
        AnomalureError: If there are too few images, or too few for the false-alarm rate.
    """
    check_one_class(one_class)
    settings = descriptor.settings
    n = len(rows)
    least = max(LEAST_IMAGES, int(np.ceil(1 / settings.false_alarm_rate)) - 1)
    if n < least:
        raise AnomalureError(
            f"A false-alarm rate of {settings.false_alarm_rate:g} needs {least} normal images or more, got {n}. Add "
            "images, or accept more false alarms."
        )
    if len(set(groups)) < 2:
        raise AnomalureError("All normal images are the same one. Add different images.")
    few = not has_enough(n, name=one_class)

    def fit(learned: np.ndarray) -> tuple[Normaliser, OneClassModel]:
        # The mean describes a single kind of images; without it their rows would point in every direction.
        normaliser = Normaliser.fit(
            rows[learned], sections=descriptor.sections, weights=descriptor.weights, centre=False
        )
        return normaliser, fit_one_class(normaliser.transform(rows[learned]), name=one_class, few=few, seed=seed)

    folds = assign_folds(["normal"] * n, groups, seed=seed)
    done = 0

    def fit_and_score(learned: np.ndarray, asked: np.ndarray) -> np.ndarray:
        nonlocal done
        normaliser, model = fit(learned)
        scores = model.score_samples(normaliser.transform(rows[asked]))[:, None]
        done += 1
        on_share(done / (len(set(folds)) + 1))
        return scores

    held_out = score_held_out(n, folds, fit_and_score=fit_and_score)[:, 0]
    normaliser, model = fit(np.arange(n))
    on_share(1.0)
    return ImageModel(name, settings, normaliser, model, np.sort(held_out))
