"""A photo that a run has read, found again later: refused if it is gone, or if its name has another picture now."""

from pathlib import Path

from core.disk.bounded import read_bounded
from core.errors import PhotoChanged, PhotoFileUnreadable
from core.photos.reading import reach
from core.records import hash_content

GONE = "The photo is no longer where the run found it. Put it back, or connect its disk or card."
CHANGED = (
    "This is another picture than the run looked at: the file was changed or replaced since then, so the run's boxes "
    "do not fit it. Put the old file back, or run the folder again. Decisions are kept."
)
MOST_PHOTO_BYTES = 16_000_000_000


def read_same_photo(path: Path | None, photo_id: str, *, most_bytes: int = MOST_PHOTO_BYTES) -> bytes:
    """The content of the file of a photo, as the run has read it.

    Args:
        path: Where the photo was; None if that is not known.
        photo_id: The hash of the content that the run has read.
        most_bytes: A larger file is not read.

    Raises:
        PhotoChanged: If the file has another content.
        PhotoFileUnreadable: If it is gone or cannot be read.
    """
    if path is None:
        raise PhotoFileUnreadable(GONE)
    try:
        content = read_bounded(Path(reach(path)), most_bytes=most_bytes)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PhotoFileUnreadable(GONE) from error
    except OSError as error:
        raise PhotoFileUnreadable(f"The photo cannot be read: {error.strerror or error}.") from error
    check_same_photo(hash_content(content), photo_id)
    return content


def check_same_photo(found: str, photo_id: str) -> None:
    """Refuse a photo whose content has another hash than the one that was looked at.

    Raises:
        PhotoChanged: If the two differ.
    """
    if found != photo_id:
        raise PhotoChanged(CHANGED)
