"""The exercise of notebook 13: the sentences of a report that its figures allow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rmlab.course.check.verdict import Verdict, judge

__all__ = ["report_sentences"]

Ends = tuple[float, float, float]
Figures = Mapping[str, float | Ends]
EXAMPLE: Figures = {
    "n": 240,
    "accuracy": (0.72, 0.64, 0.79),
    "length": (0.52, 0.45, 0.59),
    "beyond length": (0.20, 0.09, 0.31),
    "ceiling": (0.74, 0.84, 0.87),
    "flattery": (0.31, 0.12, 0.50),
    "hedge": (-0.10, -0.35, 0.15),
}
"""The default figures, each with the ends of its 95% interval; tests use them."""
NUMBER = re.compile(r"(?<![\w.])([+−-]?\d+(?:\.\d+)?)\s*(%|per cent|points?)?")
NOT_SHOWN = re.compile(r"\b(not shown|not show|cannot|can't|unclear|not clear|not known|open|may or may not)\b")
TOPICS = {
    "accuracy": re.compile(r"accura|agree|right"),
    "a comparison, with length or with the ceiling": re.compile(r"length|longer|ceiling"),
    "what the model rewards": re.compile(r"flatter|hedg"),
}
BETTER = re.compile(r"\b(better|beats?|above|more (often|accurate)|exceeds?|outperforms?|ahead|beyond)\b")
NO_BETTER = re.compile(r"\b(no better|no more|as good as|equal to|the same as|no difference|does nothing)\b")
REACHED = re.compile(r"\b(reache[sd]|reach|at the ceiling|as good as possible|nothing (is )?left)\b")
BELOW = re.compile(r"\b(below|under|short of|room)\b")
LIKES = re.compile(r"\b(likes?|rewards?|pays?|raises?|prefers?|adds?|gains?|favours?)\b")
DISLIKES = re.compile(r"\b(dislikes?|punishes|lowers?|charges?|costs?|penalises)\b")
TOO_MUCH = re.compile(
    r"\b(proves?|proof|always|never|every|all (prompts|people|models|users|questions)|people|users|humans|everybody|in "
    r"general|generalises|quality|good answers|unbiased|safe|robust|trustworthy|fair|best)\b"
)
CAUSE = re.compile(r"\b(because|causes?|caused|due to|owing to|thanks to|since it|the reason)\b")
MISTAKES = {
    "number": "A number is not among the report's figures. Copy it, rounded; report the test part.",
    "interval": "An accuracy is given without its interval. Give both ends.",
    "length": "The comparison with length is not what was shown. Better: if the interval of the difference is above 0. "
    "No better: never, since an interval that contains 0 shows neither.",
    "ceiling": "The comparison with the ceiling is not what was shown. Below: if the accuracy's interval ends below "
    "it. Reached: never, since an interval that contains it shows neither.",
    "taste": "What the model rewards has the other sign, or an interval that contains 0.",
    "too much": "This claims more than one test part can show: other prompts, people or qualities were not tested.",
    "cause": "A cause was not tested. Say what was measured, and leave out why.",
    "no figure": "A sentence has no figure in it. A claim without its number cannot be checked.",
    "topics": "One sentence each: on the accuracy, on a comparison with length or the ceiling, and on what it rewards.",
}


def report_sentences(answer: Any, *, figures: Figures | None = None) -> Verdict:
    """Judge three sentences of a report, which may claim only what the figures show (notebook 13).

    Parameters
    ----------
    answer
        Three sentences, or a function from the figures to three sentences.
    figures
        Each with the ends of its 95% interval: "accuracy", "length", "beyond length" (accuracy minus that of length),
        "ceiling" (its lower bound, best guess and upper bound), "flattery" and "hedge" (nats); and "n", a number.
    """
    given = EXAMPLE if figures is None else figures
    sentences = _sentences(answer, given)
    code: Any = sentences if not isinstance(sentences, list) else 0.0
    if isinstance(sentences, list):
        faults = [_fault(sentence, given) for sentence in sentences]
        missing = None if len(sentences) == 3 and _has_topics(sentences) else "topics"
        first = next((fault for fault in (*faults, missing) if fault), None)
        code = 0.0 if first is None else 1.0 + list(MISTAKES).index(first)
        for number, fault in enumerate(faults, 1) if first else ():
            print(f"{number}. {'allowed' if fault is None else f'not allowed. {MISTAKES[fault]}'}")
    return judge(
        "report_sentences",
        code,
        cases=[()],
        right=lambda: 0.0,
        praise="Right: three sentences, each with its figures, and none that claims more than these allow.",
        mistakes={words: 1.0 + place for place, words in enumerate(MISTAKES.values())},
        hint="Three sentences of text are expected.",
        shows_case=False,
    )


def _sentences(answer: Any, figures: Figures) -> Any:
    """Return the list of sentences; None if there is no answer yet; or an unusable answer, which `judge` explains."""
    if callable(answer):
        try:
            answer = answer(dict(figures))
        except NotImplementedError:
            return None
    if answer is None or answer is ... or answer is NotImplemented or isinstance(answer, NotImplementedError):
        return None
    texts = answer if isinstance(answer, Sequence) and not isinstance(answer, str) else [answer]
    if not all(isinstance(text, str) for text in texts):
        return answer
    said = [" ".join(text.split()) for text in texts if text.strip()]
    return said or None


def _has_topics(sentences: list[str]) -> bool:
    return all(any(topic.search(sentence.lower()) for sentence in sentences) for topic in TOPICS.values())


def _fault(sentence: str, figures: Figures) -> str | None:
    """Return the first fault of a sentence, a name in `MISTAKES`; None if the figures allow it."""
    said = sentence.lower()
    return next((name for name, is_so in _RULES.items() if is_so(said, figures)), None)


def _numbers(said: str) -> list[tuple[float, int, bool]]:
    """Return each number of a sentence: its size, its decimals, and whether it is in per cent; "95%" aside."""
    found = []
    for text, unit in NUMBER.findall(said):
        digits = text.replace("−", "-")
        number = (abs(float(digits)), len(digits.partition(".")[2]), bool(unit))
        if number != (95.0, 0, True):
            found.append(number)
    return found


def _known(number: tuple[float, int, bool], figures: Figures) -> bool:
    size, decimals, in_per_cent = number
    values = [v for figure in figures.values() for v in (figure if isinstance(figure, tuple) else (figure,))]
    scaled = [abs(v) * scale for v in values for scale in ((100,) if in_per_cent else (1, 100))]
    return any(abs(round(v, decimals) - size) < 0.6 * 10**-decimals for v in scaled)


def _ends(figures: Figures, name: str) -> Ends:
    found = figures[name]
    assert isinstance(found, tuple)
    return found


def _without_interval(said: str, figures: Figures) -> bool:
    if not TOPICS["accuracy"].search(said):
        return False
    value, low, high = _ends(figures, "accuracy")
    named = _numbers(said)
    has = [any(_known(number, {"end": end}) for number in named) for end in (value, low, high)]
    return has[0] and not (has[1] and has[2])


def _claims(said: str, claim: re.Pattern[str], subject: str) -> bool:
    return bool(re.search(subject, said) and claim.search(said) and not NOT_SHOWN.search(said))


def _taste(said: str, figures: Figures) -> bool:
    if NOT_SHOWN.search(said):
        return False
    for name, stem in (("flattery", "flatter"), ("hedge", "hedg")):
        if stem in said and name in figures:
            _, low, high = _ends(figures, name)
            if (DISLIKES.search(said) and high >= 0) or (LIKES.search(said) and low <= 0):
                return True
    return False


_LENGTH, _CEILING = r"length|longer", r"ceiling"
_RULES: dict[str, Callable[[str, Figures], bool]] = {
    "too much": lambda said, f: bool(TOO_MUCH.search(said)),
    "cause": lambda said, f: bool(CAUSE.search(said)),
    "number": lambda said, f: not all(_known(number, f) for number in _numbers(said)),
    "no figure": lambda said, f: not _numbers(said),
    "interval": _without_interval,
    "length": lambda said, f: (
        _claims(said, NO_BETTER, _LENGTH) or (_claims(said, BETTER, _LENGTH) and _ends(f, "beyond length")[1] <= 0)
    ),
    "ceiling": lambda said, f: (
        _claims(said, REACHED, _CEILING)
        or (
            _claims(said, BELOW, _CEILING) and ("ceiling" not in f or _ends(f, "accuracy")[2] >= _ends(f, "ceiling")[0])
        )
    ),
    "taste": _taste,
}
