"""Which photos of a folder the labels are about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.formats.account import LabelAccount, Problems
from core.formats.labelled import LabelFile, LabelledPhoto
from core.photos.matching import find_telling_folder, match_names, normalise_name
from core.photos.reading import find_photos


def meet_photos(
    photos: Sequence[LabelledPhoto],
    ours: Sequence[str],
    *,
    folder: Path | None = None,
    problems: Problems | None = None,
) -> dict[str, str]:
    """Which photo of the folder each labelled photo is: ``core.photos.matching.match_names``, and more than names.

    A photo whose table has a column of folders is never one of another folder. A photo of a deployment is never one in
    the folder of another deployment. A photo that is not found by its name is looked for by its other names.

    Args:
        photos: From a file of labels.
        ours: The photos' names inside their folder.
        folder: Where they are.
        problems: Counts photos that are in a folder of another name than the labels say.

    Returns:
        From ``LabelledPhoto.file_name`` to ours; photos that are not in the folder are left out.

    Raises:
        AnomalureError: If a name could be two photos, or a photo two names.
    """
    above = normalise_name(str(folder.resolve())).casefold() if folder is not None else ""
    whole = {name: f"{above}/{normalise_name(name).casefold()}" for name in ours}
    endings: dict[int, set[str]] = {}

    def is_possible(photo: LabelledPhoto, name: str) -> bool:
        n_parts = photo.n_sure_folders + 1
        if n_parts == 1 or folder is None:
            return True
        if n_parts not in endings:
            endings[n_parts] = {_ending(path, n_parts) for path in whole.values()}
        return _ending(normalise_name(name).casefold(), n_parts) in endings[n_parts]

    first = [photo.file_name for photo in photos if is_possible(photo, photo.file_name)]
    met = match_names(first, ours, folder=folder)
    further = [photo for photo in photos if photo.other_names and photo.file_name not in met]
    if further:
        taken = set(met.values())
        left = [name for name in ours if name not in taken]
        for nth in range(max(len(photo.other_names) for photo in further)):
            by_name = {photo.other_names[nth]: photo for photo in further if len(photo.other_names) > nth}
            found = match_names(list(by_name), left, folder=folder) if left else {}
            met |= {by_name[name].file_name: our for name, our in found.items()}
            further = [photo for photo in further if photo.file_name not in met]
            left = [name for name in left if name not in set(found.values())]
    met = _drop_other_cameras(photos, met, whole, problems)
    if problems is not None and folder is not None:
        by_first = set(first)
        for their, our in met.items():
            told = find_telling_folder(their) if their in by_first else ""
            if told and told != find_telling_folder(whole[our]):
                problems.add("photos in a folder that has another name in the labels", f"{their} is taken for {our}")
    return met


def account_for_folder(labels: LabelFile, folder: Path) -> tuple[LabelAccount, ...]:
    """The accounts of labels, with how many photos of the labels and of the folder did not meet.

    Raises:
        AnomalureError: If the folder is missing, or a name could be two photos.
    """
    if not labels.accounts:
        return ()
    ours = find_photos(folder).file_names
    met = meet_photos(labels.photos, ours, folder=folder)
    return (note_meeting(labels.accounts[0], labels, met, n_ours=len(ours)), *labels.accounts[1:])


def note_meeting(account: LabelAccount, labels: LabelFile, met: Mapping[str, str], *, n_ours: int) -> LabelAccount:
    """The account with how many photos of the labels and of a folder of ``n_ours`` photos did not meet."""
    return replace(
        account, n_not_in_folder=len(labels.photos) - len(met), n_without_labels=n_ours - len(set(met.values()))
    )


def _drop_other_cameras(
    photos: Sequence[LabelledPhoto], met: dict[str, str], whole: Mapping[str, str], problems: Problems | None
) -> dict[str, str]:
    """Without photos of a bare name that were met in the folder of another deployment.

    Every camera has an IMG_0001. Where folders are named by deployments, as some of the labels show, a photo of
    ``cam1`` is not the one in ``cam2``.
    """
    folders = {f"{path.rpartition('/')[0]}/" for path in whole.values()}
    told = {
        photo.file_name: f"/{normalise_name(photo.deployment).casefold()}/"
        for photo in photos
        if photo.deployment and photo.file_name in met and "/" not in normalise_name(photo.file_name)
    }
    known = {one for one in set(told.values()) if any(one in folder for folder in folders)}
    if not known:
        return met
    kept = {}
    for their, our in met.items():
        by_name = whole[our].endswith(f"/{normalise_name(their).casefold()}")
        if by_name and their in told and told[their] not in whole[our]:
            if problems is not None:
                problems.add(
                    "photos that are in the folder of another deployment than the labels say", f"{their}, {our}"
                )
        else:
            kept[their] = our
    return kept


def _ending(path: str, n_parts: int) -> str:
    return "/".join(path.split("/")[-n_parts:])
