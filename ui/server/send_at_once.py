"""Answers leave the server at once.

A system that is not told otherwise holds the second part of an answer back until the first is acknowledged, which the
other side puts off by 40 ms: each picture, script and saved decision would come that much later. asyncio tells it for
sockets that say they speak TCP. The server's socket leaves that open (protocol 0), so asyncio passes it over.
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
