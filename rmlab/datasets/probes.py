"""The presets of the probe: pairs of replies, with the scores of the course's models and the true rewards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Final, get_args

from rmlab.atomic import write_text
from rmlab.datasets.course_models import CourseJudge, course_model
from rmlab.simulate.replies import JUDGES, Question, Structure, compose, load_questions, load_sentences

__all__ = ["ProbePreset", "load_probe_presets", "record_probe_presets", "write_probe_presets"]

PRESETS: Final = resources.files("rmlab.datasets") / "data" / "probe_presets.json"
COURSE_JUDGES: Final[tuple[CourseJudge, ...]] = get_args(CourseJudge)

_FULL = Structure("full")
_THEMES: Final = (
    # name, theme, kind of question, what A is made of, what B is made of
    ("The answer, or the answer to another question", "content", "plain", _FULL, Structure("off_topic")),
    ("The whole answer, or a part of it", "content", "plain", _FULL, Structure("partial")),
    ("Advice that goes against the facts", "content", "plain", Structure("wrong"), _FULL),
    ("Flattery", "flattery", "plain", Structure("full", ("flattery",)), _FULL),
    ("Flattery before a wrong answer", "flattery", "plain", Structure("wrong", ("flattery",)), _FULL),
    ("Doubt where nobody can know", "doubt and refusal", "uncertain", Structure("full", ("hedge",)), _FULL),
    ("Doubt where the answer is plain", "doubt and refusal", "plain", Structure("full", ("hedge",)), _FULL),
    ("A refusal to do harm", "doubt and refusal", "harmful", Structure("refusal"), _FULL),
    ("A refusal of a harmless request", "doubt and refusal", "plain", Structure("refusal"), _FULL),
    ("A friendly opening, or a rude one", "form", "plain", Structure("full", ("warm",)), Structure("full", ("curt",))),
    ("Filler", "form", "plain", Structure("full", ("filler",)), _FULL),
    ("Many words where one was asked for", "form", "brief", _FULL, Structure("short")),
)


@dataclass(frozen=True)
class ProbePreset:
    """A prompt and two responses that differ in one thing, with recorded scores and the truth."""

    name: str
    theme: str
    """What differs: content, flattery, doubt and refusal, or form."""
    prompt: str
    response_a: str
    response_b: str
    scores: dict[str, tuple[float, float]]
    """Scores of A and B, in nats, by the judge on whose pairs the course model was trained."""
    truth: dict[str, float]
    """True reward of A minus that of B, in nats, by judge."""


def load_probe_presets() -> tuple[ProbePreset, ...]:
    """Load the presets of the probe; ``python -m rmlab.datasets probes`` records them again.

    Examples
    --------
    >>> sorted({preset.theme for preset in load_probe_presets()})
    ['content', 'doubt and refusal', 'flattery', 'form']
    """
    records = json.loads(PRESETS.read_text(encoding="utf-8"))
    return tuple(
        ProbePreset(**{**record, "scores": {name: tuple(pair) for name, pair in record["scores"].items()}})
        for record in records
    )


def record_probe_presets() -> tuple[ProbePreset, ...]:
    """Write the texts from fresh questions and sentences, and score them with both course models."""
    texts = list(_texts())
    prompts = [prompt for _, _, prompt, *_ in texts for _ in "ab"]
    responses = [text for *_, a, b, _ in texts for text in (a, b)]
    scores = {}
    for judge in COURSE_JUDGES:
        flat = course_model(judge).score(prompts, responses)
        scores[judge] = flat.reshape(-1, 2).astype(float).round(5).tolist()
    return tuple(
        ProbePreset(name, theme, prompt, a, b, {judge: tuple(scores[judge][i]) for judge in COURSE_JUDGES}, truth)
        for i, (name, theme, prompt, a, b, truth) in enumerate(texts)
    )


def write_probe_presets(presets: tuple[ProbePreset, ...]) -> None:
    """Replace the shipped presets by these."""
    text = json.dumps([asdict(preset) for preset in presets], indent=1, ensure_ascii=False)
    with resources.as_file(PRESETS) as path:
        write_text(path, text + "\n")


def _texts() -> Iterator[tuple[str, str, str, str, str, dict[str, float]]]:
    """Yield name, theme, prompt, response A, response B and the true difference of each."""
    taken: set[str] = set()
    for place, (name, theme, kind, a, b) in enumerate(_THEMES):
        question = next(q for q in load_questions(fresh=True) if q.kind == kind and q.prompt not in taken)
        taken.add(question.prompt)
        truth = {j: round(JUDGES[j].reward(question, a) - JUDGES[j].reward(question, b), 6) for j in COURSE_JUDGES}
        yield name, theme, question.prompt, _text(question, a, place), _text(question, b, place), truth


def _text(question: Question, structure: Structure, place: int) -> str:
    """Compose a reply with the sentence at this place of each bank."""
    said = {part: load_sentences(part, fresh=True)[place] for part in (*structure.parts, "refusal")}
    return compose(question, structure, said).text
