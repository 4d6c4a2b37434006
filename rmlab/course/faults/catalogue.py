"""The faults of the lab: what each breaks, the code that does it, where it shows, and the line that catches it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["FAULTS", "PANELS", "KnownFault", "answer", "mystery"]

PANELS = {
    "loss": "Training loss",
    "accuracy": "Accuracy",
    "differences": "Score differences",
    "read": "Where the score is read",
    "batch": "Alone, and in a batch",
    "reload": "Before saving, and loaded",
}
"""The panels of a run's picture, and their titles."""


@dataclass(frozen=True)
class KnownFault:
    """One fault of the lab."""

    breaks: str
    """What goes wrong, in a sentence."""
    code: str
    """The line of code that does it."""
    panel: str
    """The panel of the picture in which it shows, a key of `PANELS`."""
    looks: str
    """What to see there."""
    caught_by: str
    """The table and the line that catch it: ``audit`` is that of the model, ``audit_run`` that of the run."""
    implies: tuple[str, ...] = ()
    """Other lines that break with it."""


FAULTS = {
    "pad is EOS": KnownFault(
        "The pooling skips every pad token, and so the EOS too: the score is read one token early.",
        "tokenizer.pad_token = tokenizer.eos_token",
        "read",
        "The text ends in EOS, but the score is read at the token before it.",
        "audit: pad token",
    ),
    "no EOS": KnownFault(
        "Nothing marks the end of a text: the score is read at whatever token comes last.",
        "ids = tokenizer(text, add_special_tokens=False)",
        "read",
        "There is no EOS: the score is read at a full stop or at a piece of a word.",
        "audit: end of text",
    ),
    "truncation": KnownFault(
        "Texts are cut on the right: after a long prompt nothing of the two responses is left, and they are equal.",
        "tokenizer.model_max_length = 32",
        "differences",
        "A grey bar of exact ties.",
        "audit: truncation",
    ),
    "last column": KnownFault(
        "The score is read at the last column of the batch, which for shorter texts is padding.",
        "scores = logits[:, -1]",
        "batch",
        "The points leave the diagonal: the score of a text depends on its neighbours.",
        "audit: batch size",
        ("audit: padding side",),
    ),
    "two outputs": KnownFault(
        "The head has two outputs, the default of the transformers library. The last is trained, the first is used.",
        "AutoModelForSequenceClassification.from_pretrained(backbone)",
        "accuracy",
        "The loss falls, and yet even the training pairs are right only about as often as by tossing a coin.",
        "audit: one output",
    ),
    "head lost": KnownFault(
        "The trained head was not saved: the folder is loaded with a head drawn at random.",
        "get_peft_model(network, LoraConfig())  # without modules_to_save=['score']",
        "reload",
        "The points leave the diagonal: the loaded model gives other scores.",
        "audit: reload",
    ),
    "softmax": KnownFault(
        "A softmax over one output is always 1, whatever the output. No score differs, and no gradient flows.",
        "scores = logits.softmax(-1)[:, 0]",
        "loss",
        "The loss is log 2 in every step, to the last digit.",
        "audit: equal scores",
    ),
    "swapped labels": KnownFault(
        "In one of the three files, the chosen and the rejected response have changed places.",
        "pairs_of_C = [(p, rejected, chosen) for p, chosen, rejected in rows_of_C]",
        "accuracy",
        "The model is right on two sources, and wrong on the third.",
        "audit_run: labels by source",
    ),
    "naive log": KnownFault(
        "exp(89) is too large for float32: the loss becomes infinite, and its gradient is not a number.",
        "loss = log(exp(chosen) + exp(rejected)) - chosen",
        "loss",
        "The curve breaks off where a loss is infinite.",
        "audit_run: finite loss",
    ),
    "learning rate": KnownFault(
        "The steps are too long: the first few overwrite what the network had learned before this run.",
        "learning_rate = 0.1  # in place of 0.002",
        "loss",
        "The loss leaps, and then stays near that of a coin. Even training pairs are hardly learned.",
        "audit_run: step size",
    ),
    "leaking prompts": KnownFault(
        "The split was made by row, so that test pairs have prompts that were trained on.",
        "train, test = split(rows)  # shuffled, whatever their prompts",
        "accuracy",
        "The accuracy on test pairs is far above that on questions that no part has seen.",
        "audit_run: parts apart",
    ),
    "prompt constant": KnownFault(
        "The metric compares chosen responses with the rejected ones of other prompts.",
        "accuracy = mean(chosen[:, None] > rejected[None, :])",
        "accuracy",
        "The accuracy that is reported is not that on the other questions, with which it should agree to the digit.",
        "audit_run: prompt constant",
    ),
}
"""The faults by name."""


DRAW = 38
"""Seed of the mysteries: the first is neither the easiest nor the hardest, and the first twelve hold nine faults."""


def mystery(number: int) -> str:
    """Draw the fault of the mystery of this number."""
    return str(np.random.default_rng((DRAW, number)).choice(list(FAULTS)))


def answer(hidden: str, diagnosis: str | None) -> str:
    """Return the reply to a diagnosis of a run whose fault is `hidden`; None means no diagnosis yet."""
    if diagnosis is None:
        return "No diagnosis yet: look at the six pictures, and choose one."
    fault = FAULTS[diagnosis]
    if diagnosis == hidden:
        return f"Right. {fault.breaks} It shows in “{PANELS[fault.panel]}”. {fault.looks}"
    return (
        f"It is not “{diagnosis}”. That would show in “{PANELS[fault.panel]}”, as on the right: "
        f"{fault.looks[0].lower()}{fault.looks[1:]} Compare it with this run, on the left."
    )
