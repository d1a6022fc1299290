"""A folder of photos whose disk may go away: a card that is pulled out, a network drive."""

import os
from collections.abc import Sequence
from pathlib import Path

from core.errors import FolderGone, PhotoFileUnreadable
from core.photos.reading import reach, read_photo
from core.photos.reduction import ChooseShrink, keep_all
from core.records import LoadedPhoto

MOST_LOOKED_FOR = 50


class PhotoSource:
    """Reads photos of a folder, and notices if the folder is gone, so that its photos are not taken for lost.

    Args:
        folder: The folder.
        file_names: The photos to be read. The disks of their folders are remembered, since each camera may have one.

    Raises:
        FolderGone: If the folder is not there.
    """

    def __init__(self, folder: Path, file_names: Sequence[str] = ()) -> None:
        self.folder = folder
        self._disks: dict[str, int | None] = {"": _find_disk(folder)}
        self.check()
        for parent in dict.fromkeys(name.rpartition("/")[0] for name in file_names):
            self._disks.setdefault(parent, _find_disk(folder / parent))

    def read(
        self, file_name: str, *, deployment: str, max_megapixels: float, choose_shrink: ChooseShrink = keep_all
    ) -> LoadedPhoto:
        """As ``core.photos.reading.read_photo``.

        Raises:
            FolderGone: If the photo cannot be read because its disk is not there.
            PhotoUnreadable: If it is only this photo that cannot be read.
        """

        def read() -> LoadedPhoto:
            return read_photo(
                self.folder,
                file_name,
                deployment=deployment,
                max_megapixels=max_megapixels,
                choose_shrink=choose_shrink,
            )

        try:
            return read()
        except PhotoFileUnreadable:
            self.check(file_name)
        # The folder is there (again): a network that was away for a moment costs no photo.
        return read()

    def check(self, file_name: str = "") -> None:
        """Raise FolderGone if the folder, or the disk of a photo's own folder, is not there."""
        try:
            with os.scandir(reach(self.folder)):
                pass
        except FileNotFoundError as error:
            raise _say_gone(self.folder, "it is not there") from error
        except OSError as error:
            raise _say_gone(self.folder, error.strerror or str(error)) from error
        disk = _find_disk(self.folder)
        if self._disks[""] is None:
            self._disks[""] = disk
        if disk != self._disks[""]:
            raise _say_gone(self.folder, "its disk was taken away")
        parent = file_name.rpartition("/")[0]
        own = self._disks.get(parent)
        if own not in (None, disk) and _find_disk(self.folder / parent) != own:
            raise _say_gone(self.folder / parent, "its disk was taken away")

    def check_photos(self, file_names: Sequence[str]) -> None:
        """Raise FolderGone if none of these photos is there: a folder to which a disk belongs can be left empty."""
        step = max(len(file_names) // MOST_LOOKED_FOR, 1)
        if file_names and not any(os.path.exists(reach(self.folder / name)) for name in file_names[::step]):
            raise _say_gone(self.folder, f"none of the {len(file_names):,} photos that are left is in it")


def _say_gone(folder: Path, why: str) -> FolderGone:
    return FolderGone(
        f"The folder {folder} cannot be read: {why[:1].lower()}{why[1:]}. Connect its disk or network drive again, "
        "then resume."
    )


def _find_disk(folder: Path) -> int | None:
    try:
        return os.stat(reach(folder)).st_dev
    except OSError:
        return None
