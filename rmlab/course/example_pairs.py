"""The file for readers of notebook 13 who have none of their own: judged replies, with the usual faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from rmlab.atomic import write_text
from rmlab.preference import preference_probability
from rmlab.simulate.replies import FLATTERED, simulate_reply_pairs

__all__ = ["N_FAULTY", "example_lines", "write_example_pairs"]

N_PAIRS, N_AGAIN = 700, 120
"""The number of judged pairs, and of those that a second judge judged too."""
N_FAULTY = {"tie": 14, "empty": 9, "equal": 7}
"""The number of lines that cannot be trained on, by fault."""


def example_lines(seed: int = 0) -> list[dict[str, Any]]:
    """Return the lines: prompt, response_a, response_b, preference and rater, in an order drawn at random.

    The course's models never saw these questions and sentences. The raters like to be flattered (`FLATTERED`), but the
    file does not say so.
    """
    rng = np.random.default_rng([seed, 13])
    made = simulate_reply_pairs(N_PAIRS, judge=FLATTERED, seed=rng, fresh=True, replies=4)
    p_chosen = preference_probability(made.score_differences)
    texts = list(zip(*map(made.pairs.texts, ("prompt", "chosen", "rejected")), strict=True))
    lines = [_line(prompt, chosen, rejected, "r1", rng) for prompt, chosen, rejected in texts]
    for place in rng.choice(N_PAIRS, N_AGAIN, replace=False):
        prompt, chosen, rejected = texts[place]
        again = rng.random() < p_chosen[place]
        lines.append(_line(prompt, *((chosen, rejected) if again else (rejected, chosen)), "r2", rng))
    places = rng.choice(N_PAIRS, sum(N_FAULTY.values()), replace=False)
    faults = [fault for fault, n in N_FAULTY.items() for _ in range(n)]
    for place, fault in zip(places, faults, strict=True):
        line = dict(lines[place])
        if fault == "tie":
            line["preference"] = "tie"
        else:
            line["response_b"] = "" if fault == "empty" else line["response_a"]
        lines.append(line | {"rater": "r3"})
    return [lines[place] for place in rng.permutation(len(lines))]


def _line(prompt: str, chosen: str, rejected: str, rater: str, rng: np.random.Generator) -> dict[str, Any]:
    first = bool(rng.integers(2))
    a, b = (chosen, rejected) if first else (rejected, chosen)
    return {
        "prompt": prompt,
        "response_a": a,
        "response_b": b,
        "preference": "a" if first else "b",
        "rater": rater,
    }


def write_example_pairs(path: str | Path, seed: int = 0) -> None:
    """Write the lines to a file, one JSON object in each line; make its folder if it is missing."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_text(path, "".join(json.dumps(line) + "\n" for line in example_lines(seed)))
