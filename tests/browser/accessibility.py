"""What an accessibility engine, axe, finds in a page."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

COLOURS = ("color-contrast", "link-in-text-block")
"""The rules that ask for colours: of a page that was looked at, they are what another scheme of colours can break."""
FOUND = """async ([within, rules]) => {
    const asked = rules && { runOnly: { type: "rule", values: rules } };
    const { violations } = await axe.run(within ?? document, { resultTypes: ["violations"], preload: false, ...asked });
    const serious = violations.filter((one) => one.impact !== "minor");
    return serious.map((one) => [one.id, one.nodes.map((node) => node.html)]);
}"""


def faults(page: Page, *, within: str | None = None, rules: tuple[str, ...] | None = None) -> list[Any]:
    """What axe finds, but for what it calls minor: in a page, or in what a selector names; by all rules or by some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(FOUND, [within, rules])
