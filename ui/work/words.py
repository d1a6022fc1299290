"""The status and the progress of long work in words."""

from core.work.folder import Status
from core.work.progress import SHARE, Phase, Progress
from ui.shared.words import count, escape_markdown, say_duration

PHASE_WORDS = {
    Phase.WAITING: "Getting ready",
    Phase.PREPARED: "Workers are looking at the photos",
    Phase.STARTING: "Getting ready",
    Phase.PHOTOS: "Looking at the photos",
    Phase.EVENTS: "Grouping photos into events",
    Phase.SCORES: "Scoring the crops",
    Phase.PROJECTIONS: "Laying out the crops",
    Phase.CROPS: "Cutting out the crops",
    Phase.TRAINING: "Training",
    Phase.MODELS: "Learning what is normal",
    Phase.DOWNLOAD: "Downloading",
    Phase.DONE: "Done",
    Phase.FAILED: "Stopped by an error",
    Phase.CANCELLED: "Cancelled",
}
FINISHING = "**Finishing** · the results are on the disk"
STATUS_WORDS = {
    Status.PREPARED: "prepared for workers",
    Status.RUNNING: "running",
    Status.DONE: "done",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "interrupted",
    Status.BROKEN: "cannot be read",
}
STATUS_ICONS = {
    Status.PREPARED: ":material/groups:",
    Status.RUNNING: ":material/progress_activity:",
    Status.DONE: ":material/task_alt:",
    Status.CANCELLED: ":material/stop_circle:",
    Status.FAILED: ":material/error:",
    Status.INTERRUPTED: ":material/pause_circle:",
    Status.BROKEN: ":material/broken_image:",
}
_NOT_COUNTED, _WITHOUT_RATE = ("crop",), ("epoch", SHARE, "step")


def say_progress(progress: Progress) -> str:
    """Phase, message, units done, speed, time left and failures in one line of Markdown."""
    unit, total = progress.unit, progress.total
    parts = [f"**{PHASE_WORDS[progress.phase]}**"]
    if progress.message:
        parts.append(escape_markdown(progress.message.rstrip(".")))
    if total and unit not in _NOT_COUNTED:  # the number of crops of all epochs together says nothing to a user
        parts.append(f"{progress.done / total:.0%}" if unit == SHARE else f"{progress.done:,} of {count(total, unit)}")
    if progress.photos_per_s > 0 and unit not in _WITHOUT_RATE:
        parts.append(f"{progress.photos_per_s:,.1f} {unit}s/s")
    if progress.seconds_left is not None and progress.done < total:
        parts.append(f"{say_duration(progress.seconds_left)} left")
    if progress.failures:
        parts.append(count(progress.failures, "failure"))
    return " · ".join(parts)
