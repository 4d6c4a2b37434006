"""The explorer as a page with a kernel behind it, served on this machine only, to anyone who has the token.

The page is that of `rmlab.explorer.page`. It claims the explorer with ``POST open``; a page that claims it later takes
it over, and the earlier one is told. Changes by the reader go to ``POST state``. Changes of the state come with
``GET changes/N``, which waits for those after the N-th. Models answer as in a notebook, and no request can run code.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from traitlets import TraitError

from rmlab.explorer.access import new_token
from rmlab.explorer.listening import Listener
from rmlab.explorer.page import render_page, render_waiting
from rmlab.explorer.requests import AnotherPage, BoundedServer, NoPage, application
from rmlab.explorer.state import ExplorerState

__all__ = ["ExplorerServer"]

LONGEST_WAIT = 20.0  # seconds that a request for changes waits


class ExplorerServer(Listener):
    """Serves one state as a page on 127.0.0.1 while its context is open. Until `show` is called, the page waits.

    Parameters
    ----------
    port
        The port; 0 for any that is free.
    token
        The token that a request must carry; by default a new one.

    Raises
    ------
    OSError
        If the port is in use.

    Notes
    -----
    An event loop in a thread answers requests; observers of the state run in another thread.
    """

    def __init__(self, *, port: int = 0, token: str | None = None):
        super().__init__("127.0.0.1", port)
        self.token = token or new_token()
        self.state = ExplorerState()
        self._page: tuple[Sequence[str], Mapping[str, Any], str] | None = None
        self.edition = ""  # names what a page carries beside the state: a page of another edition must reload
        self._owner: str | None = None  # the page that claimed the explorer last
        self._serial = 0
        self._latest: dict[str, tuple[int, str]] = {}  # the last change of each trait: its number, and who made it
        self._lock = threading.Lock()  # of the serial and the latest changes
        self._asked = threading.local()  # what the current thread was asked to set, and by which page
        self._worker = ThreadPoolExecutor(1, "rmlab explorer")  # one: changes are made in the order in which they came
        self._news = asyncio.Event()

    @property
    def address(self) -> str:
        """The address of the page, with its token."""
        return f"http://127.0.0.1:{self.server_port}/?token={self.token}"

    def show(self, state: ExplorerState, views: Sequence[str], data: Mapping[str, Any], *, title: str) -> None:
        """Show this state from now on; for the parameters see `render_page`."""
        self._stop_noting()
        self.edition = hashlib.sha256(json.dumps([views, data, title]).encode()).hexdigest()[:16]
        self.state = state
        state.observe(self._note)
        self._page = views, data, title

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self._stop_noting()
        super().__exit__()
        self._worker.shutdown(wait=False, cancel_futures=True)

    @property
    def shows(self) -> bool:
        """Whether there is a state to show."""
        return self._page is not None

    async def page(self) -> str:
        """Return the page with the current state, or a page that waits for a state."""
        if self._page is None:
            return render_waiting()
        with self._lock:
            serial = self._serial
        views, data, title = self._page
        served = {"serial": serial, "edition": self.edition}
        return await self._work(lambda: render_page(self.state, views, data, title=title, served=served))

    async def open(self, values: Any, client: str, *, claim: bool) -> dict[str, Any]:
        """Give the explorer to a page, and return the state with the number of its last change.

        Parameters
        ----------
        values
            Traits that the page shows and the state does not hold yet.
        client
            The name that the page gave itself.
        claim
            True takes the explorer from any page that has it. With False only that page goes on.

        Raises
        ------
        AnotherPage, NoPage
            If another page has it, or none, and it is not claimed.
        TraitError
            As for `change`.
        """
        if not claim:
            self.admit(client)
        self._owner = client
        self._tell()  # the page that had it
        if isinstance(values, Mapping) and "selection" in values:
            # first, since selecting a pair sets the texts, which typed ones must replace
            await self.change({"selection": values["selection"]}, client)
        await self.change(values, client)  # only once, so that a model's answer to it stays
        return await self._work(self._snapshot)

    async def change(self, values: Any, client: str) -> int:
        """Set traits as a page asked, and return the number of the last change.

        Raises
        ------
        TraitError
            If there is no such trait, or it cannot have this value.
        AnotherPage, NoPage
            If the page does not have the explorer.
        """
        self.admit(client)
        if not isinstance(values, Mapping):
            raise TraitError(f"traits must come as a JSON object of names and values, got {type(values).__name__}")
        if unknown := sorted(set(values) - set(self.state.trait_names())):
            raise TraitError(f"no such trait: {', '.join(unknown)}")
        return await self._work(lambda: self._set(values, client))

    async def changes(self, since: int, client: str) -> dict[str, Any]:
        """Wait for changes after number `since`, and return those that this page did not make itself.

        Raises
        ------
        AnotherPage, NoPage
            If the page does not have the explorer, or no longer has it.
        """
        self.admit(client)
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_WAIT):
                while self._serial <= since:
                    await self._news.wait()
                    self.admit(client)
        with self._lock:
            names = [name for name, (number, by) in self._latest.items() if number > since and by != client]
            return {"serial": self._serial, "values": {name: getattr(self.state, name) for name in names}}

    def admit(self, client: str) -> None:
        """Refuse a page that does not have the explorer."""
        if self._owner is None:
            raise NoPage
        if client != self._owner:
            raise AnotherPage

    def _work(self, task: Any) -> asyncio.Future[Any]:
        return self._loop.run_in_executor(self._worker, task)

    def _set(self, values: Mapping[str, Any], client: str) -> int:
        self._asked.values, self._asked.client = values, client
        try:
            with self.state.hold_trait_notifications():
                for name, value in values.items():
                    setattr(self.state, name, value)
        except TraitError:
            raise
        except BaseException as raised:  # from an observer: a scorer may raise anything
            raise TraitError(f"{type(raised).__name__}: {raised}") from raised
        finally:
            self._asked.values = {}
        return self._serial

    def _snapshot(self) -> dict[str, Any]:
        with self._lock:
            return {"serial": self._serial, "values": self.state.trait_values()}

    def _stop_noting(self) -> None:
        with suppress(ValueError):  # nothing was shown
            self.state.unobserve(self._note)  # alone: a model that answers the state goes on

    def _note(self, change: Any) -> None:
        name, asked = change["name"], getattr(self._asked, "values", {})
        # a model's answer to a change is news to the page that made the change
        echo = name in asked and json.dumps(asked[name]) == json.dumps(change["new"])
        with self._lock:
            self._serial += 1
            self._latest[name] = (self._serial, self._asked.client if echo else "")
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        """Wake the requests that wait for changes."""
        self._news.set()
        self._news = asyncio.Event()

    def make_server(self) -> BoundedServer:
        """Make the server of requests."""
        return BoundedServer.with_limits(application(self))
