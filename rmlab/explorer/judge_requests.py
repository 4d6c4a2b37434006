"""The requests of a judging page: join, see the next pair, and judge; and the overview for the teacher."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from tornado.web import Application, stream_request_body

from rmlab.explorer.requests import GuardedHandler
from rmlab.labels.desk import NotHereError
from rmlab.labels.store import PlaceTakenError, StoreError

__all__ = ["LARGEST_SAID", "REFUSED", "Judging", "judge_application", "refusal"]

LARGEST_SAID = 4096  # bytes of a body
REFUSED = (ValueError, RecursionError)
"""What a desk raises to refuse a request; its own errors are kinds of ValueError."""


def refusal(error: ValueError | RecursionError) -> tuple[int, str]:
    """Return the status and the words that tell a page what a desk raised."""
    if isinstance(error, NotHereError):
        return 410, str(error)
    if isinstance(error, PlaceTakenError):
        return 409, "this was judged in another tab or window"
    return 503 if isinstance(error, StoreError) else 422, str(error)


class Judging(Protocol):
    """What answers the requests; see `rmlab.explorer.judge_serve.JudgeServer`."""

    rater: str | None
    token: str
    code: str | None
    of_session: Any
    of_address: Any
    tries: Any

    @property
    def hosts(self) -> set[str]: ...  # noqa: D102

    def page(self, role: str) -> str: ...  # noqa: D102

    async def join(self, rater: str, session: str | None) -> dict[str, Any]: ...  # noqa: D102

    async def view(self, session: str) -> dict[str, Any]: ...  # noqa: D102

    async def judge(self, session: str, said: Mapping[str, Any]) -> dict[str, Any]: ...  # noqa: D102

    async def overview(self) -> dict[str, Any]: ...  # noqa: D102


def judge_application(server: Judging) -> Application:
    """Return the application with the handlers of a server's requests."""
    given = {"server": server}
    return Application(
        [
            ("/", _Page, given),
            ("/teacher", _Teacher, given),
            ("/overview", _Overview, given),
            ("/join", _Join, given),
            ("/view", _View, given),
            ("/judge", _Judge, given),
        ],
        default_handler_class=_Handler,
        default_handler_args=given,
        log_function=lambda _handler: None,  # its address may hold the token
    )


@stream_request_body
class _Handler(GuardedHandler):
    """Refuses too many requests and wrong tokens; other addresses get the status 404."""

    needs_token = False
    """Whether a class needs the token here; the page of one rater needs it everywhere."""

    def initialize(self, server: Judging) -> None:
        self.judging = server
        self.body = bytearray()

    def prepare(self) -> None:
        if self.request.headers.get("Host") not in self.judging.hosts:
            self.refuse(403, "open the address that `rmlab judge` printed")
        if not self.judging.of_address.take(self.address):
            self.refuse(429, "too many requests at once; wait a second")
        if self.needs_token or self.judging.rater:
            self.check("token", self.get_query_argument("token", ""), self.judging.token)
        if type(self) is _Handler:
            self.refuse(404, "there is nothing here")

    @property
    def address(self) -> str:
        return str(self.request.remote_ip)

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    def check(self, what: str, given: str, right: str) -> None:
        """Refuse a wrong token or code; after ten wrong ones refuse any until a second has passed."""
        if not self.judging.tries.is_open(self.address):  # the right one too, or guessing could go on meanwhile
            self.refuse(429, f"too many wrong {what}s; wait a second")
        if hmac.compare_digest(given.encode(), right.encode()):
            return
        self.judging.tries.take(self.address)
        where = "open the address that `rmlab judge` printed" if what == "token" else "ask for the code again"
        self.refuse(403, f"the {what} is not right; {where}")

    def said(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object."""
        found = json.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError(f"a JSON object was expected, got {type(found).__name__}")
        return found

    def session(self, given: object) -> str:
        """Return the session that a page names; refuse it if the page asks too often."""
        if not isinstance(given, str) or len(given) > 64:
            raise ValueError("a page must name its session")
        if not self.judging.of_session.take(given):
            self.refuse(429, "too many requests at once; wait a second")
        return given

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Turn what a desk raises into an answer."""
        try:
            yield
        except REFUSED as error:
            self.refuse(*refusal(error))


class _Page(_Handler):
    def get(self) -> None:
        self.answer(self.judging.page("rater" if self.judging.rater else "join"), "text/html")


class _Teacher(_Handler):
    needs_token = True

    def get(self) -> None:
        self.answer(self.judging.page("teacher"), "text/html")


class _Overview(_Handler):
    needs_token = True

    async def get(self) -> None:
        with self.refusals():
            self.answer(json.dumps(await self.judging.overview(), allow_nan=False))


class _Join(_Handler):
    async def post(self) -> None:
        with self.refusals():
            said = self.said()
            if self.judging.code is not None:
                self.check("code", str(said.get("code", "")).strip().upper(), self.judging.code)
            name, session = said.get("rater", ""), said.get("session")
            if not isinstance(name, str) or not isinstance(session, str | None):
                raise ValueError("a name and a session are text")
            self.answer(json.dumps(await self.judging.join(name, session), allow_nan=False))


class _View(_Handler):
    async def get(self) -> None:
        with self.refusals():
            session = self.session(self.get_query_argument("session", ""))
            self.answer(json.dumps(await self.judging.view(session), allow_nan=False))


class _Judge(_Handler):
    async def post(self) -> None:
        with self.refusals():
            said = self.said()
            session = self.session(said.get("session"))
            self.answer(json.dumps(await self.judging.judge(session, said), allow_nan=False))
