"""One page about one model on one set of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rmlab import plots
from rmlab.evaluation import Accuracy, Evaluation, NoiseCeiling, RewardBenchScores
from rmlab.printing import printable
from rmlab.reports.found import FIGURES, Report, accuracy_in_words, confidence_in_words, counted, ends, figures
from rmlab.reports.html_parts import document, picture, safe, sentence, table

__all__ = ["render"]


def render(report: Report) -> str:
    """Return the report as one HTML file, which needs neither script nor network."""
    e = report.evaluation
    title = f"{report.model} on {report.pairs}"
    low, high = e.accuracy_interval
    body = [
        f"<h1>{safe(title)}</h1>",
        f'<p class="headline">{e.accuracy:.1%} <small>accuracy, 95% interval {low:.1%} to {high:.1%}</small></p>',
        f"<p>{safe(accuracy_in_words(e))} {safe(confidence_in_words(report.tempered))}</p>",
        *(f'<p class="note">{safe(sentence(note))}</p>' for note in (*e.notes, *report.notes)),
        _figures(e),
        "<h2>Score differences</h2>",
        "<p>Each pair gives one difference: the score of the chosen response minus that of the rejected one. Right of "
        "zero, the model agrees with the label.</p>",
        picture(plots.plot_score_differences(report.score_differences)),
        *_calibration(report),
        *_groups(e),
        *_lengths(e),
        *_benchmark(report.benchmark),
        *_ceiling(report.ceiling, e),
        "<h2>What was left out, cut, or counts as half a win</h2>",
        _left_out(report.counts),
        "<h2>How this was made</h2>",
        table(("", ""), report.made.items(), css="made"),
    ]
    return document(title, body)


def _figures(e: Evaluation) -> str:
    units = (
        "" if e.n_clusters is None else f" on {counted(e.n_clusters, 'prompt')}, which the intervals take into account"
    )
    below = f"{counted(e.n_pairs, 'pair')}{units}; {e.n_ties:,} with equal scores, each counted as one half."
    return table(FIGURES, figures(e)) + f'\n<p class="quiet">{safe(below)}</p>'


def _calibration(report: Report) -> Iterable[str]:
    yield "<h2>Calibration</h2>"
    yield (
        "<p>On the pairs where the model is 80% sure, it should be right in 80%. Below the diagonal it is too sure.</p>"
    )
    before, after = report.tempered.before, report.tempered.after
    shown = [report.evaluation, *([] if before is None or after is None else [after])]
    lowest = min([0.5, *(one.interval[0] for each in shown for one in each.calibration)])
    yield picture(plots.plot_calibration(report.evaluation, down_to=lowest))
    if before is not None and after is not None:
        yield "<p>With the temperature, on the pairs that it was not fitted to:</p>"
        yield picture(plots.plot_calibration(after, down_to=lowest))
        rows = [("log loss", f"{before.log_loss:.3f}", f"{after.log_loss:.3f}")]
        if before.calibration_error is not None and after.calibration_error is not None:
            rows += [("calibration error", f"{before.calibration_error:.3f}", f"{after.calibration_error:.3f}")]
        yield table((counted(after.n_pairs, "pair"), "as scored", "with temperature"), rows)


def _groups(e: Evaluation) -> Iterable[str]:
    if not e.groups:
        return
    yield "<h2>By group</h2>"
    yield picture(plots.plot_groups(e))
    several = len(e.groups) > 1
    if several:
        yield (
            "<p>The first interval is for a group that was named beforehand. To pick one group out of all, read the "
            f"second: with 95% confidence all {len(e.groups):,} of these hold at once (Bonferroni).</p>"
        )
    with_length = e.length_baseline is not None
    head = ["group", "accuracy", "95% interval", "pairs"]
    head += ["all at once"] * several + ["longer wins"] * with_length
    rows = []
    for name, group in e.groups.items():
        row = [*_accuracy_row(name, group)]
        if several:
            row.append(ends(group.simultaneous_interval))
        if group.length_baseline is not None:
            row.append(f"{group.length_baseline.accuracy:.3f}")
        rows.append(row)
    yield table(head, rows)


def _lengths(e: Evaluation) -> Iterable[str]:
    if not e.length_bins:
        return
    yield "<h2>Against length</h2>"
    yield (
        "<p>Does the model know more than which response is longer? Where the lengths are about equal, length is no "
        "guide; where the chosen response is the shorter one, a model that likes length is wrong.</p>"
    )
    yield picture(plots.plot_lengths(e))
    rows = [(*_accuracy_row(one.name, one.model), f"{one.longer_wins.accuracy:.3f}") for one in e.length_bins]
    yield table(("", "accuracy", "95% interval", "pairs", "longer wins"), rows)


def _benchmark(scores: RewardBenchScores | None) -> Iterable[str]:
    if scores is None:
        return
    yield f"<h2>{safe(scores.benchmark)}</h2>"
    yield "<p>As its authors score it, with intervals.</p>"
    rows = [("overall", scores.overall)] if scores.overall else []
    rows += [*scores.sections.items(), *scores.subsets.items()]
    yield table(
        ("", "score", "95% interval", "items"),
        [(name, f"{one.score:.3f}", ends(one.interval), f"{one.n_items:,}") for name, one in rows],
    )
    yield from (f'<p class="note">{safe(sentence(note))}</p>' for note in scores.notes)


def _ceiling(ceiling: NoiseCeiling | None, e: Evaluation) -> Iterable[str]:
    if ceiling is None:
        return
    yield "<h2>Noise ceiling</h2>"
    judged = f"{counted(ceiling.n_pairs, 'pair')} {'was' if ceiling.n_pairs == 1 else 'were'} judged more than once."
    yield (
        f"<p>{judged} Two judgements agree in {ceiling.agreement:.1%}, so no model can agree with more than "
        f"{ceiling.upper_bound:.1%} of them; the model's {e.accuracy:.1%} should be compared with that.</p>"
    )
    yield table(
        ("", "", "95% interval"),
        [
            ("two judgements agree", f"{ceiling.agreement:.3f}", ends(ceiling.agreement_interval)),
            ("ceiling, at least", f"{ceiling.leave_one_out:.3f}", ends(ceiling.leave_one_out_interval)),
            ("ceiling, at most", f"{ceiling.upper_bound:.3f}", ends(ceiling.upper_bound_interval)),
            ("if true differences are normal", f"{ceiling.if_normal:.3f}", ""),
        ],
    )
    yield from (f'<p class="note">{safe(sentence(note))}</p>' for note in ceiling.notes)


def _left_out(counts: Mapping[str, int]) -> str:
    rows = [(name, f"{n:,}") for name, n in counts.items() if n]
    return table(("", "pairs"), rows) if rows else "<p>Nothing.</p>"


def _accuracy_row(name: object, one: Accuracy) -> tuple[str, str, str, str]:
    return printable(name), f"{one.accuracy:.3f}", ends(one.accuracy_interval), f"{one.n_pairs:,}"
