"""The served page: for this machine and whoever has the token; bounded; the page that claimed it last has it."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from rmlab.explorer import ExplorerState, access, requests
from rmlab.explorer.answers import Answers
from rmlab.explorer.serve import ExplorerServer


@pytest.fixture
def server() -> Iterator[ExplorerServer]:
    with ExplorerServer() as server:
        server.show(ExplorerState(), ("curve",), {}, title="a test")
        yield server


def ask(server: ExplorerServer, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> str:
    token = server.token if token is None else token
    mark = "&" if "?" in path else "?"
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"http://127.0.0.1:{server.server_port}{path}{mark}token={token}"
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        return answer.read().decode()


def refusal(*args: Any, **kwargs: Any) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(*args, **kwargs)
    with caught.value as error:
        return error.code, error.read().decode()


def claim(server: ExplorerServer, client: str, body: Any = None, how: str = "yes") -> dict[str, Any]:
    where = f"/open?client={client}&claim={how}&edition={server.edition}"
    return json.loads(ask(server, where, body or {}))


def connected(server: ExplorerServer, sent: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", server.server_port), timeout=20)
    made.sendall(sent)
    return made


def test_a_model_goes_on_answering_a_state_that_is_shown_again(server: ExplorerServer):
    state = ExplorerState(response_a="one")
    answers = Answers(state, lambda prompts, responses: [len(text) for text in responses], "length")
    for views in (("curve",), ("curve", "probe")):
        server.show(state, views, {}, title="a test")
    page = claim(server, "a")
    state.response_a = "three"
    assert answers.wait(20)
    assert state.scores[0] == 5
    news = json.loads(ask(server, f"/changes/{page['serial']}?client=a"))
    assert news["values"]["response_a"] == "three"
    answers.close()


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


@pytest.mark.parametrize("path", ["/state", "/open"])
def test_nothing_is_set_without_the_token(server: ExplorerServer, path: str):
    assert refusal(server, f"{path}?claim=yes&edition={server.edition}", {"prompt": "x"}, token="wrong")[0] == 403
    assert server.state.prompt == ""


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.", "0.0.0.0"])
def test_a_name_that_another_site_made_point_here_is_turned_away(server: ExplorerServer, host: str):
    assert refusal(server, "/", Host=f"{host}:{server.server_port}")[0] == 403


def test_the_page_may_ask_its_own_server_and_nobody_else(server: ExplorerServer):
    page = ask(server, "/")
    assert "default-src &#x27;none&#x27;; connect-src &#x27;self&#x27;; script-src &#x27;sha256-" in page
    assert server.token not in page


def test_headers_keep_the_page_and_its_token_to_itself(server: ExplorerServer):
    with urllib.request.urlopen(server.address, timeout=20) as answer:
        headers = answer.headers
    assert (headers["Cache-Control"], headers["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert headers["Server"] is None


def test_a_page_waits_until_there_is_a_state():
    with ExplorerServer() as server:
        page = ask(server, "/")
        assert 'http-equiv="refresh"' in page
        assert "<script" not in page
        assert refusal(server, "/open?client=one&claim=yes&edition=", {})[0] == 503
        server.show(ExplorerState(prompt="here"), ("curve",), {}, title="a test")
        assert '"prompt":"here"' in ask(server, "/")


# What pages hear


def test_a_page_hears_what_it_did_not_set_itself(server: ExplorerServer):
    since = claim(server, "one")["serial"]
    ask(server, "/state?client=one", {"scores": [3.0, 1.0], "winner": "b"})
    assert server.state.scores == (3.0, 1.0)
    server.state.prompt = "set by the kernel"
    assert json.loads(ask(server, f"/changes/{since}?client=one"))["values"] == {"prompt": "set by the kernel"}


def test_what_a_model_answers_to_a_page_that_opens_stays(server: ExplorerServer):
    server.state.observe(lambda change: setattr(server.state, "scores", (float(len(change["new"])), 0.0)), "response_a")
    answer = claim(server, "one", {"response_a": "typed", "scores": [9.0, 0.0]})
    assert answer["values"]["scores"] == [5.0, 0.0]
    assert server.state.scores == (5.0, 0.0)


def test_what_a_model_answers_reaches_the_one_who_typed(server: ExplorerServer):
    server.state.observe(lambda change: setattr(server.state, "scores", (float(len(change["new"])), 0.0)), "prompt")
    since = claim(server, "one")["serial"]
    ask(server, "/state?client=one", {"prompt": "four"})
    assert json.loads(ask(server, f"/changes/{since}?client=one"))["values"] == {"scores": [4.0, 0.0]}


def test_a_question_for_changes_waits(server: ExplorerServer):
    since = claim(server, "one")["serial"]
    timer = threading.Timer(0.1, lambda: setattr(server.state, "prompt", "late"))
    timer.start()
    assert json.loads(ask(server, f"/changes/{since}?client=one"))["values"] == {"prompt": "late"}
    timer.join()


def test_a_change_is_answered_with_its_number(server: ExplorerServer):
    since = claim(server, "one")["serial"]
    number = json.loads(ask(server, "/state?client=one", {"prompt": "x"}))["serial"]
    assert number > since
    assert claim(server, "one", how="no")["serial"] == number


# Two pages


def test_the_page_that_claims_later_has_the_explorer_and_no_text_crosses(server: ExplorerServer):
    claim(server, "one")
    ask(server, "/state?client=one", {"response_a": "typed in one"})
    claim(server, "two")
    ask(server, "/state?client=two", {"response_a": "typed in two"})
    for path, body in (("/state", {"response_a": "again in one"}), ("/changes/0", None)):
        assert refusal(server, f"{path}?client=one", body)[0] == 409
    assert refusal(server, f"/open?client=one&claim=no&edition={server.edition}", {})[0] == 409
    assert server.state.response_a == "typed in two"
    assert claim(server, "one", {"response_a": "again in one"})["values"]["response_a"] == "again in one"
    assert refusal(server, "/state?client=two", {"response_a": "typed in two"})[0] == 409


def test_a_page_that_waits_hears_at_once_that_another_has_the_explorer(server: ExplorerServer):
    since = claim(server, "one")["serial"]
    timer = threading.Timer(0.1, claim, (server, "two"))
    timer.start()
    start = time.monotonic()
    assert refusal(server, f"/changes/{since}?client=one")[0] == 409
    assert time.monotonic() - start < 5
    timer.join()


def test_a_server_that_was_started_anew_is_told_all_and_typed_texts_outlive_the_selection(server: ExplorerServer):
    server.state.observe(lambda _: setattr(server.state, "response_a", "of the pair"), "selection")
    assert refusal(server, "/changes/7?client=one")[0] == 412
    assert refusal(server, f"/open?client=one&claim=no&edition={server.edition}", {})[0] == 412
    claim(server, "one", {"response_a": "typed", "selection": 3})
    assert (server.state.response_a, server.state.selection) == ("typed", 3)


def test_a_page_of_another_model_must_be_loaded_again(server: ExplorerServer):
    before = server.edition
    server.show(ExplorerState(), ("curve",), {"note": "another"}, title="a test")
    assert refusal(server, f"/open?client=one&claim=yes&edition={before}", {})[0] == 410


# What cannot be had


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"winner": "c"}, "winner"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"colour": "red"}, "no such trait: colour"),
        ({"prompt": "kept?", "scores": ["a", "b"]}, "scores"),
        (b"{", "Expecting property name"),
        (b"[" * 100_000, "recursion"),
        ([1], "JSON object"),
        ({"prompt": "100 %s %d"} | {"winner": "%"}, "winner"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(server: ExplorerServer, body: Any, said: str):
    claim(server, "one")
    before = server.state.trait_values()
    code, words = refusal(server, "/state?client=one", body)
    assert code == 422
    assert said in words
    assert server.state.trait_values() == before


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit, BaseException])
def test_an_observer_that_fails_is_said_and_the_next_change_is_made(
    server: ExplorerServer, raised: type[BaseException]
):
    def observer(change: Any) -> None:
        if change["new"] == "bad":
            raise raised("of the observer")

    server.state.observe(observer, "prompt")
    claim(server, "one")
    code, words = refusal(server, "/state?client=one", {"prompt": "bad"})
    assert (code, "of the observer" in words) == (422, True)
    ask(server, "/state?client=one", {"prompt": "good"})
    assert server.state.prompt == "good"


@pytest.mark.parametrize("path", ["/nothing", "/changes/", "/changes/-1", "/changes/x", "/../pyproject.toml"])
def test_there_is_nothing_else(server: ExplorerServer, path: str):
    assert refusal(server, path)[0] == 404


def test_only_the_state_is_posted(server: ExplorerServer):
    assert refusal(server, "/", {"prompt": "x"})[0] == 405


# Limits


def test_300_idle_connections_hold_no_threads_and_nobody_up(server: ExplorerServer):
    before = threading.active_count()
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connected(server))
        assert "rmlab-state" in ask(server, "/")
        assert threading.active_count() <= before + 2


def test_connections_have_a_largest_number(server: ExplorerServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requests, "MOST_CONNECTIONS", 5)
    with ExitStack() as stack:
        held = [stack.enter_context(connected(server)) for _ in range(5)]
        ask_late = stack.enter_context(connected(server))
        assert ask_late.recv(1) == b""
        held.pop().close()
        time.sleep(0.2)
        assert "rmlab-state" in ask(server, "/")


def test_a_request_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requests, "LONGEST_IDLE", 0.5)
    with ExplorerServer() as server, connected(server, b"GET / HTTP/1.1\r\n") as slow:
        start = time.monotonic()
        for _ in range(100):  # a header a while, as a slow loris sends them
            try:
                slow.sendall(b"X: y\r\n")
            except ConnectionError:
                break
            time.sleep(0.05)
        assert 0.3 < time.monotonic() - start < 4


def flood(made: socket.socket, piece: bytes, times: int) -> None:
    """Send until the other side has closed the connection."""
    for _ in range(times):
        made.sendall(piece)
        time.sleep(0.01)


def test_a_body_has_a_largest_size(server: ExplorerServer):
    head = f"POST /state?token={server.token} HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
    with connected(server, f"{head}Content-Length: {requests.LARGEST_BODY + 1}\r\n\r\n".encode()) as made:
        assert made.recv(100).startswith(b"HTTP/1.1 400 ")
    chunk = b"f4240\r\n" + b"x" * 1_000_000 + b"\r\n"
    with (
        connected(server, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode()) as made,
        pytest.raises(ConnectionError),
    ):
        flood(made, chunk, requests.LARGEST_BODY // 1_000_000 + 100)


def test_headers_have_a_largest_size(server: ExplorerServer):
    with connected(server, b"GET / HTTP/1.1\r\nX: ") as made, pytest.raises(ConnectionError):
        flood(made, b"y" * 10_000, 100)


def test_a_body_is_not_read_from_who_has_no_token(server: ExplorerServer):
    head = (
        f"POST /state?token=wrong HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\nContent-Length: 1000000\r\n\r\n"
    )
    with connected(server, head.encode()) as made:
        assert made.recv(100).startswith(b"HTTP/1.1 403 ")  # before any of it was sent


# Ports, tokens, browsers


def test_a_port_in_use_is_an_error(server: ExplorerServer):
    with pytest.raises(OSError, match="in use"):
        ExplorerServer(port=server.server_port)


def test_a_port_can_be_used_again_at_once():
    with ExplorerServer() as server, connected(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as made:
        made.recv(10)
        port = server.server_port
    with ExplorerServer(port=port) as again:
        assert again.server_port == port
        ask(again, "/")


def test_the_token_of_a_port_is_kept_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    token = access.kept_token(8000)
    (file,) = tmp_path.rglob("*.token")
    assert access.kept_token(8000) == token != access.kept_token(8001)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    file.chmod(0o644)  # others may have read it
    assert access.kept_token(8000) != token
    file.write_text("short")
    assert len(access.kept_token(8000)) == 32


def test_a_token_that_cannot_be_kept_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert len(access.kept_token(8000)) == 32


def test_a_browser_is_led_by_a_file_of_its_user_alone():
    with access.redirect_file("http://127.0.0.1:1/?token=x&y") as file:
        assert "url=http://127.0.0.1:1/?token=x&amp;y" in file.read_text()
        assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert not file.parent.exists()


def test_a_browser_leaves_out_the_port_of_http():
    assert requests.host_headers({"a"}, 80) == {"a", "a:80"}
    assert requests.host_headers({"a"}, 81) == {"a:81"}
