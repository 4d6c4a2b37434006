"""The page: the figures are those found, nothing from outside runs or loads, and every odd case is said in words."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from rmlab._theme import css_variables
from rmlab.evaluation import evaluate, fit_temperature, noise_ceiling, rewardbench
from rmlab.reports import Report, Tempered
from rmlab.reports.evaluation_page import render
from rmlab.reports.found import accuracy_in_words, confidence_in_words

HOSTILE = "<script>alert('x')</script> & \"more\""


def differences(n: int = 200, *, shift: float = 0.6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, n)


def tempered(d: np.ndarray) -> Tempered:
    return Tempered("fitted to others", before=evaluate(d), after=evaluate(d, temperature=fit_temperature(d)))


def full_report(**changes) -> Report:
    d = differences()
    rng = np.random.default_rng(1)
    settings = {
        "model": "runs/first",
        "pairs": "pairs.jsonl",
        "evaluation": evaluate(
            d,
            groups=[HOSTILE, "chat"] * 100,
            lengths=rng.integers(1, 90, (200, 2)),
            clusters=np.arange(200) // 2,
            n_bootstrap=200,
        ),
        "score_differences": d,
        "tempered": tempered(d),
        "counts": {"ties left out": 3, "pairs with a cut prompt": 0},
        "ceiling": noise_ceiling([(2, 1), (3, 0), (1, 2)] * 20, n_bootstrap=200),
        "benchmark": rewardbench(d, ["donotanswer", "hep-go"] * 100, n_bootstrap=200),
        "made": {"command": "rmlab evaluate runs/first pairs.jsonl", "date": "2026-01-02 03:04 UTC"},
        "notes": ("a note of the command",),
    }
    return Report(**{**settings, **changes})


class Page(HTMLParser):
    """The tags of a page, what opens and closes, and the text outside them."""

    def __init__(self, source: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text = ""
        self.source = source
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(render(full_report()))


def test_every_tag_is_closed(page: Page):
    assert page.open == []
    assert page.all("html") == [{"lang": "en"}]


def test_the_page_needs_neither_script_nor_network(page: Page):
    names = {name for name, _ in page.tags}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form"}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        assert "href" not in attributes
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert "url(" not in page.source


def test_a_content_security_policy_forbids_the_rest(page: Page):
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_every_picture_has_alt_text_with_its_numbers(page: Page):
    alts = [image["alt"] for image in page.all("img")]
    assert len(alts) == 5
    assert all(len(alt) > 60 and re.search(r"\d", alt) for alt in alts)


def test_names_from_outside_are_escaped():
    report = full_report(model=HOSTILE, pairs=HOSTILE, made={HOSTILE: HOSTILE}, counts={HOSTILE: 2}, notes=(HOSTILE,))
    source = render(report)
    assert "<script" not in source
    assert Page(source).text.count(html.unescape(html.escape(HOSTILE))) >= 7


def test_the_figures_are_those_found(page: Page):
    report = full_report()
    e, text = report.evaluation, page.text
    assert f"{e.accuracy:.1%}" in text
    for number in (*e.accuracy_interval, e.log_loss, *e.log_loss_interval, e.brier, e.calibration_error):
        assert f"{number:.3f}" in text
    for one in (*e.groups.values(), *(one.model for one in e.length_bins), e.length_baseline):
        assert f"{one.accuracy:.3f}" in text
        assert "{:.3f} to {:.3f}".format(*one.accuracy_interval) in text
    assert f"{report.ceiling.upper_bound:.1%}" in text
    assert f"{report.benchmark.subsets['hep-go'].score:.3f}" in text
    assert "200 pairs on 100 prompts" in text


def test_what_was_left_out_and_how_it_was_made_are_said(page: Page):
    assert "ties left out3" in page.text
    assert "cut prompt" not in page.text  # there were none
    assert "2026-01-02 03:04 UTC" in page.text
    assert "A note of the command." in page.text


def test_groups_show_length_and_the_interval_that_holds_for_all(page: Page):
    assert "all at once" in page.text
    for group in full_report().evaluation.groups.values():
        assert "{:.3f} to {:.3f}".format(*group.simultaneous_interval) in page.text
        assert f"{group.length_baseline.accuracy:.3f}" in page.text


def test_what_a_terminal_or_an_editor_obeys_is_shown_as_its_escape():
    odd = "\x1b[31m\u202egpj.exe"
    e = evaluate(differences(), groups=[odd, "chat"] * 100)
    report = full_report(evaluation=e, pairs=odd, counts={odd: 1}, notes=(odd,), made={odd: odd})
    for written in (render(report), str(report.evaluation)):
        assert "\\x1b[31m\\u202egpj.exe" in written
        assert not {"\x1b", "\u202e"} & set(written)


def test_sections_without_content_are_left_out():
    d = differences()
    report = full_report(evaluation=evaluate(d), ceiling=None, benchmark=None, counts={}, notes=())
    page = Page(render(report))
    for title in ("By group", "Against length", "RewardBench", "Noise ceiling"):
        assert title not in page.text
    assert "Nothing." in page.text


@pytest.mark.parametrize(
    "d", [np.zeros(3), np.array([1.0]), np.full(5, 2.0), np.array([-1.0, -2.0])], ids=["ties", "one", "equal", "wrong"]
)
def test_odd_evaluations_make_a_page(d: np.ndarray):
    failure = Tempered("fitted to others", failure="the best temperature is 0")
    report = full_report(
        evaluation=evaluate(d, groups=["a"] * len(d), n_bootstrap=100), score_differences=d, tempered=failure
    )
    page = Page(render(report))
    assert re.search(r"No temperature .*\b0\.", page.text)
    for note in report.evaluation.notes:
        assert note[1:] in page.text


def test_its_colours_are_those_of_the_palette(page: Page):
    assert css_variables() in page.source


# In words


@pytest.mark.parametrize(
    ("d", "said"),
    [
        (differences(400), "more often than a coin would"),
        (-differences(400), "less often than a coin would. Check whether chosen and rejected are swapped"),
        (differences(50, shift=0.0), "these pairs do not tell it from a coin"),
        (np.zeros(9), "all its scores are equal"),
    ],
)
def test_the_accuracy_is_held_against_a_coin(d: np.ndarray, said: str):
    assert said in accuracy_in_words(evaluate(d))


def test_the_accuracy_is_held_against_length():
    d = differences(300)
    as_length = accuracy_in_words(evaluate(d, lengths=np.where(d[:, None] > 0, [[2, 1]], [[1, 2]])))
    assert "about as often as the model" in as_length
    assert "shorter" not in as_length
    as_shorter = accuracy_in_words(evaluate(d, lengths=np.where(d[:, None] > 0, [[1, 2]], [[2, 1]])))
    assert "choosing the shorter one would do about as well" in as_shorter
    beyond = accuracy_in_words(evaluate(d, lengths=np.tile([[1, 2], [2, 1]], (150, 1))))
    assert "about as" not in beyond
    assert re.search(r"longer response .*50\.0%", beyond)


@pytest.mark.parametrize(
    ("scale", "said"), [(4.0, "over-confident"), (0.2, "under-confident"), (1.0, "about as sure as it should be")]
)
def test_the_confidence_is_put_in_words(scale: float, said: str):
    rng = np.random.default_rng(2)
    log_odds = rng.normal(0, 1.5, 4000)
    d = scale * np.where(rng.random(4000) < 1 / (1 + np.exp(-log_odds)), log_odds, -log_odds)
    assert said in confidence_in_words(tempered(d))


# As JSON and as text


def test_json_carries_what_the_page_shows():
    report = full_report()
    restored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert restored["accuracy"] == report.evaluation.accuracy
    assert restored["ties left out"] == 3
    assert restored["tempered"]["temperature"] == report.tempered.after.temperature
    assert restored["tempered"]["after"]["log_loss"] == report.tempered.after.log_loss
    assert restored["noise_ceiling"]["agreement"] == report.ceiling.agreement
    assert restored["rewardbench"]["subsets"]["hep-go"]["score"] == report.benchmark.subsets["hep-go"].score
    assert restored["made"]["date"] == "2026-01-02 03:04 UTC"
    assert restored["notes"][-1] == "a note of the command"


def test_json_says_why_there_is_no_temperature():
    report = full_report(
        tempered=Tempered("fitted to others", failure="no pair is wrong"), ceiling=None, benchmark=None
    )
    restored = report.to_dict()
    assert restored["tempered"] == {"fitted_on": "fitted to others", "failure": "no pair is wrong"}
    assert restored["noise_ceiling"] is restored["rewardbench"] is None
    assert "no temperature: no pair is wrong" in str(report)


def test_text_shows_all_parts():
    text = str(full_report())
    for part in (
        "accuracy by group",
        "temperature",
        "log loss",
        "noise ceiling",
        "RewardBench, as its authors score it",
    ):
        assert part in text


def test_what_is_found_loads_no_matplotlib():
    code = "import sys, rmlab.reports; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
