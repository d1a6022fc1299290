"""Photos sorted into folders by species: the folder's name is the label."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from core.errors import FileFormatError
from core.formats.account import PHOTO, SPECIES, Reading
from core.formats.labelled import RELATIVE_FRAME, Label, LabelFile, LabelledPhoto, make_label_file
from core.photos.reading import find_photos, leaves_a_gap
from core.records import Box
from core.species import read_species

FORMAT_NAME = "folders by species"
_WHOLE = Box(0.0, 0.0, *RELATIVE_FRAME)
_SPLITS = frozenset({"train", "val", "valid", "validation", "test", "season"})


def read_species_folders(folder: Path) -> LabelFile:
    """The photos of ``folder/<species>/...``, each a crop of its folder's species. Photos in ``empty`` show no animal.

    A folder above may be named like a split (``train``, ``val``, ``test``): both ``train/fox/1.jpg`` and ``fox/1.jpg``
    are foxes. Deeper folders (``fox/north/1.jpg``) are cameras.

    Raises:
        AnomalureError: If the folder is missing or has no photo.
        FileFormatError: If no photo is in the folder of a species.
    """
    listing = find_photos(folder)
    problems = Reading(things="photos", n_entries=len(listing.file_names))
    photos = []
    for name in listing.file_names:
        parts = list(PurePosixPath(name).parts[:-1])
        split = parts.pop(0) if parts and parts[0].casefold() in _SPLITS else ""
        if not parts:
            problems.add("photos that are not in the folder of a species", name, entries=1)
            continue
        species = problems.name(parts[0], read_species(parts[0]))
        problems.use("file names", PHOTO)
        problems.use("names of folders", SPECIES)
        label = Label(species)
        if not label.is_empty:
            label = Label(species, _WHOLE, None, species)
        photos.append(LabelledPhoto(name, (label,), deployment="/".join(parts[1:]), split=split, frame=RELATIVE_FRAME))
    if not photos:
        raise FileFormatError(
            f"{folder}: expected one folder for each species with its photos in it, such as fox/1.jpg; got "
            f"{len(listing.file_names)} photos outside such folders (the first: {listing.file_names[0]})."
        )
    gaps = tuple(
        f"{count} {kind} passed over (the first: {listing.passed_over_names[kind][0]})"
        for kind, count in listing.passed_over.items()
        if leaves_a_gap(kind)
    )
    file = make_label_file(photos, problems, format_name=FORMAT_NAME)
    accounts = tuple(replace(account, file=folder.name) for account in file.accounts)
    return replace(file, problems=(*file.problems, *gaps), accounts=accounts)
