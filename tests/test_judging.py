"""The served page of judging: who may ask what, and how often; no click is lost or counted twice."""

from __future__ import annotations

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rmlab.__main__ import main
from rmlab.explorer.judge_serve import Bucket, Buckets, JudgeServer
from rmlab.labels import Judgement, LabelStore, ask, simulate_panel, traits_of
from rmlab.labels.desk import Desk
from rmlab.labels.guesses import GUESS_AFTER
from rmlab.preference import preference_loss, preference_probability
from rmlab.simulate.replies import FAIR, Judge, simulate_reply_pairs

QUESTIONS = ask(simulate_reply_pairs(150, seed=3).pairs)
TRAITS = traits_of(QUESTIONS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with LabelStore(tmp_path / "labels.db") as store:
        yield store


def serving(store: LabelStore, rater: str | None = None, goal: int = 40) -> JudgeServer:
    return JudgeServer(Desk(store, QUESTIONS, TRAITS, rule=None, goal=goal), title="a test", rater=rater)


@pytest.fixture
def server(store: LabelStore) -> Iterator[JudgeServer]:
    """Of one rater."""
    with serving(store, "Ann") as server:
        yield server


@pytest.fixture
def classroom(store: LabelStore) -> Iterator[JudgeServer]:
    with serving(store) as server:
        yield server


def ask_for(server: JudgeServer, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Any:
    token = (server.token if server.rater else "") if token is None else token
    url = f"http://127.0.0.1:{server.server_port}{path}{'&' if '?' in path else '?'}token={token}"
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        text = answer.read().decode()
    return json.loads(text) if text.startswith("{") else text


def refusal(*args: Any, **kwargs: Any) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask_for(*args, **kwargs)
    with caught.value as error:
        return error.code, error.read().decode()


def join(server: JudgeServer, rater: str, **more: str) -> dict[str, Any]:
    return ask_for(server, "/join", {"code": server.code, "rater": rater, **more})


def click(view: dict[str, Any], verdict: str = "left", **changes: Any) -> dict[str, Any]:
    showing = view["undo"] if verdict == "undo" else view["showing"]["number"]
    key = f"{verdict}-{view['position']}"
    said = {"session": view["session"], "verdict": verdict, "showing": showing, "position": view["position"]}
    return said | {"key": key, "seconds": 1.5} | changes


# One rater


def test_a_click_is_kept_and_the_next_pair_shown(server: JudgeServer, store: LabelStore) -> None:
    view = ask_for(server, "/join", {})
    assert (view["rater"], view["judged"], view["position"], view["undo"]) == ("Ann", 0, 1, None)
    after = ask_for(server, "/judge", click(view, "right"))
    assert (after["judged"], after["showing"]["number"], after["undo"]) == (1, 2, 1)
    (entry,) = store.judgements()
    assert (entry.verdict, entry.rater, entry.seconds, entry.rule) == ("right", "Ann", 1.5, "random")
    shown = QUESTIONS.shown(QUESTIONS.places[entry.pair], swapped=entry.swapped)
    assert shown == tuple(view["showing"][name] for name in ("prompt", "left", "right"))
    back = ask_for(server, "/judge", click(after, "undo"))
    assert (back["judged"], back["showing"]) == (0, view["showing"])


def test_it_resumes_where_it_stopped(store: LabelStore) -> None:
    with serving(store, "Ann") as server:
        view = ask_for(server, "/judge", click(ask_for(server, "/join", {})))
    with serving(store, "Ann") as server:
        assert refusal(server, f"/view?session={view['session']}")[0] == 410
        assert ask_for(server, "/join", {}) == view


def test_a_click_that_is_sent_twice_is_one_label(server: JudgeServer, store: LabelStore) -> None:
    said = click(ask_for(server, "/join", {}))
    assert ask_for(server, "/judge", said) == ask_for(server, "/judge", said)
    assert store.count() == 1


def test_two_tabs_are_one_rater(server: JudgeServer, store: LabelStore) -> None:
    here, there = ask_for(server, "/join", {}), ask_for(server, "/join", {})
    assert here == there
    ask_for(server, "/judge", click(here))
    assert refusal(server, "/judge", click(there, "right"))[0] == 409
    assert ask_for(server, f"/view?session={there['session']}")["judged"] == 1
    assert store.count() == 1


def test_after_the_goal_it_says_what_is_rewarded(store: LabelStore) -> None:
    with serving(store, "Ann", goal=3) as server:
        view = ask_for(server, "/join", {})
        for _ in range(3):
            assert view["rewarded"] is None
            view = ask_for(server, "/judge", click(view))
        assert view["rewarded"]["labels"] == 3
        assert {"attribute", "value", "lower", "upper"} <= set(view["rewarded"]["weights"][0])
        assert view["showing"] is not None


def test_guess_me_fits_what_was_judged_before_each_click(server: JudgeServer) -> None:
    """Its probabilities are those of fits to the labels before, and its score counts them."""
    from rmlab.labels import fit_rewarded

    rng, view = np.random.default_rng(0), ask_for(server, "/join", {})
    expected, lefts = [], []
    for n in range(GUESS_AFTER + 8):
        session, _ = server.desk._of(view["session"])
        shown, before = session.showing(), session.standing
        assert shown is not None
        difference = QUESTIONS.signs()[shown.place] * TRAITS.differences[shown.place]
        if n >= GUESS_AFTER:
            fitted = fit_rewarded(before, QUESTIONS, TRAITS.differences, TRAITS.names)
            expected.append(fitted.probability_left(difference, shown.swapped))
        d = float(difference @ FAIR.vector) * (-1 if shown.swapped else 1)
        left = bool(rng.random() < preference_probability(d))
        assert view["guess"] is None or n > GUESS_AFTER
        view = ask_for(server, "/judge", click(view, "left" if left else "right"))
        if n >= GUESS_AFTER:
            lefts.append(left)
            assert view["guess"]["last_left"] == pytest.approx(expected[-1])
    p, was_left = np.array(expected), np.array(lefts)
    of_click = np.where(was_left, p, 1 - p)
    assert view["guess"]["n"] == 8
    assert view["guess"]["n_right"] == int(((p > 0.5) == was_left).sum())
    assert view["guess"]["log_loss"] == pytest.approx(float(preference_loss(np.log(of_click / (1 - of_click))).mean()))
    again = Desk(server.desk._store, QUESTIONS, TRAITS, rule=None, goal=40)
    assert again.view(again.sit("Ann"))["guess"]["log_loss"] == pytest.approx(view["guess"]["log_loss"])


@pytest.mark.parametrize("path", ["/", "/join", "/judge", "/view", "/overview", "/teacher", "/nothing"])
@pytest.mark.parametrize("token", ["", "wrong", "%C3%BC"])
def test_nothing_is_given_without_the_token(server: JudgeServer, path: str, token: str) -> None:
    body = {} if path in ("/join", "/judge") else None
    assert refusal(server, path, body, token=token)[0] == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "0.0.0.0"])
@pytest.mark.parametrize("kind", ["server", "classroom"])
def test_a_name_that_another_site_made_point_here_is_turned_away(
    kind: str, host: str, request: pytest.FixtureRequest
) -> None:
    served = request.getfixturevalue(kind)
    assert refusal(served, "/", Host=f"{host}:{served.server_port}")[0] == 403


def test_the_page_carries_no_label_and_no_token(server: JudgeServer) -> None:
    page = ask_for(server, "/")
    assert "script-src &#x27;sha256-" in page
    assert "connect-src &#x27;self&#x27;" in page
    assert server.token not in page


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "both"}, {"verdict": None}, {"key": 3}, {"key": "<script>"}, {"key": ""}, {"seconds": "1"},
        {"seconds": float("nan")}, {"position": "1"}, {"position": 10**400}, {"position": 2}, {"showing": 7},
        {"showing": None}, {"session": 4}, {"session": "x" * 65}, {"session": "other"}, {"verdict": "undo"},
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused_and_not_kept(
    server: JudgeServer, store: LabelStore, changes: dict[str, Any]
) -> None:
    code, said = refusal(server, "/judge", click(ask_for(server, "/join", {})) | changes)
    assert code in (409, 410, 422)
    assert "Traceback" not in said
    assert store.count() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b"3", b"{", b"\xff", b"[" * 4000, b'"x"'])
def test_what_is_no_object_is_refused(server: JudgeServer, body: bytes) -> None:
    assert refusal(server, "/judge", body)[0] == 422


def test_a_page_that_was_left_open_for_weeks_may_still_be_judged(server: JudgeServer, store: LabelStore) -> None:
    view = ask_for(server, "/join", {})
    view = ask_for(server, "/judge", click(view, seconds=10**400))
    ask_for(server, "/judge", click(view, seconds=-3))
    assert [entry.seconds for entry in store.judgements()] == [1e6, 0.0]


def test_a_body_that_is_too_large_is_not_read(server: JudgeServer, store: LabelStore) -> None:
    with pytest.raises((urllib.error.HTTPError, OSError)):
        ask_for(server, "/judge", b"x" * 100_000)
    assert ask_for(server, "/join", {})["judged"] == 0


def test_a_store_that_cannot_keep_a_label_says_so_and_the_click_can_be_sent_again(
    server: JudgeServer, store: LabelStore
) -> None:
    said = click(ask_for(server, "/join", {}))
    with store._engine.connect() as connection:
        connection.exec_driver_sql("CREATE TRIGGER full BEFORE INSERT ON rmlab_judgements "
                                   "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")  # fmt: skip
        connection.commit()
    code, words = refusal(server, "/judge", said)
    assert (code, "disk is full" in words) == (503, True)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
        connection.commit()
    assert ask_for(server, "/judge", said)["judged"] == 1
    assert store.count() == 1


# A class


def test_a_class_joins_with_the_code_and_each_has_a_session(classroom: JudgeServer, store: LabelStore) -> None:
    assert re.fullmatch("[A-Z2-9]{6}", classroom.code or "")
    ann, bob = join(classroom, "Ann"), join(classroom, "Bob <b>")
    assert ann["session"] != bob["session"]
    ask_for(classroom, "/judge", click(ann))
    ask_for(classroom, "/judge", click(bob))
    assert {entry.rater for entry in store.judgements()} == {"Ann", "Bob <b>"}
    assert classroom.code not in ask_for(classroom, "/")


@pytest.mark.parametrize("code", ["", "AAAAAA", None, 3, "ü", "\ud800"])
def test_nobody_joins_with_another_code(classroom: JudgeServer, code: object) -> None:
    assert refusal(classroom, "/join", {"code": code, "rater": "Ann"})[0] in (403, 422)


def test_codes_cannot_be_tried_one_after_the_other(classroom: JudgeServer) -> None:
    codes = [refusal(classroom, "/join", {"code": f"A{i}", "rater": "Ann"})[0] for i in range(12)]
    assert codes[:10] == [403] * 10
    assert codes[-1] == 429
    assert refusal(classroom, "/join", {"code": classroom.code, "rater": "Ann"})[0] == 429, "the right one neither"


@pytest.mark.parametrize("path", ["/teacher", "/overview"])
def test_the_teacher_s_page_needs_the_token(classroom: JudgeServer, path: str) -> None:
    assert refusal(classroom, path)[0] == 403
    assert ask_for(classroom, path, token=classroom.token)


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "=cmd()", "a\nb", "\u202eevil", 7, None])
def test_a_name_must_be_one(classroom: JudgeServer, name: Any) -> None:
    assert refusal(classroom, "/join", {"code": classroom.code, "rater": name})[0] == 422


def test_a_name_is_of_one_page_also_after_the_server_was_started_again(store: LabelStore) -> None:
    with serving(store) as classroom:
        mine = join(classroom, "Ann")
        assert "taken" in refusal(classroom, "/join", {"code": classroom.code, "rater": "ann"})[1]
        assert join(classroom, "Ann", session=mine["session"])["session"] == mine["session"]
        mine = ask_for(classroom, "/judge", click(mine))
    with serving(store) as classroom:
        for name in ("Ann", "ann"):
            assert "taken" in refusal(classroom, "/join", {"code": classroom.code, "rater": name})[1]
        asked = {"code": classroom.code, "rater": "Eve", "session": mine["session"]}
        assert "belongs to another rater" in refusal(classroom, "/join", asked)[1]
        assert join(classroom, "Ann", session=mine["session"]) == mine


def test_the_teacher_sees_counts_agreement_and_the_fit(classroom: JudgeServer) -> None:
    assert ask_for(classroom, "/overview", token=classroom.token)["agreement"] is None
    rng = np.random.default_rng(0)
    for name in ("Ann", "Bob", "Cid"):
        view = join(classroom, name)
        for _ in range(30):
            view = ask_for(classroom, "/judge", click(view, str(rng.choice(["left", "right"]))))
    join(classroom, "Dan")
    time.sleep(2.1)  # until the overview is made again
    found = ask_for(classroom, "/overview", token=classroom.token)
    assert found["seated"] == ["Ann", "Bob", "Cid", "Dan"]
    assert [rater["n_judgements"] for rater in found["agreement"]["raters"]] == [30, 30, 30]
    assert found["rewarded"]["labels"] == 90
    assert found["rewardedByCamp"] == []


def test_the_teacher_sees_what_each_of_two_camps_rewards(store: LabelStore) -> None:
    questions = ask(simulate_reply_pairs(200, seed=5).pairs)
    traits = traits_of(questions)
    warm = {**FAIR.weights, "flattery": 3.0, "warm": 2.5}
    judges = [Judge(f"r{k}", FAIR.weights if k < 6 else warm) for k in range(10)]
    store.append(*simulate_panel(questions, traits, judges, n_judgements=200))
    found = Desk(store, questions, traits, rule=None, goal=40).overview()
    flattery = [
        next(one for one in fit["weights"] if one["attribute"] == "flattery") for fit in found["rewardedByCamp"]
    ]
    assert [len(members) for members in found["agreement"]["camps"]["members"]] == [6, 4]
    assert flattery[0]["upper"] < 0 < flattery[1]["lower"]


def test_a_bucket_lets_a_burst_through_and_then_a_rate() -> None:
    now = 0.0
    bucket = Bucket(rate=2, burst=3, clock=lambda: now)
    assert [bucket.take() for _ in range(5)] == [True, True, True, False, False]
    now = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]
    now = 100.0
    assert sum(bucket.take() for _ in range(9)) == 3
    buckets = Buckets(rate=0, burst=1)
    assert [buckets.take(name) for name in ("a", "b", "a")] == [True, True, False]
    for i in range(3000):
        buckets.take(f"name {i}")
    assert len(buckets._of) <= 2000


def test_a_thousand_requests_at_once_are_told_to_wait_and_no_label_is_lost(
    server: JudgeServer, store: LabelStore
) -> None:
    view = ask_for(server, "/join", {})
    said = click(view)

    def send(_: int) -> int:
        try:
            ask_for(server, "/judge", said)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        return 200

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(send, range(300)))
    assert set(codes) == {200, 429}
    assert store.count() == 1


def judging(server: JudgeServer, name: str, until: float, seed: int) -> tuple[list[str], list[float]]:
    """A browser: clicks, now and then twice, and sends again what was not acknowledged; gives keys and seconds."""
    rng = np.random.default_rng(seed)
    view, kept, took = join(server, name), [], []
    while time.monotonic() < until and view["showing"]:
        said = click(view, str(rng.choice(["left", "right", "tie"])))
        for _ in range(1 + (rng.random() < 0.1)):
            start = time.perf_counter()
            view = ask_for(server, "/judge", said)
            took.append(time.perf_counter() - start)
        kept.append(said["key"])
        time.sleep(float(rng.uniform(0.5, 1.5)))
    return kept, took


@pytest.mark.slow
def test_thirty_browsers_judge_at_once_and_none_of_their_clicks_is_lost(
    classroom: JudgeServer, store: LabelStore
) -> None:
    """RMLAB_JUDGE_SECONDS=60 measures it for a minute."""
    seconds = float(os.environ.get("RMLAB_JUDGE_SECONDS", "8"))
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(30) as pool:
        done = list(pool.map(lambda i: judging(classroom, f"rater {i}", until, i), range(30)))
    clicks = sorted((f"rater {i}", key) for i, (keys, _) in enumerate(done) for key in keys)
    assert sorted((entry.rater, entry.key) for entry in store.judgements()) == clicks
    took = [one for _, times in done for one in times]
    p95 = statistics.quantiles(took, n=20)[-1]
    print(f"{len(clicks)} clicks: median {1000 * statistics.median(took):.0f} ms, p95 {1000 * p95:.0f} ms")
    assert len(clicks) > 4 * seconds
    assert p95 < 2.0


# The command


def started(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if "Ctrl-C" in line:
            break
    found = re.search(pattern, text)
    assert found, text
    return found


@pytest.mark.slow
def test_the_command_serves_until_it_is_interrupted_and_keeps_what_was_judged(tmp_path: Path) -> None:
    store = tmp_path / "mine.db"
    command = [sys.executable, "-m", "rmlab", "judge", "--store", str(store), "--number", "5", "--no-browser"]
    for n in (1, 2):
        with ExitStack() as stack:
            process = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
            stack.callback(process.kill)
            address = started(process, r"http://127\.0\.0\.1:\d+/\?token=[\w-]+")[0]
            with urllib.request.urlopen(address.replace("/?", "/join?"), b"{}", timeout=20) as answer:
                view = json.load(answer)
            assert (view["judged"], view["goal"]) == (n - 1, 5)
            body = json.dumps(click(view)).encode()
            urllib.request.urlopen(address.replace("/?", "/judge?"), body, timeout=20).close()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=20) == 0
            assert f"{n} entries" in process.stderr.read()  # pyright: ignore[reportOptionalMemberAccess]
    with LabelStore(store) as opened:
        assert [(entry.rater, entry.position) for entry in opened.judgements()] == [("me", 1), ("me", 2)]
        assert isinstance(opened.judgements()[0], Judgement)


def test_a_class_judges_the_same_pairs(tmp_path: Path) -> None:
    store = tmp_path / "class.db"
    command = [sys.executable, "-m", "rmlab", "judge", "--class", "--host", "127.0.0.1", "--number", "8"]
    with subprocess.Popen(
        [*command, "--store", str(store), "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            found = started(process, r"joins at (http://127\.0\.0\.1:\d+) with the code (\w{6})")
            for rater in ("Ann", "Bob"):
                said: dict[str, Any] = {"code": found[2], "rater": rater}
                path = "join"
                while True:
                    with urllib.request.urlopen(f"{found[1]}/{path}", json.dumps(said).encode(), timeout=20) as answer:
                        view = json.load(answer)
                    if not view["showing"]:
                        break
                    said, path = click(view), "judge"
        finally:
            process.kill()
    with LabelStore(store) as opened:
        judged = {name: {e.pair for e in opened.judgements() if e.rater == name} for name in ("Ann", "Bob")}
    assert judged["Ann"] == judged["Bob"]
    assert len(judged["Ann"]) == 8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--port", "70000"], "70000"),
        (["--number", "0"], "--number"),
        (["--host", "127.0.0.1"], "--class"),
        (["--rule", "disagreement"], "--models"),
        (["--rater", "=1"], "rater's name"),
        (["--store", "postgresql://127.0.0.1:1/x"], "--rater"),
        (["nowhere.jsonl"], "nowhere.jsonl"),
        (["--store", "nowhere/labels.db"], "cannot be opened"),
        (["--class", "--host", "203.0.113.7"], "203.0.113.7"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["judge", "--no-browser", *options]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
