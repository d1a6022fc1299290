"""The shards of a run that several workers do: ``shards/`` in its folder, where each lies by itself until the finish.

```
shards/00007/            the shard's tables and account.json: written under another name, then renamed as a whole
shards/00007.claim       who is doing it just now
shards/00007.failed      why it could not be done, by whom and when
shards/finish.claim      who leads the run, and will do or does what needs all shards
shards/worked.json       after the finish: which worker did which shard, and how long it took
```

A shard that is there never changes, and any worker would write the same. So it does not matter if two do the same
shard: the first one counts, and the other's is thrown away. No lock of the system is needed.
"""

import os
import platform
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from core.disk.files import TEMPORARY_SUFFIX, read_whole, write_whole
from core.disk.json import from_json, to_json
from core.disk.parquet import write_parquet
from core.errors import AnomalureError
from core.runs.shards import RunCounts, ShardTables, account_files, as_table
from core.work.claims import Claim, is_held, read_claim

FOLDER = "shards"
ACCOUNT = "account.json"
WORKED = "worked.json"
CLAIM, FAILED = ".claim", ".failed"
FINISH = "finish"
LEFTOVER_AGE_S = 3_600.0
"""What a killed worker left half written is removed when nobody has written there for so long."""


@dataclass(frozen=True, kw_only=True)
class Worked:
    """How a shard was done: by whom, where, from when to when (seconds since 1970)."""

    shard: int
    worker: str
    host: str
    began_at: float
    ended_at: float
    photos: int = 0

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended_at - self.began_at


@dataclass(frozen=True, kw_only=True)
class ShardAccount:
    """``account.json`` of a shard: its counts, and ``over_limit``, the boxes that were left out by photo id."""

    counts: RunCounts
    worked: Worked
    over_limit: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ShardFailure:
    """Why a shard could not be done, in a sentence; ``at`` in seconds since 1970."""

    shard: int
    worker: str
    host: str
    message: str
    at: float


class WrittenShards:
    """The folder ``shards`` of a run.

    Args:
        run_path: The folder of the run.
    """

    def __init__(self, run_path: Path) -> None:
        self.path = run_path / FOLDER
        self._accounts: dict[int, ShardAccount] = {}

    @property
    def exists(self) -> bool:
        """Whether the run is one that several workers do."""
        return self.path.is_dir()

    def make(self) -> None:
        """Make the run one that several workers do."""
        self.path.mkdir(exist_ok=True)

    def place(self, shard: int) -> Path:
        """Where a shard lies."""
        return self.path / f"{shard:05d}"

    def has(self, shard: int) -> bool:
        """Whether the shard is there. It is then whole."""
        return (self.place(shard) / ACCOUNT).is_file()

    def list_there(self) -> list[int]:
        """The shards that are there, in order."""
        if not self.exists:
            return []
        with os.scandir(self.path) as entries:
            return sorted(int(one.name) for one in entries if one.name.isdecimal())

    def write(self, shard: int, files: Sequence[str], tables: ShardTables, *, worker: str, began_at: float) -> bool:
        """Put a shard there; False if another worker was faster, and this one's is thrown away.

        Raises:
            ValueError: As ``RunFolder.write_shard``.
        """
        typed = {name: as_table(name, table) for name, table in tables.tables().items()}
        counts = replace(account_files(files, typed), boxes_over_limit=tables.boxes_over_limit)
        worked = Worked(
            shard=shard,
            worker=worker,
            host=platform.node(),
            began_at=began_at,
            ended_at=time.time(),
            photos=counts.photos,
        )
        temporary = self.path / f".{shard:05d}.{os.getpid()}-{uuid4().hex[:8]}{TEMPORARY_SUFFIX}"
        temporary.mkdir()
        try:
            for name, table in typed.items():
                with (temporary / f"{name}.parquet").open("xb") as file:
                    write_parquet(table, file)
                    file.flush()
                    os.fsync(file.fileno())
            account = ShardAccount(counts=counts, worked=worked, over_limit=tables.over_limit)
            write_whole(temporary / ACCOUNT, to_json(account), durable=True)
            try:
                os.rename(temporary, self.place(shard))  # a folder that is not empty is never replaced
            except OSError:
                if not self.has(shard):
                    raise
                return False
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self.failure_path(shard).unlink(missing_ok=True)
        return True

    def read_account(self, shard: int) -> ShardAccount:
        """The account of a shard that is there.

        Raises:
            AnomalureError: If it cannot be read.
        """
        if shard not in self._accounts:  # it never changes
            place = self.place(shard)
            try:
                self._accounts[shard] = from_json(read_whole(place / ACCOUNT), ShardAccount)
            except (OSError, ValueError) as error:
                raise AnomalureError(
                    f"{place / ACCOUNT} is not what Anomalure wrote ({error}). Delete the folder {place} and start a "
                    "worker again: its photos are then processed again."
                ) from error
        return self._accounts[shard]

    def remove(self, shard: int) -> None:
        """Remove a shard that has been moved to where the shards of every run lie."""
        shutil.rmtree(self.place(shard), ignore_errors=True)
        self.failure_path(shard).unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Remove what killed workers left half written."""
        for left in self.path.glob(f".*{TEMPORARY_SUFFIX}"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > LEFTOVER_AGE_S:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()

    # Who does what

    def claim_path(self, shard: int) -> Path:
        """The file of the claim on a shard."""
        return self.path / f"{shard:05d}{CLAIM}"

    @property
    def finish_path(self) -> Path:
        """The file of the claim on leading and finishing the run."""
        return self.path / f"{FINISH}{CLAIM}"

    def list_claims(self) -> dict[int, Claim]:
        """The claims on shards, of living and of dead processes."""
        claims = {int(path.stem): read_claim(path) for path in self.path.glob(f"[0-9]*{CLAIM}")}
        return {shard: claim for shard, claim in sorted(claims.items()) if claim is not None}

    @property
    def is_worked_on(self) -> bool:
        """Whether a living process does one of them, or leads."""
        return self.exists and any(map(is_held, self.path.glob(f"*{CLAIM}")))

    @property
    def is_shard_worked_on(self) -> bool:
        """Whether a living process does one of them."""
        return self.exists and any(map(is_held, self.path.glob(f"[0-9]*{CLAIM}")))

    # What failed

    def failure_path(self, shard: int) -> Path:
        """The file that says why a shard could not be done."""
        return self.path / f"{shard:05d}{FAILED}"

    def write_failure(self, shard: int, message: str, *, worker: str) -> None:
        """Note why a shard could not be done, in place of an earlier reason."""
        failure = ShardFailure(shard=shard, worker=worker, host=platform.node(), message=message, at=time.time())
        write_whole(self.failure_path(shard), to_json(failure))

    def read_failure(self, shard: int) -> ShardFailure | None:
        """Why a shard could not be done; None if it has not failed."""
        try:
            return from_json(read_whole(self.failure_path(shard)), ShardFailure)
        except (OSError, ValueError):
            return None

    def list_failures(self) -> list[ShardFailure]:
        """The shards that could not be done and are not there, in order."""
        found = [self.read_failure(int(path.stem)) for path in sorted(self.path.glob(f"[0-9]*{FAILED}"))]
        return [failure for failure in found if failure is not None and not self.has(failure.shard)]

    # Who did what

    def list_worked(self) -> list[Worked]:
        """How each shard was done that is there, and after the finish of all shards."""
        kept = {one.shard: one for one in self.read_worked()}
        kept.update({shard: self.read_account(shard).worked for shard in self.list_there() if self.has(shard)})
        return [kept[shard] for shard in sorted(kept)]

    def read_worked(self) -> list[Worked]:
        """What ``keep_worked`` wrote."""
        try:
            return from_json(read_whole(self.path / WORKED), list[Worked])
        except (OSError, ValueError):
            return []

    def keep_worked(self) -> None:
        """Write down how each shard was done, before the shards are moved."""
        write_whole(self.path / WORKED, to_json(self.list_worked()))

    def list_workers(self) -> list["WorkerState"]:
        """What each worker has done, and what it is at; by their names, those of one computer together."""
        states: dict[tuple[str, str], WorkerState] = {}
        for one in self.list_worked():
            state = states.setdefault((one.host, one.worker), WorkerState(worker=one.worker, host=one.host))
            state.n_shards += 1
            state.photos += one.photos
            state.seconds += one.seconds
        for shard, claim in self.list_claims().items():
            if self.has(shard):
                continue  # it is about to be given back
            state = states.setdefault((claim.host, claim.worker), WorkerState(worker=claim.worker, host=claim.host))
            state.at[shard] = claim
        return [states[key] for key in sorted(states)]


@dataclass(kw_only=True)
class WorkerState:
    """A worker: the shards and photos that it has done, in how many seconds, and the claims on those that it is at."""

    worker: str
    host: str
    n_shards: int = 0
    photos: int = 0
    seconds: float = 0.0
    at: dict[int, Claim] = field(default_factory=dict)

    @property
    def photos_per_s(self) -> float:
        """Photos a second while it worked; 0 before its first shard."""
        return self.photos / self.seconds if self.seconds > 0 else 0.0
