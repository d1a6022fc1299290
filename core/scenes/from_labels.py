"""Scenes from a file of labels: one for each photo, or for each event at a deployment."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from core.errors import AnomalureError, WrongUsage
from core.formats.labelled import LabelFile, LabelledPhoto
from core.photos.events import group_events
from core.scenes.scene_set import SceneSet, make_scene_set
from core.species import EMPTY, fold_name, fold_species

PHOTO, EVENT = "photo", "event"
UNITS = (PHOTO, EVENT)
GAP_S = 60.0
"""Photos of a deployment closer than this belong to one event, where the labels name no events."""


@dataclass(frozen=True)
class LabelledScenes:
    """Scenes, what each is (``photo`` or ``event``), and the photos of each scene, in the order of the scenes."""

    scenes: SceneSet
    by: str
    photos: tuple[tuple[LabelledPhoto, ...], ...]


def choose_unit(photos: Sequence[LabelledPhoto]) -> str:
    """Events if the labels say where and when photos were taken, as those of camera traps do; else photos."""
    placed = sum(bool(photo.deployment) and photo.captured_at is not None for photo in photos)
    return EVENT if placed * 2 > len(photos) else PHOTO


def make_labelled_scenes(
    files: Iterable[LabelFile],
    *,
    by: str | None = None,
    leave_out: Collection[str] = (),
    min_classes: int = 1,
    gap_s: float = GAP_S,
) -> LabelledScenes:
    """The scenes of files of labels.

    Args:
        files: Of photos with their labels.
        by: ``photo`` or ``event``; None: see ``choose_unit``.
        leave_out: Classes that do not count, such as ``person``.
        min_classes: Scenes of fewer classes are left out, >= 0. Empty photos and photos whose labels could not be used
            are always left out.
        gap_s: In seconds; photos of one deployment closer than this are one event, unless the labels name events.

    Raises:
        AnomalureError: If no scene is left.
        WrongUsage: If ``by`` or ``min_classes`` cannot be used.
    """
    if by is not None and by not in UNITS:
        raise WrongUsage(f"A scene is one of {', '.join(UNITS)}, got {by!r}.")
    if min_classes < 0:
        raise WrongUsage(f"The least number of classes of a scene must be 0 or more, got {min_classes}.")
    # A photo without any label was not looked at; with one that could not be used, what is missing is not known.
    photos = [photo for file in files for photo in file.photos if photo.labels and not photo.is_incomplete]
    by = by or choose_unit(photos)
    if by == EVENT and any(not photo.deployment for photo in photos):
        raise AnomalureError(
            "Scenes by event need the deployment of each photo, and these labels have photos without one. "
            "Use --by photo."
        )
    out = {fold_name(name) for name in (*leave_out, EMPTY)}
    counted = [_count(photo, out) for photo in photos]
    spelled = _spell(counted)
    groups = _group(photos, gap_s) if by == EVENT else {photo.file_name: [i] for i, photo in enumerate(photos)}
    names, members, kept = [], [], []
    for name, indices in groups.items():
        most: Counter[str] = Counter()
        for i in indices:
            most |= Counter({spelled[species]: count for species, count in counted[i].items()})
        if len(most) >= max(min_classes, 1):
            names.append(name)
            members.append(dict(most))
            kept.append(tuple(photos[i] for i in indices))
    if not names:
        raise AnomalureError(
            f"No scene has {max(min_classes, 1)} or more classes among the {len(photos)} labelled photos. Give labels "
            "of photos with more classes, or a smaller --min-classes."
        )
    first = [min(one, key=lambda photo: (photo.captured_at is None, photo.captured_at)) for one in kept]
    scenes = make_scene_set(
        names,
        members,
        cameras=[photo.deployment for photo in first],
        times=[photo.captured_at for photo in first],
        with_counts=by == EVENT,
    )
    return LabelledScenes(scenes, by, tuple(kept))


def _count(photo: LabelledPhoto, out: Collection[str]) -> dict[str, int]:
    """How many of each class a photo shows at once: its boxes, or the count that its label gives."""
    counts: Counter[str] = Counter()
    for label in photo.labels:
        if label.species and fold_name(label.species) not in out:
            counts[label.species] += label.count
    return dict(counts)


def _spell(counted: Iterable[dict[str, int]]) -> dict[str, str]:
    names = [name for counts in counted for name in counts]
    unique = list(dict.fromkeys(names))
    return dict(zip(unique, fold_species(unique), strict=True))


def _group(photos: Sequence[LabelledPhoto], gap_s: float) -> dict[str, list[int]]:
    """The photos of each event: those that the labels name, else by time."""
    by_time = group_events([photo.deployment for photo in photos], [photo.captured_at for photo in photos], gap_s=gap_s)
    groups: dict[str, list[int]] = defaultdict(list)
    for i, (photo, event) in enumerate(zip(photos, by_time, strict=True)):
        named = photo.event_id
        if named and not named.startswith(f"{photo.deployment}/"):  # our own events are named by their deployment
            named = f"{photo.deployment}/{named}"
        groups[named or event].append(i)
    return groups
