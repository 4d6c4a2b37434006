"""The page of an audit of robustness, as ``rmlab audit --robustness --html`` writes it."""

from __future__ import annotations

from collections.abc import Iterator

from rmlab import plots
from rmlab.audit import Robustness, Shift
from rmlab.reports.found import counted
from rmlab.reports.html_parts import document, picture, safe, sentence, table

__all__ = ["render_robustness", "robustness_in_words"]

PARTS = {
    "surface": (
        "Changes that keep the meaning",
        "A sound model gives the same score before and after. The shift is the score after the change minus the score "
        "before it. A round point is a shift that should not be there, and a grey diamond one that was not found.",
    ),
    "content": (
        "Changes that should not pay",
        "Each change adds something, and is compared with a control of the same length. A square is a shift that was "
        "found and is no fault: the addition lowers the score.",
    ),
}


def render_robustness(found: Robustness, *, pairs: str) -> str:
    """Return the results as one HTML file, which needs neither script nor network.

    Parameters
    ----------
    found
        The results of `rmlab.audit.robustness`.
    pairs
        The name of the pairs, as shown.
    """
    title = f"Robustness of {found.model} on {pairs}"
    tested = sum(shift.mean is not None for shift in found.shifts)
    body = [
        f"<h1>{safe(title)}</h1>",
        f'<p class="headline">{len(found.faults)} of {tested} <small>changes move scores and should not, at a false '
        f"discovery rate of {found.false_discovery_rate:.0%}</small></p>",
        f"<p>{safe(robustness_in_words(found))}</p>",
        *_parts(found),
        *_problems(found),
    ]
    return document(title, body)


def robustness_in_words(found: Robustness) -> str:
    """Return what was measured and the largest fault, in sentences."""
    pairs = counted(found.n_pairs, "pair")
    said = (
        f"{pairs}, {found.n_texts:,} texts, each scored once. The two scores of a pair differ by {found.spread:.3g} "
        "nats (root mean square); compare a shift with this."
    )
    if not found.faults:
        return f"{said} No shift was found that should not be there; “least” shows how large a missed one could be."
    worst = max((shift for shift in found.shifts if shift.is_fault), key=lambda shift: abs(shift.mean or 0.0))
    verb = "raises" if (worst.mean or 0.0) > 0 else "lowers"
    by = f"{abs(worst.mean or 0.0):.{found.digits}f}"
    return (
        f"{said} The largest fault: “{worst.name}” {verb} the score by {by} nats on average and reverses "
        f"{worst.flips or 0.0:.0%} of the preferences."
    )


def _parts(found: Robustness) -> Iterator[str]:
    for kind, (title, words) in PARTS.items():
        shifts = [shift for shift in found.shifts if shift.kind == kind]
        if not shifts:
            continue
        yield f"<h2>{title}</h2>"
        yield f"<p>{words}</p>"
        if any(shift.mean is not None for shift in shifts):
            yield picture(plots.plot_shifts(found, kind))  # type: ignore[arg-type]
        head = ("", "shift", "95% interval", "least", "flips", "pairs", "q")
        yield table(head, (_cells(shift, found.digits) for shift in shifts))
        examples = [shift for shift in shifts if shift.is_fault and shift.example is not None]
        if examples:
            yield "<h3>Shortest examples</h3>"
            yield table(("", "without", "with"), map(_example, examples), css="made texts")


def _cells(shift: Shift, digits: int) -> tuple[str, ...]:
    pairs = f"{shift.n_changed:,} of {shift.n_changed + shift.n_not_applicable + shift.n_unchanged + shift.n_failed:,}"
    name = f"{'● ' if shift.is_fault else ''}{shift.name}"
    if shift.mean is None or shift.interval is None or shift.q_value is None:
        return (name, "not tested", "", "", "", pairs, "")
    mean, low, high = (f"{value:+.{digits}f}".replace("-", "−") for value in (shift.mean, *shift.interval))
    q = "<0.001" if shift.q_value < 0.001 else f"{shift.q_value:.3f}"
    return (name, mean, f"{low} to {high}", f"{shift.least_effect:.{digits}f}", f"{shift.flips:.0%}", pairs, q)


def _example(shift: Shift) -> tuple[str, str, str]:
    example = shift.example
    assert example is not None
    of_prompt = example.prompt != example.prompt_before
    without, with_it = (example.prompt_before, example.prompt) if of_prompt else (example.before, example.after)
    return f"{shift.name} ({example.shift:+.2f})".replace("-", "−"), without, with_it


def _problems(found: Robustness) -> Iterator[str]:
    yield "<h2>What was left out, and what failed</h2>"
    if not found.n_left_out and not found.problems:
        yield "<p>Nothing.</p>"
        return
    if found.n_left_out:
        yield f"<p>{counted(found.n_left_out, 'pair')} with an empty response or two equal ones.</p>"
    if found.problems:
        rows = [(problem.where, problem.change, sentence(problem.message)) for problem in found.problems[:100]]
        yield table(("pair", "change", "what happened"), rows, css="made")
