"""The parts of the data of `rmlab train`: to train on, to hold out, to test on."""

from __future__ import annotations

import argparse

import rmlab
from rmlab.cli.options import read_given
from rmlab.data import PreferencePairs

__all__ = ["SHARE", "divide"]

SHARE = 0.15
"""Share of the pairs that is held out, and share for the test part, unless they come from files of their own."""


def divide(pairs: PreferencePairs, options: argparse.Namespace) -> tuple[dict[str, PreferencePairs], list[str]]:
    """Return the parts by name, ``training`` first, and notes on them; a part with share 0 is absent.

    Raises
    ------
    ValueError
        If a part is given twice, a share is not from 0 to below 1, or nothing is left to train on.
    """
    files = {"held-out": options.validation, "test": options.test}
    shares = {
        "held-out": _share("validation", options.validation, options.validation_fraction),
        "test": _share("test", options.test, options.test_fraction),
    }
    cut = {name: share for name, share in shares.items() if share}
    rest = round(1 - sum(cut.values()), 12)
    if rest <= 0:
        raise ValueError(f"--validation-fraction and --test-fraction must add up to less than 1, got {1 - rest:g}")
    whole = (pairs,)
    divided = rmlab.split_by_prompt(pairs, fractions=(rest, *cut.values()), seed=options.seed) if cut else whole
    parts = dict(zip(("training", *cut), divided, strict=True))
    notes, asked = [], set(parts["training"].texts("prompt"))
    for name, file in files.items():
        if file is not None:
            parts[name] = read_given(file, options)
            if common := sum(prompt in asked for prompt in parts[name].texts("prompt")):
                notes.append(
                    f"{name}: {common:,} of the {len(parts[name]):,} pairs of {file} have a prompt that is trained on"
                )
    if files["held-out"] or files["test"]:
        chosen_on = set(parts["held-out"].texts("prompt")) if "held-out" in parts else set()
        again = sum(prompt in chosen_on for prompt in parts["test"].texts("prompt")) if "test" in parts else 0
        if again:
            notes.append(f"test: {again:,} of its {len(parts['test']):,} pairs have a prompt of the held-out part")
    order = ("training", *files)
    return {name: parts[name] for name in order if name in parts}, notes


def _share(name: str, file: str | None, share: float | None) -> float:
    if file is not None and share is not None:
        raise ValueError(f"give --{name} or --{name}-fraction, not both")
    if share is not None and not 0 <= share < 1:
        raise ValueError(f"--{name}-fraction must be from 0 to below 1, got {share}")
    return SHARE if file is None and share is None else share or 0.0
