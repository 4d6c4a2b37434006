"""What tests ask a notebook for: its cells, its prose and headings, the texts that its cells put out."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode


@cache
def read(path: Path) -> NotebookNode:
    """Return a notebook, read once: nobody changes it."""
    return nbformat.read(path, as_version=4)


def tags(cell: NotebookNode) -> list[str]:
    """Tags of a cell."""
    return cell.metadata.get("tags", [])


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Code cells, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def without_code(text: str) -> str:
    """A text with its code blocks taken out."""
    return re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)


def markdown(notebook: NotebookNode) -> str:
    """All prose as one text, with code blocks taken out."""
    return without_code("\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown"))


def headings(notebook: NotebookNode) -> list[tuple[int, str]]:
    """Level and text of each heading."""
    found = re.findall(r"^(#{1,6}) +(.+?) *#*$", markdown(notebook), re.MULTILINE)
    return [(len(marks), text) for marks, text in found]


def section(text: str, heading: str) -> str:
    """The text under a `## heading`, up to the next heading of that level or above."""
    match = re.search(rf"^## +{re.escape(heading)} *$(.*?)(?=^##? |\Z)", text, re.MULTILINE | re.DOTALL)
    return match[1] if match else ""


def list_items(text: str) -> list[str]:
    """Items of the lists in a text, those of inner lists aside."""
    return re.findall(r"^(?:[-*]|\d+\.) +(.+)", text, re.MULTILINE)


def is_compared(cell: NotebookNode) -> bool:
    """Whether nbval compares what the cell put out."""
    return not {"nbval-ignore-output", "nbval-skip"} & set(tags(cell))


def output_texts(cell: NotebookNode) -> Iterator[str]:
    """Every text in a code cell's outputs, pictures' bytes aside."""
    for output in cell.outputs:
        yield output.get("text", "")
        yield "\n".join([output.get("evalue", ""), *output.get("traceback", [])])
        for kind, data in output.get("data", {}).items():
            if isinstance(data, str) and not (kind.startswith("image/") and "svg" not in kind):
                yield re.sub(r"data:image/\w+;base64,[A-Za-z0-9+/=\s]+", "", data)


def python(source: str) -> str:
    """The source of a code cell with its magics, which are not Python, taken out."""
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)


def github_anchor(heading: str) -> str:
    """The anchor that GitHub and the static site give a heading: lower case, hyphens for spaces, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def jupyter_anchor(heading: str) -> str:
    """The anchor that JupyterLab gives a heading of a notebook: as it is written, hyphens for spaces."""
    return heading.replace(" ", "-")
