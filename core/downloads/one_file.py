"""Downloads one large file: resumed where it broke off, checked, and complete or not there at all."""

import errno
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from core.disk.files import replace_file, write_whole
from core.disk.json import from_json, to_json
from core.disk.locks import FileLock, LockHeld
from core.downloads.asking import HEADERS, DownloadFailed, Patience, refuse_status, say_failure

PART_SUFFIX, FACTS_SUFFIX, LOCK_SUFFIX = ".part", ".part.json", ".lock"
"""Of what lies beside a file while it is downloaded: its beginning, what is known of it, and a lock."""
KINDS = ("sha256", "md5")
_PIECE = 1 << 17
_LOOK_S = 0.25
# A server that breaks off again and again is asked on while it sends this much each time.
_WORTH_MORE_TRIES = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Received:
    """A file that is complete: its bytes, its SHA-256, and whether a checksum of its publisher was compared."""

    n_bytes: int
    sha256: str
    is_checked: bool


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What is known of the file whose beginning is there. ``mark`` changes with its content, if the server has one."""

    address: str
    mark: str = ""
    n_bytes: int = 0
    sha256: str = ""


def download_file(
    address: str,
    path: Path,
    *,
    checksum: str = "",
    patience: Patience | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    check: Callable[[], None] = lambda: None,
) -> Received:
    """Put the file at ``address`` at ``path``, whose folder is made.

    What a server, a kill or a full disk left of it is resumed. If two processes ask for one file, one downloads it and
    the other waits. Proxies of the environment are used.

    Args:
        checksum: What its publisher states, ``sha256:...`` or ``md5:...``; empty: only what the server itself says of
            it is compared.
        on_progress: Called with the bytes that are there and those of the whole file, 0 if the server does not say.
        check: Called a few times a second; what it raises ends the download, and what is there is resumed later.

    Raises:
        DownloadFailed: If it cannot be had.
        OSError: If it cannot be written.
    """
    patience = patience or Patience()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART_SUFFIX)
    with _alone(path, check):
        if not path.is_file():  # another process may have been quicker
            is_resumed = part.is_file()
            _receive_all(address, part, checksum, patience, on_progress, check)
            try:
                received = _check(part, checksum)
            except DownloadFailed:
                if not is_resumed:
                    raise
                _receive_all(address, part, checksum, patience, on_progress, check)  # the beginning may have been bad
                received = _check(part, checksum)
            replace_file(part, path)
            part.with_name(path.name + FACTS_SUFFIX).unlink(missing_ok=True)
            return received
    return _compare(path, checksum)


def hash_file(path: Path, kind: str = "sha256") -> str:
    """The checksum of a file as hex digits; ``kind``: one of ``KINDS``."""
    with path.open("rb") as file:
        # MD5 finds damage, and is what some publishers state.
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def remove_beginnings(path: Path) -> None:
    """Remove what an unfinished download left beside ``path``."""
    for suffix in (PART_SUFFIX, FACTS_SUFFIX, LOCK_SUFFIX):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _receive_all(
    address: str,
    part: Path,
    checksum: str,
    patience: Patience,
    on_progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> None:
    pause, n_tries = patience.first_pause_s, 0
    while True:
        check()
        before = _size(part)
        try:
            with requests.Session() as session:
                _receive(session, address, part, bool(checksum), patience, on_progress, check)
            return
        except DownloadFailed as failure:
            if not failure.try_again:
                raise
            n_tries += 1
            if _size(part) - before >= _WORTH_MORE_TRIES:
                pause, n_tries = patience.first_pause_s, 1
            if n_tries >= patience.tries:
                raise DownloadFailed(f"{failure} (tried {n_tries} times)") from failure
            _wait(min(max(pause, failure.after_s), patience.longest_pause_s), check)
            pause *= 2


def _receive(
    session: requests.Session,
    address: str,
    part: Path,
    has_checksum: bool,
    patience: Patience,
    on_progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> None:
    """Ask once, for what is missing if a beginning is there."""
    there, known = _size(part), _read_facts(part)
    can_resume = known is not None and known.address == address and (known.mark or known.sha256 or has_checksum)
    if there and not can_resume:  # nothing would show that two files were put together
        part.unlink()
        there, known = 0, None
    if known is not None and known.n_bytes and there == known.n_bytes:
        return
    headers = dict(HEADERS)
    if there and known is not None:
        headers["Range"] = f"bytes={there}-"
        if known.mark:
            headers["If-Range"] = known.mark  # a server whose file has changed sends all of it
    try:
        with session.get(
            address, stream=True, timeout=(patience.connect_s, patience.silence_s), headers=headers
        ) as answer:
            if answer.status_code == 416:  # there is more here than there
                part.unlink(missing_ok=True)
                raise DownloadFailed("the server has another file than before", try_again=True)
            refuse_status(answer, wanted=(200, 206))
            _refuse_page(answer, address)
            there, total = _find_place(answer, there)
            if there and known is not None and known.n_bytes != total:
                part.unlink()
                raise DownloadFailed("the server has another file than before", try_again=True)
            write_whole(
                part.with_name(part.name + ".json"),
                to_json(_Facts(address=address, mark=_find_mark(answer), n_bytes=total, sha256=_find_sha256(answer))),
            )
            _refuse_full_disk(part, total - there)
            with part.open("r+b" if there else "wb") as file:
                file.seek(there)
                file.truncate()
                on_progress(there, total)
                for piece in answer.iter_content(_PIECE):
                    check()
                    file.write(piece)
                    there += len(piece)
                    on_progress(there, total)
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
        # An address that is wrong stays wrong; a connection may come back.
        raise DownloadFailed(say_failure(error), try_again=not isinstance(error, ValueError)) from error
    if total and there != total:
        raise DownloadFailed(f"the server broke off after {there:,} of {total:,} bytes", try_again=True)
    if not there:
        raise DownloadFailed("the server sent an empty file", try_again=True)


def _find_place(answer: requests.Response, there: int) -> tuple[int, int]:
    """Where the answer begins in the file, and the file's bytes; 0 if they are not known."""
    if answer.status_code == 206:
        found = _RANGE.match(answer.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != there:
            raise DownloadFailed("the server sent another part of the file than it was asked for")
        return there, 0 if found[2] == "*" else int(found[2])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() else 0


def _find_mark(answer: requests.Response) -> str:
    """A strong ETag, else the time of the last change; empty without either."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _find_sha256(answer: requests.Response) -> str:
    """The SHA-256 that Hugging Face states for a large file on the way to it; empty elsewhere."""
    for one in (*answer.history, answer):
        tag = one.headers.get("X-Linked-Etag", "").strip('"')
        if _SHA256.fullmatch(tag):
            return tag
    return ""


def _refuse_page(answer: requests.Response, address: str) -> None:
    if address.startswith("https:") and answer.url.startswith("http:"):
        raise DownloadFailed("the server leads to an address without encryption")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise DownloadFailed("the server sent a web page instead of the file, as the sign-in of a network does")


def _refuse_full_disk(part: Path, n_bytes: int) -> None:
    if n_bytes > shutil.disk_usage(part.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part.parent))


def _check(part: Path, checksum: str) -> Received:
    """Compare the finished file with every checksum that is known; a wrong one is removed."""
    sha256, known = hash_file(part), _read_facts(part)
    stated = [checksum] if checksum else []
    if known is not None and known.sha256:
        stated.append(f"sha256:{known.sha256}")
    for one in stated:
        kind, _, expected = one.partition(":")
        found = sha256 if kind == "sha256" else hash_file(part, kind)
        if found != expected:
            part.unlink()
            raise DownloadFailed(
                f"its checksum is wrong: {kind} {expected} was expected, got {found}; nothing of it was kept"
            )
    return Received(part.stat().st_size, sha256, bool(stated))


def _compare(path: Path, checksum: str) -> Received:
    kind, _, expected = checksum.partition(":")
    if checksum and hash_file(path, kind) != expected:
        raise DownloadFailed(f"the file that another process put at {path} has another checksum than {expected}")
    return Received(path.stat().st_size, hash_file(path), bool(checksum))


@contextmanager
def _alone(path: Path, check: Callable[[], None]) -> Iterator[None]:
    """Wait until no other process downloads this file, and keep others waiting."""
    while True:
        lock = FileLock(path.with_name(path.name + LOCK_SUFFIX))
        try:
            lock.__enter__()
            break
        except LockHeld:
            _wait(_LOOK_S, check)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def _wait(seconds: float, check: Callable[[], None]) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        check()
        time.sleep(min(left, _LOOK_S))


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _read_facts(part: Path) -> _Facts | None:
    facts = part.with_name(part.name + ".json")
    try:
        return from_json(facts.read_bytes(), _Facts) if facts.is_file() else None
    except ValueError:
        return None
