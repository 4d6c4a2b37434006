"""The store of labels: what was acknowledged is there, once; nothing is overwritten; other files are left alone."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from test_judging import click, started

from rmlab.__main__ import main
from rmlab.data import PreferencePair, read_pairs, write_pairs
from rmlab.labels import (
    Judgement,
    LabelStore,
    PlaceTakenError,
    Session,
    StoreError,
    agreement,
    ask,
    export_pairs,
    export_table,
    import_pairs,
    import_table,
    standing,
)

PAIR = "0123456789abcdef"
PAIRS = [PreferencePair(f"question {i}", f"good {i}", f"bad {i}", group="abc"[i % 3]) for i in range(12)]


def entry(position: int = 1, **changes: object) -> Judgement:
    given = {"key": f"key-{position}", "showing": position, "verdict": "left"} | changes
    made = Judgement("s", position, "k", 1, "Ann", PAIR, False, "left", 1.5, "random", "2026-01-01T00:00:00+00:00")
    return replace(made, **given)  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "labels.db") if request.param == "sqlite" else request.getfixturevalue("database")


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of the tests' own, on a socket in a folder; gives an address without the database's name."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    # the server refuses to run as root: Debian's package made a user for it
    user = {"user": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="rmlab-postgres-"))  # short: the name of a socket has a limit
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    options = {"capture_output": True, "text": True, "cwd": "/", **user}
    made = subprocess.run([initdb, "-D", data, "-A", "trust", "-U", "rmlab", "-N"], **options)
    assert made.returncode == 0, made.stderr
    command = [str(Path(initdb).with_name("postgres")), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **user)
    for _ in range(100):
        if (folder / ".s.PGSQL.5432").exists():
            break
        time.sleep(0.1)
    yield f"postgresql://rmlab@/{{name}}?host={folder}"
    server.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
    server.wait(timeout=30)
    shutil.rmtree(folder)


@pytest.fixture
def database(postgres: str, request: pytest.FixtureRequest) -> str:
    name = f"t{abs(hash(request.node.nodeid))}"
    address = make_url(postgres.format(name="postgres")).set(drivername="postgresql+psycopg")
    engine = create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    for attempt in range(100):  # the server takes a moment to start
        try:
            with engine.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            break
        except OperationalError:
            if attempt == 99:
                raise
            time.sleep(0.1)
    return postgres.format(name=name)


def test_the_commands_judge_into_a_database_and_report_on_it(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "rmlab", "judge", "--store", database, "--rater", "Ann", "--no-browser"]
    for n in (0, 3):  # it goes on where it stopped
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                address = started(process, r"http://127\.0\.0\.1:\d+/\?token=[\w-]+")[0]
                with urllib.request.urlopen(address.replace("/?", "/join?"), b"{}", timeout=20) as answer:
                    view = json.load(answer)
                assert view["judged"] == n
                for _ in range(3):
                    body = json.dumps(click(view)).encode()
                    with urllib.request.urlopen(address.replace("/?", "/judge?"), body, timeout=20) as answer:
                        view = json.load(answer)
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=20) == 0
            finally:
                process.kill()
    assert main(["agreement", database, "--json"]) == 0
    (rater,) = json.loads(capsys.readouterr().out)["raters"]
    assert (rater["rater"], rater["n_judgements"]) == ("Ann", 6)


def test_entries_come_back_as_they_were(where: str) -> None:
    kept = [entry(1), entry(2, verdict="tie", seconds=0.1 + 0.2, rater="Björk 🎈"), entry(3, swapped=True)]
    with LabelStore(where) as store:
        assert store.append(*kept) == 3
        assert store.judgements() == store.judgements("s") == kept
        assert store.judgements("t") == []
        assert store.count() == 3
    with LabelStore(where) as again:
        assert again.judgements() == kept
        assert (again.last_session("Ann"), again.last_session("Bob")) == ("s", None)


def test_an_entry_that_is_sent_twice_is_kept_once(where: str) -> None:
    with LabelStore(where) as store:
        assert store.append(entry(1)) == 1
        # the answer was lost, and it was sent again
        assert store.append(entry(1, time="2026-01-01T00:00:09+00:00")) == 0
        assert store.append(entry(1), entry(2)) == 1
        assert [one.position for one in store.judgements()] == [1, 2]


def test_of_two_entries_for_one_place_the_first_is_kept(where: str) -> None:
    with LabelStore(where) as store:
        store.append(entry(1))
        for other in (entry(1, key="tab-2", verdict="right"), entry(2, key="key-1"), entry(1, verdict="right")):
            with pytest.raises(PlaceTakenError):
                store.append(entry(5), other)
        assert store.judgements() == [entry(1)], "all or none"


def test_two_tabs_that_judge_at_once_are_one_judgement(where: str) -> None:
    with LabelStore(where) as store, ThreadPoolExecutor(8) as pool:

        def send(tab: int) -> bool:
            try:
                return bool(store.append(entry(1, key=f"tab-{tab}")))
            except PlaceTakenError:
                return False

        assert sum(pool.map(send, range(8))) == 1
        assert store.count() == 1


def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "labels.db") as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


WRITERS = """
import os, sys
from dataclasses import replace
from rmlab.labels import Judgement, LabelStore
entry = Judgement("s", 1, "k", 1, "Ann", "0123456789abcdef", False, "left", 1.5, "random", "2026-01-01T00:00:00+00:00")
def say(line):  # by one write, which a kill does not divide
    os.write(1, f"{line}\\n".encode())
for _ in sys.stdin:  # a process each time, which need not load everything again
    if child := os.fork():
        os.waitpid(child, 0)
        say("ended")
    else:
        store = LabelStore(sys.argv[1])
        say(os.getpid())
        for position in range(store.count() + 1, 100_000):
            store.append(replace(entry, position=position, key=f"key-{position}", showing=position))
            say(position)
"""


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_kill_at_any_moment(where: str) -> None:
    chance = random.Random(0)
    LabelStore(where).close()
    n_kept = 0
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen([sys.executable, "-c", WRITERS, where], **pipes) as writers, LabelStore(where) as store:
        for _ in range(30):
            writers.stdin.write("\n")
            process = int(writers.stdout.readline())
            time.sleep(chance.uniform(0.0, 0.15))
            os.kill(process, signal.SIGKILL)
            acknowledged = [int(line) for line in iter(writers.stdout.readline, "ended\n")]
            positions = [one.position for one in store.judgements()]
            assert positions == list(range(1, len(positions) + 1)), "each once"
            # one may be on the disk whose acknowledgement was not sent
            assert max(acknowledged, default=n_kept) <= len(positions) <= max(acknowledged, default=n_kept) + 1
            n_kept = len(positions)
        writers.stdin.close()
    assert n_kept > 30, "hardly anything was written before the kills"


# What is no store, or cannot be used


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
        other.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="recipes"):
        LabelStore(path)
    assert path.read_bytes() == before
    text = tmp_path / "notes.txt"
    text.write_text("dear diary, " * 100)
    with pytest.raises(StoreError, match="not a store of labels"):
        LabelStore(text)


def test_a_store_of_a_later_version_is_refused(where: str) -> None:
    from rmlab.labels.store import ABOUT

    with LabelStore(where) as store, store._engine.begin() as connection:
        connection.execute(ABOUT.update().values(schema_version=99))
    with pytest.raises(StoreError, match="version 99"):
        LabelStore(where)


@pytest.mark.parametrize("name", ["", " "])
def test_a_store_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(StoreError, match="no name"):
        LabelStore(name)


def test_labels_that_are_imported_again_are_counted_once(tmp_path: Path) -> None:
    pairs = [replace(pair, chosen_first=True) for pair in PAIRS]
    with LabelStore(tmp_path / "again.db") as store:
        assert import_pairs(store, pairs[:9], rater=" me") == (9, 0)
        assert import_pairs(store, pairs, rater="me") == (3, 9)
        assert store.raters() == ["me"]
        assert agreement(store.judgements()).consistency is None


def test_a_store_without_a_version_is_damaged(where: str) -> None:
    from rmlab.labels.store import ABOUT

    with LabelStore(where) as store, store._engine.begin() as connection:
        connection.execute(ABOUT.delete())
    with pytest.raises(StoreError, match="damaged"):
        LabelStore(where)


def test_responses_that_differ_only_as_messages_are_left_out(judged: LabelStore) -> None:
    def said(*texts: str) -> tuple[dict[str, str], ...]:
        return tuple({"role": "assistant", "content": text} for text in texts)

    question = ({"role": "user", "content": "Why?"},)
    same = PreferencePair(question, said("So.", "Yes."), said("So.\nYes."), chosen_first=True)
    other = PreferencePair(question, said("So."), said("No."), chosen_first=False)
    assert import_pairs(judged, [same, other], rater="Bob") == (1, 1)


def fill(store: LabelStore) -> None:
    for position in range(2, 500):
        store.append(entry(position))


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "labels.db") as store:
        store.append(entry(1))
        with store._engine.connect() as connection:  # the pool gives this connection again
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="disk is full"):
            fill(store)
        kept = store.count()
        with store._engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 100000")
        assert store.append(entry(kept + 1)) == 1
        assert store.count() == kept + 1


def test_a_locked_store_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmlab.labels.store.SECONDS_FOR_A_LOCK", 0.1)
    with LabelStore(tmp_path / "labels.db") as store, closing(sqlite3.connect(tmp_path / "labels.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="another program holds it"):
            store.append(entry(1))
        other.rollback()
        assert store.append(entry(1)) == 1


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("nowhere/labels.db", "cannot be opened"),
        ("nosuch://host/x", "nosuch"),
        ("postgresql://ann:secret@127.0.0.1:1/x", "127.0.0.1"),
        ("postgresql://host:x/y", "address"),
    ],
)
def test_what_cannot_be_reached_is_said_without_a_password(
    where: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=said) as caught:
        LabelStore(where)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"rater": ""}, {"rater": "x" * 41}, {"rater": "=1+1"}, {"rater": "a\nb"}, {"pair": "12"}, {"verdict": "both"},
        {"seconds": float("nan")}, {"seconds": -1.0}, {"position": 0}, {"key": "<b>"}, {"time": "noon"},
    ],
)  # fmt: skip
def test_an_entry_must_be_well_formed(changes: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(changes)).replace("rater", "rater's name")):
        entry(**({"position": 1} | changes))


def test_a_name_with_markup_is_kept_as_text(tmp_path: Path) -> None:
    with LabelStore(tmp_path / "labels.db") as store:
        store.append(entry(1, rater="Ann <script>alert(1)</script>"))
        assert store.judgements()[0].rater == "Ann <script>alert(1)</script>"


# What stands


def test_the_last_entry_of_a_showing_stands_unless_it_is_an_undo() -> None:
    entries = [
        entry(1), entry(2), entry(3, showing=2, verdict="undo"), entry(4, showing=2, verdict="tie"),
        entry(5, showing=1, verdict="undo"), entry(6, showing=3, verdict="skip"),
    ]  # fmt: skip
    assert [(one.showing, one.verdict) for one in standing(reversed(entries))] == [(2, "tie"), (3, "skip")]


@pytest.mark.parametrize(
    ("verdict", "swapped", "preferred"),
    [("left", False, 1), ("right", False, -1), ("left", True, -1), ("right", True, 1), ("tie", True, 0),
     ("skip", False, None), ("undo", False, None)],
)  # fmt: skip
def test_which_response_was_preferred(verdict: str, swapped: bool, preferred: int | None) -> None:
    assert entry(1, verdict=verdict, swapped=swapped).preferred == preferred


# Files


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[LabelStore]:
    """A session in which Ann always prefers the response that the file calls chosen, but for a tie and a skip."""
    questions = ask(PAIRS)
    with LabelStore(tmp_path / "labels.db") as store:
        session = Session(store, questions, "Ann", name="a-test")
        while shown := session.showing():
            prompt, left, _ = questions.shown(shown.place, swapped=shown.swapped)
            verdict = "tie" if prompt.endswith(" 3") else "skip" if prompt.endswith(" 4") else "right"
            if verdict == "right" and left.startswith("good"):
                verdict = "left"
            session.judge(verdict, 1.0, key=f"k{shown.number}", position=session.position, showing=shown.number)
        yield store


def test_labels_become_pairs_that_are_read_again(judged: LabelStore, tmp_path: Path) -> None:
    pairs, n_vanished = export_pairs(judged.judgements(), ask(PAIRS))
    assert n_vanished == 0
    write_pairs(pairs, tmp_path / "pairs.jsonl")
    read = read_pairs(str(tmp_path / "pairs.jsonl"))
    assert list(read) == list(pairs)
    assert sum(pair.tied for pair in read) >= 1
    assert all(str(pair.chosen).startswith("good") for pair in read if not pair.tied)
    entries = {one.pair: one for one in standing(judged.judgements())}
    for pair in read:
        (name,) = ask([pair]).ids
        if not pair.tied:
            assert pair.chosen_first == (entries[name].verdict == "left") or entries[name].rule == "repeat"
    # as another rater's they find their pairs, though the file may call the other response chosen
    swapped = [replace(pair, chosen=pair.rejected, rejected=pair.chosen) for pair in PAIRS]
    kept, left_out = import_pairs(judged, read, rater="Bob")
    assert (kept, left_out) == (len(read), 0)
    again, _ = export_pairs(judged.judgements(judged.last_session("Bob")), ask(swapped))
    assert [(p.prompt, p.chosen, p.tied, p.chosen_first) for p in again if not p.tied] == [
        (p.prompt, p.chosen, p.tied, p.chosen_first) for p in read if not p.tied
    ]


def test_the_weight_of_a_rater_is_that_of_their_pairs(judged: LabelStore, tmp_path: Path) -> None:
    heavier = [replace(pair, weight=9.0) for pair in PAIRS]  # of an earlier judgement: not taken over
    plain, _ = export_pairs(judged.judgements(), ask(heavier))
    assert set(plain.weights) == {1.0}
    import_pairs(judged, plain, rater="Bob")
    found, _ = export_pairs(judged.judgements(), ask(PAIRS), rater_weights={"Ann": 0.25, "Bob": 2})
    assert sorted(found.weights) == [0.25] * len(plain) + [2.0] * len(
        plain
    )  # sessions come in the order of their names
    write_pairs(found, tmp_path / "pairs.jsonl")
    assert list(read_pairs(str(tmp_path / "pairs.jsonl"))) == list(found)
    part, _ = export_pairs(judged.judgements(), ask(PAIRS), rater_weights={"Bob": "0.5"})
    assert sorted(part.weights) == [0.5] * len(plain) + [1.0] * len(plain)


@pytest.mark.parametrize(("weights", "told"), [
    ({"Cleo": 1.0}, "'Cleo'"),
    ({"ann": 1.0}, "'ann'"),
    ({"Ann": 0.0}, r"'Ann' .*above 0, got 0\.0"),
    ({"Ann": -1.0}, r"'Ann' .*above 0, got -1\.0"),
    ({"Ann": float("nan")}, "'Ann' .*finite, got nan"),
    ({"Ann": "half"}, "'Ann' .*number, got 'half'"),
])  # fmt: skip
def test_a_weight_of_nobody_or_a_bad_one_names_the_raters(judged: LabelStore, weights: dict, told: str) -> None:
    import_pairs(judged, [replace(PAIRS[0], chosen_first=True)], rater="Bob")
    with pytest.raises(ValueError, match=rf"{told}.* Ann, Bob\b") as error:
        export_pairs(judged.judgements(), ask(PAIRS), rater_weights=weights)
    assert "\n" not in str(error.value)


def test_pairs_that_do_not_say_which_was_left_are_counted(judged: LabelStore) -> None:
    assert import_pairs(judged, PAIRS[:3], rater="Bob") == (0, 3)


def test_a_pair_that_vanished_from_the_file_is_counted(judged: LabelStore) -> None:
    before, _ = export_pairs(judged.judgements(), ask(PAIRS))
    pairs, n_vanished = export_pairs(judged.judgements(), ask(PAIRS[5:]))
    assert len(pairs) + n_vanished == len(before)
    assert n_vanished >= 4
    with pytest.raises(ValueError, match="nothing to export"):
        export_pairs(judged.judgements(), ask([PreferencePair("other", "a", "b")]))


def test_the_table_comes_back_entry_for_entry(judged: LabelStore, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    judged.append(entry(1, rater='An "odd", name'))
    entries = judged.judgements()
    export_table(entries, table)
    assert import_table(judged, table) == 0
    with LabelStore(tmp_path / "other.db") as other:
        assert import_table(other, table) == len(entries)
        assert other.judgements() == entries


def test_no_cell_of_the_table_is_a_formula_for_a_spreadsheet(judged: LabelStore, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    strange = replace(entry(1), session="-1")
    export_table([strange], table)
    with table.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["session"], row["position"]) == ("'-1", "1")
    with LabelStore(tmp_path / "other.db") as other:
        assert import_table(other, table) == 1
        assert other.judgements() == [strange]


def test_a_table_that_was_damaged_names_its_line(judged: LabelStore, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    export_table(judged.judgements(), table)
    lines = table.read_text().splitlines()
    for line, old, new in ((3, "random", "r a n d o m"), (2, lines[1].split(",")[6], "perhaps")):
        damaged = lines[line - 1].replace(old, new)
        table.write_text("\n".join([*lines[: line - 1], damaged, *lines[line:]]))
        with LabelStore(tmp_path / "other.db") as other:
            with pytest.raises(ValueError, match=rf"labels\.csv, line {line}"):
                import_table(other, table)
            assert other.count() == 0
    table.write_text("\n".join(["session,position", "s,1"]))
    with pytest.raises(ValueError, match="line 1: no column 'key'"):
        import_table(judged, table)
