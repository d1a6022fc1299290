"""The names of photos in files of labels, with all that keeps photos of the same name apart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

SHORTEST_ID = 8
"""Files are named by ids such as UUIDs. A short one, such as 17, can be the name of another photo."""


@dataclass(frozen=True, slots=True)
class WrittenName:
    """What a file says to name a photo: its ``name`` or path, and more that can be empty.

    ``address`` is its path at a web address, which the folders on a disk need not have.
    """

    name: str
    deployment: str = ""
    media_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class ChosenName:
    """By which names a photo is looked for, and how many folders of the first must be its own."""

    file_name: str
    other_names: tuple[str, ...] = ()
    n_sure_folders: int = 0


def tell_apart(written: Sequence[WrittenName]) -> list[ChosenName | None]:
    """A name of its own for each photo of a file; ``None`` where nothing tells it from another one.

    A path keeps its name, and so does a bare name that one photo has. Of several photos with one bare name, each is
    looked for in the folder of its deployment, else by its address or its id.

    Args:
        written: Each photo once.
    """
    n_of_name = Counter(one.name for one in written)
    n_of_deployment = Counter((one.name, one.deployment) for one in written)
    taken: Counter[str] = Counter()
    chosen: list[ChosenName | None] = []
    for one in written:
        by_id = f"{one.media_id}{PurePosixPath(one.name).suffix}" if len(one.media_id) >= SHORTEST_ID else ""
        further = [name for name in (one.address, by_id) if name]
        if n_of_name[one.name] == 1:
            name, n_sure = one.name, 0
            further = [] if "/" in name else further
        elif one.deployment and n_of_deployment[one.name, one.deployment] == 1:
            name, n_sure = f"{one.deployment}/{one.name}", 1 + one.deployment.count("/")
        elif further:
            name, n_sure = further[0], 1 if "/" in further[0] else 0
        else:
            chosen.append(None)
            continue
        taken[name] += 1
        chosen.append(ChosenName(name, tuple(other for other in further if other != name), n_sure))
    return [one if one is not None and taken[one.file_name] == 1 else None for one in chosen]


def read_name(text: str) -> str:
    """A file's name or path; of a web address (``https:``, ``gs:``, ``file:``) only the path, without its query."""
    text = text.strip()
    if "://" not in text:
        return text
    try:
        address = urlsplit(text)
    except ValueError:
        return text
    path = unquote(address.path).strip("/")
    return f"{address.netloc}/{path}" if address.netloc and path else path or text


def is_address(text: str) -> bool:
    """Whether it is a web address and no path on a disk."""
    return "://" in text
