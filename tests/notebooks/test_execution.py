"""Notebooks are executed alike every time, and a number that is wrong in one of them is found."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import guards
import nbformat
import pytest
from corruption import NUMBER
from execute import PLACEHOLDER, execute
from nbformat import NotebookNode

HERE = Path(__file__).parent


def write(path: Path, *sources: str, tags: tuple[str, ...] = ()) -> Path:
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": [*tags]}) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_execution_is_repeatable_and_leaves_nothing_of_the_machine(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("MPLBACKEND")
    source = "import time\nprint(1, flush=True); time.sleep(0.3); print(2)"
    path = write(tmp_path / "a.ipynb", source, "3 * 4")
    execute(path)
    first = path.read_bytes()
    execute(path)
    assert path.read_bytes() == first
    notebook = nbformat.read(path, as_version=4)
    assert not guards.executed_in_order(notebook, path)
    assert not guards.clean(notebook, path)
    assert [o.text for o in notebook.cells[0].outputs] == ["1\n2\n"], "one stream, however it was flushed"


def test_the_code_of_a_drawing_is_folded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "1 + 1", "# Drawing: a line\n2 + 2")
    execute(path)
    notebook = nbformat.read(path, as_version=4)
    assert [cell.metadata for cell in notebook.cells] == [{}, {"jupyter": {"source_hidden": True}}]
    assert not guards.cells_are_folded(notebook, path)


def test_what_answers_a_prediction_is_folded_until_the_cell_is_run(tmp_path: Path) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("**Predict.** What is one and one?"),
        nbformat.v4.new_code_cell("# Controls: it may be seen\n1"),
        nbformat.v4.new_code_cell("1 + 1"),
        nbformat.v4.new_code_cell("two = 1 + 1"),
        nbformat.v4.new_markdown_cell("And on paper:"),
        nbformat.v4.new_code_cell("two"),
        nbformat.v4.new_markdown_cell("**Notice.** It is two."),
        nbformat.v4.new_code_cell("2 + 2"),
    ]
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    execute(path)
    found = [cell.metadata.get("jupyter", {}) for cell in nbformat.read(path, as_version=4).cells]
    hidden = {"outputs_hidden": True}
    assert found == [{}, {"source_hidden": True}, hidden, {}, {}, hidden, {}, {}]


def test_widgets_are_kept_out_of_committed_notebooks(tmp_path: Path) -> None:
    widget = "# Controls: a slider\nimport ipywidgets\nipywidgets.IntSlider()"
    with pytest.raises(ValueError, match=r"cell 1 shows a widget: .* tag it nbval-ignore-output"):
        execute(write(tmp_path / "a.ipynb", widget))
    path = write(tmp_path / "b.ipynb", widget, tags=("nbval-ignore-output",))
    execute(path)
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert output.data == {"text/plain": PLACEHOLDER}


def test_a_progress_bar_leaves_nothing_behind(tmp_path: Path) -> None:
    bar = "import ipywidgets\ndisplay(ipywidgets.FloatProgress())\nprint('done')"
    path = write(tmp_path / "a.ipynb", bar, tags=("nbval-ignore-output",))
    execute(path)
    assert [output.output_type for output in nbformat.read(path, as_version=4).cells[0].outputs] == ["stream"]


def failing_cells(path: Path) -> list[int]:
    """Run a notebook under nbval, and give the code cells that failed, counted from 0."""
    report = path.with_suffix(".xml")
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    command = [sys.executable, "-m", "pytest", path.name, "--nbval", "-p", "no:cacheprovider"]
    command += ["--nbval-sanitize-with", str(HERE / "sanitize.cfg"), f"--junitxml={report}"]
    run = subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True)
    assert run.returncode in (0, 1), run.stdout + run.stderr
    cases = ElementTree.parse(report).iter("testcase")
    return [int(case.attrib["name"].split()[-1]) for case in cases if len(case)]


def corrupt(cell: NotebookNode) -> bool:
    """Change the last digit of the first number in what a cell put out, if there is one."""
    for output in cell.outputs:
        fields = output if "text" in output else output.get("data", {})
        for name, text in fields.items():
            if name in {"text", "text/plain"} and (match := NUMBER.search(text)):
                wrong = str((int(match[0][-1]) + 1) % 10)
                fields[name] = text[: match.end() - 1] + wrong + text[match.end() :]
                return True
    return False


@pytest.mark.slow
def test_a_corrupted_number_is_seen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "print(0.5)", "x = 3\nx", "print('no number')")
    execute(path)
    assert failing_cells(path) == []
    notebook = nbformat.read(path, as_version=4)
    assert [corrupt(cell) for cell in notebook.cells] == [True, True, False]
    assert "0.6" in notebook.cells[0].outputs[0].text
    nbformat.write(notebook, path)
    assert failing_cells(path) == [0, 1]


def run_corruption(path: Path, count: int, sanitize: Path = HERE / "sanitize.cfg") -> subprocess.CompletedProcess:
    """Run a notebook under nbval with the plugin that changes numbers."""
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    command = [sys.executable, "-m", "pytest", str(path), "--nbval", "-p", "no:cacheprovider", f"--corrupt={count}"]
    command += ["-p", "tests.notebooks.corruption", "--nbval-sanitize-with", str(sanitize)]
    return subprocess.run(command, cwd=HERE.parents[1], env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_every_number_that_is_compared_can_be_changed_and_is_caught(tmp_path: Path) -> None:
    picture = "<img alt='3 bars' src='data:image/png;base64,iVB0RW5='>"
    path = write(tmp_path / "a.ipynb", "print(0.5, 'and', 12)", f"from IPython.display import HTML\nHTML({picture!r})")
    execute(path)
    run = run_corruption(path, 3)
    assert run.returncode == 0, run.stdout
    assert "numbers changed: 3 of 3 that are compared; caught: 3" in run.stdout
    assert "4 numbers are to be changed, and only 3 are compared" in run_corruption(path, 4).stderr
    # Seeing none of what is changed fails: here every single digit but 4 is taken for a 4.
    path = write(tmp_path / "b.ipynb", "print(4)")
    execute(path)
    (tmp_path / "blind.cfg").write_text("[blind]\nregex: \\b[0-35-9]\\b\nreplace: 4\n")
    run = run_corruption(path, 1, tmp_path / "blind.cfg")
    assert run.returncode == 1
    assert "nbval does not see a changed number" in run.stdout
    assert "numbers changed: 1 of 1 that are compared; caught: 0" in run.stdout


@pytest.mark.slow
def test_a_picture_is_compared_by_its_alt_text_alone(tmp_path: Path) -> None:
    page = "<img alt='{}' src='data:image/png;base64,{}'>"
    path = write(
        tmp_path / "a.ipynb", *[f"from IPython.display import HTML\nHTML({page.format('Bars', 'iVBO')!r})"] * 2
    )
    execute(path)
    notebook = nbformat.read(path, as_version=4)
    for cell, shown in zip(
        notebook.cells, [page.format("Bars", "AAA="), page.format("Other bars", "iVBO")], strict=True
    ):
        cell.outputs[0].data["text/html"] = shown
    nbformat.write(notebook, path)
    assert failing_cells(path) == [1]
