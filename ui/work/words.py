"""How a run stands, in words. Plain text."""

from core.runs.folder import Phase, Progress, Status
from ui.shared.words import count, say_duration

PHASE_WORDS = {
    Phase.WAITING: "Getting ready",
    Phase.STARTING: "Getting ready",
    Phase.PHOTOS: "Looking at the photos",
    Phase.EVENTS: "Grouping photos into events",
    Phase.SCORES: "Judging the crops",
    Phase.PROJECTIONS: "Laying out the crops",
    Phase.CROPS: "Cutting out the crops",
    Phase.TRAINING: "Training the encoder",
    Phase.MODELS: "Learning what is normal",
    Phase.DONE: "Done",
    Phase.FAILED: "Stopped by an error",
    Phase.CANCELLED: "Cancelled",
}
FINISHING = "**Finishing** · what is done is on the disk"
STATUS_WORDS = {
    Status.RUNNING: "running",
    Status.DONE: "done",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "interrupted",
    Status.BROKEN: "cannot be read",
}


def say_progress(progress: Progress) -> str:
    """Photos done, speed, time left and failures in one line."""
    parts = [f"{progress.done:,} of {count(progress.total, 'photo')}"]
    if progress.photos_per_s > 0:
        parts.append(f"{progress.photos_per_s:.1f} photos/s")
    if progress.phase is Phase.PHOTOS and progress.seconds_left is not None:
        parts.append(f"{say_duration(progress.seconds_left)} left")
    parts.append(count(progress.failures, "failure") if progress.failures else "no failures")
    return " · ".join(parts)
