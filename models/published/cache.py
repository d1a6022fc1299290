"""The files of published models in the cache of this computer: where they belong, and whether they are what they were.

The folder can be moved to another computer, also one without a network, and files can be put into it by hand.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from core.disk.files import write_whole
from core.disk.json import from_json, to_json
from core.downloads.one_file import PART_SUFFIX, hash_file, remove_beginnings
from core.errors import AnomalureError
from models.engines.cache_folder import CONVERTED, KEY, cache_folder
from models.published.entry import DETECTOR, PublishedFile, PublishedModel

RECEIPT_SUFFIX = ".receipt.json"
AGREED = "agreed.json"


class State(StrEnum):
    """How much of a model is in the cache."""

    HERE = "here"
    PART = "partly downloaded"
    MISSING = "not here"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a file was when it came: its SHA-256, bytes and time of the last change, and where it came from."""

    sha256: str
    n_bytes: int
    changed_ns: int
    address: str
    is_checked: bool
    at: datetime


def find_path(model: PublishedModel, file: PublishedFile) -> Path:
    """Where a file of a model belongs."""
    if model.kind == DETECTOR:
        return cache_folder() / "detectors" / file.name
    return cache_folder() / "encoders" / model.name.replace("/", "--") / file.name


def find_state(model: PublishedModel) -> State:
    """Whether a model can be used without a network."""
    paths = [find_path(model, file) for file in model.files]
    if all(path.is_file() for path in paths):
        return State.HERE
    has_some = any(path.is_file() or path.with_name(path.name + PART_SUFFIX).is_file() for path in paths)
    return State.PART if has_some else State.MISSING


def measure_mb(model: PublishedModel) -> float:
    """Millions of bytes that its files have in the cache."""
    paths = [find_path(model, file) for file in model.files]
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def open_files(model: PublishedModel) -> list[Path]:
    """The files of a model that is in the cache, in the order of the table, checked since their last change.

    Raises:
        AnomalureError: If one is missing, or is not the file that it was or should be.
        TermsNotAgreed: If its terms have to be agreed to first.
    """
    check_terms(model)
    paths = []
    for file in model.files:
        path = find_path(model, file)
        if not path.is_file():
            raise AnomalureError(f"{model.name} is not complete in the cache. {say_by_hand(model)}")
        check_file(model, file)
        paths.append(path)
    return paths


def check_file(model: PublishedModel, file: PublishedFile) -> Receipt:
    """Compare a file with its checksum, or with its receipt if its publisher states none; new files get a receipt.

    A file that did not change since is not read again.

    Raises:
        AnomalureError: If it is another file.
    """
    path = find_path(model, file)
    status = path.stat()
    receipt = _read_receipt(path)
    if receipt is not None and (receipt.n_bytes, receipt.changed_ns) == (status.st_size, status.st_mtime_ns):
        return receipt
    sha256 = hash_file(path)
    kind, _, expected = file.checksum.partition(":")
    if file.checksum and (found := hash_file(path, kind)) != expected:
        raise AnomalureError(
            f"{path} is not {model.name}: its {kind.upper()} should be {expected}, got {found}. Remove it "
            f"(python cli.py models remove {model.name}) and get it again."
        )
    if not file.checksum and receipt is not None and receipt.sha256 != sha256:
        raise AnomalureError(
            f"{path} has changed since it came: its SHA-256 was {receipt.sha256} and is {sha256}. If you did not put "
            f"another file there yourself, remove it (python cli.py models remove {model.name}) and get it again."
        )
    if receipt is None:
        return write_receipt(path, sha256=sha256, address="", is_checked=bool(file.checksum))
    is_checked = receipt.is_checked or bool(file.checksum)
    return write_receipt(path, sha256=sha256, address=receipt.address, is_checked=is_checked)


def write_receipt(path: Path, *, sha256: str, address: str, is_checked: bool) -> Receipt:
    """Record what a file is; a cache that cannot be written is no reason to stop."""
    status = path.stat()
    receipt = Receipt(
        sha256=sha256,
        n_bytes=status.st_size,
        changed_ns=status.st_mtime_ns,
        address=address,
        is_checked=is_checked,
        at=datetime.now(UTC),
    )
    with suppress(OSError):
        write_whole(path.with_name(path.name + RECEIPT_SUFFIX), to_json(receipt))
    return receipt


def remove_model(model: PublishedModel) -> float:
    """Remove the files of a model, what was converted of them, and what is left of its downloads.

    Returns:
        The millions of bytes that were freed.

    Raises:
        AnomalureError: If nothing of it is there.
    """
    if find_state(model) is State.MISSING:
        raise AnomalureError(f"Nothing of {model.name} is in the cache {cache_folder()}.")
    freed = 0
    for file in model.files:
        path = find_path(model, file)
        if (receipt := _read_receipt(path)) is not None:
            freed += _remove_converted(receipt.sha256)
        for one in (path, path.with_name(path.name + PART_SUFFIX)):
            if one.is_file():
                freed += one.stat().st_size
                one.unlink()
        path.with_name(path.name + RECEIPT_SUFFIX).unlink(missing_ok=True)
        remove_beginnings(path)
    return freed / 1e6


def _remove_converted(sha256: str) -> int:
    """Remove the networks that were converted of a file of weights; returns their bytes."""
    freed = 0
    for key in (cache_folder() / CONVERTED).glob(f"*/{KEY}"):
        if sha256 in key.read_text(encoding="utf-8", errors="replace").split():
            freed += sum(file.stat().st_size for file in key.parent.iterdir() if file.is_file())
            shutil.rmtree(key.parent, ignore_errors=True)
    return freed


def has_agreed(model: PublishedModel) -> bool:
    """Whether its terms were agreed to on this computer, or it has none."""
    return not model.terms or _read_agreed().get(model.name) == model.licence


def agree(model: PublishedModel) -> None:
    """Remember that its terms were agreed to."""
    if not has_agreed(model):
        path = cache_folder() / AGREED
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({**_read_agreed(), model.name: model.licence}, indent=1).encode())


def check_terms(model: PublishedModel) -> None:
    """Refuse a model whose terms were not agreed to.

    Raises:
        TermsNotAgreed: If they were not.
    """
    if not has_agreed(model):
        raise TermsNotAgreed(
            f"{model.name} has the licence {model.licence}. {model.terms} Read {model.licence_address}; if you agree, "
            f"get it with python cli.py models get {model.name} --agree, or tick the box on the Models page."
        )


class TermsNotAgreed(AnomalureError):
    """The licence of a model has terms that nobody on this computer has agreed to yet."""


def say_by_hand(model: PublishedModel) -> str:
    """How to put its missing files into the cache by hand, with the exact names."""
    missing = [file for file in model.files if not find_path(model, file).is_file()]
    how = " ".join(f"Download {file.address} and put the file here: {find_path(model, file)}." for file in missing)
    return f"By hand, on a computer with a network: {how}" if how else ""


def _read_receipt(path: Path) -> Receipt | None:
    receipt = path.with_name(path.name + RECEIPT_SUFFIX)
    try:
        return from_json(receipt.read_bytes(), Receipt) if receipt.is_file() else None
    except ValueError:
        return None


def _read_agreed() -> dict[str, str]:
    path = cache_folder() / AGREED
    try:
        found = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
