"""Texts for an audit without pairs: a dozen, from one word to two hundred."""

from __future__ import annotations

from rmlab.data import PreferencePair

__all__ = ["BUILT_IN", "PARAGRAPH"]

PARAGRAPH = (
    "Tea came to Britain by way of Holland and Portugal. At first it was sold by chemists, as a cure for headaches. "
    "Within a century it was the drink of every house, and a tax on it had cost the country a continent. "
)
"""The text that a long input repeats."""

BUILT_IN = (
    PreferencePair("What is two and two?", "Four.", "Five"),
    PreferencePair("Name a colour.", "Blue", "I would rather talk about the weather, which has been fine all week."),
    PreferencePair(
        "Translate into French: where is the station?",
        "Où est la gare ?",
        "The station is behind the church; turn left at the baker's, and go on until you see the clock.",
    ),
    PreferencePair(
        "How do I boil an egg?",
        "Lower it into boiling water and wait: six minutes for a soft yolk, ten for a hard one. Then cool it under "
        "the tap, which stops the cooking and frees the shell",
        "In water!",
    ),
    PreferencePair(
        "Write a loop in Python that prints the numbers from 1 to 3.",
        "for i in range(1, 4):\n    print(i)",
        "print(1); print(2); print(3) # no loop is needed\n",
    ),
    PreferencePair("Tell me something about the history of tea.", PARAGRAPH.strip(), PARAGRAPH * 4),
)
"""Twelve texts, two to a prompt. They end in different ways, to show what a tokenizer adds at the end."""
