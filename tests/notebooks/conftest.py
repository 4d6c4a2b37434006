"""The lessons that take longest come first, so that no process is still busy with one when the others have ended."""

import pytest

LONGEST = ("12_break_it", "07_transformer", "04_fit_scores", "13_your_pairs", "09_probe", "05_preference_data")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the lessons to the front, the longest before the others; the rest stays as it was."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    if not item.name.startswith("test_a_lesson_runs_on"):
        return len(LONGEST) + 1
    return next((place for place, stem in enumerate(LONGEST) if f"[{stem}]" in item.name), len(LONGEST))
