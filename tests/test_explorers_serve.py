"""The served page: for this machine and whoever has the token; changes reach everyone but their maker."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from rmlab.explorers import ExplorerState
from rmlab.explorers.serve import ExplorerServer


@pytest.fixture
def server() -> Iterator[ExplorerServer]:
    server = ExplorerServer(ExplorerState(), ("curve",), {}, title="a test")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def ask(server: ExplorerServer, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> str:
    token = server.token if token is None else token
    mark = "&" if "?" in path else "?"
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"http://127.0.0.1:{server.server_port}{path}{mark}token={token}"
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return answer.read().decode()


def refusal(*args: Any, **kwargs: Any) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(*args, **kwargs)
    with caught.value as error:
        return error.code, error.read().decode()


def test_it_listens_on_this_machine_only(server: ExplorerServer):
    assert server.server_address[0] == "127.0.0.1"
    assert server.address.startswith(f"http://127.0.0.1:{server.server_port}/?token=")
    assert len(server.token) >= 32


@pytest.mark.parametrize("path", ["/", "/changes/0", "/nothing"])
@pytest.mark.parametrize("token", ["", "wrong", "ü"])
def test_nothing_is_given_without_the_token(server: ExplorerServer, path: str, token: str):
    code, said = refusal(server, path, token=urllib.parse.quote(token))
    assert code == 403
    assert "with its token" in said


def test_nothing_is_set_without_the_token(server: ExplorerServer):
    assert refusal(server, "/state", {"prompt": "x"}, token="wrong")[0] == 403
    assert server.state.prompt == ""


def test_a_name_that_another_site_made_point_here_is_turned_away(server: ExplorerServer):
    assert refusal(server, "/", Host=f"evil.example:{server.server_port}")[0] == 403


def test_the_page_may_ask_its_own_server_and_nobody_else(server: ExplorerServer):
    page = ask(server, "/")
    assert "default-src &#x27;none&#x27;; connect-src &#x27;self&#x27;; script-src &#x27;sha256-" in page
    assert server.token not in page


def test_changes_reach_others_and_not_their_maker(server: ExplorerServer):
    ask(server, "/state?client=one", {"scores": [3.0, 1.0], "winner": "b"})
    assert server.state.scores == (3.0, 1.0)
    others = json.loads(ask(server, "/changes/0?client=two"))
    assert others["values"] == {"scores": [3.0, 1.0], "winner": "b"}
    assert json.loads(ask(server, "/changes/0?client=one")) == {"serial": others["serial"], "values": {}}


def test_what_a_model_answers_reaches_the_one_who_typed(server: ExplorerServer):
    server.state.observe(lambda change: setattr(server.state, "scores", (float(len(change["new"])), 0.0)), "prompt")
    ask(server, "/state?client=one", {"prompt": "four"})
    assert json.loads(ask(server, "/changes/0?client=one"))["values"] == {"scores": [4.0, 0.0]}


def test_a_question_for_changes_waits(server: ExplorerServer):
    timer = threading.Timer(0.1, lambda: setattr(server.state, "prompt", "late"))
    timer.start()
    assert json.loads(ask(server, "/changes/0?client=one"))["values"] == {"prompt": "late"}
    timer.join()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"winner": "c"}, "winner"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"colour": "red"}, "no such trait: colour"),
        ({"prompt": "kept?", "scores": ["a", "b"]}, "scores"),
        (b"{", "Expecting property name"),
        ([1], "JSON object"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(server: ExplorerServer, body: Any, said: str):
    before = server.state.trait_values()
    code, words = refusal(server, "/state", body)
    assert code == 422
    assert said in words
    assert server.state.trait_values() == before


@pytest.mark.parametrize("path", ["/nothing", "/changes/", "/changes/-1", "/changes/x", "/../pyproject.toml"])
def test_there_is_nothing_else(server: ExplorerServer, path: str):
    assert refusal(server, path)[0] == 404


def test_only_the_state_is_posted(server: ExplorerServer):
    assert refusal(server, "/", {"prompt": "x"})[0] == 400


def test_a_port_in_use_is_an_error(server: ExplorerServer):
    with pytest.raises(OSError, match="in use"):
        ExplorerServer(ExplorerState(), ("curve",), {}, title="", port=server.server_port)
