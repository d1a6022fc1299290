"""A detector that reads its boxes from a file of another tool."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.errors import FileFormatError
from core.formats.account import Problems
from core.formats.labelled import LabelledPhoto
from core.formats.recognise import read_labels
from core.labels.meeting import meet_photos, note_meeting
from core.photos.reading import Listing
from core.records import Detection, Found, LoadedPhoto

LOOKED_AT_PX = 640
SURE = 1.0
"""The confidence of a box whose file gives none, because a person drew it."""


class BoxesFromFile:
    """Looks up the boxes of each photo in a file of any format: a ``Detector`` of core/runs/parts.py.

    The class of a detection is the species in the file, or else the class from the file's detector. Boxes in pixels are
    scaled if the photo has another size than the file says.

    Args:
        path: The file of boxes.
        min_confidence: Boxes with less are not used; boxes without a confidence always are.
        listing: The photos of the run, to which the names in the file are matched.

    Raises:
        FileFormatError: If the file cannot be read, has no box, or no name in it matches a photo.
        AnomalureError: If a name could mean two photos.
    """

    def __init__(self, path: Path, *, min_confidence: float, listing: Listing) -> None:
        self._path = path
        self._min_confidence = min_confidence
        file = read_labels(path)
        if not file.photos:
            raise FileFormatError(f"{path.name} names no photo that can be used. {_list(file.problems)}".rstrip())
        if not file.n_boxes and any(photo.labels for photo in file.photos):
            raise FileFormatError(
                f"{path.name} has labels but no boxes. Run with a detector instead, or give a file with boxes. "
                f"{_list(file.problems)}".rstrip()
            )
        names = [photo.file_name for photo in file.photos]
        self._meeting = Problems()
        ours_by_theirs = meet_photos(file.photos, listing.file_names, folder=listing.folder, problems=self._meeting)
        if not ours_by_theirs:
            raise FileFormatError(
                f"None of the {len(names)} photos in {path.name} is among the {len(listing.file_names)} in "
                f"{listing.folder}: the file says {names[0]}, the folder has {listing.file_names[0]}. "
                "Choose the folder that the file was made for."
            )
        self._photos: dict[str, LabelledPhoto] = {
            ours_by_theirs[photo.file_name]: photo for photo in file.photos if photo.file_name in ours_by_theirs
        }
        self.only_in_file = tuple(name for name in names if name not in ours_by_theirs)
        """Names in the file that match no photo."""
        self.only_in_folder = tuple(name for name in listing.file_names if name not in self._photos)
        """Photos that the file does not name; they are scored as whole frames."""
        self._file_problems = file.problems
        self.accounts = tuple(
            note_meeting(account, file, ours_by_theirs, n_ours=len(listing.file_names)) for account in file.accounts
        )
        """What was made of the file."""
        self._left_out = Problems()

    image_px = LOOKED_AT_PX
    """It does not look at the photo. Of this size it is decoded in little time, and large enough for most crops."""

    @property
    def name(self) -> str:
        """The detector's name in the record of the run."""
        return f"boxes from {self._path.name}"

    def count_unused(self, photos: Iterable[tuple[str, int, int]]) -> tuple[str, ...]:
        """Sentences about boxes that cannot be used, of photos by file name, width and height in pixels.

        Unlike ``problems`` this also holds for photos that an earlier process of a resumed run looked up.
        """
        again = BoxesFromFile.__new__(BoxesFromFile)
        again.__dict__.update(self.__dict__, _left_out=Problems())
        for file_name, width_px, height_px in photos:
            again._find(file_name, width_px=width_px, height_px=height_px)
        return again.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences about what could not be used so far; they increase while photos are looked up."""
        lines = [*self._file_problems, *self._meeting.lines()]
        for names, text in (
            (self.only_in_file, "photos of the file that are not in the folder"),
            (self.only_in_folder, "photos of the folder that are not in the file"),
        ):
            if names:
                lines.append(f"{len(names)} {text} (the first: {names[0]})")
        return (*lines, *self._left_out.lines())

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        """The file's boxes of each photo, most confident first, in pixels of the upright photo, inside its frame."""
        return [
            self._find(loaded.photo.file_name, width_px=loaded.photo.width_px, height_px=loaded.photo.height_px)
            for loaded in photos
        ]

    def _find(self, file_name: str, *, width_px: int, height_px: int) -> Found:
        labelled = self._photos.get(file_name)
        if labelled is None:
            return Found(())
        boxed = [label for label in labelled.labels if label.box is not None]
        if not labelled.fits(width_px=width_px, height_px=height_px):
            for _ in boxed:
                self._left_out.add("boxes left out: they were drawn on the photo turned on its side", file_name)
            return Found(())
        detections = []
        for label in boxed:
            confidence = SURE if label.confidence is None else label.confidence
            if confidence < self._min_confidence:
                continue
            assert label.box is not None
            box = labelled.box_px(label.box, width_px=width_px, height_px=height_px)
            if box is None:
                self._left_out.add("boxes left out: they are outside their photo", file_name)
                continue
            detections.append(Detection(box, label.species or label.detector_class, confidence))
        return Found(tuple(sorted(detections, key=lambda found: -found.confidence)))


def _list(problems: Sequence[str]) -> str:
    return f"Not used: {'; '.join(problems)}." if problems else ""
