"""Execute notebooks in place, in the order given, and leave in them only what a second run would give again.

    python tests/notebooks/execute.py notebooks/00_start.ipynb ...

Removed: widget state and widget views (they need a live kernel; one line stands in their place), times of execution,
versions of the machine's Python. The code of a cell that only sets up, draws or makes controls is folded. So is what
cells put out from a **Predict.**, which they would answer, to the next **Notice.** or heading: JupyterLab shows it when
they are run. With ``--fold`` nothing is executed.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

WIDGET = "application/vnd.jupyter.widget-view+json"
PLACEHOLDER = "(a control: run this cell to use it)"
ANSWERED = re.compile(r"^(?:#+ |\*\*Notice)", re.MULTILINE)  # what ends the cells that answer a **Predict.**
FOLDED = ("# Setup", "# Drawing", "# Controls")
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def folds(notebook: nbformat.NotebookNode) -> list[dict[str, bool]]:
    """Return for each cell which parts of it are folded."""
    found, asked = [], False
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and ANSWERED.search(cell.source):
            asked = False
        if cell.cell_type == "markdown" and "**Predict.**" in cell.source:
            asked = True
        fold = {}
        if cell.source.startswith(FOLDED):
            fold["source_hidden"] = True
        if asked and cell.get("outputs") and not cell.source.startswith("# Controls"):
            fold["outputs_hidden"] = True
        found.append(fold)
    return found


def strip(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove, in place, what differs from run to run or works only in a live kernel; give the same notebook."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, (cell, fold) in enumerate(zip(notebook.cells, folds(notebook), strict=True), start=1):
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if fold:
            cell.metadata["jupyter"] = fold
        outputs = cell.get("outputs", [])
        widgets = [output for output in outputs if WIDGET in output.get("data", {})]
        if widgets and "nbval-ignore-output" not in (tags or []):
            raise ValueError(
                f"cell {number} shows a widget: begin it with # Controls and tag it nbval-ignore-output"
                f"\n\n{cell.source}"
            )
        kept = widgets[:1] if cell.source.startswith("# Controls") else []  # others are progress bars, which have ended
        for output in kept:
            output.data = nbformat.from_dict({"text/plain": PLACEHOLDER})
        for output in widgets[len(kept) :]:
            outputs.remove(output)
    return notebook


def execute(path: Path) -> None:
    """Run one notebook from its own folder, and write it only if every cell ran."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        coalesce_streams=True,
        store_widget_state=False,
        record_timing=False,
    )
    client.execute()
    nbformat.write(strip(notebook), path)


if __name__ == "__main__":
    for argument in [each for each in sys.argv[1:] if each != "--fold"]:
        if "--fold" in sys.argv:
            nbformat.write(strip(nbformat.read(argument, as_version=4)), argument)
            continue
        print(f"executing {argument}", flush=True)
        execute(Path(argument))
