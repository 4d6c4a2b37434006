"""The model card that `rmlab train` leaves beside a model: what it is, what it was trained on, and how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

from rmlab import __version__
from rmlab.evaluation import Evaluation
from rmlab.reports.found import FIGURES, Tempered, accuracy_in_words, confidence_in_words, counted, figures
from rmlab.training import History, TrainingData

__all__ = ["model_card"]

CARD = """\
---
library_name: transformers
pipeline_tag: text-classification
tags: [reward-model, reward-model-lab]
---

# A reward model

It gives a prompt and a response one number. The difference of two numbers for the same prompt is the log-odds that the
first response is preferred; scores of different prompts do not compare.

## How to use it

```python
from rmlab.model import RewardModel

model = RewardModel.from_pretrained("path/to/this/folder")
model.score(["What is 2 + 2?"], ["4"])
```

{elsewhere}
Texts over {max_length:,} tokens lose the beginning of the prompt.

Its token ids are {token_ids}. The first text that it was trained on, as it is read:

{example}

## What it was trained on

The backbone `{backbone}`, on the pairs of `{pairs}`{apart}:

{parts}

{steps}, of which the weights after step {kept} were kept. Settings that are not the default: {changed}.
Made by reward-model-lab {version}; `training.json` holds every step.

## How good it is

{how_good}
"""

WHOLE = """\
In transformers it is an `AutoModelForSequenceClassification` with one output, and gives the same scores on the token
ids of `model.encode`."""
ADAPTER = """\
It is a PEFT adapter with a head, and needs its base, `{base}`, whose SHA-256 is in `rmlab.json`."""

HOW_GOOD = """\
{accuracy_in_words}

{figures}

{confidence_in_words}

The test pairs are of the same kind as the training pairs: on others it may do worse. `rmlab audit` checks
what must hold of any reward model."""


def model_card(
    *,
    backbone: str,
    pairs: str,
    parts: Mapping[str, TrainingData],
    history: History,
    test: Evaluation | None,
    tempered: Tempered | None,
    max_length: int,
    token_ids: str,
    example: str,
    notes: Sequence[str] = (),
    adapter_of: str | None = None,
) -> str:
    """Return the card, in Markdown, with the metadata that a model hub reads.

    Parameters
    ----------
    backbone, pairs
        The names given for the model and its training data.
    parts
        The parts of the data by name, such as training, held-out and test.
    history
        The history of the run.
    test
        The evaluation on the part on which no choice was made; None if there was no such part.
    tempered
        A temperature fitted on the held-out part, and its effect on the test part; None without both.
    max_length
        The longest sequence, in tokens.
    token_ids
        How a text becomes token ids, in words.
    example
        A text as the model reads it.
    notes
        What parts have in common, in words; without any, they share no prompt.
    adapter_of
        The base, if an adapter is saved alone.
    """
    config = history.config
    changed = [
        f"{f.name} = {getattr(config, f.name)!r}" for f in fields(config) if getattr(config, f.name) != f.default
    ]
    return CARD.format(
        max_length=max_length,
        elsewhere=WHOLE if adapter_of is None else ADAPTER.format(base=adapter_of),
        token_ids=token_ids,
        example="\n".join(f"    {line}" for line in example.splitlines()),  # indented, no text can end the block
        backbone=backbone,
        pairs=pairs,
        apart="" if notes else ", in parts that share no prompt",
        parts="\n".join((*_parts(parts), *(f"- {note}" for note in notes))),
        steps=counted(len(history.steps), "step"),
        kept=history.best_step if history.best_step is not None else len(history.steps),
        changed=", ".join(changed) or "none",
        version=__version__,
        how_good="No pairs were kept to test it on." if test is None else _how_good(test, tempered),
    )


def _how_good(test: Evaluation, tempered: Tempered | None) -> str:
    rows = [("on the test part", *FIGURES[1:]), ("---",) * len(FIGURES), *figures(test)]
    return HOW_GOOD.format(
        accuracy_in_words=accuracy_in_words(test),
        figures="\n".join(f"| {' | '.join(row)} |" for row in rows),
        confidence_in_words="" if tempered is None else confidence_in_words(tempered),
    )


def _parts(parts: Mapping[str, TrainingData]) -> Sequence[str]:
    lines = []
    for name, data in parts.items():
        notes = [f"{n:,} {what}" for what, n in {**data.left_out, **data.truncation}.items() if n]
        notes += data.weights_in_words
        lines.append(f"- {name}: {counted(len(data), 'pair')}" + (f" ({'; '.join(notes)})" if notes else ""))
    return lines
