"""Sends answers at once: switches Nagle's algorithm off, which asyncio leaves on for the server's socket.

By default the system delays the second part of an answer until the first is acknowledged, and the other side delays
that by 40 ms: each picture, script and saved decision would come that much later. asyncio switches this off only for
sockets whose protocol is TCP. The server's socket has protocol 0, so asyncio skips it.
"""

import socket
from asyncio import base_events
from contextlib import suppress


def send_at_once() -> None:
    """Switch Nagle's algorithm off for every connection that asyncio takes from now on."""
    if hasattr(base_events, "_set_nodelay"):
        base_events._set_nodelay = _set_nodelay


def _set_nodelay(connection: socket.socket) -> None:
    is_tcp = connection.family in (socket.AF_INET, socket.AF_INET6) and connection.type == socket.SOCK_STREAM
    if is_tcp:
        with suppress(OSError):  # it is gone already
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
