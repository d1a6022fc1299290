"""Nothing that the server answers waits for an acknowledgement."""

import asyncio
import socket
from asyncio import base_events
from concurrent.futures import ThreadPoolExecutor

from ui.server.send_at_once import send_at_once


def test_a_connection_to_a_socket_of_no_named_protocol_sends_at_once(monkeypatch):
    monkeypatch.setattr(base_events, "_set_nodelay", base_events._set_nodelay)  # put back afterwards
    send_at_once()

    async def connect() -> int:
        waiting: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken = writer.get_extra_info("socket")
            waiting.set_result(taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = socket.socket(socket.AF_INET)
        listening.bind(("127.0.0.1", 0))
        async with await asyncio.start_server(answer, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            got = await asyncio.wait_for(waiting, 30)
            writer.close()
            return got

    # In a thread of its own: a browser test before this one leaves a loop behind in the main thread.
    with ThreadPoolExecutor(max_workers=1) as pool:
        assert pool.submit(asyncio.run, connect()).result() == 1
