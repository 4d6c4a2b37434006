"""What a page of the site may load and run, and data that a page carries without it being read as markup."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from typing import Any

from rmlab.explorer.page import INERT

INLINE = re.compile(r"<script(?![^>]*\ssrc=)([^>]*)>(.*?)</script>", re.DOTALL)
DATA = re.compile(r"type=[\"']?(application/json|application/ld\+json|text/x)")


def of(inline: Sequence[str], *, scores: bool) -> str:
    """Return the content security policy of a page.

    Parameters
    ----------
    inline
        The scripts in the page itself that may run.
    scores
        Whether a model may be loaded and run there, in a worker.
    """
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in inline]
    scripts = " ".join(["'self'", *dict.fromkeys(hashes), *(["'wasm-unsafe-eval'"] if scores else [])])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        f"font-src 'self'; connect-src 'self'; {'worker-src blob:; ' if scores else ''}"
        "base-uri 'none'; form-action 'self'"
    )


def add_to(page: str, *, scores: bool) -> str:
    """Return a page of Sphinx's with its policy as the first thing in its head."""
    inline = [text for attributes, text in INLINE.findall(page) if not DATA.search(attributes)]
    meta = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(of(inline, scores=scores))}">'
    return re.sub(r"<head>", lambda found: f"{found[0]}\n{meta}", page, count=1)


def inert(values: Any) -> str:
    """Return values as JSON in which nothing can end the script block that it stands in."""
    return json.dumps(values, allow_nan=False, separators=(",", ":")).translate(INERT)
