"""What a run keeps of its scenes: a sentence for each crop whose species is unexpected in its event.

Review shows it on the card of the crop. The file can be deleted; it is written again when the run is looked through.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cachetools import LRUCache

from core.disk.bounded import read_bounded
from core.disk.files import write_whole
from core.runs.folder import RunFolder

FILE = "scenes-remarks.json"
_read: LRUCache[tuple[Path, int, int], Mapping[str, "Remark"]] = LRUCache(16)


@dataclass(frozen=True)
class Remark:
    """A sentence about a crop, which holds while the crop counts as this species."""

    species: str
    words: str


def keep_remarks(run: RunFolder, remarks: Mapping[str, Remark]) -> None:
    """Write them, and replace those of another model; where nothing may be written, nothing is kept."""
    content = json.dumps({crop_id: asdict(remark) for crop_id, remark in remarks.items()})
    with suppress(OSError):
        write_whole(run.path / FILE, content.encode())


def read_remarks(run: RunFolder) -> Mapping[str, Remark]:
    """The remarks by crop; none if the run was not looked through, or its file is damaged."""
    path = run.path / FILE
    try:
        about = path.stat()
        key = (path, about.st_mtime_ns, about.st_size)
        if key not in _read:
            values = json.loads(read_bounded(path))
            _read[key] = {str(crop): Remark(str(one["species"]), str(one["words"])) for crop, one in values.items()}
        return _read[key]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def say_remark(remarks: Mapping[str, Remark], *, crop_id: str, species: str) -> str:
    """The sentence about a crop that counts as this species now; empty without one."""
    remark = remarks.get(crop_id)
    return remark.words if remark is not None and remark.species == species else ""
