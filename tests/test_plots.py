"""Plots: the numbers drawn and described are those given, nothing global changes, and live curves lose no record."""

from __future__ import annotations

import base64
import gc
import html
import io
import math
import re
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from rmlab import plots
from rmlab.bradley_terry import fit_bradley_terry
from rmlab.evaluation import LearningCurve, evaluate, wilson_interval
from rmlab.plots.bands import plot_bands, plot_paired
from rmlab.plots.curves import plot_lines
from rmlab.plots.scores import plot_intervals, plot_score_bars, plot_score_steps
from rmlab.preference import preference_loss, preference_probability

DIFFERENCES = np.r_[np.random.default_rng(0).normal(0.5, 1.5, 297), 0.0, 0.0, 0.0]
FIT = SimpleNamespace(
    items=("ant", "bee", "cat <&>"), scores=np.array([-0.75, 0.5, 0.25]), standard_errors=np.array([0.2, 0.1, 0.3])
)
CURVE = LearningCurve.from_differences(
    {n: [np.random.default_rng([n, run]).normal(n / 300, 1, 80) for run in range(3)] for n in (30, 100, 300)}
)


def evaluation():
    names = np.where(np.arange(300) % 3 == 0, "code", "chat")
    lengths = np.random.default_rng(1).integers(1, 99, (300, 2))
    return evaluate(DIFFERENCES, groups=names, lengths=lengths)


def records(n: int, *, evaluate_every: int = 10) -> list[SimpleNamespace]:
    rng = np.random.default_rng(2)
    steps = []
    for i in range(1, n + 1):
        made_at = [0] if i == 1 else [i] if i % evaluate_every == 0 else []
        held_out = tuple(
            SimpleNamespace(step=at, evaluation=evaluate(d), score_differences=d)
            for at in made_at
            for d in [rng.normal(0.02 * at, 1, 40)]
        )
        loss, accuracy, difference = rng.random(3)
        steps.append(
            SimpleNamespace(
                step=i, epoch=i / n, pairs_seen=16 * i, loss=loss, accuracy=accuracy, score_difference=difference,
                gradient_norm=1.0, learning_rate=1e-4, tokens=99, seconds=0.1 * i, evaluations=held_out,
            )
        )  # fmt: skip
    return steps


EVERY_PLOT = {
    "preference_curve": lambda **options: plots.plot_preference_curve(1.5, **options),
    "scores": lambda **options: plots.plot_scores(FIT, **options),
    "score_differences": lambda **options: plots.plot_score_differences(DIFFERENCES, **options),
    "calibration": lambda **options: plots.plot_calibration(evaluation(), **options),
    "groups": lambda **options: plots.plot_groups(evaluation(), **options),
    "lengths": lambda **options: plots.plot_lengths(evaluation(), **options),
    "learning_curve": lambda **options: plots.plot_learning_curve(CURVE, ceiling=0.8, **options),
    "training": lambda **options: plots.plot_training(records(25), **options),
}


def lines(ax: Axes, label: str) -> Any:
    return next(line for line in ax.lines if line.get_label() == label)


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


# Every plot


@pytest.mark.parametrize("name", EVERY_PLOT)
def test_draws_on_the_axes_given_or_on_its_own(name: str):
    mine = Figure().subplots()
    assert EVERY_PLOT[name](ax=mine) is mine
    own = EVERY_PLOT[name]()
    assert own.figure is not mine.figure
    assert plots.describe(own) == plots.describe(mine)


@pytest.mark.parametrize("name", EVERY_PLOT)
def test_says_what_the_axes_are_and_is_legible_from_afar(name: str):
    ax = EVERY_PLOT[name]()
    for panel in ax.child_axes or [ax]:
        assert panel.get_title(loc="left")
        assert panel.get_xlabel()
        assert panel.xaxis.label.get_size() >= 13
        assert all(tick.get_size() >= 11 for tick in panel.get_xticklabels())
        assert all(text.get_size() >= 11 for text in panel.texts)
    legends = [legend for panel in ax.child_axes if (legend := panel.get_legend())]
    assert all(text.get_size() >= 11 for legend in legends for text in legend.get_texts())


@pytest.mark.parametrize("name", EVERY_PLOT)
def test_renders_within_the_figure_and_changes_nothing_global(name: str):
    import matplotlib.pyplot as plt

    before, open_before = dict(mpl.rcParams), plt.get_fignums()
    ax = EVERY_PLOT[name]()
    figure = ax.get_figure(root=True)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for panel in [ax, *ax.child_axes]:
        box = panel.get_tightbbox(canvas.get_renderer())
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == open_before


@pytest.fixture
def frozen() -> Iterator[None]:
    """Leave what there is already out of garbage collection, which is then over sooner."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("name", EVERY_PLOT)
def test_a_figure_is_gone_when_nothing_refers_to_it(name: str):
    figure = weakref.ref(EVERY_PLOT[name]().get_figure(root=True))
    gc.collect()
    assert figure() is None


# One by one


def test_preference_curve_draws_both_formulas_and_marks_the_differences():
    sigmoid, loss = plots.plot_preference_curve([-3, 1.5]).child_axes
    x, y = sigmoid.lines[0].get_data()
    np.testing.assert_array_equal(y, preference_probability(x))
    x, y = loss.lines[0].get_data()
    np.testing.assert_array_equal(y, preference_loss(x))
    assert words(sigmoid) == ["0.047", "0.818"]
    assert words(loss) == ["loss = 3.049", "loss = 0.201"]
    assert sigmoid.texts[1].xy == (1.5, preference_probability(1.5))
    assert loss.texts[0].xy == (-3.0, preference_loss(-3.0))
    _, top = lines(sigmoid, "P").get_data()
    assert list(top) == [0, preference_probability(-3.0)]
    assert lines(sigmoid, "1 − P").get_linestyle() != lines(sigmoid, "P").get_linestyle()


def test_preference_curve_without_a_point_and_far_out():
    ax = plots.plot_preference_curve()
    assert not words(ax.child_axes[0])
    assert "At a difference" not in plots.describe(ax)
    low, high = plots.plot_preference_curve(40).child_axes[0].get_xlim()
    assert low < -40
    assert high > 40


def test_scores_are_drawn_best_first_with_intervals():
    ax = plots.plot_scores(FIT)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["bee", "cat <&>", "ant"]
    assert ax.yaxis_inverted()
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"] == [0.5, 0.25, -0.75]
    ends = np.array([segment[:, 0] for segment in ax.collections[0].get_segments()])
    expected = np.array([[0.5], [0.25], [-0.75]]) + 1.96 * np.array([[0.1], [0.3], [0.2]]) * [-1, 1]
    np.testing.assert_allclose(ends, expected, atol=1e-4)
    assert words(ax) == ["+0.50", "+0.25", "−0.75"]
    assert "bee +0.50 (+0.30 to +0.70); cat <&> +0.25 (−0.34 to +0.84); ant −0.75" in plots.describe(ax)


def test_many_scores_drop_the_names_and_describe_both_ends():
    many = SimpleNamespace(items=range(200), scores=np.arange(200.0), standard_errors=np.ones(200))
    ax = plots.plot_scores(many)
    assert not ax.get_yticklabels()
    assert ax.get_ylabel() == "200 names, the first on top"
    assert "199 +199.00" in plots.describe(ax)
    assert "188 more" in plots.describe(ax)
    assert "0 +0.00" in plots.describe(ax)


def test_score_differences_are_parted_at_zero():
    ax = plots.plot_score_differences(DIFFERENCES)
    bars = [bar for bar in ax.patches if bar.get_height()]
    tally = dict.fromkeys((plots.CHOSEN, plots.REJECTED, plots.NEUTRAL), 0)
    for bar in bars:
        colour = to_hex(bar.get_facecolor())
        tally[colour] += bar.get_height()
        left, right = bar.get_x(), bar.get_x() + bar.get_width()
        side = {plots.CHOSEN: left >= 0, plots.REJECTED: right <= 1e-12, plots.NEUTRAL: left == -right}
        assert side[colour]
        if colour != plots.NEUTRAL:
            inside = (DIFFERENCES != 0) & (left - 1e-12 <= DIFFERENCES) & (right > DIFFERENCES)
            assert bar.get_height() == inside.sum()
        assert bool(bar.get_hatch()) == (colour == plots.REJECTED)
    right, wrong = (DIFFERENCES > 0).sum(), (DIFFERENCES < 0).sum()
    assert tally == {plots.CHOSEN: right, plots.REJECTED: wrong, plots.NEUTRAL: 3}
    assert words(ax) == [
        f"− rejected scored higher\n{wrong / 300:.1%}, {wrong} pairs",
        f"+ chosen scored higher\n{right / 300:.1%}, {right} pairs",
    ]
    assert "3 ties" in ax.get_title(loc="left")
    assert f"scored higher in {right / 300:.1%} of the pairs" in plots.describe(ax)
    assert f"mean {DIFFERENCES.mean():.2f}, median {np.median(DIFFERENCES):.2f}" in plots.describe(ax)


@pytest.mark.parametrize("differences", [[0.0, 0.0], [3.0], [-1e-9, -2e-9], [1e6, -1.0]])
def test_score_differences_of_any_size_are_all_drawn(differences: list[float]):
    ax = plots.plot_score_differences(differences)
    assert sum(bar.get_height() for bar in ax.patches) == len(differences)


def test_score_differences_name_bad_input():
    with pytest.raises(ValueError, match=r"score_differences .*\(n_pairs,\).*\(3, 2\)"):
        plots.plot_score_differences(np.ones((3, 2)))


def test_calibration_draws_the_bins_with_intervals_and_counts():
    given = evaluation()
    ax = plots.plot_calibration(given)
    points = next(line for line in ax.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(points.get_xdata(), [one.mean_probability for one in given.calibration])
    np.testing.assert_array_equal(points.get_ydata(), [one.observed_share for one in given.calibration])
    ends = np.array([segment[:, 1] for segment in ax.collections[0].get_segments()])
    np.testing.assert_allclose(ends, [one.interval for one in given.calibration])
    assert set(words(ax)) >= {str(one.count) for one in given.calibration} | {"over-confident", "under-confident"}
    first = given.calibration[0]
    assert f"{first.mean_probability:.0%} sure, {first.observed_share:.0%} right" in plots.describe(ax)
    assert f"calibration error {given.calibration_error:.3f}" in plots.describe(ax)


def test_the_words_about_confidence_stand_below_the_interval_of_a_small_bin():
    few = evaluate([*np.linspace(0.1, 0.9, 200), *[2.2] * 3])  # three pairs: a long interval at the right
    ax = plots.plot_calibration(few)
    ax.get_figure(root=True).draw_without_rendering()  # type: ignore[union-attr]
    over = next(text for text in ax.texts if text.get_text() == "over-confident")
    end = ax.transData.transform((0.5, few.calibration[-1].interval[0]))[1]
    counts = [text.get_window_extent() for text in ax.texts if text.get_text() == "3"]
    assert counts[0].y1 < over.get_window_extent().y0 < over.get_window_extent().y1 < end


def test_pictures_of_calibration_that_take_turns_have_one_axis():
    sure, unsure = (plots.plot_calibration(evaluate(np.ones(400) * d), down_to=0.3) for d in (4.0, 0.1))
    assert sure.get_ylim() == unsure.get_ylim()
    assert sure.get_ylim() == pytest.approx((0.2, 1.03))
    few = evaluate([4.0, -4.0, -4.0, -4.0])  # the interval goes further down
    assert plots.plot_calibration(few, down_to=0.3).get_ylim()[0] < few.calibration[0].interval[0] < 0.2


def test_calibration_of_ties_alone_says_so_and_a_temperature_is_named():
    assert "Every pair is a tie" in plots.describe(plots.plot_calibration(evaluate([0.0, 0.0])))
    ax = plots.plot_calibration(evaluate([1.0, -1.0], temperature=1.5))
    assert ax.get_title(loc="left") == "Calibration at temperature 1.50"


def test_groups_are_drawn_beside_all_pairs_and_length():
    given = evaluation()
    ax = plots.plot_groups(given)
    names = ["all pairs", "chat", "code", "longer response wins"]
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    shown = [given, given.groups["chat"], given.groups["code"], given.length_baseline]
    drawn = [line.get_xdata()[0] for line in ax.lines if line.get_marker() in tuple("soD")]
    assert drawn == [one.accuracy for one in shown]
    ends = np.array([segment[:, 0] for segment in ax.collections[0].get_segments()])
    np.testing.assert_allclose(ends, [one.accuracy_interval for one in shown])
    assert words(ax) == [f"{one.accuracy:.1%} of {one.n_pairs}" for one in shown]
    for name, one in zip(names, shown, strict=True):
        assert f"{name} {one.accuracy:.1%}" in plots.describe(ax)


BAND = [(1.0, 0.5, 1.5), (2.0, 1.0, 3.0)]
ODD = "a $$ b $\\frac$ \x1b[31m\u202e"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.plot_groups(evaluate([1.0, -1.0, 1.0], groups=[ODD, "b", "c"])),
        lambda: plots.plot_scores(fit_bradley_terry([ODD, "b"], ["b", ODD])),
        lambda: plot_score_steps([ODD, "b"], [[0.0, 0.0], [1.0, -1.0]]),
        lambda: plot_score_bars([ODD, "b"], [1.0, -1.0], reach=2.0),
        lambda: plot_intervals([[-1.0, 1.0]], 0.0, name="a $$ b"),
        lambda: plot_bands([1, 2], {ODD: BAND}, title="a $$ b", x_label="$$", y_label="$$"),
        lambda: plot_bands([1, 2], {ODD: BAND}, title="a", x_label="x", y_label="y",
                           level=("$$", 1.0)),
        lambda: plot_paired([0.0], [1.0], names=(ODD, "$$"), title="$$", y_label="$$"),
        lambda: plot_lines([0, 1], {ODD: [0, 1], "b": [1, 0]}, title="$$", x_label="$$", y_label="$$",
                           points=[(0, 0, "$$")]),
    ],
)  # fmt: skip
def test_a_name_may_hold_anything(draw):
    ax = draw()
    png = plots.display.bundle(ax, plots.describe(ax))["text/html"]
    assert "data:image/png" in png
    assert "\x1b" not in plots.describe(ax)
    assert "\u202e" not in plots.describe(ax)
    assert "$$" in plots.describe(ax)


def test_names_with_dollar_signs_are_no_mathematics():
    ax = plots.plot_groups(evaluate([1.0, -1.0], groups=["a $\\frac$ sign", "b"]))
    FigureCanvasAgg(ax.get_figure(root=True)).draw()
    assert ax.get_yticklabels()[1].get_text() == "a $\\frac$ sign"


def test_groups_say_when_there_are_none():
    with pytest.raises(ValueError, match=r"groups.*evaluate"):
        plots.plot_groups(evaluate([1.0]))


def test_lengths_are_drawn_beside_what_length_alone_would_score():
    given = evaluation().length_bins
    ax = plots.plot_lengths(evaluation())
    assert [label.get_text() for label in ax.get_yticklabels()] == [one.name for one in given]
    drawn = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert drawn == [one.model.accuracy for one in given]
    by_length = next(line for line in ax.lines if line.get_marker() == "D" and len(line.get_xdata()))
    assert list(by_length.get_xdata()) == [one.longer_wins.accuracy for one in given]
    ends = np.array([segment[:, 0] for segment in ax.collections[0].get_segments()])
    np.testing.assert_allclose(ends, [one.model.accuracy_interval for one in given])
    for one in given:
        assert f"{one.name} {one.model.accuracy:.1%}" in plots.describe(ax)


def test_lengths_say_when_there_are_none():
    with pytest.raises(ValueError, match=r"lengths.*evaluate"):
        plots.plot_lengths(evaluate([1.0]))


def test_learning_curve_draws_means_runs_and_ceiling():
    ax = plots.plot_learning_curve(CURVE, ceiling=0.8)
    mean = lines(ax, "mean of the runs, 95% interval")
    assert list(mean.get_xdata()) == [30, 100, 300]
    assert list(mean.get_ydata()) == [point.accuracy for point in CURVE.points]
    runs = [list(line.get_ydata()) for line in ax.lines if line.get_marker() == "_" and len(line.get_xdata())]
    assert runs == [list(point.accuracies) for point in CURVE.points]
    assert set(lines(ax, "ceiling 80.0%").get_ydata()) == {0.8}
    bars = [tuple(line.get_ydata()) for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 2.5]
    assert bars == [point.accuracy_interval for point in CURVE.points]
    assert f"300 pairs {CURVE.points[2].accuracy:.1%}" in plots.describe(ax)
    assert "The ceiling is 80.0%." in plots.describe(ax)


@pytest.mark.parametrize("as_history", [True, False])
def test_training_draws_the_records_and_the_held_out_evaluations(as_history: bool):
    steps = records(40)
    held_out = [e for step in steps for e in step.evaluations]
    ax = plots.plot_training(SimpleNamespace(steps=steps, evaluations=held_out) if as_history else iter(steps))
    for panel, name in zip(ax.child_axes, ("loss", "accuracy", "score_difference"), strict=True):
        each = lines(panel, "each batch")
        np.testing.assert_array_equal(each.get_xdata(), [step.pairs_seen for step in steps])
        values = [getattr(step, name) for step in steps]
        np.testing.assert_array_equal(each.get_ydata(), values)
        smooth = lines(panel, "mean of last 10").get_ydata()
        np.testing.assert_allclose(smooth, [np.mean(values[max(0, i - 9) : i + 1]) for i in range(40)])
        coin = {"loss": math.log(2), "accuracy": 0.5, "score_difference": 0.0}[name]
        assert set(lines(panel, "a coin").get_ydata()) == {coin}
        held = lines(panel, "held-out")
        assert list(held.get_xdata()) == [0, 160, 320, 480, 640]
        expected = {
            "loss": [e.evaluation.log_loss for e in held_out],
            "accuracy": [e.evaluation.accuracy for e in held_out],
            "score_difference": [e.score_differences.mean() for e in held_out],
        }[name]
        np.testing.assert_array_equal(held.get_ydata(), expected)
    bars = np.array([segment[:, 1] for segment in ax.child_axes[1].collections[0].get_segments()])
    np.testing.assert_array_equal(bars, [wilson_interval(40 * e.evaluation.accuracy, 40) for e in held_out])
    quarters = np.array([segment[:, 1] for segment in ax.child_axes[2].collections[0].get_segments()])
    np.testing.assert_array_equal(quarters, [np.quantile(e.score_differences, [0.25, 0.75]) for e in held_out])
    text = plots.describe(ax)
    assert "640 pairs in 40 steps" in text
    assert f"the loss is {np.mean([step.loss for step in steps[-10:]]):.3f}" in text
    assert f"last evaluation (step 40): loss {held_out[-1].evaluation.log_loss:.3f}" in text


def test_training_without_held_out_pairs_and_with_one_step():
    step = records(1)[0]
    del step.evaluations
    ax = plots.plot_training([step])
    assert "Held-out" not in plots.describe(ax)
    assert lines(ax.child_axes[0], "each batch").get_marker() == "."  # a line of one point would show nothing


def test_training_says_when_there_is_nothing_yet():
    with pytest.raises(ValueError, match="no step"):
        plots.plot_training([])


# Words for pictures


def test_show_displays_a_png_with_the_description_as_escaped_alt_text(monkeypatch: pytest.MonkeyPatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, **options: shown.append((bundle, options)))
    ax = plots.plot_scores(FIT)
    plots.show(ax)
    plots.show(ax.figure, alt='a "quoted" picture')
    (first, options), (second, _) = shown
    assert options == {"raw": True}
    assert first["text/plain"] == plots.describe(ax)
    source, alt, width, height = re.fullmatch(
        r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)" width="(\d+)" height="(\d+)" style="[^"]+">',
        first["text/html"],
    ).groups()  # type: ignore[union-attr]
    assert "<&>" not in alt
    assert html.unescape(alt) == plots.describe(ax)
    png = Image.open(io.BytesIO(base64.b64decode(source)))
    assert png.width == pytest.approx(1.6 * int(width), abs=2)
    assert png.height == pytest.approx(1.6 * int(height), abs=2)
    assert 'alt="a &quot;quoted&quot; picture"' in second["text/html"]


def test_show_closes_a_pyplot_figure_so_that_it_does_not_appear_twice(monkeypatch: pytest.MonkeyPatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr("IPython.display.display", lambda *_, **__: None)
    figure, ax = plt.subplots()
    plots.show(plots.plot_scores(FIT, ax=ax))
    assert figure.number not in plt.get_fignums()


def test_a_cell_that_ends_with_a_plot_shows_it_with_alt_text():
    ax = plots.plot_scores(FIT)
    ax.set_title("changed afterwards")
    assert f'alt="{html.escape(plots.describe(ax))}"' in ax._repr_html_()
    assert not hasattr(plots.plot_scores(FIT, ax=Figure().subplots()), "_repr_html_")


def test_describe_joins_the_plots_of_a_figure_and_refuses_other_pictures():
    left, right = Figure().subplots(1, 2)
    plots.plot_scores(FIT, ax=left)
    plots.plot_preference_curve(1.0, ax=right)
    assert plots.describe(left.figure) == plots.describe(left) + " " + plots.describe(right)
    with pytest.raises(ValueError, match=r"rmlab\.plots.*show\(picture, alt="):
        plots.describe(Figure().subplots())


# Live curves


class Notebook:
    """Stands for IPython in a kernel: keeps the descriptions displayed, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, render: bool = False):
        self.displayed: list[str] = []
        if not render:  # a PNG costs most of the time of a drawing
            monkeypatch.setattr(plots.training_curves, "bundle", lambda _, alt: {"text/plain": alt})
        monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=object()))
        monkeypatch.setattr("IPython.display.display", self.display)

    def display(self, bundle: dict[str, str], *, raw: bool, display_id: bool):
        assert raw
        assert display_id
        self.displayed.append(bundle["text/plain"])
        return self

    def update(self, bundle: dict[str, str], *, raw: bool):
        assert raw
        assert self.displayed
        self.displayed.append(bundle["text/plain"])


def test_live_curves_pass_records_on_and_redraw_in_a_notebook(monkeypatch: pytest.MonkeyPatch):
    notebook, steps = Notebook(monkeypatch), records(5)
    passed = []
    for step in plots.live_curves(iter(steps), seconds=0):
        passed.append(step)
        assert len(notebook.displayed) >= 1  # the first step is drawn before it is passed on
        time.sleep(0.01)
    assert all(one is other for one, other in zip(passed, steps, strict=True))
    assert "80 pairs in 5 steps" in notebook.displayed[-1]
    assert "16 pairs in 1 steps" in notebook.displayed[0]


def test_live_curves_draw_seldom(monkeypatch: pytest.MonkeyPatch):
    notebook = Notebook(monkeypatch)
    assert len(list(plots.live_curves(records(300), seconds=60))) == 300
    assert len(notebook.displayed) == 2  # the first step and the last state


def test_live_curves_spend_at_most_a_tenth_on_drawing(monkeypatch: pytest.MonkeyPatch):
    notebook, clock = Notebook(monkeypatch), SimpleNamespace(now=0.0)
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    draw = plots.training_curves._draw_live

    def slow_draw(*arguments: Any) -> Any:
        clock.now += 2.0
        return draw(*arguments)

    monkeypatch.setattr(plots.training_curves, "_draw_live", slow_draw)
    for _ in plots.live_curves(records(80), seconds=1):
        clock.now += 1.0
    # A drawing of 2 s and then 18 steps of 1 s, four times, and a fifth; the last state is a sixth.
    assert [text.split(" steps")[0].split()[-1] for text in notebook.displayed] == ["1", "19", "37", "55", "73", "80"]


@pytest.mark.parametrize("way", ["break", "error in the loop", "error in training"])
def test_live_curves_show_the_last_state_and_close_the_run_however_it_ends(way: str, monkeypatch: pytest.MonkeyPatch):
    notebook, closed = Notebook(monkeypatch), []

    def run():
        try:
            yield from records(3)
            raise FloatingPointError("the loss is NaN")
        finally:
            closed.append(True)

    def loop():
        for step in curves:
            if step.step == 3 and way != "error in training":
                if way == "break":
                    break
                raise KeyError(way)
        curves.close()

    training = run()  # kept, so that it is closed by live_curves and not by going out of use
    curves = plots.live_curves(training, seconds=60)
    if way == "break":
        loop()
    else:
        with pytest.raises(KeyError if way == "error in the loop" else FloatingPointError):
            loop()
    curves.close()
    assert closed == [True]
    assert "48 pairs in 3 steps" in notebook.displayed[-1]


@pytest.mark.usefixtures("frozen")
def test_live_curves_leave_no_figure(monkeypatch: pytest.MonkeyPatch):
    Notebook(monkeypatch, render=True)
    made: list[weakref.ref] = []
    original = plots.training_curves.make_axes

    def remembered(*arguments: Any) -> Axes:
        ax = original(*arguments)
        made.append(weakref.ref(ax.figure))
        return ax

    monkeypatch.setattr(plots.training_curves, "make_axes", remembered)
    assert len(list(plots.live_curves(records(1)))) == 1
    gc.collect()
    assert made
    assert all(figure() is None for figure in made)


def test_live_curves_only_pass_on_in_a_terminal(monkeypatch: pytest.MonkeyPatch):
    notebook, steps = Notebook(monkeypatch), records(3)
    for shell in (None, SimpleNamespace()):  # plain Python; IPython in a terminal has no kernel
        monkeypatch.setattr("IPython.get_ipython", lambda shell=shell: shell)
        assert list(plots.live_curves(steps)) == steps
        assert list(plots.live_curves([])) == []
    assert notebook.displayed == []


def test_without_ipython_records_pass_and_neither_torch_nor_pyplot_is_loaded():
    code = (
        "import sys; sys.modules['IPython'] = None; from rmlab import plots; print(list(plots.live_curves(range(4))));"
        "plots.plot_preference_curve(1.0);"
        "print({'torch', 'scipy', 'pandas', 'matplotlib.pyplot'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[:2] == ["[0, 1, 2, 3]", "set()"]
