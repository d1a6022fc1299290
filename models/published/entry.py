"""What is known of a published model before it is downloaded: its files, its licence, and how it is loaded."""

from dataclasses import dataclass

DETECTOR, ENCODER = "detector", "encoder"
HUB = "https://huggingface.co"


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file of a model: its name in the cache, its address, and its checksum (``md5:...``), empty if none is known."""

    name: str
    address: str
    checksum: str = ""


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A row of the table of models.

    Attributes:
        name: What a user calls it by.
        kind: ``detector`` or ``encoder``.
        loader: How it is opened: ``ultralytics``, ``yolov5``, ``timm`` or ``open_clip``.
        about: What it is good for, in a sentence or two.
        files: Its files; the first is the one with the weights.
        licence: Of the weights, as their publisher states it.
        licence_address: Where it can be read.
        terms: What a user must agree to before it is used, in a sentence; empty: nothing.
        commercial: Whether commercial use is allowed; None if its publisher does not say so.
        size_mb: Of all files, in millions of bytes; None if its source does not state it.
        class_names: Of a detector, by number; empty: those in its file.
        input_px: The size that it was trained at, the longest side of a photo or the side of a crop.
        network: The architecture.
        relative_accuracy: Average precision of the class animal in units of MegaDetector v5a, as its developers
            measured it; None if they did not.
    """

    name: str
    kind: str
    loader: str
    about: str
    files: tuple[PublishedFile, ...]
    licence: str
    licence_address: str = ""
    terms: str = ""
    commercial: bool | None = None
    size_mb: float | None = None
    class_names: tuple[str, ...] = ()
    input_px: int = 0
    network: str = ""
    relative_accuracy: float | None = None

    @property
    def is_checked(self) -> bool:
        """Whether its publisher states a checksum of each of its files."""
        return all(file.checksum for file in self.files)

    def say_commercial(self) -> str:
        """Whether commercial use is allowed, in a few words."""
        return {True: "allowed", False: "forbidden", None: "not stated"}[self.commercial]

    def say_checksum(self) -> str:
        """What its files are compared with."""
        if self.is_checked:
            return "published"
        if all(file.address.startswith(f"{HUB}/") for file in self.files):
            return "stated by the hub at the download"
        return "none known, recorded at the first download"

    def say_size(self) -> str:
        """Its size in words."""
        return "not stated" if self.size_mb is None else f"{self.size_mb:,.0f} MB"
