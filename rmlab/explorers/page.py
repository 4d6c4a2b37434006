"""The explorer as one HTML file: everything inside, no network; `rmlab.explorers.serve` puts a kernel behind it."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rmlab.explorers.bundle import page_script, style
from rmlab.explorers.state import ExplorerState

__all__ = ["render_page"]

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="rmlab">
<title>{title}</title>
<style>{style}</style>
</head>
<body class="rx-page">
<main>
<h1>{title}</h1>
<div id="rmlab-explorer"></div>
</main>
<noscript>This page draws with a script that it carries; the browser has scripts turned off.</noscript>
<script type="application/json" id="rmlab-state">{values}</script>
<script>{script}</script>
</body>
</html>
"""
# A script block of JSON ends at "</script" and changes its meaning at "<!--"; as escapes these are only characters.
INERT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def render_page(
    state: ExplorerState,
    views: Sequence[str],
    data: Mapping[str, Any],
    *,
    title: str,
    serial: int | None = None,
) -> str:
    """Write the page, as text of an HTML file.

    Parameters
    ----------
    state
        What it opens on.
    views
        Names of the views, in the order of their tabs.
    data
        What a view shows beside the state, by the name of the view.
    title
        Of the page.
    serial
        Where it is served: how many changes of the state it has seen. Otherwise it asks nobody.
    """
    script, rules = page_script(), style()
    values = {**state.trait_values(), "views": tuple(views), "data": data}
    values |= {} if serial is None else {"serial": serial}
    asks = "" if serial is None else "connect-src 'self'; "
    sources = f"script-src '{_hash(script)}'; style-src '{_hash(rules)}'"
    return PAGE.format(
        policy=html.escape(f"default-src 'none'; {asks}{sources}; base-uri 'none'; form-action 'none'"),
        title=html.escape(title),
        style=rules,
        values=json.dumps(values, allow_nan=False, separators=(",", ":")).translate(INERT),
        script=script,
    )


def _hash(text: str) -> str:
    """Give the source expression that lets an inline block with this text run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
