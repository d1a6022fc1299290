"""The members of a project's team and the log of what they did: ``team.jsonl``, to which lines are only ever added.

A project without the file has no team, and everybody who can open it may do everything in it. Who may do what follows
from the lines that give and take roles, so that the log always explains the list.
"""

import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.disk.files import read_whole
from core.disk.json import parse_values
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError, NotNow, StoreBusy
from core.records import drop_hidden_signs, name_key
from core.team.roles import Role

FILE_NAME = "team.jsonl"
PATIENCE_S = 10.0
LONGEST_EMAIL = 254
LONGEST_TEXT = 500
ROLE, LEFT = "role", "left"
_EMAIL = re.compile(r"[^@\s\"<>,;]+@[^@\s\"<>,;]+")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the log: ``by`` did ``did`` at a time (UTC) to ``about``, with a word more in ``how``.

    Where ``did`` is ``role``, the member ``about`` has the role ``how`` from then on; where it is ``left``, none.
    """

    at: datetime
    by: str
    did: str
    about: str = ""
    how: str = ""


class Team:
    """The team of the project in a folder; two objects of one folder see the same. May be shared by threads.

    Methods raise ``AnomalureError`` where the file is damaged: then nobody has a role.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder) / FILE_NAME

    def members(self) -> dict[str, Role]:
        """The role of each member by e-mail address as it was typed, in the order in which they came."""
        return dict(_read(self.path).members.values())

    def role_of(self, email: str) -> Role | None:
        """The role of whoever has this address, whatever its capitals; None for somebody who is no member."""
        found = _read(self.path).members.get(name_key(email)) if email else None
        return None if found is None else found[1]

    @property
    def is_named(self) -> bool:
        """Whether the project has a team, so that roles count."""
        return _read(self.path).is_there

    def log(self) -> list[Entry]:
        """Everything that was done, oldest first."""
        return list(_read(self.path).entries)

    def give_role(self, email: str, role: Role, *, by: str) -> None:
        """Make somebody a member, or give a member another role; nothing is noted if they have it.

        Raises:
            AnomalureError: If that is no e-mail address, or the team would have no lead.
        """
        email = check_email(email)
        with self._changing() as members:
            there = members.get(name_key(email))
            if there is not None and there[1] is role:
                return
            self._refuse_without_lead(members, name_key(email), role)
            self._append(Entry(at=datetime.now(UTC), by=by, did=ROLE, about=there[0] if there else email, how=role))

    def remove(self, email: str, *, by: str) -> None:
        """Take somebody's role away.

        Raises:
            AnomalureError: If they have none, or are the only lead.
        """
        with self._changing() as members:
            there = members.get(name_key(email))
            if there is None:
                named = ", ".join(one for one, _ in members.values()) or "nobody"
                raise AnomalureError(f"{email} is not in the team of this project. In it are: {named}.")
            self._refuse_without_lead(members, name_key(email), None)
            self._append(Entry(at=datetime.now(UTC), by=by, did=LEFT, about=there[0]))

    def note(self, did: str, about: str, *, by: str, how: str = "") -> None:
        """Note what somebody did; does nothing in a project without a team."""
        if self.path.exists():
            with self._changing():
                self._append(Entry(at=datetime.now(UTC), by=by, did=did, about=about, how=how))

    def _refuse_without_lead(self, members: Mapping[str, tuple[str, Role]], key: str, role: Role | None) -> None:
        leads = {one for one, (_, has) in members.items() if has is Role.LEAD} - {key}
        if not leads and role is not Role.LEAD:
            raise AnomalureError("A team needs a lead, who can change it. Make somebody else a lead first.")

    @contextmanager
    def _changing(self) -> Iterator[Mapping[str, tuple[str, Role]]]:
        try:
            with FileLock(self.path.with_name(f"{FILE_NAME}.lock"), patience_s=PATIENCE_S):
                yield _read(self.path).members
        except LockHeld as held:
            raise StoreBusy(
                f"The list of the team is in use by process {held.holder}. Nothing was changed. Try again."
            ) from held
        except OSError as error:
            raise NotNow(
                f"The team's list {self.path} cannot be written ({error.strerror}). Nothing was changed."
            ) from error

    def _append(self, entry: Entry) -> None:
        values = asdict(entry) | {"at": entry.at.isoformat(timespec="seconds")}
        tidy = {name: drop_hidden_signs(str(value))[:LONGEST_TEXT] for name, value in values.items()}
        line = json.dumps(tidy, ensure_ascii=True).encode() + b"\n"
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(self.path, flags, 0o644)
        with os.fdopen(handle, "r+b") as file:
            content = file.read()
            # What a kill or a power cut left of a line was never said to be done.
            file.truncate(content.rfind(b"\n") + 1)
            file.seek(0, os.SEEK_END)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def check_email(email: str) -> str:
    """An e-mail address without blanks around it.

    Raises:
        AnomalureError: If it is none.
    """
    tidy = drop_hidden_signs(email).strip()
    if not _EMAIL.fullmatch(tidy) or len(tidy) > LONGEST_EMAIL:
        raise AnomalureError(f"{email[:80]!r} is no e-mail address. It looks like ada@example.org.")
    return tidy


@dataclass(frozen=True)
class _Content:
    is_there: bool
    entries: tuple[Entry, ...] = ()
    members: Mapping[str, tuple[str, Role]] | Any = None


_NOBODY = _Content(False, (), {})
_known: dict[Path, tuple[tuple[int, int, int], _Content]] = {}
_guard = threading.Lock()


def _read(path: Path) -> _Content:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return _NOBODY
    except OSError as error:
        raise NotNow(f"The team's list {path} cannot be read ({error.strerror}), so nobody may do anything.") from error
    version = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
    with _guard:
        kept = _known.get(path)
    if kept is not None and kept[0] == version:
        return kept[1]
    content = _parse(path)
    with _guard:
        _known[path] = (version, content)
    return content


def _parse(path: Path) -> _Content:
    try:
        whole = read_whole(path)
    except OSError as error:
        raise NotNow(f"The team's list {path} cannot be read ({error.strerror}), so nobody may do anything.") from error
    entries: list[Entry] = []
    members: dict[str, tuple[str, Role]] = {}
    for n, line in enumerate(whole[: whole.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            values = parse_values(line)
            entry = Entry(
                at=datetime.fromisoformat(values["at"]),
                **{name: str(values[name]) for name in ("by", "did", "about", "how")},
            )
            if entry.did == ROLE:
                members[name_key(entry.about)] = (entry.about, Role(entry.how))
        except (ValueError, KeyError, TypeError) as error:
            raise AnomalureError(
                f"Line {n} of the team's list {path} is damaged, so nobody may do anything. Put it back from a copy."
            ) from error
        if entry.did == LEFT:
            members.pop(name_key(entry.about), None)
        entries.append(entry)
    return _Content(True, tuple(entries), members)
