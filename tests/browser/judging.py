"""Judging by keys alone, alike on the served page, in a notebook, and in a file."""

from __future__ import annotations

from accessibility import faults
from playwright.sync_api import Page, expect


def judge(page: Page, key: str, n: int, goal: int = 40) -> None:
    """Press a key, and wait until so many are judged."""
    page.keyboard.press(key)
    expect(page.get_by_text(f"{n} of {goal} judged" if n < goal else f"{n} judged", exact=True)).to_be_visible()


def judge_forty(page: Page) -> None:
    """Judge forty pairs and one more: every verdict, and an undo; what is shown on the way and at the end."""
    for n in range(1, 40):
        judge(page, ["ArrowLeft", "ArrowRight", "t", "s"][n % 4 if n < 16 else n % 2], n)
    expect(page.get_by_text("Guess me: before your last click")).to_be_visible()
    judge(page, "u", 38)
    judge(page, "ArrowLeft", 39)
    judge(page, "ArrowRight", 40)
    expect(page.get_by_text("You have judged as many pairs as you were asked to.")).to_be_visible()
    expect(page.get_by_role("heading", name="What do you reward?")).to_be_visible()
    expect(page.get_by_role("row").nth(5)).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Judge more").press("Enter")
    judge(page, "ArrowLeft", 41)
