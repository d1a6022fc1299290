"""Many requests for large photos neither fill the memory nor take the threads that save decisions."""

import threading
from pathlib import Path

import anyio

from ui.server import previews


def test_a_few_photos_are_rendered_at_once_however_many_are_asked_for(monkeypatch):
    now = most = done = 0
    lock = threading.Lock()
    full = threading.Barrier(previews.AT_ONCE)

    def render(path, photo_id, *, width_px):
        nonlocal now, most, done
        with lock:
            now += 1
            most = max(most, now)
        full.wait(timeout=30)  # as many as may be are here together
        with lock:
            now -= 1
            done += 1
        return b""

    async def ask_for_many():
        async with anyio.create_task_group() as group:
            for _ in range(5 * previews.AT_ONCE):
                group.start_soon(lambda: previews.render_in_turn(Path("a.jpg"), "0" * 32, width_px=640))

    monkeypatch.setattr(previews, "render_preview", render)
    anyio.run(ask_for_many)

    assert (most, done) == (previews.AT_ONCE, 5 * previews.AT_ONCE)
