"""Matches the names in a file of labels to the photos of a folder by the longest common path ending."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import AnomalureError

_CAMERAS_OWN = re.compile(r"dcim|\d{3}\w{5}")
"""Folders that every camera makes, such as DCIM/100RECNX: they do not tell cameras apart."""
_ODD = re.compile(r"[^\x00-\x7f]|\\|//|\./|^/|/\.?$")


def normalise_name(name: str) -> str:
    """A path with forward slashes, composed letters (macOS writes them apart) and no ``.`` steps."""
    if not _ODD.search(name):
        return name
    name = unicodedata.normalize("NFC", name).replace("\\", "/")
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def find_telling_folder(name: str) -> str:
    """The lowest folder of a path that tells cameras apart, in lower case; empty without one."""
    folders = normalise_name(name).casefold().split("/")[:-1]
    n = count_to_telling(folders)
    return folders[-n] if folders else ""


def count_to_telling(folders: Sequence[str]) -> int:
    """How many folders from the end of a path on reach one that tells cameras apart: 3 of ``cam1/DCIM/100RECNX``."""
    own = (not _CAMERAS_OWN.fullmatch(folder.casefold()) for folder in reversed(folders))
    return next((n for n, tells in enumerate(own, start=1) if tells), len(folders))


def match_names(theirs: Sequence[str], ours: Sequence[str], *, folder: Path | None = None) -> dict[str, str]:
    """Which photo each name of a file means.

    A name is matched to the photo with which it shares the most path parts, counted from the end, ignoring case:
    ``images/season/IMG_1.jpg`` matches ``season/IMG_1.jpg``. One of the two must be the ending of the other, or they
    must share a folder besides the file's name: cameras use the same numbers, so ``cam1/IMG_1.jpg`` never matches
    ``cam2/IMG_1.jpg``.

    Args:
        theirs: Names as the file has them; backslashes are understood.
        ours: The photos' names inside their folder, with forward slashes, each once.
        folder: Where the photos are. Its path tells ``season/IMG_1.jpg`` from ``train/IMG_1.jpg`` when the photos are
            those directly in ``images/season``.

    Returns:
        From their name to ours; names without a match are left out.

    Raises:
        AnomalureError: If a name could be two photos, or a photo two names; the message names both.
    """
    above = [part.casefold() for part in normalise_name(str(folder.resolve())).split("/")][::-1] if folder else []
    plain = [normalise_name(name) for name in theirs]
    their_names = list(dict.fromkeys(plain))
    our_names = {normalise_name(our): our for our in ours}
    matcher = _Matcher(above)
    if len({name.count("/") for name in our_names}) == 1:
        their_names = matcher.match_whole(their_names, our_names)
    matcher.match([_Name.of(name) for name in their_names], [_Name.of(*names) for names in our_names.items()])
    matched = matcher.settle()
    return {name: matched[key] for name, key in zip(theirs, plain, strict=True) if key in matched}


class _Name:
    """The parts of a path: ``parts`` from the end, in lower case; ``raw`` as the caller wrote it."""

    __slots__ = ("partner", "parts", "plain", "raw")

    def __init__(self, plain: str, raw: str, parts: list[str]) -> None:
        self.plain, self.raw, self.parts = plain, raw, parts
        self.partner: _Name | None = None

    @classmethod
    def of(cls, plain: str, raw: str | None = None) -> "_Name":
        return cls(plain, plain if raw is None else raw, plain.casefold().split("/")[::-1])

    def ending(self, n_parts: int) -> str:
        return "/".join(self.plain.split("/")[-n_parts:])


@dataclass
class _Matcher:
    """``above`` is the path of our folder from its end. ``unsure`` is decided once the sure matches are known."""

    above: list[str]
    matched: dict[str, str] = field(default_factory=dict)
    folder_name_counts: bool = False
    unsure: list[tuple[int, list[_Name], list[_Name]]] = field(default_factory=list)

    def match_whole(self, theirs: list[str], ours: dict[str, str]) -> list[str]:
        """Match the clear cases fast: each of their names that alone ends with a whole name of ours.

        This is right only if all of our names have the same number of parts, so that no other name can agree further.
        Matched names are removed from ``ours``.

        Returns:
            Their names that are left.
        """
        n_parts = next(iter(ours)).count("/") + 1
        partners: dict[str, str] = {}
        several = set()  # endings that more than one name has
        for name in ours:
            ending = name.casefold()
            if partners.setdefault(ending, name) != name:
                several.add(ending)
        start_by_ending: dict[str, tuple[str, int]] = {}
        for name in theirs:
            start = len(name) + 1
            for _ in range(n_parts):
                start = name.rfind("/", 0, max(start - 1, 0)) + 1
            ending = name[start:].casefold()
            if ending in partners and start_by_ending.setdefault(ending, (name, start))[0] != name:
                several.add(ending)
        for ending, (name, start) in start_by_ending.items():
            if ending not in several and self._agrees_above(name[: max(start - 1, 0)]):
                self.matched[name] = ours.pop(partners[ending])
        return [name for name in theirs if name not in self.matched]

    def _agrees_above(self, their_folder: str) -> bool:
        """Whether their path above a whole name of ours is empty or ends with the name of our folder."""
        if not self.above or not their_folder:
            return True
        agrees = False
        for their, our in zip(their_folder.casefold().split("/")[::-1], self.above, strict=False):
            agrees = their == our
            if not agrees or not _CAMERAS_OWN.fullmatch(our):
                break
        self.folder_name_counts = self.folder_name_counts or agrees
        return agrees

    def match(self, theirs: list[_Name], ours: list[_Name], *, n: int = 0) -> None:
        """Match names that share their last ``n`` parts, beginning with those that share more."""
        if n and len(theirs) == len(ours) == 1:
            n = self._common(theirs[0], ours[0], n)
        else:
            ours_by_part: dict[str, list[_Name]] = defaultdict(list)
            theirs_by_part: dict[str, list[_Name]] = defaultdict(list)
            for our in ours:
                part = self._part(our, n)
                if part is not None:
                    ours_by_part[part].append(our)
            for their in theirs:
                if len(their.parts) > n and their.parts[n] in ours_by_part:
                    theirs_by_part[their.parts[n]].append(their)
            for part, some in theirs_by_part.items():
                self.match(some, ours_by_part[part], n=n + 1)
            if n == 0:
                return
            theirs = [their for their in theirs if their.partner is None]
            ours = [our for our in ours if our.partner is None]
        if theirs and ours:
            self._decide(n, theirs, ours)

    def settle(self) -> dict[str, str]:
        """All matches, with the likely ones that nothing contradicts."""
        any_sure = bool(self.matched)
        for n, theirs, ours in self.unsure:
            theirs = [their for their in theirs if their.partner is None]
            ours = [our for our in ours if our.partner is None]
            whole = [our for our in ours if len(our.parts) <= n]
            if whole and theirs:
                # Our whole name agrees, but their folder has another name than ours: it was renamed or copied, unless
                # other names show that the folder's name counts.
                if not self.folder_name_counts:
                    self._pair_or_refuse(n, theirs, whole)
            elif len(theirs) == len(ours) == 1 and n >= 2 and not any_sure:
                self._pair(theirs[0], ours[0], n)
        return self.matched

    def _decide(self, n: int, theirs: list[_Name], ours: list[_Name]) -> None:
        """Names that share exactly their last ``n`` parts."""
        ended = [their for their in theirs if len(their.parts) == n]
        if ended:
            self._pair_or_refuse(n, ended, ours)
        elif any(self._is_told(our, n) or (len(our.parts) == n and not self.above) for our in ours):
            self._pair_or_refuse(n, theirs, [our for our in ours if len(our.parts) <= n])
        else:
            self.unsure.append((n, theirs, ours))

    def _is_told(self, our: _Name, n: int) -> bool:
        """Whether of the ``n`` shared parts one above our whole name is a folder that tells cameras apart."""
        return any(not _CAMERAS_OWN.fullmatch(self._part(our, i) or "") for i in range(len(our.parts), n))

    def _pair_or_refuse(self, n: int, theirs: list[_Name], ours: list[_Name]) -> None:
        if len(theirs) > 1 or len(ours) > 1:  # names that differ only in case are told apart by it
            for their in theirs:
                same = [our for our in ours if our.partner is None and our.ending(n) == their.ending(n)]
                if len(same) == 1 and sum(other.ending(n) == their.ending(n) for other in theirs) == 1:
                    self._pair(their, same[0], n)
            theirs = [their for their in theirs if their.partner is None]
            ours = [our for our in ours if our.partner is None]
        if len(theirs) == 1 and len(ours) == 1:
            self._pair(theirs[0], ours[0], n)
        elif theirs and len(ours) > 1:
            raise AnomalureError(
                f"The name {theirs[0].raw} could be the photo {ours[0].raw} or {ours[1].raw}. Use names with enough of "
                "their folders to tell them apart."
            )
        elif ours and len(theirs) > 1:
            raise AnomalureError(
                f"The photo {ours[0].raw} could be {theirs[0].raw} or {theirs[1].raw} of the file. Choose the folder "
                "that those names start from, or use names with more of their folders."
            )

    def _pair(self, their: _Name, our: _Name, n: int) -> None:
        their.partner, our.partner = our, their
        self.matched[their.plain] = our.raw
        self.folder_name_counts = self.folder_name_counts or n > len(our.parts)

    def _common(self, their: _Name, our: _Name, n: int) -> int:
        while n < len(their.parts) and their.parts[n] == self._part(our, n):
            n += 1
        return n

    def _part(self, our: _Name, n: int) -> str | None:
        if n < len(our.parts):
            return our.parts[n]
        n -= len(our.parts)
        return self.above[n] if n < len(self.above) else None
