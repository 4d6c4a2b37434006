"""The counts are of what is there."""

import re
from pathlib import Path

import counts
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.slow
def test_counts_are_of_headings_and_of_collected_tests() -> None:
    texts = [path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("*.ipynb")]
    headings = sum(len(re.findall(r'"#+ Exercise\b', text)) for text in texts)
    assert counts.n_exercises() == headings >= len(texts)
    assert counts.n_wrong_answers() >= 6 * headings
