"""The parts of a report: a single HTML file, with neither script nor anything from the network.

Every name from outside is escaped, and the page's content security policy forbids everything but its own pictures.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes

from rmlab import plots
from rmlab._theme import css_variables
from rmlab.plots.display import bundle
from rmlab.printing import printable

__all__ = ["document", "picture", "safe", "sentence", "table"]

STYLE = (
    f":root {{ color-scheme: light dark; {css_variables()} }}"
    + """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 52rem; color: var(--ink); background: var(--page);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
.headline { font-size: 3rem; font-weight: 700; color: var(--chosen); line-height: 1.1; margin: 1rem 0 0; }
.headline small { font-size: 1rem; font-weight: 400; color: var(--quiet); display: block; }
.quiet { color: var(--quiet); }
figure { margin: 1rem 0; padding: .5rem; background: white; border: 1px solid var(--line); border-radius: .4rem; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem .3rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; overflow-wrap: break-word; }
td:not(:first-child) { white-space: nowrap; overflow-wrap: normal; }
th { color: var(--quiet); font-weight: 600; overflow-wrap: normal; }
.made td:not(:first-child) { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.made th { text-align: left; }
.made.texts td:not(:first-child) { white-space: pre-wrap; }
.note { border-left: .25rem solid var(--chosen); padding-left: .75rem; }
@media (max-width: 30rem) { body { font-size: .94rem; } .headline { font-size: 2.4rem; }
  table { font-size: .86rem; } th, td { padding-right: .4rem; } }
"""
)


def document(title: str, body: Iterable[str]) -> str:
    """Return a whole page; `title` is escaped here, and the parts of `body` are markup."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def picture(ax: Axes) -> str:
    """Return a picture of `rmlab.plots` as a figure with alt text."""
    return f"<figure>{bundle(ax, plots.describe(ax))['text/html']}</figure>"


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, css: str = "") -> str:
    """Return a table; its cells are escaped."""
    top = "".join(f'<th scope="col">{safe(name)}</th>' for name in head) if any(head) else ""
    lines = ["<tr>" + "".join(f"<td>{safe(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    opening = f'<div class="wide"><table{f" class={css!r}" if css else ""}>'
    return (
        opening + (f"<thead><tr>{top}</tr></thead>" if top else "") + f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def sentence(text: str) -> str:
    """Return a note as a sentence: with a capital, and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def safe(text: object) -> str:
    """Return text from outside, escaped for HTML."""
    return html.escape(printable(text))
