"""Which events of the photos that wait are finished."""

from collections.abc import Iterable
from itertools import groupby

from core.photos.events import group_events
from core.watch.arriving import Arrived


def find_finished(
    waiting: Iterable[Arrived], *, now: float, gap_s: float, patience_s: float, most_photos: int
) -> list[Arrived]:
    """The photos of the events to which nothing was added for the gap and the patience, whole events together.

    The time of arrival counts, by the watcher's own clock: a camera's clock may be wrong, and photos may come in any
    order. Photos without a time are events of their own.

    Args:
        waiting: The photos that are there as a whole and not done.
        now: The watcher's clock, in seconds.
        gap_s: Largest time between two photos of an event, by the camera's clock.
        patience_s: How much longer than the gap to wait for a photo that comes late.
        most_photos: No further event is begun once there are so many photos; the others come next.

    Returns:
        The photos of the finished events, those whose last photo arrived first at the front.
    """
    photos = list(waiting)
    names = group_events(
        [one.deployment for one in photos],
        [one.photo.captured_at if one.photo else None for one in photos],
        gap_s=gap_s,
    )
    by_event = sorted(zip(names, photos, strict=True), key=lambda item: item[0])
    events = [[one for _, one in event] for _, event in groupby(by_event, key=lambda item: item[0])]
    finished = [event for event in events if now - max(one.since for one in event) >= gap_s + patience_s]
    finished.sort(key=lambda event: (max(one.since for one in event), event[0].file_name))
    taken: list[Arrived] = []
    for event in finished:
        if len(taken) >= most_photos:
            break
        taken += event
    return taken
