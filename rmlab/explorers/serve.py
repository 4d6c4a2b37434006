"""The explorer as a page with a kernel behind it: served on this machine only, to whoever has the token.

The page is that of `rmlab.explorers.page`. What a reader changes goes to ``POST state``; what the state changes comes
with ``GET changes/N``, which waits for news after the N-th. Models answer as in a notebook, and no code can be sent.
"""

from __future__ import annotations

import hmac
import json
import secrets
import sys
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from traitlets import TraitError

from rmlab.explorers.page import render_page
from rmlab.explorers.state import ExplorerState

__all__ = ["ExplorerServer"]

LONGEST_WAIT = 20.0  # seconds that a question for changes waits
LARGEST = 20_000_000  # bytes that may be sent


class ExplorerServer(ThreadingHTTPServer):
    """Serves one state, as a page, on 127.0.0.1.

    Parameters
    ----------
    state, views, data, title
        As in `render_page`.
    port
        0 for any that is free.

    Raises
    ------
    OSError
        If the port is in use.
    """

    daemon_threads = True
    allow_reuse_address = False

    def __init__(
        self, state: ExplorerState, views: Sequence[str], data: Mapping[str, Any], *, title: str, port: int = 0
    ):
        self.state, self.views, self.data, self.title = state, views, data, title
        self.token = secrets.token_urlsafe(24)
        self._serial = 0
        self._latest: dict[str, tuple[int, str]] = {}  # the last change of each trait: its number, and who made it
        self._news = threading.Condition()
        self._setting = threading.Lock()
        self._asked = threading.local()  # what the thread at hand was asked to set, and by whom
        super().__init__(("127.0.0.1", port), _Handler)
        state.observe(self._note)

    @property
    def address(self) -> str:
        """Where the page is, with its token."""
        return f"http://127.0.0.1:{self.server_port}/?token={self.token}"

    def page(self) -> str:
        """Write the page as the state is now."""
        with self._news:
            return render_page(self.state, self.views, self.data, title=self.title, serial=self._serial)

    def change(self, values: Mapping[str, Any], client: str) -> None:
        """Set traits as a page asked.

        Raises
        ------
        TraitError
            If there is no such trait, or it cannot have this value.
        """
        if not isinstance(values, Mapping):
            raise TraitError(f"traits must come as a JSON object of names and values, got {type(values).__name__}")
        if unknown := sorted(set(values) - set(self.state.trait_names())):
            raise TraitError(f"no such trait: {', '.join(unknown)}")
        with self._setting:
            self._asked.values, self._asked.client = values, client
            try:
                with self.state.hold_trait_notifications():
                    for name, value in values.items():
                        setattr(self.state, name, value)
            finally:
                self._asked.values = {}

    def changes(self, since: int, client: str) -> dict[str, Any]:
        """Wait for changes after number `since`, and give those that this client did not make itself."""
        with self._news:
            self._news.wait_for(lambda: self._serial > since, LONGEST_WAIT)
            names = [name for name, (number, by) in self._latest.items() if number > since and by != client]
            return {"serial": self._serial, "values": {name: getattr(self.state, name) for name in names}}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it is only that a reader has left."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def _note(self, change: Any) -> None:
        name, asked = change["name"], getattr(self._asked, "values", {})
        # what a model answers to a change is news to whoever made the change
        echo = name in asked and json.dumps(asked[name]) == json.dumps(change["new"])
        with self._news:
            self._serial += 1
            self._latest[name] = (self._serial, self._asked.client if echo else "")
            self._news.notify_all()


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    @property
    def explorer(self) -> ExplorerServer:
        return cast(ExplorerServer, self.server)

    def do_GET(self) -> None:
        """Give the page, or the changes."""
        path = self._admit()
        if path == "/":
            self._answer(HTTPStatus.OK, self.explorer.page(), "text/html")
        elif path is not None and path.startswith("/changes/") and path[9:].isdecimal():
            self._answer(
                HTTPStatus.OK,
                json.dumps(self.explorer.changes(int(path[9:]), self._asked("client"))),
                "application/json",
            )
        elif path is not None:
            self._answer(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        """Set traits."""
        path = self._admit()
        if path is None:
            return
        length = self.headers.get("Content-Length", "")
        if path != "/state" or not length.isdecimal() or int(length) > LARGEST:
            self.close_connection = True
            self._answer(HTTPStatus.BAD_REQUEST, f"POST /state takes a JSON object of at most {LARGEST:,} bytes")
            return
        try:
            values = json.loads(self.rfile.read(int(length)))
            self.explorer.change(values, self._asked("client"))
        except (ValueError, TypeError, TraitError) as error:
            self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        else:
            self._answer(HTTPStatus.OK, "")

    def _admit(self) -> str | None:
        """Give the path, or turn the request away: a wrong token, or a name that another site made point here."""
        own = {f"{host}:{self.explorer.server_port}" for host in ("127.0.0.1", "localhost")}
        token = self._asked("token")
        if self.headers.get("Host") in own and hmac.compare_digest(token.encode(), self.explorer.token.encode()):
            return urlsplit(self.path).path
        self.close_connection = True
        self._answer(HTTPStatus.FORBIDDEN, "open the address that `rmlab explore` printed, with its token")
        return None

    def _asked(self, name: str) -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0]

    def _answer(self, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
        body = text.encode("utf-8", "surrogatepass")
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of a request: its address holds the token."""
