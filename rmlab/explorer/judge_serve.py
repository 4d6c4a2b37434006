"""Judging as a page: on this machine for one rater, or for a class in the local network, where that is asked for.

One rater's page needs the token, as the explorer's does. A class joins with a code, and each page then has
a session that nobody can guess; the teacher's page needs the token. No request can run code. Every request is limited
in size and time, as are the number of requests a second and the codes that may be tried.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rmlab.explorer.access import new_token
from rmlab.explorer.bundle import page_script
from rmlab.explorer.judge_requests import LARGEST_SAID, judge_application
from rmlab.explorer.listening import Listener
from rmlab.explorer.page import render_document
from rmlab.explorer.requests import BoundedServer, host_headers
from rmlab.labels.desk import Desk

__all__ = ["Bucket", "Buckets", "JudgeServer", "address_of_this_machine", "new_code"]

CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that can be read as another
CODE_LENGTH = 6
OLDEST_OVERVIEW = 2.0  # seconds
MOST_BUCKETS = 2000


def new_code() -> str:
    """Return a code to read out to a class: one of 32^6, or a billion, of which a guesser may try one a second."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def address_of_this_machine() -> str:
    """Return the address of this machine in the local network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documentation: it only picks the interface
        except OSError:
            return "127.0.0.1"
        return probe.getsockname()[0]


class Bucket:
    """Lets `burst` through at once, and `rate` a second after that."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic):
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left, self._at = burst, clock()

    def is_open(self) -> bool:
        """Return whether one more would be let through."""
        now = self._clock()
        self._left = min(self._burst, self._left + self._rate * (now - self._at))
        self._at = now
        return self._left >= 1

    def take(self) -> bool:
        """Return whether one more is let through, and count it."""
        let_through = self.is_open()
        self._left -= let_through
        return let_through


class Buckets:
    """A bucket for each of the latest 2,000 names."""

    def __init__(self, rate: float, burst: float):
        self._rate, self._burst = rate, burst
        self._of: OrderedDict[str, Bucket] = OrderedDict()

    def is_open(self, name: str) -> bool:
        """Return whether one more of this name would be let through."""
        return name not in self._of or self._of[name].is_open()

    def take(self, name: str) -> bool:
        """Return whether one more of this name is let through, and count it."""
        bucket = self._of.pop(name, None) or Bucket(self._rate, self._burst)
        self._of[name] = bucket
        if len(self._of) > MOST_BUCKETS:
            self._of.popitem(last=False)
        return bucket.take()


class JudgeServer(Listener):
    """Serves a desk while it is entered as a context.

    Parameters
    ----------
    desk
        Where judgements are kept.
    title
        The title of the page.
    rater
        The name of the one rater; None for a class.
    host, port
        Where to listen.
    token
        The token of the page of one rater, or of the teacher's; by default a new one.

    Raises
    ------
    OSError
        If the port is in use, or the address is not one of this machine.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        title: str,
        rater: str | None,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
    ):
        super().__init__(host, port)
        self.desk, self.title, self.rater = desk, title, rater
        self.token = token or new_token()
        self.code = None if rater else new_code()
        self.host = address_of_this_machine() if host == "0.0.0.0" else host
        self.of_session = Buckets(rate=10, burst=30)
        self.of_address = Buckets(rate=100, burst=300)  # a class behind one address
        self.tries = Buckets(rate=1, burst=10)  # of codes and tokens, by address
        self._script = page_script("judge.js")
        self._worker = ThreadPoolExecutor(1, "rmlab desk")  # one: judgements are kept in the order in which they came
        self._overviews = ThreadPoolExecutor(1, "rmlab overview")  # a click does not wait for it
        self._overview: tuple[float, asyncio.Future[dict[str, Any]]] | None = None

    @property
    def address(self) -> str:
        """The address of the one rater, or of the teacher, with the token."""
        return f"{self.origin}/{'' if self.rater else 'teacher'}?token={self.token}"

    @property
    def origin(self) -> str:
        """The address at which a class is asked for the code."""
        return f"http://{self.host}:{self.server_port}"

    @property
    def hosts(self) -> set[str]:
        """The names by which a request may call this machine; a name that another site made point here is not one."""
        names = {self.host, self.server_address[0]}
        names |= {"127.0.0.1", "localhost"} if self.server_address[0] in ("127.0.0.1", "0.0.0.0") else set()
        return host_headers(names, self.server_port)

    def __exit__(self, *_: object) -> None:
        """Stop serving; judgements that were received are kept first."""
        super().__exit__()
        self._worker.shutdown(wait=True)
        self._overviews.shutdown(wait=False, cancel_futures=True)

    def make_server(self) -> BoundedServer:
        """Make the server of requests."""
        return BoundedServer.with_limits(judge_application(self), largest_body=LARGEST_SAID)

    def page(self, role: str) -> str:
        """Return the page for a "rater" who is known, for one who must "join", or for the "teacher"."""
        values: dict[str, Any] = {"role": role}
        if role == "teacher":
            values |= {"origin": self.origin, "code": self.code}
        return render_document(self.title, values, self._script, asks=True)

    async def join(self, rater: str, session: str | None) -> dict[str, Any]:
        """Seat a rater, and return what the page shows. The one rater of this machine is seated by name."""
        if self.rater:
            return await self._do(lambda: self.desk.view(self.desk.sit(self.rater or "")))
        return await self._do(lambda: self.desk.view(self.desk.join(rater, session)))

    async def view(self, session: str) -> dict[str, Any]:
        """Return what the page of a session shows."""
        return await self._do(lambda: self.desk.view(session))

    async def judge(self, session: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """Keep the judgement of a page; it is on the disk when this returns."""
        return await self._do(lambda: self.desk.judge(session, said))

    async def overview(self) -> dict[str, Any]:
        """Return what the teacher's page shows, computed at most every two seconds."""
        if self._overview is None or time.monotonic() - self._overview[0] > OLDEST_OVERVIEW:
            made = self._loop.run_in_executor(self._overviews, self.desk.overview)
            self._overview = time.monotonic(), made
        return await asyncio.shield(self._overview[1])

    def _do(self, task: Callable[[], dict[str, Any]]) -> asyncio.Future[dict[str, Any]]:
        return self._loop.run_in_executor(self._worker, task)
