"""Joining the ES modules under web/ into one, and reading the style, for the widget and the page alike.

A script that anywidget loads, or one in a single file, cannot import its neighbours. Each module becomes a function, so
that names that it does not export stay its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import PurePosixPath

from rmlab._theme import css_variables

__all__ = ["join_modules", "page_script", "style", "widget_module"]

WEB = resources.files("rmlab.explorer") / "web"
ENTRY = "explorer.js"
IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|let|function|class|async function)\s*\*?\s*(\w+))", re.MULTILINE)


def widget_module(entry: str = ENTRY) -> str:
    """Return the script that anywidget loads, an ES module: `entry` and all that it needs."""
    return f"{_joined(entry)}export default {{ render: {_variable(entry)}.render }};\n"


def page_script(entry: str = ENTRY) -> str:
    """Return the script of a page, which calls `open` of its entry: that opens it on the data in the page."""
    return f"(() => {{\n{_joined(entry)}{_variable(entry)}.open();\n}})();\n"


@cache
def style() -> str:
    """Return the style sheet: the palette and the type scale as variables, then the rules."""
    order = ["robustness", "probe", "path", "optimise", "notebooks", "judge", "predictions", "opening", "words"]
    sheets = [WEB / "explorer.css", *(WEB / "styles" / f"{name}.css" for name in order)]  # a later rule wins
    rules = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return f".rx, .rx-page {{ {css_variables('rx-')} }}\n{rules}"


@cache
def _joined(entry: str) -> str:
    return join_modules(entry, lambda name: (WEB / name).read_text(encoding="utf-8"))


def join_modules(entry: str, read: Callable[[str], str]) -> str:
    """Return a module joined with all that it imports, each after those that it needs.

    Parameters
    ----------
    entry
        Name of the module, with ``/`` between folders.
    read
        Returns the source of a module by its name.

    Raises
    ------
    ValueError
        If modules import each other in a circle, or a form of import or export is used that is not supported: only
        ``import { a, b } from "./x.js";`` on lines of its own, and ``export`` before a declaration.
    """
    done: dict[str, str] = {}
    _visit(entry, read, done, ())
    return "".join(done.values())


def _visit(name: str, read: Callable[[str], str], done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"modules import each other: {' -> '.join((*above, name))}")
    if name in done:
        return
    source = read(name)
    heads = []
    for names, target in IMPORT.findall(source):
        found = _resolve(name, target)
        _visit(found, read, done, (*above, name))
        heads.append(f"const {{{names.replace(' as ', ': ')}}} = {_variable(found)};\n")
    body = IMPORT.sub("", source)
    exports = EXPORT.findall(body)
    body = EXPORT.sub("", body)
    if left := re.search(r"^\s*(import\b|export\b).*", body, re.MULTILINE):
        raise ValueError(
            f'{name}: cannot join {left[0].strip()!r}; use import {{ a }} from "./x.js"; or export const a'
        )
    done[name] = (
        f"// {name}\nconst {_variable(name)} = (() => {{\n{''.join(heads)}{body}"
        f"return {{ {', '.join(exports)} }};\n}})();\n\n"
    )


def _resolve(importer: str, target: str) -> str:
    """Return the name of the module that `importer` calls `target`."""
    parts: list[str] = list(PurePosixPath(importer).parent.parts)
    for part in target.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _variable(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name)
