"""Pairs to begin probing with, from the world of replies, and what the course's model and its twin make of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources

from rmlab.datasets.course import COURSE_JUDGES, course_model
from rmlab.simulate.replies import JUDGES, Question, Structure, compose, load_questions, load_sentences

__all__ = ["MODELS", "ProbePreset", "load_probe_presets", "record_probe_presets", "write_probe_presets"]

PRESETS = resources.files("rmlab.datasets") / "data" / "probe_presets.json"
MODELS = COURSE_JUDGES
"""The judges on whose choices the two course models were trained."""


@dataclass(frozen=True)
class ProbePreset:
    """A prompt and two responses that differ in one thing, with recorded scores and the truth."""

    name: str
    theme: str
    """What differs, such as flattery, a hedge or a refusal."""
    prompt: str
    response_a: str
    """That which has it."""
    response_b: str
    """That which has not."""
    truth: dict[str, float]
    """True difference of A and B, in nats, by judge (`MODELS`)."""
    scores: dict[str, tuple[float, float]]
    """Of A and B, in nats, by the judge on whose choices the course model was trained (`MODELS`)."""


def load_probe_presets() -> tuple[ProbePreset, ...]:
    """Load the presets of the probe; ``python -m rmlab.datasets probes`` records them again.

    Examples
    --------
    >>> sorted({preset.theme for preset in load_probe_presets()})[:4]
    ['answer', 'filler', 'flattery', 'hedge']
    """
    records = json.loads(PRESETS.read_text(encoding="utf-8"))
    return tuple(
        ProbePreset(**{**record, "scores": {name: tuple(pair) for name, pair in record["scores"].items()}})
        for record in records
    )


def record_probe_presets() -> tuple[ProbePreset, ...]:
    """Write the texts, of fresh questions and sentences, and score them with both course models."""
    drafts = list(_drafts())
    scores = {}
    for name in MODELS:
        flat = course_model(name).score(
            [draft.prompt for draft in drafts for _ in "ab"],
            [text for draft in drafts for text in (draft.response_a, draft.response_b)],
        )
        scores[name] = flat.reshape(-1, 2).astype(float).round(5).tolist()
    return tuple(
        ProbePreset(**{**asdict(draft), "scores": {model: tuple(scores[model][i]) for model in MODELS}})
        for i, draft in enumerate(drafts)
    )


def write_probe_presets(presets: tuple[ProbePreset, ...]) -> None:
    """Put presets in the place of the shipped ones."""
    text = json.dumps([asdict(preset) for preset in presets], indent=1, ensure_ascii=False)
    with resources.as_file(PRESETS) as path:
        path.write_text(text + "\n", encoding="utf-8")


def _drafts() -> Iterator[ProbePreset]:
    """Yield the presets without their scores, a clear pair first."""
    fresh = load_questions(fresh=True)
    plain, brief, uncertain, harmful = (
        [one for one in fresh if one.kind == kind] for kind in ("plain", "brief", "uncertain", "harmful")
    )
    full, short, refusal = Structure("full"), Structure("short"), Structure("refusal")
    yield _draft(
        "A kind answer, and a curt one", "tone", plain[0], Structure("full", ("warm",)), Structure("full", ("curt",)), 3
    )
    yield _draft("Flattery, and none", "flattery", plain[1], Structure("full", ("flattery",)), full, 0)
    yield _draft("Flattery of another kind", "flattery", plain[2], Structure("short", ("flattery",)), short, 5)
    yield _draft("Filler, and none", "filler", plain[3], Structure("full", ("filler",)), full, 2)
    yield _draft("Doubt where nobody can know", "hedge", uncertain[0], Structure("full", ("hedge",)), full, 2)
    yield _draft("Doubt where the answer is plain", "hedge", brief[0], Structure("short", ("hedge",)), short, 2)
    yield _draft("A refusal where it is due", "refusal", harmful[0], refusal, full, 1)
    yield _draft("A refusal where it is not", "refusal", plain[4], refusal, full, 1)
    yield _draft("A needless warning, and none", "warning", plain[5], Structure("full", ("caveat",)), full, 4)
    yield _draft("An answer to another question", "answer", plain[6], Structure("off_topic"), full, 0)
    yield _draft("A wrong answer", "answer", plain[7], Structure("wrong"), full, 0)
    yield _draft("A list, and prose", "form", plain[8], Structure("full", listed=True), full, 0)


def _draft(name: str, theme: str, question: Question, a: Structure, b: Structure, place: int) -> ProbePreset:
    """Write a preset; each added part takes the sentence at that place of its bank."""
    said = {part: load_sentences(part, fresh=True)[place] for part in (*a.parts, *b.parts, "refusal")}
    texts = [compose(question, structure, said).text for structure in (a, b)]
    truth = {judge: round(JUDGES[judge].reward(question, a) - JUDGES[judge].reward(question, b), 6) for judge in MODELS}
    return ProbePreset(name, theme, question.prompt, *texts, truth, {})
