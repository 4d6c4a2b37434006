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

__all__ = ["as_inert_json", "render_document", "render_page", "render_waiting", "script_block"]

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
<noscript>This page needs its script, but the browser has scripts turned off.</noscript>
{blocks}
<script>{script}</script>"""
BLOCK = '<script type="{kind}" id="rmlab-{name}">{text}</script>'
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
    live: str = "",
) -> str:
    """Return the page, as the text of an HTML file.

    Parameters
    ----------
    state
        The state on which it opens.
    views
        Names of the views, in the order of their tabs.
    data
        The data that a view shows beside the state, by the name of the view.
    title
        The title of the page.
    served
        For a served page: ``serial``, how many changes of the state it has seen, and the ``edition`` of the page.
        Any other page sends no requests.
    live
        The blocks of a model that answers in the page, as `rmlab.explorer.live_files.live_blocks` returns them.
    """
    values = {**state.trait_values(), "views": tuple(views), "data": data}
    values |= served or {}
    return render_document(title, values, page_script(), asks=served is not None, live=live)


def render_document(title: str, values: Mapping[str, Any], script: str, *, asks: bool, live: str = "") -> str:
    """Write a page that carries a script and the values that it opens on.

    Parameters
    ----------
    title
        The title of the page.
    values
        Values that JSON can hold.
    script
        A bundle; see `rmlab.explorer.bundle`.
    asks
        Whether it may send requests to the server that it came from; it can send them nowhere else.
    live
        The blocks of a model. The page may then compile WebAssembly, and start a worker from a script that it holds.
    """
    rules = style()
    source = "connect-src 'self'; " if asks else ""
    compiles, workers = (" 'wasm-unsafe-eval'", "worker-src blob:; ") if live else ("", "")
    sources = f"script-src '{_hash(script)}'{compiles}; {workers}style-src '{_hash(rules)}'"
    return DOCUMENT.format(
        policy=html.escape(f"default-src 'none'; {source}{sources}; base-uri 'none'; form-action 'none'"),
        head=HEAD,
        title=html.escape(title),
        style=rules,
        body=BODY.format(
            title=html.escape(title),
            blocks="\n".join([script_block("state", as_inert_json(values)), *([live] if live else [])]),
            script=script,
        ),
    )


def as_inert_json(value: Any) -> str:
    """Return JSON in which no text can end a script block."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).translate(INERT)


def script_block(name: str, text: str, *, kind: str = "application/json") -> str:
    """Return a block of data, which a browser neither runs nor shows; the text must hold no ``<``."""
    return BLOCK.format(kind=kind, name=name, text=text)


def render_waiting() -> str:
    """Return the page that is served until there is a state to show; it reloads each second."""
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
