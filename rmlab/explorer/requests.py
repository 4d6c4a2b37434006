"""The requests of a served page that `rmlab.explorer.serve` answers, with their limits."""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application, Finish, HTTPError, RequestHandler, stream_request_body
from traitlets import TraitError

__all__ = [
    "LARGEST_BODY",
    "LARGEST_HEADER",
    "LONGEST_IDLE",
    "MOST_CONNECTIONS",
    "AnotherPage",
    "BoundedServer",
    "GuardedHandler",
    "NoPage",
    "Served",
    "application",
]

LARGEST_BODY = 20_000_000  # bytes
LARGEST_HEADER = 16_384  # bytes of a request's line and headers together
LONGEST_IDLE = 30.0  # seconds until the headers of a request must have come, counted from the last answer
LONGEST_BODY = 30.0  # seconds that a body may take
MOST_CONNECTIONS = 400  # a process may often open 1,024 files


class AnotherPage(Exception):
    """Another page, opened later, has taken over the explorer."""


class NoPage(Exception):
    """No page has connected to the explorer since it was started."""


class Served(Protocol):
    """What answers the requests; see `rmlab.explorer.serve.ExplorerServer`."""

    token: str
    server_port: int
    edition: str

    @property
    def shows(self) -> bool: ...  # noqa: D102

    async def page(self) -> str: ...  # noqa: D102

    async def open(self, values: Any, client: str, *, claim: bool) -> dict[str, Any]: ...  # noqa: D102

    async def change(self, values: Any, client: str) -> int: ...  # noqa: D102

    async def changes(self, since: int, client: str) -> dict[str, Any]: ...  # noqa: D102


class BoundedServer(HTTPServer):
    """A server with a limit on every connection, and on their number."""

    _open = 0

    @classmethod
    def with_limits(cls, served: Application, *, largest_body: int | None = None) -> BoundedServer:
        """Make a server with the limits of this module, or with a smaller one for a body."""
        largest_body = largest_body or LARGEST_BODY
        return cls(
            served,
            max_header_size=LARGEST_HEADER,
            max_body_size=largest_body,
            max_buffer_size=max(largest_body, 2 * LARGEST_HEADER),
            idle_connection_timeout=LONGEST_IDLE,
            body_timeout=LONGEST_BODY,
        )

    def handle_stream(self, stream: IOStream, address: tuple) -> None:
        """Take a connection, unless there are too many."""
        if self._open >= MOST_CONNECTIONS:
            stream.close()
            return
        self._open += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Count a connection that has ended."""
        self._open -= 1
        super().on_close(server_conn)


def application(server: Served) -> Application:
    """Return the application with the handlers of a server's requests."""
    given = {"server": server}
    return Application(
        [
            ("/", _Page, given),
            (r"/changes/([0-9]{1,15})", _Changes, given),
            ("/open", _Open, given),
            ("/state", _State, given),
        ],
        default_handler_class=_Handler,
        default_handler_args=given,
        log_function=lambda _handler: None,  # its address holds the token
    )


def host_headers(names: Iterable[str], port: int) -> set[str]:
    """Return the Host headers by which a browser may call this port; it leaves out 80, the port of http."""
    return {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())


class GuardedHandler(RequestHandler):
    """Sends nothing that others may cache or frame, and reports errors without the address."""

    def set_default_headers(self) -> None:
        """Set the headers of every answer."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", "frame-ancestors 'none'")  # the rest is in the page
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")

    def compute_etag(self) -> None:
        """Return None, since nothing is cached."""

    def write_error(self, status_code: int, **_about: Any) -> None:
        """Send the reason, as text."""
        self.answer(self._reason, "text/plain")

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Log an error of the server without the address, which contains the token."""
        if not isinstance(value, HTTPError):
            logging.getLogger(__name__).error("a request failed", exc_info=value)

    def answer(self, text: str, kind: str = "application/json") -> None:
        """Send text, lone surrogates included."""
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.finish(text.encode("utf-8", "surrogatepass"))

    def refuse(self, status: int, words: str) -> NoReturn:
        """End the request with words that the page may show."""
        self.set_status(status)
        self.answer(words, "text/plain")
        raise Finish


class _Handler(GuardedHandler):
    """Refuses clients without the token; other addresses get the status 404."""

    def initialize(self, server: Served) -> None:
        self.explorer = server

    @property
    def client(self) -> str:
        """The name that the page gave itself."""
        return self.get_query_argument("client", "")

    def prepare(self) -> None:
        # a wrong token, or a host name that another site made point here
        own = host_headers({"127.0.0.1", "localhost"}, self.explorer.server_port)
        token = self.get_query_argument("token", "").encode()
        if self.request.headers.get("Host") not in own or not hmac.compare_digest(token, self.explorer.token.encode()):
            self.refuse(403, "open the address that `rmlab explore` printed, with its token")
        if type(self) is _Handler:
            self.refuse(404, "there is nothing here")

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Turn what a server raises into a response."""
        try:
            yield
        except AnotherPage:
            self.refuse(409, "another page has the explorer")
        except NoPage:
            self.refuse(412, "no page has claimed the explorer yet")
        except (ValueError, RecursionError, TraitError) as error:
            self.refuse(422, str(error))


class _Page(_Handler):
    async def get(self) -> None:
        self.answer(await self.explorer.page(), "text/html")


class _Changes(_Handler):
    async def get(self, since: str) -> None:
        with self.refusals():
            self.answer(json.dumps(await self.explorer.changes(int(since), self.client)))


@stream_request_body
class _Posted(_Handler):
    """Reads a request body, but only from clients with the token."""

    def prepare(self) -> None:
        super().prepare()
        self.body = bytearray()

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk


class _Open(_Posted):
    async def post(self) -> None:
        if not self.explorer.shows:
            self.refuse(503, "the scores are being computed")
        if self.get_query_argument("edition", "") != self.explorer.edition:
            self.refuse(410, "another model or other pairs are shown now")
        with self.refusals():
            claim = self.get_query_argument("claim", "") == "yes"
            self.answer(json.dumps(await self.explorer.open(json.loads(self.body), self.client, claim=claim)))


class _State(_Posted):
    async def post(self) -> None:
        with self.refusals():
            serial = await self.explorer.change(json.loads(self.body), self.client)
            self.answer(json.dumps({"serial": serial}))
