"""The part for the browser: the scripts that `tools/build_web.py` bundled into web/dist/, and the style.

In a checkout the bundles are made again when a script is newer than they are.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from rmlab._theme import css_variables

__all__ = ["live_wasm", "live_worker", "page_script", "style", "widget_module"]

WEB = Path(__file__).parent / "web"
DIST = WEB / "dist"
BUILT = DIST / "built-from"
CHECKOUT = WEB.parents[2]
BUILDER = CHECKOUT / "tools/build_web.py"
ENTRY = "explorer.js"
STYLES = ("robustness", "probe", "path", "optimise", "notebooks", "judge", "predictions", "opening", "words", "checks")
"""Sheets under web/styles/, in order: if two rules contradict each other, the later one holds."""


def widget_module(entry: str = ENTRY) -> str:
    """Return the script that anywidget loads, an ES module: `entry` and all that it needs."""
    return _read(f"{Path(entry).stem}.widget.js").decode()


def page_script(entry: str = ENTRY) -> str:
    """Return the script of a page, which calls `open` of its entry to show the data in the page."""
    return _read(f"{Path(entry).stem}.page.js").decode()


def live_worker() -> str:
    """Return the script of the worker that scores in the browser (``web/live/worker.js``)."""
    return _read("live.worker.js").decode()


def live_wasm() -> bytes:
    """Return ONNX Runtime as WebAssembly, for the worker of `live_worker`."""
    return _read("onnxruntime.wasm")


@cache
def style() -> str:
    """Return the style sheet: the palette and the type scale as variables, then the rules."""
    sheets = [WEB / "explorer.css", *(WEB / "styles" / f"{name}.css" for name in STYLES)]
    rules = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return f".rx, .rx-page {{ {css_variables('rx-')} }}\n{rules}"


@cache
def _read(name: str) -> bytes:
    """Return a file of the bundles.

    Raises
    ------
    ModuleNotFoundError
        If the bundles are missing, or older than the scripts and cannot be made again.
    """
    _ensure_built()
    return (DIST / name).read_bytes()


@cache
def _ensure_built() -> None:
    if BUILDER.is_file():
        if _is_behind():
            run = subprocess.run([sys.executable, BUILDER, "--offline"], capture_output=True, text=True)
            if run.returncode:
                raise ModuleNotFoundError(f"{run.stderr.strip()} To bundle them: python {BUILDER}")
    elif not BUILT.is_file():
        raise ModuleNotFoundError(
            "rmlab was installed without the explorer's scripts (RMLAB_WITHOUT_WEB=1). Install it again without that "
            "variable, where npm's registry can be reached."
        )


def _is_behind() -> bool:
    if not BUILT.is_file():
        return True
    sources = [path for path in WEB.rglob("*.js") if DIST not in path.parents]
    made = BUILT.stat().st_mtime
    return any(path.stat().st_mtime >= made for path in (*sources, BUILDER, CHECKOUT / "package-lock.json"))
