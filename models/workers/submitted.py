"""Workers that submitit starts: as an array of jobs of a Slurm cluster, or as processes of this computer."""

import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.study.project import Project

CLI = Path(__file__).resolve().parents[2] / "cli.py"
SHARDS = "--shards"
END_PATIENCE_S = 10.0
TIMEOUT_MIN = 24 * 60
"""How long a job may take, unless SBATCH_TIMELIMIT says otherwise. The next job does what one has not done then."""


class SubmittedTeam:
    """``n`` workers, each ``cli.py work runs/ID --shards i/n``. Slurm's options are taken from its variables SBATCH_...

    Args:
        project: The study, on a disk that all computers of the cluster have under this path, as the program.
        run: The run.
        executor: ``local`` or ``slurm``.
        n: How many workers.
    """

    def __init__(self, project: Project, run: RunFolder, *, executor: str, n: int) -> None:
        self._project, self._run = project, run
        self._executor_name, self._n = executor, n
        self._jobs: list[Any] = []

    def start(self, n_left: int) -> None:
        """Submit an array of jobs: one for each worker, but not more than there are shards."""
        submitit = _import_submitit()
        if self._executor_name == "slurm" and shutil.which("sbatch") is None:
            raise AnomalureError(
                "There is no sbatch on this computer, so no Slurm cluster can be asked. Run this on a login node of "
                "the cluster, or use --workers local:2."
            )
        n = min(self._n, n_left)
        try:
            executor = submitit.AutoExecutor(folder=self._logs, cluster=self._executor_name)
            executor.update_parameters(timeout_min=TIMEOUT_MIN, name=f"anomalure-{self._run.run_id}")
            if self._executor_name == "slurm":
                executor.update_parameters(slurm_array_parallelism=n)
            with executor.batch():  # one array of jobs
                self._jobs = [
                    executor.submit(submitit.helpers.CommandFunction(self._command(i, n))) for i in range(1, n + 1)
                ]
        except Exception as error:  # submitit raises what the cluster's commands said as errors of several kinds
            raise AnomalureError(f"The workers could not be submitted: {error}") from error

    @property
    def _logs(self) -> Path:
        return self._project.path / "logs" / f"workers-{self._run.run_id}"

    def _command(self, i: int, n: int) -> list[str]:
        words = [sys.executable, str(CLI), "work", f"runs/{self._run.run_id}", SHARDS, f"{i}/{n}"]
        return [*words, "--project", str(self._project.path), *["--allow-code"] * self._run.allow_code]

    def has_ended(self) -> bool:
        """Whether all jobs have ended."""
        return all(job.done() for job in self._jobs)

    def stop(self) -> None:
        """Cancel the jobs. On this computer it ends the workers, too: submitit only ends what it started itself."""
        workers = [one for one in psutil.Process().children(recursive=True) if self._is_worker(one)]
        for job in self._jobs:
            if not job.done():
                job.cancel()
        for worker in workers:
            with suppress(psutil.Error):
                worker.terminate()
        _, alive = psutil.wait_procs(workers, timeout=END_PATIENCE_S)
        for worker in alive:
            with suppress(psutil.Error):
                worker.kill()

    def _is_worker(self, process: psutil.Process) -> bool:
        """Whether it is one of this run; submitit's own processes do not have these words."""
        with suppress(psutil.Error):
            words = process.cmdline()
            return SHARDS in words and f"runs/{self._run.run_id}" in words
        return False

    def explain(self) -> str:
        """The last line of the first job that failed."""
        for job in self._jobs:
            if job.done() and job.exception() is not None:
                said = (job.stderr() or str(job.exception())).strip().splitlines()
                return f"A worker said: {said[-1]}" if said else ""
        return ""


def _import_submitit() -> Any:
    try:
        import submitit
    except ImportError as error:
        raise AnomalureError(
            "Workers on Slurm and --workers local need the package submitit. Install it: "
            "pip install -r requirements-cluster.txt"
        ) from error
    return submitit
