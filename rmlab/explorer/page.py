"""The explorer as one HTML file, complete and without a network; `rmlab.explorer.serve` adds a kernel behind it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rmlab.explorer.bundle import page_script, style
from rmlab.explorer.state import ExplorerState

__all__ = ["render_document", "render_page", "render_waiting"]

DOCUMENT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
{head}
<title>{title}</title>
<style>{style}</style>
</head>
<body class="rx-page">
{body}
</body>
</html>
"""
HEAD = """\
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="rmlab">"""
BODY = """\
<main>
<h1>{title}</h1>
<div id="rmlab-explorer"></div>
</main>
<noscript>This page draws with a script that it carries; the browser has scripts turned off.</noscript>
<script type="application/json" id="rmlab-state">{values}</script>
<script>{script}</script>"""
ASK_AGAIN = '<meta http-equiv="refresh" content="1">'
WAITING = """\
<main class="rx">
<p role="status">The model is being loaded, and the pairs are being scored. The explorer opens here after that.</p>
</main>"""
# A script block of JSON ends at "</script" and changes its meaning at "<!--"; as escapes these are only characters.
INERT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def render_page(
    state: ExplorerState,
    views: Sequence[str],
    data: Mapping[str, Any],
    *,
    title: str,
    served: Mapping[str, Any] | None = None,
) -> str:
    """Return the page, as the text of an HTML file.

    Parameters
    ----------
    state
        The state on which it opens.
    views
        Names of the views, in the order of their tabs.
    data
        What a view shows beside the state, by the name of the view.
    title
        The title of the page.
    served
        For a served page: ``serial``, how many changes of the state it has seen, and the ``edition`` of the page.
        Any other page sends no requests.
    """
    values = {**state.trait_values(), "views": tuple(views), "data": data}
    values |= served or {}
    return render_document(title, values, page_script(), asks=served is not None)


def render_document(title: str, values: Mapping[str, Any], script: str, *, asks: bool) -> str:
    """Write a page that carries a script and the values that it opens on.

    Parameters
    ----------
    title
        Of the page.
    values
        What JSON can hold.
    script
        A bundle; see `rmlab.explorer.bundle`.
    asks
        Whether it may ask the server that it came from; it can ask nobody else.
    """
    rules = style()
    source = "connect-src 'self'; " if asks else ""
    sources = f"script-src '{_hash(script)}'; style-src '{_hash(rules)}'"
    return DOCUMENT.format(
        policy=html.escape(f"default-src 'none'; {source}{sources}; base-uri 'none'; form-action 'none'"),
        head=HEAD,
        title=html.escape(title),
        style=rules,
        body=BODY.format(
            title=html.escape(title),
            values=json.dumps(values, allow_nan=False, separators=(",", ":")).translate(INERT),
            script=script,
        ),
    )


def render_waiting() -> str:
    """Return the page that is served until there is a state to show; it asks again each second."""
    rules = style()
    return DOCUMENT.format(
        policy=html.escape(f"default-src 'none'; style-src '{_hash(rules)}'"),
        head=ASK_AGAIN,
        title="rmlab is loading",
        style=rules,
        body=WAITING,
    )


def _hash(text: str) -> str:
    """Return the source expression that allows an inline block with this text."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
