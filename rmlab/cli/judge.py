"""`rmlab judge`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rmlab.atomic import write_text
from rmlab.cli.options import add_skip_bad, check_page, read_given

if TYPE_CHECKING:
    from rmlab.data import PreferencePairs
    from rmlab.explorer.judge_serve import JudgeServer
    from rmlab.labels import Questions, Traits
    from rmlab.labels.rules import Rule

STORE = "labels.db"
SHIPPED = 200
"""Number of simulated pairs that are judged if no file is named."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument(
        "pairs", metavar="PAIRS", nargs="?", help="file, glob or hub id (default: pairs from the world of replies)"
    )
    parser.add_argument(
        "--store",
        metavar="FILE",
        default=STORE,
        help=f"where labels go: a file, or postgresql://... (default: {STORE})",
    )
    parser.add_argument("--rater", metavar="NAME", help="the name that is kept with the labels (default: me)")
    parser.add_argument(
        "--number", type=int, default=40, help="judgements until the page shows what you reward (default: 40)"
    )
    parser.add_argument(
        "--rule",
        choices=("random", "disagreement", "information"),
        default="random",
        help="how the next pair is chosen; disagreement is that of the two --models (default: random)",
    )
    parser.add_argument("--models", metavar="MODEL", nargs=2, help="folders or hub ids of two models")
    parser.add_argument(
        "--class",
        dest="many",
        action="store_true",
        help="open it to the local network: a code to join, a page for each rater",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on with --class (default: this machine's)")
    parser.add_argument(
        "--html", metavar="FILE", type=Path, help="write one file to judge in; the browser keeps its labels"
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address without opening a browser")
    add_skip_bad(parser)


def run(options: argparse.Namespace) -> int:
    """Serve pages to judge pairs on until interrupted, or write one file to judge in."""
    if not 0 <= options.port < 65536:
        raise ValueError(f"--port must be between 0 (any that is free) and 65535, got {options.port}")
    if options.number < 1:
        raise ValueError(f"--number must be at least 1, got {options.number}")
    if options.host and not options.many:
        raise ValueError("--host needs --class: without it, only this machine can reach the page")
    if (options.rule == "disagreement") != bool(options.models):
        raise ValueError("--rule disagreement needs --models ONE OTHER, and no other rule takes them")
    if options.html is not None:
        return _write_page(options)
    if "://" in options.store and not (options.many or options.rater):
        raise ValueError("others may add labels to that database too. Give your name with --rater NAME")
    try:
        import rmlab.explorer  # noqa: F401
        from rmlab.labels import LabelStore, ask, rater_name, traits_of
        from rmlab.labels.desk import Desk
    except ModuleNotFoundError as error:  # the lab extra is not installed; the message says so
        raise ValueError(str(error)) from error
    from rmlab.explorer.access import kept_token, open_browser, redirect_file
    from rmlab.explorer.judge_serve import JudgeServer, address_of_this_machine

    rater = None if options.many else rater_name(options.rater or "me")
    questions = ask(_pairs(options))
    traits = traits_of(questions)
    with LabelStore(options.store) as store:
        rule = _rule(options, questions, traits)
        desk = Desk(store, questions, traits, rule=rule, goal=min(options.number, len(questions)))
        host = (options.host or address_of_this_machine()) if options.many else "127.0.0.1"
        token = kept_token(options.port) if options.port else None  # a page that is still open finds the next run
        try:
            server = JudgeServer(
                desk, title=_title(options.pairs), rater=rater, host=host, port=options.port, token=token
            )
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(f"port {options.port} of {host} is not available ({why}); name another") from error
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does
        with suppress(KeyboardInterrupt), server, redirect_file(server.address) as file:
            print(_said(server, options.store, len(questions)), flush=True)
            if not options.no_browser:
                open_browser(file)
            server.wait()
        print(f"\n{store.count():,} entries are in {store.name}", file=sys.stderr)
    return 0


def _write_page(options: argparse.Namespace) -> int:
    """Write one file to judge in. The browser keeps its labels, and it has no access to a model or a database."""
    page: Path = options.html
    given = {
        "--class": options.many,
        "--models": options.models,
        "--rule": options.rule != "random",
        "--store": options.store != STORE,
        "--port": options.port,
    }
    if wrong := [name for name, there in given.items() if there]:
        raise ValueError(f"{wrong[0]} needs a server, and --html FILE writes a page without one; leave one of them out")
    check_page(page)
    try:
        from rmlab.explorer import ExplorerState
        from rmlab.explorer.judge_columns import judge_columns
    except ModuleNotFoundError as error:  # the lab extra is not installed; the message says so
        raise ValueError(str(error)) from error
    from rmlab.explorer.page import render_page
    from rmlab.labels import rater_name

    name = Path(options.pairs).name.partition(".")[0] if options.pairs else "replies"
    rater = rater_name(options.rater or "me")
    columns = judge_columns(_pairs(options), rater=rater, goal=options.number, name=name)
    state = ExplorerState(view="judge")
    write_text(page, render_page(state, ("judge",), {"judge": columns}, title=_title(options.pairs)))
    n, size = len(columns["questions"]), page.stat().st_size / 1e6
    print(f"written to {page} ({size:.1f} MB, {n:,} pairs): open it in a browser, judge, and download the labels there")
    return 0


def _said(server: JudgeServer, store: str, n: int) -> str:
    lines = [f"{n:,} pairs to judge; labels go to {store if '://' not in store else 'the database'}"]
    if server.code is None:
        return "\n".join([*lines, f"judge at {server.address}", "only this machine can reach it; Ctrl-C ends it"])
    lines += [
        f"the class joins at {server.origin} with the code {server.code}",
        f"the teacher's page is at {server.address}",
    ]
    return "\n".join([*lines, "the local network can reach it; Ctrl-C ends it"])


def _title(pairs: str | None) -> str:
    return f"Which is better? {Path(pairs).name if pairs else 'Replies of the world'}"


def _pairs(options: argparse.Namespace) -> PreferencePairs:
    """Return the given pairs, or simulated ones. A class gets only as many as each rater judges.

    If raters drew from many pairs, two would hardly ever judge the same one, and agreement could not be measured.
    """
    if options.pairs:
        pairs = read_given(options.pairs, options)
    else:
        from rmlab.simulate.replies import simulate_reply_pairs

        pairs = simulate_reply_pairs(SHIPPED, seed=0).pairs
    if options.many and len(pairs) > options.number:
        drawn = np.random.default_rng(0).permutation(len(pairs))[: options.number]
        pairs = pairs.take(np.sort(drawn))
    return pairs


def _rule(options: argparse.Namespace, questions: Questions, traits: Traits) -> Rule | None:
    """Return the rule that chooses the next pair; None for a random choice."""
    from rmlab.labels import ByDisagreement, ByInformation

    if options.rule == "information":
        return ByInformation(traits.differences * questions.signs()[:, None])
    if options.rule == "disagreement":
        from rmlab.model import RewardModel

        one, other = (
            RewardModel.from_pretrained(name, fresh_head=False).score_differences(questions.pairs)
            for name in options.models
        )
        return ByDisagreement(one, other)
    return None
