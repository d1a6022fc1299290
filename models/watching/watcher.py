"""The watcher: looks at the folder, does finished events, tells of them, and goes on after whatever gets in its way."""

import errno
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.errors import AnomalureError, FolderGone, NotNow
from core.photos.deployments import DeploymentNamer
from core.photos.reading import Listing
from core.runs.folder import RunFolder
from core.store.people import read_people_classes
from core.study.project import Project
from core.watch.arriving import Arrivals, Seen, list_watched
from core.watch.channel import Channel, Outbox
from core.watch.digest import make_digest
from core.watch.finished import find_finished
from core.watch.ledger import Batch, Ledger
from core.watch.state import WatchState, write_state
from core.work.meter import Cancelled, Meter
from core.work.progress import Phase, Progress
from models.watching.growing import Parts, choose_run, do_batch, withdraw_gone
from models.watching.request import WatchRequest

MOST_BATCH_PHOTOS = 1_000
"""So many photos are done together, so that the first digests of a large copy come early."""
SAY_EVERY_S = 30.0
"""Another computer takes a process that is silent for two minutes for gone."""
SLEEP_S = 0.2
FIRST_PAUSE_S, LONGEST_PAUSE_S = 10.0, 300.0
WATCH_ID, RUN = "watch_id", "run"

log = logging.getLogger(__name__)


class Watcher:
    """One process that watches. It has the lock of the watch's folder.

    Args:
        project: The study.
        path: The folder of the watch.
        request: What to watch, and how.
        ledger: What was done and told before.
        parts: What looks through the photos.
        channels: Whom to tell.
        meter: Gets the progress, and stops it.
        once: Do what is there and end, instead of waiting for more.
    """

    def __init__(
        self,
        project: Project,
        path: Path,
        request: WatchRequest,
        ledger: Ledger,
        parts: Parts,
        channels: Sequence[Channel],
        meter: Meter,
        *,
        once: bool,
    ) -> None:
        self._project = project
        self._path = path
        self._request = request
        self._ledger = ledger
        self._parts = parts
        self._meter = meter
        self._once = once
        self._outbox = Outbox(ledger, channels)
        self._namer = DeploymentNamer(
            request.folder, pattern=request.settings.deployment_pattern, table=request.deployments_csv
        )
        self._arrivals = Arrivals(
            request.folder,
            ledger,
            namer=self._namer,
            settle_s=request.settle_s,
            give_up_s=request.give_up_s,
            max_megapixels=request.settings.max_megapixels,
        )
        self._seen = Seen(Listing(request.folder, ()))
        self._problem = ""
        self._tries = 0
        self._last_look: tuple[Any, ...] = ()
        self._changed_at = self._looked_at = time.monotonic()
        self._said: tuple[Any, ...] = ()
        self._said_at = float("-inf")
        if not ledger.read_fact(WATCH_ID):
            ledger.keep_fact(WATCH_ID, uuid4().hex)

    def watch(self) -> WatchState:
        """Watch until somebody stops it; with ``once``, until what is there is done.

        Raises:
            Cancelled: If somebody asked it to stop.
            AnomalureError: If the detector or encoder is broken; with ``once`` also if the folder or the disk is away.
        """
        while True:
            self._meter.check()
            has_more = self._take_turn()
            self._say()
            if self._once and not has_more and not self._arrivals.waiting and self._is_settled():
                return self._describe()
            if not has_more:
                self._sleep(self._request.every_s)

    def _is_settled(self) -> bool:
        """Whether all that is there has arrived, or what is left is being written by somebody just now."""
        # From one listing to the next: a slow mail server between them says nothing of the files.
        return not self._seen.growing or self._looked_at - self._changed_at > self._request.settle_s * 2

    def _take_turn(self) -> bool:
        """Look, do and tell once; whether there is more to do at once. What is in the way is said and waited for."""
        try:
            has_more = self._look_and_do()
            self._problem, self._tries = "", 0
        except (FolderGone, NotNow, OSError) as error:
            self._wait_for(error)
            has_more = False
        except AnomalureError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            self._wait_for(error)
            has_more = False
        try:
            self._outbox.deliver()
        except OSError as error:  # the ledger's disk is full; what was told is told again, with the same ids
            self._wait_for(error)
        return has_more

    def _look_and_do(self) -> bool:
        unfinished = self._ledger.find_unfinished()
        if unfinished is not None:
            self._seen.listing = list_watched(self._request.folder)
            self._do(unfinished)
        self._seen = self._arrivals.look()
        look = (len(self._arrivals.waiting), tuple(self._seen.growing))
        self._looked_at = time.monotonic()
        if look != self._last_look:
            self._last_look, self._changed_at = look, self._looked_at
        if self._once and not self._is_settled():
            return False  # events stay together: first everything is there
        settings = self._request.settings
        finished = find_finished(
            self._arrivals.waiting.values(),
            now=float("inf") if self._once else time.monotonic(),
            gap_s=settings.event_gap_s,
            patience_s=self._request.patience_s,
            most_photos=MOST_BATCH_PHOTOS,
        )
        if not finished:
            return False
        names = [one.file_name for one in finished]
        run = choose_run(self._project, self._request, self._parts, self._ledger.read_fact(RUN), names)
        self._ledger.keep_fact(RUN, run)
        photos = [(one.file_name, one.state, one.photo.photo_id if one.photo else "") for one in finished]
        batch = self._ledger.begin_batch(run, photos)
        self._arrivals.take_out(names)
        self._do(batch)
        return True

    def _do(self, batch: Batch) -> None:
        """Do a batch that the ledger has, tell the outbox what came, and note that it is done."""
        self._meter.tell(
            replace(self._meter.last, phase=Phase.PHOTOS, message=f"looking through {len(batch.file_names):,} photos")
        )

        def follow(progress: Progress) -> None:
            self._meter.check()

        try:
            run = do_batch(self._project, self._request, self._parts, batch, self._seen.listing, on_progress=follow)
        except FolderGone:
            list_watched(self._request.folder)  # says so if it is the folder that is gone, and not only its photos
            gone = withdraw_gone(self._project, self._request, batch)
            batch = self._ledger.withdraw(batch, gone)
            if batch.file_names:
                raise
            return
        self._ledger.finish_batch(batch, self._digest(run, batch), self._outbox.channels)

    def _digest(self, run: RunFolder, batch: Batch) -> list[dict[str, Any]]:
        run = self._project.run(run.run_id)
        photos = run.read_table("photos", ["photo_id", "file_name"])
        photo_ids = set(photos.loc[photos["file_name"].isin(set(batch.file_names)), "photo_id"])
        crops = run.read_table("crops", ["crop_id", "photo_id"])
        crop_ids = tuple(crops.loc[crops["photo_id"].isin(photo_ids), "crop_id"])
        queue = self._project.review_queue(run, flagged_only=False, crop_ids=crop_ids, limit=len(crop_ids))
        return make_digest(
            run,
            batch,
            queue.rows,
            watch=self._request.name,
            watch_id=self._ledger.read_fact(WATCH_ID),
            people_classes=read_people_classes(self._project.store),
            dashboard=self._request.dashboard,
            was_told=self._ledger.was_told,
            name_camera=self._namer.name,
        )

    def _wait_for(self, error: Exception) -> None:
        problem = str(error)
        if isinstance(error, OSError):
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            problem = "The disk of the project is full. Make room there." if is_full else f"{error.strerror or error}."
        if self._once:
            raise error if isinstance(error, AnomalureError) else AnomalureError(problem) from error
        if problem != self._problem:
            log.warning("%s The watch waits.", problem.rstrip())
        self._problem = problem
        self._say()
        if not isinstance(error, FolderGone):  # a look at a folder that is gone costs nothing
            self._sleep(min(FIRST_PAUSE_S * 2**self._tries, LONGEST_PAUSE_S))
            self._tries = min(self._tries + 1, 10)

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._meter.check()
            time.sleep(min(left, SLEEP_S))
            if time.monotonic() - self._said_at > SAY_EVERY_S:
                self._say()

    def _describe(self) -> WatchState:
        n_lost, lost = self._ledger.list_losses()
        return WatchState(
            folder=str(self._request.folder),
            run=self._ledger.read_fact(RUN),
            **self._ledger.count_all(),
            lost=n_lost,
            lost_names=lost,
            arriving=len(self._seen.growing),
            arriving_names=self._seen.growing[:10],
            waiting=len(self._arrivals.waiting),
            passed_over=dict(self._seen.listing.passed_over),
            unsent=self._ledger.count_unsent(),
            problem=self._problem,
            channel_problems=self._outbox.problems,
            last=[{k: v for k, v in row.items() if k != "shows_people"} for row in self._ledger.list_last(10)],
        )

    def _say(self) -> None:
        """Write how it stands, if that has changed, and now and then in any case."""
        state = self._describe()
        said = (state.describe(), state.unsent, state.channel_problems, state.lost, state.last[:1])
        if said == self._said and time.monotonic() - self._said_at < SAY_EVERY_S:
            return
        self._said, self._said_at = said, time.monotonic()
        with suppress(OSError):  # on a full disk nothing can be said, and the watch goes on when there is room
            write_state(self._path, state)
            total = state.photos + state.arriving + state.waiting
            self._meter.tell(
                replace(self._meter.last, phase=Phase.PHOTOS, done=state.photos, total=total, message=state.describe())
            )


def watch_folder(
    project: Project,
    path: Path,
    request: WatchRequest,
    meter: Meter,
    *,
    open_parts: Callable[[], Parts],
    channels: Sequence[Channel],
    once: bool,
) -> WatchState:
    """Watch, from where an earlier process stopped.

    Raises:
        Cancelled: If somebody asked it to stop, also from the keyboard.
        AnomalureError: As ``Watcher.watch``.
    """
    with Ledger(path) as ledger:
        try:
            parts = open_parts()
            meter.check()
            watcher = Watcher(project, path, request, ledger, parts, channels, meter, once=once)
            return watcher.watch()
        except KeyboardInterrupt as error:
            raise Cancelled from error
