"""`rmlab explore`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rmlab.atomic import write_text
from rmlab.cli.options import add_skip_bad, check_page, load_trained, read_given

if TYPE_CHECKING:
    from rmlab.audit import Robustness
    from rmlab.data import PreferencePairs
    from rmlab.explorer import Explorer
    from rmlab.model import RewardModel
    from rmlab.simulate.replies import Judge
    from rmlab.training import History


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("model", metavar="MODEL", nargs="?", help="folder or hub id (default: the course's model)")
    parser.add_argument("pairs", metavar="PAIRS", nargs="?", help="file, glob or hub id (default: fresh replies)")
    parser.add_argument(
        "--robustness", action="store_true", help="add a view of what moves the scores and should not (takes minutes)"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="write one file that needs no kernel and no network")
    parser.add_argument(
        "--live", action="store_true", help="with --html: put the model into the file, so that it can score there too"
    )
    parser.add_argument("--revision", help="pin a hub model")
    parser.add_argument(
        "--labels", metavar="STORE", help="labels of PAIRS; Optimise also shows their reward as a proxy"
    )
    add_skip_bad(parser)
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: any free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address without opening a browser")


def run(options: argparse.Namespace) -> int:
    """Serve the explorer as a page on this machine until interrupted, or write it as one file."""
    page: Path | None = options.html
    check_page(page)
    if options.live and page is None:
        raise ValueError("--live puts the model into a file: name the file with --html FILE")
    if options.labels is not None and options.pairs is None:
        raise ValueError("--labels needs PAIRS, the pairs that were judged: rmlab explore MODEL PAIRS --labels STORE")
    if options.labels is not None and "://" not in options.labels and not Path(options.labels).is_file():
        raise ValueError(f"no file {options.labels!r}: name the store that `rmlab judge --store` wrote")
    if not 0 <= options.port < 65536:
        raise ValueError(f"--port must be between 0 (any that is free) and 65535, got {options.port}")
    try:
        import rmlab.explorer  # noqa: F401
    except ModuleNotFoundError as error:  # the lab extra is not installed; the message says so
        raise ValueError(str(error)) from error
    if page is None:
        _serve(options)
    from rmlab.explorer.page import render_page

    shown, title, pairs = _shown(options)
    if shown.answers is not None:
        shown.answers.wait()
    views, data, live = shown.views, shown.data, ""
    if options.live:
        from rmlab.datasets import course_pairs
        from rmlab.explorer.judge_columns import add_live_views

        pairs = course_pairs().pairs if pairs is None else pairs
        views, data = add_live_views(views, data, pairs, name=_name(options.pairs or "replies").partition(".")[0])
        live = _live(shown, pairs)
    write_text(page, render_page(shown.state, views, data, title=title, live=live))
    print(f"written to {page} ({page.stat().st_size / 1e6:.1f} MB): open it in a browser, or send it")
    return 0


def _serve(options: argparse.Namespace) -> NoReturn:
    """Serve the page at once; until the pairs are scored, it says that it is waiting."""
    from rmlab.explorer.access import kept_token, open_browser, redirect_file
    from rmlab.explorer.serve import ExplorerServer

    try:
        server = ExplorerServer(port=options.port, token=kept_token(options.port) if options.port else None)
    except OSError as error:
        raise OSError(
            f"port {options.port} is not available ({os.strerror(error.errno or 0)}); name another, or leave --port out"
        ) from error
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it as Ctrl-C does, and leaves no file behind
    with suppress(KeyboardInterrupt), server, redirect_file(server.address) as file:
        print(f"the explorer is at {server.address}\nonly this machine can reach it; Ctrl-C ends it", flush=True)
        shown, title, _ = _shown(options, lambda: options.no_browser or open_browser(file))
        server.show(shown.state, shown.views, shown.data, title=title)
        server.wait()
    # Exit at once: the interpreter would wait for a thread that is scoring, or abort if torch computes in it, and torch
    # takes seconds to shut down.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _live(shown: Explorer, pairs: PreferencePairs) -> str:
    """Return the parts of the page that hold its models, after comparing their scores with torch on the pairs shown."""
    from rmlab.explorer.live_files import live_blocks

    answers = shown.answers
    assert answers is not None  # there is always a model
    second = None if answers.second is None else (answers.second[0], answers.second[1].scorer)
    return live_blocks(answers.scorer.scorer, pairs, name=answers.name, second=second, progress=True)


def _shown(
    options: argparse.Namespace, ready: Callable[[], object] = lambda: None
) -> tuple[Explorer, str, PreferencePairs | None]:
    """Load model and pairs, call `ready`, and score the pairs; return the explorer, its title and the given pairs."""
    from rmlab.explorer.linked import QUESTION, explore

    model = load_trained(options) if options.model else None
    pairs = read_given(options.pairs, options) if options.pairs else None
    names = _name(options.model or "the course's model"), _name(options.pairs or "fresh replies")
    history, no_film = _history(options.model)
    ready()
    title = " on ".join(names) if options.model or options.pairs else QUESTION
    found = _robustness(model, pairs, names[0]) if options.robustness else None
    proxies = None if pairs is None or options.labels is None else {"your labels": _judge(options.labels, pairs)}
    shown = explore(model, pairs, history=history, robustness=found, note=no_film, names=names, proxies=proxies)
    return shown, title, pairs


def _robustness(model: RewardModel | None, pairs: PreferencePairs | None, name: str) -> Robustness:
    from rmlab.audit import robustness
    from rmlab.datasets import course_model, course_pairs

    given = course_pairs().pairs if pairs is None else pairs
    found = robustness(course_model() if model is None else model, given, progress=True)
    return replace(found, model=name)


def _judge(store: str, pairs: PreferencePairs) -> Judge:
    """Return a judge whose weights are fitted to the labels of these pairs in a store."""
    from rmlab.labels import LabelStore, ask, fit_rewarded, traits_of
    from rmlab.optimization import judge_of_labels

    questions = ask(pairs)
    traits = traits_of(questions)
    with LabelStore(store) as kept:
        entries = kept.judgements()
    return judge_of_labels(fit_rewarded(entries, questions, traits.differences, traits.names))


def _name(given: str) -> str:
    """Return the name of a file or folder without its path, for a page that may be shared; a hub id stays whole."""
    return Path(given).resolve().name if Path(given).exists() else given


def _history(model: str | None) -> tuple[History | None, str | None]:
    """Return the history that `rmlab train` wrote beside a model, if any, or a note on why it makes no film."""
    path = None if model is None else Path(model) / "training.json"
    if path is None or not path.is_file():
        return None, None
    from rmlab.training import History

    try:
        history = History.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        return None, f"There is no film of the training, because {path} cannot be read: {error}"
    if not any(len(one.score_differences) for one in history.evaluations):
        return None, f"There is no film of the training: {path} holds no held-out differences. Train again for one."
    return history, None
