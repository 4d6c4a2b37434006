"""Small data that ships with the package: preference pairs, models, recorded scores and a baseball season.

`dataset_card` returns the cards, which say what the data are, where they come from and what they are not.
"""

from importlib import resources

from rmlab.datasets.baseball import BaseballSeason, load_baseball
from rmlab.datasets.biased import load_everyday_biased
from rmlab.datasets.course_models import course_model, course_pairs, load_course_film
from rmlab.datasets.course_scores import RecordedScores, load_course_scores
from rmlab.datasets.everyday import EverydayNote, everyday_notes, load_everyday
from rmlab.datasets.language_model import load_tiny_language_model
from rmlab.datasets.probes import ProbePreset, load_probe_presets
from rmlab.datasets.recorded import RecordedDifferences, load_recorded
from rmlab.datasets.scored_replies import ScoredReplies, load_scored_replies

__all__ = [
    "BaseballSeason",
    "EverydayNote",
    "ProbePreset",
    "RecordedDifferences",
    "RecordedScores",
    "ScoredReplies",
    "course_model",
    "course_pairs",
    "dataset_card",
    "everyday_notes",
    "load_baseball",
    "load_course_film",
    "load_course_scores",
    "load_everyday",
    "load_everyday_biased",
    "load_probe_presets",
    "load_recorded",
    "load_scored_replies",
    "load_tiny_language_model",
]


def dataset_card(name: str) -> str:
    """Return the card of a data set, as Markdown; for an unknown name raise ValueError, which lists the names."""
    folder = resources.files(__name__) / "cards"
    cards = {card.name.removesuffix(".md"): card for card in folder.iterdir() if card.name.endswith(".md")}
    if name not in cards:
        raise ValueError(f"expected the name of a data set ({', '.join(sorted(cards))}), got {name!r}")
    return cards[name].read_text(encoding="utf-8")
