"""What a cell may not do, since its controls belong to the reader: assert, set what was displayed, go back."""

import ast
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from reading import code_cells, python


def leaves_the_reader_alone(notebook: NotebookNode, path: Path) -> list[str]:
    """No cell asserts anything, sets or clicks a control that was displayed before, or resets it."""
    found, displayed = [], set[str]()
    for n, cell in enumerate(code_cells(notebook), 1):
        tree = ast.parse(python(cell.source))
        found += [
            f"code cell {n}, line {node.lineno}: assert" for node in ast.walk(tree) if isinstance(node, ast.Assert)
        ]
        found += [f"code cell {n}, {fault}" for fault in _meddling(tree, displayed)]
        displayed |= _displayed(tree)
    return found


def controls_are_ours(notebook: NotebookNode, path: Path) -> list[str]:
    """No cell imports ipywidgets, whose controls let keys through: `d d` on a focused slider would delete its cell."""
    return [
        f"code cell {n}, line {node.lineno}: imports ipywidgets; use rmlab.explorer.controls"
        for n, cell in enumerate(code_cells(notebook), 1)
        for node in ast.walk(ast.parse(python(cell.source)))
        if isinstance(node, ast.Import | ast.ImportFrom) and "ipywidgets" in ast.unparse(node)
    ]


def _meddling(tree: ast.Module, displayed: set[str]) -> Iterator[str]:
    """What a cell does to controls while it runs; a function that it defines is for a control to call."""
    for node in (node for statement in tree.body for node in _run_now(statement)):
        if not isinstance(node, ast.Attribute):
            continue
        if isinstance(node.ctx, ast.Store) and _root(node) in displayed:
            yield f"line {node.lineno}: sets {ast.unparse(node)}, which belongs to the reader"
        elif node.attr == "reset" or (node.attr in {"click", "press"} and _root(node) in displayed):
            yield f"line {node.lineno}: calls {ast.unparse(node)}"


def _run_now(statement: ast.stmt) -> Iterator[ast.AST]:
    return iter(()) if isinstance(statement, ast.FunctionDef | ast.ClassDef) else ast.walk(statement)


def _displayed(tree: ast.Module) -> set[str]:
    """Names in what a cell displays: the controls, and the state that an explorer is made of."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "display"]
    shown = [argument for call in calls for argument in call.args]
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):
        shown.append(last.value)
    return {node.id for one in shown for node in ast.walk(one) if isinstance(node, ast.Name)}


def _root(node: ast.expr) -> str:
    """Name of the object whose part this is."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
