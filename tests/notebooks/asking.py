"""What a **Predict.** keeps to: a control takes the prediction, and compares it with the same answer at any time."""

import itertools
import re
import symtable
from collections import Counter
from pathlib import Path

from nbformat import NotebookNode
from reading import code_cells, python

# The control of the library, or a lesson's own: votes to reveal, a diagnosis that is judged, an explorer that hides.
TAKES_A_PREDICTION = re.compile(r"# Controls.*?(?:\bpredict\(|\breveal|diagnosis)", re.DOTALL)


def predictions_are_taken(notebook: NotebookNode, path: Path) -> list[str]:
    """The cell after a **Predict.** is a control in which the reader answers before the answer is revealed."""
    return [
        f"cell {n}: a **Predict.** without a control that takes the prediction; put controls.predict(...) below it"
        for n, (cell, after) in enumerate(itertools.pairwise(notebook.cells), 1)
        if cell.cell_type == "markdown" and "**Predict.**" in cell.source and not TAKES_A_PREDICTION.match(after.source)
    ]


def answers_stay_the_same(notebook: NotebookNode, path: Path) -> list[str]:
    """What a prediction looks up when it is revealed is set by one cell alone: it does not matter when that is."""
    tables = [symtable.symtable(python(cell.source), "cell", "exec") for cell in code_cells(notebook)]
    set_by = Counter(
        each.get_name()
        for table in tables
        for each in table.get_symbols()
        if each.is_assigned() or each.is_imported() or each.is_namespace()
    )
    found = []
    for n, (cell, table) in enumerate(zip(code_cells(notebook), tables, strict=True), 1):
        if "controls.predict(" in cell.source:
            names = sorted({name for scope in table.get_children() for name in _looked_up(scope) if set_by[name] > 1})
            found += [f"code cell {n}: the answer depends on {name}, which {set_by[name]} cells set" for name in names]
    return found


def _looked_up(scope: symtable.SymbolTable) -> set[str]:
    """Names that a function looks up outside itself whenever it is called, and the functions in it."""
    names = {each.get_name() for each in scope.get_symbols() if each.is_global()}
    return names.union(*map(_looked_up, scope.get_children()))
