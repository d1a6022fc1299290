"""The earlier runs of the project: how each ended, its account and what can be done next."""

from core.runs.folder import Progress, RunFolder, Status
from core.study.project import Project
from ui.run.watch import PANEL, count_kept
from ui.shared.words import count, escape_markdown, say_time
from ui.work.past import show_past
from ui.work.words import STATUS_WORDS


def describe_run(run: RunFolder, status: Status) -> str:
    """One line: name, status, photos, failures, when."""
    if status is Status.BROKEN:
        return f"**{escape_markdown(run.run_id)}** · {STATUS_WORDS[status]}"
    progress = run.read_progress() or Progress(total=len(run.file_names))
    photos = count(progress.total, "photo")
    if status is not Status.DONE:
        done = progress.done if status is Status.RUNNING else count_kept(run)
        photos = f"{done:,} of {photos}"
    parts = [f"**{escape_markdown(run.info.name)}**", STATUS_WORDS[status], photos]
    if progress.failures:
        parts.append(count(progress.failures, "failure"))
    parts.append(say_time(run.info.created_at.astimezone()))
    return " · ".join(parts)


def show_past_runs(project: Project, *, leave_out: str = "") -> None:
    """One line per run, newest first."""
    runs = [run for run in project.runs() if run.run_id != leave_out]
    show_past(project, runs, PANEL, key="", describe=describe_run, caption=_name_parts)


def _name_parts(run: RunFolder) -> str:
    return f"{run.info.folder} · {run.info.bundle or 'first look'} · {run.info.detector}"
