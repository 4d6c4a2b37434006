"""Exercises of a notebook: their parts, and whether their solutions pass their checks."""

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from reading import python

FOLDED = r"<details>\s*<summary>{}</summary>\n\s*\n(.*?)</details>"


@dataclass
class Exercise:
    """A heading that begins with "Exercise", the prose under it, and its code cells by their place in the notebook."""

    title: str
    prose: str = ""
    cells: list[tuple[int, str]] = field(default_factory=list)

    @property
    def checks(self) -> list[tuple[int, ast.Call]]:
        """Calls of rmlab.course.check, each with the place of its cell."""
        calls = [(place, node) for place, source in self.cells for node in ast.walk(ast.parse(python(source)))]
        return [
            (place, node)
            for place, node in calls
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("check.")
        ]

    @property
    def solution(self) -> str:
        """Python code of the folded solution."""
        folded = re.search(FOLDED.format("Solution"), self.prose, re.DOTALL)
        return "\n".join(re.findall(r"^```python\n(.*?)^```", folded[1], re.DOTALL | re.MULTILINE)) if folded else ""


def exercises_of(notebook: NotebookNode) -> list[Exercise]:
    """The exercises, in order: each ends at the next heading of its level or above."""
    found: list[Exercise] = []
    level, inside = 0, False
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            if inside:
                found[-1].cells.append((place, cell.source))
            continue
        for line in cell.source.splitlines():
            if match := re.match(r"(#{1,6}) +(.*)", line):
                if match[2].startswith("Exercise"):
                    found.append(Exercise(match[2]))
                    level, inside = len(match[1]), True
                elif len(match[1]) <= level:
                    inside = False
            elif inside:
                found[-1].prose += line + "\n"
    return found


def exercises_are_whole(notebook: NotebookNode, path: Path) -> list[str]:
    """One to three exercises, each with difficulty and minutes, a cell with a check, a folded hint and solution."""
    exercises = exercises_of(notebook)
    found = [] if 1 <= len(exercises) <= 3 else [f"{len(exercises)} exercises, not one to three"]
    for exercise in exercises:
        if not re.search(r"\((easy|medium|hard), \d+ minutes\)", exercise.title):
            found.append(f"{exercise.title}: no (easy|medium|hard, N minutes)")
        found += [
            f"{exercise.title}: no folded {part}"
            for part in ("Hint", "Solution")
            if not re.search(FOLDED.format(part), exercise.prose, re.DOTALL)
        ]
        if not exercise.cells:
            found.append(f"{exercise.title}: no code cell to work in")
        elif not exercise.checks:
            found.append(f"{exercise.title}: no call of rmlab.course.check")
        if not exercise.solution:
            found.append(f"{exercise.title}: the solution holds no ```python block")
    return found


def bound(tree: ast.AST) -> set[str]:
    """Names that the code gives a meaning, or changes: assigned (also `x[0] = 1`), defined, imported."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name | ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            while isinstance(node, ast.Subscript | ast.Attribute):
                node = node.value
            names |= {node.id} if isinstance(node, ast.Name) else set()
    return names


def used(tree: ast.AST) -> set[str]:
    """Names that the code reads."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def cells_needed(notebook: NotebookNode, place: int, names: set[str]) -> list[str]:
    """Code cells before `place` that give these names their meaning, and those that these need in turn."""
    needed: list[str] = []
    for cell in reversed(notebook.cells[:place]):
        if cell.cell_type == "code":
            tree = ast.parse(python(cell.source))
            if bound(tree) & names:
                needed.insert(0, python(cell.source))
                names = names | used(tree)
    return needed


def failing_solutions(notebook: NotebookNode, path: Path) -> Iterator[str]:
    """Run every form of every solution, with the cells above that it needs, and give those that the check refuses.

    A solution may write several forms of the answer one below the other: each is checked when it has been written.
    """
    for exercise in exercises_of(notebook):
        solution = ast.parse(exercise.solution)
        for place, call in exercise.checks:
            own = ast.parse("\n".join(python(source) for at, source in exercise.cells if at <= place))
            answers = used(ast.Module([ast.Expr(argument) for argument in call.args], [])) & bound(solution)
            if not answers:
                yield f"{exercise.title}: the solution gives no value to what {ast.unparse(call)} judges"
                continue
            scope: dict[str, object] = {"__name__": "__main__"}
            with contextlib.redirect_stdout(io.StringIO()):
                for source in cells_needed(notebook, place + 1, used(solution) | used(own)):
                    exec(compile(source, path.name, "exec"), scope)
            for statement in solution.body:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(ast.Module([statement], []), f"solution in {path.name}", "exec"), scope)
                    if not bound(statement) & answers:
                        continue
                    verdict = eval(compile(ast.Expression(call), path.name, "eval"), scope)
                if not verdict.passed:
                    yield f"{exercise.title}: {ast.unparse(statement)} is refused: {verdict.message}"
