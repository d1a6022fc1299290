"""The workers of a run that several processes do: what each has done and is at, and which shards failed and why."""

import time
from pathlib import Path

import pandas as pd
import streamlit as st

from core.runs.folder import RunFolder, Status
from core.runs.written_shards import WorkerState
from core.work.folder import WorkFolder
from core.work.progress import is_alive
from ui.shared.words import count, escape_markdown, say_duration

MOST_FAILURES_SHOWN = 5


def show_workers(work: WorkFolder) -> None:
    """One line about the shards, a table of the workers, and the sentences of shards that failed."""
    run = work if isinstance(work, RunFolder) else RunFolder(Path(work.path))  # it keeps what it has read of shards
    if not run.is_made or not run.written.exists:
        return
    is_done = run.status is Status.DONE
    workers = run.written.list_workers()
    st.markdown(say_shards(run, workers, is_done=is_done))
    if not is_done:
        _show_failures(run)
    if workers:
        with st.expander(f"{count(len(workers), 'worker')}", expanded=not is_done):
            st.dataframe(make_table(workers), hide_index=True, width="stretch")
    elif not is_done:
        st.caption("Start as many as you like, on every computer that sees the project and the photos:")
        st.code(
            f"python cli.py work runs/{run.run_id} --shards 1/4 --project {run.path.parent.parent}", language="bash"
        )


def say_shards(run: RunFolder, workers: list[WorkerState], *, is_done: bool) -> str:
    """For example ``12 of 40 shards are done · 3 are being worked on · 1 failed``."""
    n = run.n_shards
    if is_done:
        return f"All {count(n, 'shard')} done by {count(len(workers), 'worker')}"
    done = {*run.done_shards(), *run.written.list_there()}
    at = [claim for state in workers for claim in state.at.values()]
    n_alive = sum(map(is_alive, at))
    failures = run.written.list_failures()
    parts = [f"{len(done):,} of {count(n, 'shard')} {'is' if len(done) == 1 else 'are'} done"]
    if n_alive:
        parts.append(f"{n_alive:,} {'is' if n_alive == 1 else 'are'} being worked on")
    if len(at) > n_alive:
        parts.append(f"{len(at) - n_alive:,} left by workers that have gone silent")
    if failures:
        parts.append(f"{len(failures):,} failed")
    return " · ".join(parts)


def _show_failures(run: RunFolder) -> None:
    failures = run.written.list_failures()
    for failure in failures[:MOST_FAILURES_SHOWN]:
        st.warning(
            escape_markdown(f"Shard {failure.shard}, worker {failure.worker} on {failure.host}: {failure.message}"),
            icon=":material/error:",
        )
    if len(failures) > MOST_FAILURES_SHOWN:
        st.caption(f"And {count(len(failures) - MOST_FAILURES_SHOWN, 'more shard')} that failed.")
    if failures:
        st.caption("Workers that are started now try them again.")


def make_table(workers: list[WorkerState]) -> pd.DataFrame:
    """A row a worker: what it has done, and what it is at."""
    return pd.DataFrame(
        {
            "Worker": [state.worker for state in workers],
            "Computer": [state.host for state in workers],
            "Shards done": [state.n_shards for state in workers],
            "Photos": [state.photos for state in workers],
            "Photos a second": [round(state.photos_per_s, 1) for state in workers],
            "Now": [_say_now(state) for state in workers],
        }
    )


def _say_now(state: WorkerState) -> str:
    said = []
    for shard, claim in state.at.items():
        since = say_duration(max(time.time() - claim.since, 0.0))
        said.append(f"shard {shard}, for {since}" if is_alive(claim) else f"shard {shard}: gone silent")
    return "; ".join(said)
