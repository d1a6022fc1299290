"""Workers on Ray: actors that each keep the models and do one shard after another, on this computer or on a cluster.

Ray's data set has a row for each shard that is left, with the names of its photos. Photos are read, and shards are
written, by the actors as by any worker, so no picture travels through Ray, a photo that cannot be read is a row of the
shard's failures, and a shard that is done twice after a retry is there once.
"""

import logging
import os
import platform
import sys
import threading
from pathlib import Path
from typing import Any

from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.runs.pipeline import ShardParts
from core.runs.worker import Share
from core.study.project import Project
from core.work.meter import Cancelled
from models.workers.opening import open_again, open_shard_parts
from models.workers.worker import do_share_of

ROOT = Path(__file__).resolve().parents[2]
OBJECT_STORE_BYTES = 200 * 1024**2
"""For names and numbers of shards; no pictures go through it. Ray alone would take 30% of the memory."""
TOKEN = Path.home() / ".ray/auth_token"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
ONLY_HERE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Whatever its name says: with it, Ray on one computer listens on localhost on every system, else to everybody."""


class ShardActor:
    """One worker: it opens the models of the run when it is made, and does each shard that it is given."""

    def __init__(self, project: str, run_id: str, allow_code: bool) -> None:
        import models  # noqa: F401  # before OpenVINO: it switches its reports off

        self._project, self._run_id, self._allow_code = Project(project), run_id, allow_code
        self._parts: ShardParts | None = None

    def _open(self) -> ShardParts:
        if self._parts is None:
            run = self._project.run(self._run_id)
            run.allow_code = self._allow_code
            opened = open_again(self._project, run, look_for_photos=False)
            self._parts = open_shard_parts(self._project, run, *opened)
        return self._parts

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Rows in: ``shard``. Rows out: ``shard``, ``done`` and ``message``; a failure is a row, too."""
        shards, done, messages = [int(shard) for shard in batch["shard"]], [], []
        for shard in shards:
            message, is_done = "", False
            try:
                worker = f"ray on {platform.node()}, process {os.getpid()}"
                result = do_share_of(
                    self._project, self._run_id, Share(), shards=[shard], worker=worker, open_parts=self._open
                )
                is_done = not result["shards_failed"]
            except (AnomalureError, Cancelled) as error:  # the shard's failure is noted in the run already
                message = str(error) or type(error).__name__
            done.append(is_done)
            messages.append(message)
        return {"shard": shards, "done": done, "message": messages}


def do_on_actors(shards: list[int], size: tuple[int, ...], where: dict[str, Any]) -> str:
    """Have actors do these shards; the first reason why one was not done, empty if all were.

    Args:
        shards: Their numbers.
        size: How many actors, or the least and the most that the cluster may start.
        where: The arguments of ``ShardActor``.
    """
    import ray

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = 0
    pool: dict[str, Any] = {"size": size[0]} if len(size) == 1 else {"min_size": size[0], "max_size": size[1]}
    rows = ray.data.from_items([{"shard": shard} for shard in shards], override_num_blocks=len(shards)).map_batches(
        ShardActor,
        fn_constructor_kwargs=where,
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(**pool, max_tasks_in_flight_per_actor=1),
        num_cpus=1,
    )
    messages = [row["message"] for row in rows.iter_rows()]
    return next((message for message in messages if message), "")


class RayTeam:
    """Actors of Ray that do a run.

    Args:
        project: The study, on a disk that all computers of the cluster have under this path, as the program.
        run: The run.
        address: ``ray://HOST:PORT`` of a cluster; empty: Ray is started on this computer, and ended afterwards.
        n: How many actors; 0: two here, on a cluster as many as it has room for.
    """

    def __init__(self, project: Project, run: RunFolder, *, address: str = "", n: int = 0) -> None:
        self._project, self._run = project, run
        self._address, self._n = address, n
        self._thread: threading.Thread | None = None
        self._said = ""

    def start(self, n_left: int) -> None:
        """Start the actors, and give them the shards that are left."""
        ray = _import_ray(is_here=not self._address)
        try:
            _connect(ray, self._address, n=self._n or 2)
        except Exception as error:  # Ray raises errors of many kinds, and none is a fault of this program
            raise AnomalureError(f"Ray could not be reached or started: {str(error).splitlines()[0]}") from error
        self._said = ""
        self._thread = threading.Thread(target=self._work, args=(ray, n_left), name="ray", daemon=True)
        self._thread.start()

    def _work(self, ray: Any, n_left: int) -> None:
        where = {"project": str(self._project.path), "run_id": self._run.run_id, "allow_code": self._run.allow_code}
        shards = self._run.list_left()
        size = (min(self._n or 2, n_left),) if self._n or not self._address else (1, n_left)
        try:
            if self._address:
                # Ray Data 2.60 does not work through Ray's client itself, so a task of the cluster leads it.
                self._said = ray.get(ray.remote(num_cpus=0)(do_on_actors).remote(shards, size, where))
            else:
                self._said = do_on_actors(shards, size, where)
        except Exception as error:
            self._said = self._said or str(error).strip().splitlines()[-1]

    def has_ended(self) -> bool:
        """Whether every shard was given to an actor and has come back."""
        if self._thread is not None and self._thread.is_alive():
            return False
        _import_ray().shutdown()  # one that was started here ends; from a cluster it only parts
        return True

    def stop(self) -> None:
        """End the actors."""
        _import_ray().shutdown()

    def explain(self) -> str:
        """What the first shard that was not done said."""
        return f"A worker said: {self._said}" if self._said else ""


def _connect(ray: Any, address: str, *, n: int) -> None:
    # The actors import this program, which is no package that is installed.
    environment = {"env_vars": {**QUIET, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}}
    how: dict[str, Any] = {"runtime_env": environment, "logging_level": logging.WARNING, "log_to_driver": False}
    if address:
        ray.init(address=address, **how)
    else:
        ray.init(num_cpus=n, include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, **how)
    for name in ("ray.data", "ray"):  # it tells each step of its own
        logging.getLogger(name).setLevel(logging.WARNING)


def has_token() -> bool:
    """Whether this user has a token for a Ray cluster, where Ray looks for one."""
    return bool(os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")) or TOKEN.is_file()


def _import_ray(*, is_here: bool = False) -> Any:
    os.environ.update({**QUIET, **(ONLY_HERE if is_here else {})})  # it reads them while it is imported
    if not is_here and has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # its client sends the token only if told to
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise AnomalureError(
            f"--workers ray needs the package ray. Install it: {Path(sys.executable).name} -m pip install -r "
            "requirements-ray.txt"
        ) from error
    return ray
