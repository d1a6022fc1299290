"""Which photos a COCO file names, at which web addresses, and where each belongs in a folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from core.disk.inside import LeadsOut, inside
from core.disk.text import describe_json, read_json
from core.errors import AnomalureError, FileFormatError
from core.formats.account import Problems
from core.formats.photo_names import is_address, read_name
from core.photos.matching import normalise_name

ADDRESS_KEYS = ("coco_url", "url", "image_url", "flickr_url")
_EXPECTED = "a COCO file: a JSON object with the list images"
# The storage of public data sets has plain web addresses, too.
_STORES = {"s3": "https://{bucket}.s3.amazonaws.com/", "gs": "https://storage.googleapis.com/{bucket}/"}


@dataclass(frozen=True, slots=True)
class WantedPhoto:
    """A photo at ``address`` that belongs at ``file_name`` of a folder; ``frame`` is its width and height, if known."""

    file_name: str
    address: str
    frame: tuple[float, float] | None = None


@dataclass(frozen=True)
class WantedPhotos:
    """The photos, each once, in the order of the file; ``problems`` are sentences about images that were left out."""

    photos: tuple[WantedPhoto, ...]
    n_left_out: int
    problems: tuple[str, ...]

    @property
    def hosts(self) -> list[str]:
        """The servers that would be asked."""
        return sorted({urlsplit(photo.address).netloc for photo in self.photos})


def read_wanted(path: Path, out: Path, *, base: str = "", split: str | None = None) -> WantedPhotos:
    """Read the photos and addresses of a COCO file.

    An image's address is its ``coco_url``, ``url``, ``image_url`` or ``flickr_url``, else its ``file_name`` where that
    is an address, else its ``file_name`` after ``base``. Addresses of s3 and gs become those of https.

    Args:
        path: The COCO file; annotations are not needed.
        out: The folder; no file name leads out of it.
        base: The address of the folder that the file names are in.
        split: Only the images of this split.

    Raises:
        FileFormatError: If it is not such a file.
        AnomalureError: If ``base`` is no web address, no image has the split, or no image has an address.
    """
    if base and not (base := _to_https(base if base.endswith("/") else f"{base}/")):
        raise AnomalureError("The base is not a web address. It begins with https://, http://, s3:// or gs://.")
    content = read_json(path, expected=_EXPECTED)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise FileFormatError(f"{path.name}: expected {_EXPECTED}; got {describe_json(content)}.")
    problems = Problems()
    photos: dict[str, WantedPhoto] = {}
    images = content["images"] if split is None else [one for one in content["images"] if _has_split(one, split)]
    if split is not None and not images:
        raise AnomalureError(f"{path.name} has no images of the split {split!r}.")
    n_left_out = 0
    for image in images:
        photo = _read_image(image, out, base, problems)
        before = photos.get(photo.file_name.casefold()) if photo else None
        if photo is not None and before is not None and before.address != photo.address:
            problems.add("images with the file name of another one and a different address", photo.file_name)
            photo = None
        if photo is None:
            n_left_out += 1
        else:
            photos.setdefault(photo.file_name.casefold(), photo)
    if not photos:
        told = " ".join(f"{line[0].upper()}{line[1:]}." for line in problems.lines())
        raise AnomalureError(
            f"{path.name} names no photo that can be downloaded. {told} An image needs one of "
            f"{', '.join(ADDRESS_KEYS)}, or give the address of the photos' folder with --base."
        )
    return WantedPhotos(tuple(photos.values()), n_left_out, problems.lines())


def _has_split(image: object, split: str) -> bool:
    return isinstance(image, dict) and image.get("split") == split


def _read_image(image: object, out: Path, base: str, problems: Problems) -> WantedPhoto | None:
    written = image.get("file_name") if isinstance(image, dict) else None
    if not isinstance(image, dict) or not isinstance(written, str) or not written.strip():
        problems.add("images without a file_name", image if isinstance(image, str) else "")
        return None
    name = normalise_name(read_name(written)).strip("/")
    try:
        inside(out, name)
    except LeadsOut:
        problems.add("images whose file name leads out of the folder", written[:200])
        return None
    address = _find_address(image, written.strip(), name, base)
    if not address:
        problems.add("images without a web address", written[:200])
        return None
    return WantedPhoto(name, address, _read_frame(image))


def _find_address(image: Mapping[str, Any], written: str, name: str, base: str) -> str:
    for key in ADDRESS_KEYS:
        if isinstance(image.get(key), str) and (address := _to_https(image[key].strip())):
            return address
    if is_address(written):
        return _to_https(written)
    return urljoin(base, quote(name)) if base else ""


def _to_https(address: str) -> str:
    """The address for http or https; empty if it is for neither."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if not parts.netloc:
        return ""
    if parts.scheme in _STORES:
        return _STORES[parts.scheme].format(bucket=parts.netloc) + quote(parts.path.lstrip("/"), safe="/%")
    return address if parts.scheme in ("http", "https") else ""


def _read_frame(image: Mapping[str, Any]) -> tuple[float, float] | None:
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int | float) and isinstance(height, int | float) and width > 0 and height > 0:
        return float(width), float(height)
    return None
