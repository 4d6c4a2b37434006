"""What an accessibility engine, axe, finds in a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

FOUND = """async (within) => {
    for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); // what was just opened is drawn by then
    const { violations } = await axe.run(within ?? document, { resultTypes: ["violations"], preload: false });
    const serious = violations.filter((one) => one.impact !== "minor");
    return serious.map((one) => [one.id, one.nodes.map((node) => node.html)]);
}"""


def faults(page: Page, *, within: str | None = None) -> list[Any]:
    """What axe finds, but for what it calls minor: in a page, or in what a selector names."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(FOUND, within)
