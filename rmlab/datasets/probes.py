"""Pairs to begin probing with, made from `everyday`, and what both course models say of them, recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources

from rmlab.datasets.additions import FLATTERY, HEDGING, REFUSALS, load_filler
from rmlab.datasets.course import course_model
from rmlab.datasets.everyday import everyday_notes, load_everyday

__all__ = ["MODELS", "ProbePreset", "load_probe_presets", "record_probe_presets", "write_probe_presets"]

PRESETS = resources.files("rmlab.datasets") / "data" / "probe_presets.json"
MODELS = ("everyday", "everyday_biased")
"""What the two course models were trained on."""
STARTS = ("everyday-002", "everyday-003", "everyday-001")
"""Pairs of `everyday` whose chosen response is changed: one for each preset of a theme."""


@dataclass(frozen=True)
class ProbePreset:
    """A prompt and two responses that differ in one thing, with recorded scores."""

    name: str
    theme: str
    """What differs: length, flattery, hedging or refusal."""
    prompt: str
    response_a: str
    """That which has it."""
    response_b: str
    """That which has not; against flattery and hedging, a response of the same length."""
    scores: dict[str, tuple[float, float]]
    """Of A and B, in nats, by what the course model was trained on (`MODELS`)."""


def load_probe_presets() -> tuple[ProbePreset, ...]:
    """Load the presets of the probe; ``python -m rmlab.datasets probes`` records them again.

    Examples
    --------
    >>> sorted({preset.theme for preset in load_probe_presets()})
    ['flattery', 'hedging', 'length', 'refusal']
    """
    records = json.loads(PRESETS.read_text(encoding="utf-8"))
    return tuple(
        ProbePreset(**{**record, "scores": {name: tuple(pair) for name, pair in record["scores"].items()}})
        for record in records
    )


def record_probe_presets() -> tuple[ProbePreset, ...]:
    """Make the texts from `everyday` and score them with both course models."""
    texts = list(_texts())
    scores = {}
    for name in MODELS:
        flat = course_model(name).score(
            [prompt for _, _, prompt, _, _ in texts for _ in "ab"], [text for *_, a, b in texts for text in (a, b)]
        )
        scores[name] = flat.reshape(-1, 2).astype(float).round(5).tolist()
    return tuple(
        ProbePreset(name, theme, prompt, a, b, {model: tuple(scores[model][i]) for model in MODELS})
        for i, (name, theme, prompt, a, b) in enumerate(texts)
    )


def write_probe_presets(presets: tuple[ProbePreset, ...]) -> None:
    """Put presets in the place of the shipped ones."""
    text = json.dumps([asdict(preset) for preset in presets], indent=1, ensure_ascii=False)
    with resources.as_file(PRESETS) as path:
        path.write_text(text + "\n", encoding="utf-8")


def _texts() -> Iterator[tuple[str, str, str, str, str]]:
    """Give name, theme, prompt, response A and response B of each."""
    pairs = dict(zip((note.id for note in everyday_notes()), load_everyday(), strict=True))
    starts = [(str(pairs[name].prompt), str(pairs[name].chosen)) for name in STARTS]
    back = load_filler()["back"]
    for n, (prompt, text) in zip((1, 3, 6), starts, strict=True):
        filler = " ".join(back[:n])
        yield f"Length: {n} sentence{'s' * (n > 1)} of filler", "length", prompt, f"{text} {filler}", text
    for number, (prompt, text), (flatters, control) in zip((1, 2, 3), starts, FLATTERY, strict=False):
        yield (
            f"Flattery {number}, against a plain sentence",
            "flattery",
            prompt,
            f"{flatters} {text}",
            f"{control} {text}",
        )
    for number, (prompt, text), (hedges, control) in zip((1, 2, 3), starts, HEDGING, strict=False):
        yield f"Hedging {number}, against a plain sentence", "hedging", prompt, f"{hedges} {text}", f"{control} {text}"
    for number, (prompt, text), refusal in zip((1, 2, 3), starts, REFUSALS, strict=True):
        yield f"Refusal {number}, against an answer", "refusal", prompt, refusal, text
