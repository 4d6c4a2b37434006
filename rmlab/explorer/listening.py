"""`Listener`: a socket, and a thread whose event loop answers requests while the context is open."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Self

from rmlab.explorer.requests import BoundedServer

__all__ = ["Listener"]

GOODBYE = 0.5  # seconds that open connections are given to end


class Listener:
    """Listens from the start, and answers while its context is open. A subclass makes the server of requests.

    Parameters
    ----------
    host, port
        Where to listen; port 0 for any that is free.

    Raises
    ------
    OSError
        If the port is in use, or the address is not one of this machine.
    """

    def __init__(self, host: str, port: int):
        self._socket = socket.create_server((host, port))  # reuses the address: the last run may just have ended
        self._socket.setblocking(False)
        self.server_address: tuple[str, int] = self._socket.getsockname()
        self.server_port = self.server_address[1]
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="rmlab server", daemon=True)

    def make_server(self) -> BoundedServer:
        """Make the server of requests; called in the thread of the loop."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """Serve from now on."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def wait(self) -> None:
        """Wait until the server ends, which it does only when its context closes or when it is interrupted."""
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = self.make_server()
        server.add_socket(self._socket)
        await self._ended.wait()
        server.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await server.close_all_connections()
