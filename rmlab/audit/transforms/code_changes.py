"""Changes of code that keep what it does: variables renamed, comments stripped."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from rmlab.audit.transforms.contest import Transform, of_response
from rmlab.audit.transforms.sentence_banks import REWORDBENCH
from rmlab.audit.transforms.surface_changes import looks_like_code

__all__ = ["CODE"]

MINIFIED: Final = f"{REWORDBENCH}: code minification"
_BLOCK: Final = re.compile(r"(```\w*\n)(.*?)(```)", re.DOTALL)
_ASSIGNED: Final = re.compile(r"^[ \t]*([a-z_]\w*)[ \t]*=(?!=)|\bfor[ \t]+([a-z_]\w*)[ \t]+in\b", re.MULTILINE)
_TOKEN: Final = re.compile(
    r"""(?P<text>\"\"\".*?\"\"\"|'''.*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(?P<comment>[ \t]*#[^\n]*)""",
    re.DOTALL,
)
_KEYWORD: Final = re.compile(r"[(,]\s*([a-z_]\w*)\s*=(?!=)")
_PYTHON: Final = {"", "py", "python", "python3"}
_RESERVED: Final = {"self", "cls", "print", "input", "range", "len", "i"}


def _in_code(text: str, edit: Callable[[str], str]) -> str | None:
    """Edit the fenced blocks of a text, or the whole of a text that is code; None if nothing is edited."""
    if not looks_like_code(text):
        return None
    if _BLOCK.search(text):
        made = _BLOCK.sub(lambda block: block[1] + edit(block[2]) + block[3] if _is_python(block) else block[0], text)
    elif text.lstrip().startswith(("def ", "class ", "import ", "from ", "for ", "while ", "print(", "# ")):
        made = edit(text)
    else:
        return None
    return None if made == text else made


def _is_python(block: re.Match[str]) -> bool:
    return block[1][3:-1].lower() in _PYTHON and not block[2].lstrip().startswith(("#include", "#define", "#!"))


def _renamed(code: str) -> str:
    """Return code whose variables are named v1, v2 and so on, except in its strings and comments."""
    found = [name for match in _ASSIGNED.finditer(code) for name in match.groups() if name]
    # a name within an f-string, or of a keyword argument, must stay as it is
    strings = [kept["text"] for kept in _TOKEN.finditer(code) if kept["text"] and "{" in kept["text"]]
    held = {*_RESERVED, *_KEYWORD.findall(code), *re.findall(r"\w+", " ".join(strings))}
    names = {name: f"v{i}" for i, name in enumerate(dict.fromkeys(found), 1) if name not in held}
    if not names:
        return code
    pattern = re.compile(rf"(?<![\w.])(?:{'|'.join(names)})(?!\w)")
    made, end = [], 0
    for kept in _TOKEN.finditer(code):
        made += [pattern.sub(lambda match: names[match[0]], code[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*made, pattern.sub(lambda match: names[match[0]], code[end:])])


def _uncommented(code: str) -> str:
    stripped = _TOKEN.sub(lambda match: match["text"] or "", code)
    # a line that held only a comment goes with it
    before, after = code.split("\n"), stripped.split("\n")
    if len(before) != len(after):
        return stripped
    return "\n".join(new for old, new in zip(before, after, strict=True) if new.strip() or not old.strip())


CODE: Final = (
    Transform("renamed variables", "surface", "no shift", "The names of variables do not change what code does.",
              MINIFIED, of_response(lambda text: _in_code(text, _renamed))),
    Transform("stripped comments", "surface", "no shift", "Comments do not change what code does; whether it is better "
              "with them is a matter of taste.", MINIFIED, of_response(lambda text: _in_code(text, _uncommented))),
)  # fmt: skip
