"""One page about one model on one set of pairs: a single HTML file, with neither script nor anything from the network.

Every name from outside is escaped, and the page's content security policy forbids everything but its own pictures.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes

from rmlab import plots
from rmlab._theme import css_variables
from rmlab.evaluation import Accuracy, Evaluation, NoiseCeiling, RewardBenchScores
from rmlab.plots.display import bundle
from rmlab.printing import printable
from rmlab.reports.found import Report, accuracy_in_words, confidence_in_words, counted

__all__ = ["render"]

STYLE = (
    f":root {{ color-scheme: light dark; {css_variables()} }}"
    + """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 52rem; color: var(--ink); background: var(--page);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
.headline { font-size: 3rem; font-weight: 700; color: var(--chosen); line-height: 1.1; margin: 1rem 0 0; }
.headline small { font-size: 1rem; font-weight: 400; color: var(--quiet); display: block; }
.quiet { color: var(--quiet); }
figure { margin: 1rem 0; padding: .5rem; background: white; border: 1px solid var(--line); border-radius: .4rem; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem .3rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; overflow-wrap: break-word; }
td:not(:first-child) { white-space: nowrap; overflow-wrap: normal; }
th { color: var(--quiet); font-weight: 600; overflow-wrap: normal; }
.made td:not(:first-child) { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.note { border-left: .25rem solid var(--chosen); padding-left: .75rem; }
@media (max-width: 30rem) { body { font-size: .94rem; } .headline { font-size: 2.4rem; }
  table { font-size: .86rem; } th, td { padding-right: .4rem; } }
"""
)


def render(report: Report) -> str:
    """Return the report as one HTML file, which needs neither script nor network."""
    e = report.evaluation
    title = f"{report.model} on {report.pairs}"
    low, high = e.accuracy_interval
    body = [
        f"<h1>{_safe(title)}</h1>",
        f'<p class="headline">{e.accuracy:.1%} <small>accuracy, 95% interval {low:.1%} to {high:.1%}</small></p>',
        f"<p>{_safe(accuracy_in_words(e))} {_safe(confidence_in_words(report.tempered))}</p>",
        *(f'<p class="note">{_safe(_sentence(note))}</p>' for note in (*e.notes, *report.notes)),
        _figures(e),
        "<h2>Score differences</h2>",
        "<p>Each pair gives one difference: the score of the chosen response minus that of the rejected one. Right of "
        "zero, the model agrees with the label.</p>",
        _picture(plots.plot_score_differences(report.score_differences)),
        *_calibration(report),
        *_groups(e),
        *_lengths(e),
        *_benchmark(report.benchmark),
        *_ceiling(report.ceiling, e),
        "<h2>What was left out, cut, or counts as half a win</h2>",
        _left_out(report.counts),
        "<h2>How this was made</h2>",
        _table(("", ""), report.made.items(), css="made"),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _figures(e: Evaluation) -> str:
    rows = [("accuracy", f"{e.accuracy:.3f}", _ends(e.accuracy_interval), "0.500")]
    if e.length_baseline is not None:
        rows += [
            (
                "longer response wins",
                f"{e.length_baseline.accuracy:.3f}",
                _ends(e.length_baseline.accuracy_interval),
                "",
            )
        ]
    rows += [
        ("log loss", f"{e.log_loss:.3f}", _ends(e.log_loss_interval), "0.693"),
        ("Brier score", f"{e.brier:.3f}", _ends(e.brier_interval), "0.250"),
    ]
    if e.calibration_error is None:
        rows += [("calibration error", "undefined", "", "")]
    else:
        by_chance = f"{e.calibration_error_by_chance:.3f} by chance"
        rows += [("calibration error", f"{e.calibration_error:.3f}", by_chance, "")]
    units = (
        "" if e.n_clusters is None else f" on {counted(e.n_clusters, 'prompt')}, which the intervals take into account"
    )
    below = f"{counted(e.n_pairs, 'pair')}{units}; {e.n_ties:,} with equal scores, each counted as one half."
    return _table(("", "", "95% interval", "a coin"), rows) + f'\n<p class="quiet">{_safe(below)}</p>'


def _calibration(report: Report) -> Iterable[str]:
    yield "<h2>Calibration</h2>"
    yield (
        "<p>Of the pairs on which the model is 80% sure, it should be right in 80%. "
        "Below the diagonal it is too sure.</p>"
    )
    before, after = report.tempered.before, report.tempered.after
    shown = [report.evaluation, *([] if before is None or after is None else [after])]
    lowest = min([0.5, *(one.interval[0] for each in shown for one in each.calibration)])
    yield _picture(plots.plot_calibration(report.evaluation, down_to=lowest))
    if before is not None and after is not None:
        yield "<p>With the temperature, on the pairs that it was not fitted to:</p>"
        yield _picture(plots.plot_calibration(after, down_to=lowest))
        rows = [("log loss", f"{before.log_loss:.3f}", f"{after.log_loss:.3f}")]
        if before.calibration_error is not None and after.calibration_error is not None:
            rows += [("calibration error", f"{before.calibration_error:.3f}", f"{after.calibration_error:.3f}")]
        yield _table((counted(after.n_pairs, "pair"), "as scored", "with temperature"), rows)


def _groups(e: Evaluation) -> Iterable[str]:
    if not e.groups:
        return
    yield "<h2>By group</h2>"
    yield _picture(plots.plot_groups(e))
    several = len(e.groups) > 1
    if several:
        yield (
            "<p>The first interval is for a group that was named beforehand. To pick a group out of them all, read the "
            f"second: with 95% all {len(e.groups):,} of those hold at once (Bonferroni).</p>"
        )
    with_length = e.length_baseline is not None
    head = ["group", "accuracy", "95% interval", "pairs"]
    head += ["all at once"] * several + ["longer wins"] * with_length
    rows = []
    for name, group in e.groups.items():
        row = [*_accuracy_row(name, group)]
        if several:
            row.append(_ends(group.simultaneous_interval))
        if group.length_baseline is not None:
            row.append(f"{group.length_baseline.accuracy:.3f}")
        rows.append(row)
    yield _table(head, rows)


def _lengths(e: Evaluation) -> Iterable[str]:
    if not e.length_bins:
        return
    yield "<h2>Against length</h2>"
    yield (
        "<p>Does the model know more than which response is longer? Where the lengths are about equal, length is no "
        "guide; where the chosen response is the shorter one, a model that likes length is wrong.</p>"
    )
    yield _picture(plots.plot_lengths(e))
    rows = [(*_accuracy_row(one.name, one.model), f"{one.longer_wins.accuracy:.3f}") for one in e.length_bins]
    yield _table(("", "accuracy", "95% interval", "pairs", "longer wins"), rows)


def _benchmark(scores: RewardBenchScores | None) -> Iterable[str]:
    if scores is None:
        return
    yield f"<h2>{_safe(scores.benchmark)}</h2>"
    yield "<p>As its authors score it, with intervals.</p>"
    rows = [("overall", scores.overall)] if scores.overall else []
    rows += [*scores.sections.items(), *scores.subsets.items()]
    yield _table(
        ("", "score", "95% interval", "items"),
        [(name, f"{one.score:.3f}", _ends(one.interval), f"{one.n_items:,}") for name, one in rows],
    )
    yield from (f'<p class="note">{_safe(_sentence(note))}</p>' for note in scores.notes)


def _ceiling(ceiling: NoiseCeiling | None, e: Evaluation) -> Iterable[str]:
    if ceiling is None:
        return
    yield "<h2>Noise ceiling</h2>"
    judged = f"{counted(ceiling.n_pairs, 'pair')} {'was' if ceiling.n_pairs == 1 else 'were'} judged more than once."
    yield (
        f"<p>{judged} Two judgements agree in {ceiling.agreement:.1%}, so that no model can agree with more than "
        f"{ceiling.upper_bound:.1%} of them; the model's {e.accuracy:.1%} should be compared with that.</p>"
    )
    yield _table(
        ("", "", "95% interval"),
        [
            ("two judgements agree", f"{ceiling.agreement:.3f}", _ends(ceiling.agreement_interval)),
            ("ceiling, at least", f"{ceiling.leave_one_out:.3f}", _ends(ceiling.leave_one_out_interval)),
            ("ceiling, at most", f"{ceiling.upper_bound:.3f}", _ends(ceiling.upper_bound_interval)),
            ("if true differences are normal", f"{ceiling.if_normal:.3f}", ""),
        ],
    )
    yield from (f'<p class="note">{_safe(_sentence(note))}</p>' for note in ceiling.notes)


def _left_out(counts: Mapping[str, int]) -> str:
    rows = [(name, f"{n:,}") for name, n in counts.items() if n]
    return _table(("", "pairs"), rows) if rows else "<p>Nothing.</p>"


def _accuracy_row(name: object, one: Accuracy) -> tuple[str, str, str, str]:
    return printable(name), f"{one.accuracy:.3f}", _ends(one.accuracy_interval), f"{one.n_pairs:,}"


def _picture(ax: Axes) -> str:
    return f"<figure>{bundle(ax, plots.describe(ax))['text/html']}</figure>"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], *, css: str = "") -> str:
    top = "".join(f'<th scope="col">{_safe(name)}</th>' for name in head) if any(head) else ""
    lines = ["<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    opening = f'<div class="wide"><table{f" class={css!r}" if css else ""}>'
    return (
        opening + (f"<thead><tr>{top}</tr></thead>" if top else "") + f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _ends(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _safe(text: object) -> str:
    return html.escape(printable(text))
