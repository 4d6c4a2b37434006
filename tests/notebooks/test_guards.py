"""Every committed notebook passes every guard, and every guard sees the faults that it is there for."""

from collections.abc import Callable
from pathlib import Path

import exercises
import guards
import nbformat
import pytest
import spelling
from bounds import BOUNDS
from nbformat import NotebookNode
from reading import read

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEXTS = sorted(path for folder in ("", "docs", "notebooks", "benchmarks") for path in (ROOT / folder).glob("*.md"))


def test_there_are_notebooks() -> None:
    assert {"00_start", "07_transformer"} <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.__name__)
def test_notebook(path: Path, guard: guards.Guard) -> None:
    assert not guard(read(path), path), guard.__doc__


SLOW = ("04", "05", "07", "09", "10", "12", "13")
"""The numbers of the notebooks whose solutions need cells that fit, train, optimise or read much."""
SOLVED = [pytest.param(path, marks=[pytest.mark.slow] if path.stem[:2] in SLOW else []) for path in NOTEBOOKS]


@pytest.mark.parametrize("path", SOLVED, ids=lambda path: path.stem)
def test_every_solution_passes_its_check(path: Path) -> None:
    assert not list(exercises.failing_solutions(read(path), path))


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_text_is_spelled_right_and_its_links_resolve(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not list(spelling.misspelt(text))
    assert not guards.broken_links(guards.without_code(text), path)


OPENING = """# 0 · What is a reward model for?

**Question:** what is it for?

**You will be able to:** say so.

**Time:** core 40 minutes, extra 5 minutes.

**Before this:** nothing.

**Predict.** Which is it?"""

EXERCISE = """**Notice.** They differ.

## Exercise: do it (easy, 5 minutes)

<details>
<summary>Hint</summary>

Think.

</details>

<details><summary>Solution</summary>

```python
my_gap = np.log(0.9 / 0.1)
my_gap = 2.197  # the same
```

</details>"""

CLOSING = """## What to remember

1. One.
2. Two.
3. Three.

## Next

[Again](good.ipynb)

## Read more

- A book."""

PICTURE = '<img alt="Two bars, the blue one higher" src="data:image/png;base64,iVBORw0KGgo=">'


def good() -> NotebookNode:
    """A notebook that keeps to everything."""
    v4 = nbformat.v4
    html_output = v4.new_output("display_data", {"text/html": PICTURE, "text/plain": "<figure>"})
    ignored = v4.new_code_cell("train_it()", outputs=[v4.new_output("stream", name="stderr", text="12.3456789012 s")])
    ignored.id = next(iter(BOUNDS))
    control = v4.new_code_cell(
        "# Controls: your prediction\nslider = controls.predict('P?', 0.5)\nslider.value = 1\ndisplay(slider)"
    )
    control.metadata["jupyter"] = {"source_hidden": True}
    printed = v4.new_code_cell("print(0.82)", outputs=[v4.new_output("stream", text="P = 0.82 of 7.0000000\n")])
    drawn = v4.new_code_cell("show(figure, alt='...')", outputs=[html_output])
    for cell in (printed, drawn, ignored):
        cell.metadata["jupyter"] = {"outputs_hidden": True}
    for cell in (ignored, control):
        cell.metadata["tags"] = ["nbval-ignore-output"]
    cells = [
        v4.new_markdown_cell(OPENING),
        control,
        printed,
        drawn,
        ignored,
        v4.new_markdown_cell(EXERCISE),
        v4.new_code_cell(
            "import numpy as np\n\nfrom rmlab.course import check\n\nmy_gap = ...\n\ncheck.gap_for_probability(my_gap)"
        ),
        v4.new_markdown_cell(CLOSING),
    ]
    notebook = v4.new_notebook(cells=cells)
    for count, cell in enumerate(guards.code_cells(notebook), 1):
        cell.execution_count = count
    notebook.metadata = nbformat.from_dict({"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}})
    return notebook


def faults(guard: guards.Guard, notebook: NotebookNode, folder: Path) -> list[str]:
    path = folder / "good.ipynb"
    nbformat.write(notebook, path)
    return guard(notebook, path)


@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.__name__)
def test_a_good_notebook_passes(guard: guards.Guard, tmp_path: Path) -> None:
    assert not faults(guard, good(), tmp_path)


def prose(old: str, new: str) -> Callable[[NotebookNode], None]:
    """A fault that replaces `old` in the prose."""

    def plant(notebook: NotebookNode) -> None:
        cell = next(cell for cell in notebook.cells if cell.cell_type == "markdown" and old in cell.source)
        cell.source = cell.source.replace(old, new)

    return plant


def code(number: int, *, source: str | None = None, tags: list[str] | None = None, **fields: object):
    """A fault in a code cell, counted from 1: other source, other tags, other fields."""

    def plant(notebook: NotebookNode) -> None:
        cell = guards.code_cells(notebook)[number - 1]
        cell.source = cell.source if source is None else source
        if tags is not None:
            cell.metadata["tags"] = tags
        cell.update(nbformat.from_dict(fields))

    return plant


def output(kind: str, **fields: object) -> list[dict]:
    return [{"output_type": kind, **fields}]


def shows(**data: str) -> list[dict]:
    return output("display_data", data={kind.replace("_", "/"): value for kind, value in data.items()}, metadata={})


ERROR = output("error", ename="ValueError", evalue="no", traceback=["ValueError: no"])

FAULTS = [
    (guards.executed_in_order, code(3, execution_count=None), "execution counts are [1, 2, None, 4, 5], not 1 to 5"),
    (guards.executed_in_order, code(3, execution_count=7), "execution counts are [1, 2, 7, 4, 5]"),
    (guards.executed_in_order, code(5, source="\n"), "code cell 5 is empty"),
    (guards.no_errors, code(2, outputs=ERROR), "code cell 2: an error output and the tag raises-exception"),
    (guards.no_errors, code(2, tags=["raises-exception"]), "code cell 2: an error output and the tag raises-exception"),
    (
        guards.no_errors,
        code(2, outputs=output("stream", name="stderr", text="Warning")),
        "code cell 2 writes to stderr",
    ),
    (guards.no_errors, code(2, tags=["nbval-skip"]), "code cell 2 escapes nbval"),
    (guards.no_errors, code(2, source="# NBVAL_SKIP\nf()"), "code cell 2 escapes nbval"),
    (guards.small, code(2, outputs=output("stream", name="stdout", text="x" * 500_000)), "more than 500000"),
    (guards.clean, lambda nb: nb.metadata.update(widgets={}), "notebook metadata: widgets"),
    (guards.clean, lambda nb: nb.metadata.language_info.update(version="3.11"), "language_info: version"),
    (guards.clean, lambda nb: nb.metadata.kernelspec.update(name="my-venv"), "the kernelspec is not python3"),
    (guards.clean, code(2, metadata={"execution": {}}), "cell 3: metadata execution"),
    (
        guards.clean,
        code(4, outputs=shows(**{"application/vnd.jupyter.widget-view+json": "{}"})),
        "widget view is stored",
    ),
    (
        guards.cells_are_folded,
        code(2, source="# Drawing: two bars\n1 + 1"),
        "not {'source_hidden",
    ),
    (
        guards.cells_are_folded,
        code(2, metadata={"jupyter": {"source_hidden": True}}),
        "metadata jupyter is {'source_hidden",
    ),
    (
        guards.cells_are_folded,  # what it puts out answers the question above it
        code(2, metadata={}),
        "metadata jupyter is {}, not {'outputs_hidden",
    ),
    (guards.clean, code(2, source="open('/home/me/pairs.jsonl')"), "cell 3: '/home/me/pairs.jsonl'"),
    (guards.clean, code(2, source=r"open('C:\\Users\\me')"), "cell 3: 'C:"),
    (guards.clean, code(2, outputs=shows(text_plain="<Model at 0x7f3a5b2c1d90>")), "cell 3: 'at 0x7f3a5b2c1d90'"),
    (guards.clean, prose("They differ.", "It is in /tmp/run."), "cell 6: '/tmp/run.'"),
    (guards.pictures_have_alt_text, code(3, outputs=shows(image_png="iVBORw0KGgo=")), "a picture without alt text"),
    (guards.pictures_have_alt_text, code(3, outputs=shows(text_html="<img src='data:x'>")), "whose alt text is None"),
    (guards.pictures_have_alt_text, code(3, outputs=shows(text_html="<img alt='plot'>")), "whose alt text is 'plot'"),
    (guards.pictures_have_alt_text, code(3, outputs=shows(text_html="<svg><path/></svg>")), "an inline <svg> without"),
    (guards.pictures_have_alt_text, prose("They differ.", "![bars](bars.png)"), "![bars]: too little alt text"),
    (
        guards.pictures_have_alt_text,
        code(2, source="view.value = f'<img src={x}>'"),
        "its code makes <img src={x}> without alt",
    ),
    (guards.pictures_have_alt_text, code(2, source="ipywidgets.Image(value=png)"), "an Image takes no alt text"),
    (guards.headings_in_order, prose("## Exercise", "### Exercise"), "a heading of level 3 under one of level 1"),
    (guards.headings_in_order, prose("## Next", "# Next"), "2 headings of level 1"),
    (guards.headings_in_order, prose("# 0 ", "Hello\n\n# 0 "), "no title at the top"),
    (guards.links_resolve, prose("good.ipynb", "gone.ipynb#part"), "gone.ipynb does not exist"),
    (guards.links_resolve, prose("good.ipynb", "good.ipynb#Nxt"), "good.ipynb#Nxt: good.ipynb has no such heading"),
    (guards.links_resolve, prose("They differ.", "[up](#top)"), "#top: good.ipynb has no such heading"),
    (guards.links_resolve, prose("They differ.", "<img src='gone.png'>"), "gone.png does not exist"),
    (guards.opens_and_closes, prose("**Time:**", "Time:"), "the opening lacks **Time:**"),
    (guards.opens_and_closes, prose("core 40", "core 90"), "with N at most 60"),
    (
        guards.opens_and_closes,
        prose("**Question:**", "**Before this:** **Question:**"),
        "the opening is not in the order",
    ),
    (guards.opens_and_closes, prose("## Next", "## Then"), "the last three headings of level 2 are not"),
    (guards.opens_and_closes, prose("3. Three.", ""), "What to remember has 2 items, not 3"),
    (guards.opens_and_closes, prose("(good.ipynb)", "(https://example.org)"), "Next links to no notebook"),
    (guards.opens_and_closes, prose("- A book.", "A book."), "Read more lists nothing"),
    (guards.predicts_and_notices, prose("**Predict.**", "Predict."), "no **Predict.** anywhere"),
    (
        guards.predictions_are_taken,
        code(1, source="# Controls: a slider\nslider = Slider()"),
        "cell 1: a **Predict.** without a control that takes the prediction",
    ),
    (
        guards.answers_stay_the_same,
        code(1, source="my_gap = 1\ncontrols.predict('P?', lambda: my_gap)"),
        "code cell 1: the answer depends on my_gap, which 2 cells set",
    ),
    (guards.predictions_are_taken, prose("**Notice.** They differ.", "**Predict.** Which?"), "cell 6: a **Predict.**"),
    (guards.exercises_are_whole, prose("## Exercise: do it", "## Do it"), "0 exercises, not one to three"),
    (guards.exercises_are_whole, prose("(easy, 5 minutes)", "(5 minutes)"), "no (easy|medium|hard, N minutes)"),
    (guards.exercises_are_whole, prose("<summary>Hint</summary>", "<summary>Help</summary>"), "no folded Hint"),
    (guards.exercises_are_whole, prose("Solution</summary>\n\n", "Solution</summary>"), "no folded Solution"),
    (guards.exercises_are_whole, lambda nb: nb.cells.pop(6), "no code cell to work in"),
    (guards.exercises_are_whole, code(5, source="my_gap = ..."), "no call of rmlab.course.check"),
    (guards.exercises_are_whole, prose("```python", "```"), "the solution holds no ```python block"),
    (guards.ignored_outputs_are_bounded, code(1, source="slider"), "code cell 1 is not compared: it is no # Controls"),
    (guards.ignored_outputs_are_bounded, code(4, id="other"), "bounds.py has no bound for 'other'"),
    (guards.leaves_the_reader_alone, code(5, source="assert loss < 0.6"), "code cell 5, line 1: assert"),
    (guards.leaves_the_reader_alone, code(2, source="def f(x):\n    assert x"), "code cell 2, line 2: assert"),
    (guards.leaves_the_reader_alone, code(5, source="slider.value = 2"), "code cell 5, line 1: sets slider.value"),
    (
        guards.leaves_the_reader_alone,
        code(5, source="for i in x:\n    slider.children[i].value = 2"),
        "line 2: sets slider",
    ),
    (guards.leaves_the_reader_alone, code(5, source="state.reset()"), "code cell 5, line 1: calls state.reset"),
    (guards.leaves_the_reader_alone, code(5, source="slider.click()"), "code cell 5, line 1: calls slider.click"),
    (
        guards.controls_are_ours,
        code(2, source="import ipywidgets as widgets"),
        "code cell 2, line 1: imports ipywidgets",
    ),
    (
        guards.controls_are_ours,
        code(2, source="from ipywidgets import Play"),
        "code cell 2, line 1: imports ipywidgets",
    ),
    (guards.most_text_is_compared, code(2, tags=["nbval-ignore-output"]), "0 of 1 cells are compared"),
    (guards.numbers_are_rounded, code(3, outputs=shows(text_plain="0.8175744761936437")), "0.8175744761936437 is not"),
    (guards.numbers_are_rounded, code(2, outputs=[]), "no number is compared"),
    (guards.redefines_nothing, code(2, source="def preference_loss(d):\n    return d"), "redefines preference_loss"),
    (guards.redefines_nothing, code(2, source="%time x = 1\npreference_loss = abs"), "redefines preference_loss"),
    (guards.redefines_nothing, code(2, source="from math import exp as elo_points"), "redefines elo_points"),
    (guards.redefines_nothing, code(2, source="from trl import preference_loss"), "redefines preference_loss"),
    (
        guards.redefines_nothing,
        code(2, source="p = 1 / (1 + np.exp(-d))"),
        "code cell 2 writes the formula again: line 1",
    ),
    (guards.spelled_right, prose("They differ.", "They difer."), "difer: misspelt"),
    (guards.spelled_right, prose("They differ.", "Their color differs."), "color: misspelt"),
]


@pytest.mark.parametrize(("guard", "plant", "message"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_fault_is_caught(
    guard: guards.Guard, plant: Callable[[NotebookNode], None], message: str, tmp_path: Path
) -> None:
    notebook = good()
    plant(notebook)
    assert message in "\n".join(faults(guard, notebook, tmp_path))


def test_using_public_names_is_no_redefinition(tmp_path: Path) -> None:
    notebook = good()
    code(2, source="import rmlab\nfrom rmlab import preference_loss\nx = rmlab.preference_loss(2.0)")(notebook)
    assert not guards.redefines_nothing(notebook, tmp_path)


def test_the_formula_may_stand_where_a_tag_says_so(tmp_path: Path) -> None:
    notebook = good()
    code(2, source="p = 1 / (1 + np.exp(-d))", tags=["formula"])(notebook)
    assert not guards.redefines_nothing(notebook, tmp_path)


def test_links_to_headings_of_other_files_resolve(tmp_path: Path) -> None:
    (tmp_path / "terms.md").write_text("# Terms\n\n### Log-odds, in nats\n")
    notebook = good()
    prose("They differ.", "[a](terms.md#log-odds-in-nats), [b](good.ipynb#Read-more), [c](#What-to-remember)")(notebook)
    assert not faults(guards.links_resolve, notebook, tmp_path)
    prose("#log-odds-in-nats", "#log-odds")(notebook)
    assert faults(guards.links_resolve, notebook, tmp_path) == ["terms.md#log-odds: terms.md has no such heading"]


SOLUTIONS = [
    ("my_gap = 2.197  #", "my_gap = -2.197  #", "my_gap = -2.197 is refused: "),
    ("np.log(0.9 / 0.1)", "np.log10(0.9 / 0.1)", "my_gap = np.log10(0.9 / 0.1) is refused: "),
    ("my_gap", "gap", "the solution gives no value to what check.gap_for_probability(my_gap) judges"),
]


@pytest.mark.parametrize(("old", "new", "message"), SOLUTIONS)
def test_a_solution_that_its_check_refuses_is_found(old: str, new: str, message: str) -> None:
    notebook = good()
    assert not list(exercises.failing_solutions(notebook, Path("good.ipynb")))
    prose(old, new)(notebook)
    assert message in "\n".join(exercises.failing_solutions(notebook, Path("good.ipynb")))


def test_a_solution_runs_with_the_cells_above_that_it_needs_alone() -> None:
    notebook = good()
    code(2, source="ratio = [0]")(notebook)
    code(3, source="ratio[0] = 9.0")(notebook)
    code(4, source="other = 1 / 0")(notebook)
    prose("np.log(0.9 / 0.1)", "np.log(ratio[0])")(notebook)
    assert not list(exercises.failing_solutions(notebook, Path("good.ipynb")))
    code(3, source="ratio[0] = 3.0")(notebook)
    assert list(exercises.failing_solutions(notebook, Path("good.ipynb")))
