"""Imports point down, the formula is written once, `import rmlab` is light, and every public name is where it says."""

import ast
import re
import statistics
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from formulas import formulas

import rmlab

PACKAGE = Path(rmlab.__file__).parent

# Each floor imports only from those above it in this list; modules on one floor do not import each other.
FLOORS = (
    {"_theme", "_compat", "preference", "printing", "atomic"},
    {"data"},
    {"bradley_terry", "simulate", "evaluation"},
    {"labels"},
    {"model"},
    {"attribution", "audit", "optimization", "training"},
    {"datasets"},
    {"plots"},
    {"reports", "explorer"},
    {"course"},
    {"cli"},
    {"__main__"},
)
FLOOR_OF = {module: floor for floor, modules in enumerate(FLOORS) for module in modules}


def modules(package: Path) -> Iterator[tuple[str, str, ast.Module]]:
    """Give (top-level module, dotted name within the package, syntax tree) of every source file but `__init__.py`."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], ".".join(parts), ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_modules(dotted: str, tree: ast.Module, homes: dict[str, str]) -> Iterator[str]:
    """Give the top-level module of rmlab behind every import in a file: in functions and under TYPE_CHECKING too."""
    inside = ["rmlab", *dotted.split(".")]
    # `from . import x` counts from the package: that of the file's folder, which for an `__init__.py` is itself.
    folder = inside[:-1]
    for node in ast.walk(tree):
        targets: list[list[str]] = []
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            base = base + (node.module.split(".") if node.module else [])
            targets = [[*base, alias.name] for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                targets = [node.args[0].value.split(".")]
        for target in targets:
            if target[0] == "rmlab" and len(target) > 1 and target[1] not in {"__version__", "__init__"}:
                yield homes.get(target[1], target[1])
            elif target == ["rmlab"]:
                yield "__init__"  # the lazy names reach every floor


def breaches(package: Path, homes: dict[str, str]) -> list[str]:
    """Say which import of which file points up, sideways, or to a module that stands on no floor."""
    found = []
    for module, dotted, tree in modules(package):
        if module not in FLOOR_OF:
            found.append(f"rmlab.{dotted} stands on no floor: add it to FLOORS")
            continue
        for target in imported_modules(dotted, tree, homes):
            if target == module:
                continue
            if target == "__init__" and module not in {"__main__", "cli"}:
                found.append(f"rmlab.{dotted} imports rmlab itself: import the module that holds the name")
            elif target != "__init__" and FLOOR_OF.get(target, len(FLOORS)) >= FLOOR_OF[module]:
                found.append(f"rmlab.{dotted} imports rmlab.{target}, which is not below it")
    return found


def public_homes() -> dict[str, str]:
    """Public names of `rmlab` and the module that each comes from."""
    return {name: home.split(".")[0] for home, names in rmlab._HOMES.items() for name in names}


def test_imports_point_down() -> None:
    assert not breaches(PACKAGE, public_homes())


@pytest.mark.parametrize(
    ("file", "source", "message"),
    [
        ("data.py", "from rmlab.model import RewardModel", "rmlab.data imports rmlab.model, which is not below it"),
        ("data.py", "def f():\n    import rmlab.training as t", "imports rmlab.training, which is not below it"),
        ("simulate.py", "from rmlab import evaluation", "imports rmlab.evaluation, which is not below it"),
        ("datasets/baseball.py", "from ..plots import show", "rmlab.datasets.baseball imports rmlab.plots"),
        (
            "data/__init__.py",
            "if True:\n    from ..plots import show",
            "rmlab.data.__init__ imports rmlab.plots",
        ),
        ("data/readers.py", "import_module('rmlab.model')", "rmlab.data.readers imports rmlab.model"),
        ("preference.py", "from rmlab import fit", "rmlab.preference imports rmlab.bradley_terry"),
        ("model.py", "import rmlab", "rmlab.model imports rmlab itself"),
        ("utils.py", "", "rmlab.utils stands on no floor"),
    ],
)
def test_a_planted_import_is_caught(tmp_path: Path, file: str, source: str, message: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    (found,) = breaches(tmp_path, {"fit": "bradley_terry"})
    assert message in found


def test_allowed_imports_pass(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "readers.py").write_text(
        "import numpy\nfrom rmlab import __version__\nfrom rmlab.data.pairs import Pair\nfrom . import pairs\n"
        "from ..preference import preference_loss\nfrom rmlab import preference_probability"
    )
    (tmp_path / "__main__.py").write_text("import rmlab\nfrom rmlab.training import train")
    assert not breaches(tmp_path, {"preference_probability": "preference"})


def shared_names(package: Path) -> dict[str, list[str]]:
    """Names that more than one module has, each with those modules; `__init__` and `__main__` are no names."""
    places: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        if path.stem not in {"__init__", "__main__"}:
            places.setdefault(path.stem, []).append(path.relative_to(package).as_posix())
    return {name: where for name, where in places.items() if len(where) > 1}


def test_no_two_modules_share_a_name() -> None:
    assert shared_names(PACKAGE) == {}


def test_a_planted_second_module_of_a_name_is_caught(tmp_path: Path) -> None:
    for name in ("data/rows.py", "model/rows.py", "data/__init__.py", "model/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert shared_names(tmp_path) == {"rows": ["data/rows.py", "model/rows.py"]}


def own_names(package: Path) -> set[str]:
    """Names with an underscore in front that a package itself gives to something."""
    found = set()
    for _, _, tree in modules(package):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.add(node.id)
            elif (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and ast.unparse(node.value) == "self"
            ):
                found.add(node.attr)
    return {name for name in found if name.startswith("_")}


PROMISED = {"_asdict", "_exit", "_fields", "_reason", "_replace"}
"""Names with an underscore in front that are there to be used: of named tuples, of `os`, and of tornado's handlers."""


def reaches_inside(package: Path) -> list[str]:
    """Say where a private part of somebody else's is named, outside `_compat`."""
    own = own_names(package) | PROMISED
    found = []
    for module, dotted, tree in modules(package):
        if module == "_compat":
            continue
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Attribute):
                names = [node.attr]
            elif isinstance(node, ast.ImportFrom):
                names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                names = [] if (node.module or "").split(".")[0] in {"rmlab", "__future__"} else names
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"getattr", "hasattr", "setattr"}:
                names = [a.value for a in node.args[1:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                names = [name for name in names if not name.startswith("_rmlab")]
            found += [
                f"rmlab.{dotted}: {name}" for name in names if re.match(r"_[a-z]\w*(?<!_)$", name) and name not in own
            ]
    return found


def test_private_parts_of_others_are_reached_in_compat_alone() -> None:
    assert reaches_inside(PACKAGE) == []
    assert any(re.search(r"\._[a-z]", path.read_text()) for path in (PACKAGE / "_compat").glob("*.py"))


@pytest.mark.parametrize(
    "source",
    ["torch.ops.mkldnn._linear(x)", "getattr(config, '_attn')", "from torch._inductor import f", "layer._impl = None"],
)
def test_a_planted_reach_is_caught(tmp_path: Path, source: str) -> None:
    (tmp_path / "model.py").write_text(
        f"class A:\n    def __init__(self):\n        self._mine = 1\n\n\n{source}\na._mine"
    )
    (tmp_path / "_compat.py").write_text(source)
    (found,) = {place.split(":")[0] for place in reaches_inside(tmp_path)}
    assert found == "rmlab.model"


def test_the_formula_has_one_home() -> None:
    found = {dotted: list(formulas(tree)) for _, dotted, tree in modules(PACKAGE) if dotted != "preference"}
    assert not {dotted: places for dotted, places in found.items() if places}
    home = ast.parse((PACKAGE / "preference.py").read_text(encoding="utf-8"))
    assert list(formulas(home)), "the formula is not seen even in its home, so this test could not fail"


@pytest.mark.parametrize(
    "source",
    [
        "p = 1 / (1 + np.exp(-d))",
        "p = math.exp(d) / (math.exp(d) + 1.0)",
        "p = torch.sigmoid(d)",
        "p = scores.sigmoid()",
        "p = sigmoid(d)",
        "def log_sigmoid(d): ...",
        "loss = -F.logsigmoid(d)",
        "from torch.nn.functional import logsigmoid as f",
        "from scipy.special import expit",
        "loss = F.softplus(-d)",
        "loss = np.log1p(np.exp(-d))",
        "loss = np.log(1 + np.exp(-d))",
        "loss = np.logaddexp(0, -d)",
        "loss = xp.logaddexp(xp.zeros_like(d), -d)",
        "loss = F.binary_cross_entropy_with_logits(d, ones)",
        "criterion = torch.nn.BCEWithLogitsLoss()",
    ],
)
def test_a_planted_formula_is_caught(source: str) -> None:
    assert list(formulas(ast.parse(source)))


def test_text_about_the_formula_is_no_formula() -> None:
    source = '"""P = sigmoid(d)"""\nx = np.logaddexp(a, b)  # 1 / (1 + exp(-d))\nsigmoid = a / (2 + c)'
    assert not list(formulas(ast.parse(source)))


HEAVY = {
    "scipy",
    "torch",
    "pandas",
    "pyarrow",
    "matplotlib",
    "transformers",
    "accelerate",
    "sklearn",
    "IPython",
    "tqdm",
}


def run_python(source: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_import_brings_nothing_heavier_than_numpy() -> None:
    loaded = set(run_python("import sys, rmlab; print(*{name.split('.')[0] for name in sys.modules})").split())
    assert "rmlab" in loaded
    assert not loaded & HEAVY


def test_import_takes_under_a_fifth_of_a_second() -> None:
    source = "import time; start = time.perf_counter(); import rmlab; print(time.perf_counter() - start)"
    seconds = [float(run_python(source)) for _ in range(7)]
    assert statistics.median(seconds) < 0.2, seconds


def test_public_names_resolve_and_agree() -> None:
    homes = public_homes()
    modules = set(rmlab._MODULES)
    assert set(rmlab.__all__) - modules == {"__version__", *homes}, "__all__ and the lazy names differ"
    assert len(rmlab.__all__) == len(set(rmlab.__all__)), "a name stands twice in __all__"
    assert {*rmlab.__all__, *modules} <= set(dir(rmlab))
    for name in {*rmlab.__all__, *modules}:
        assert getattr(rmlab, name) is not None, name
    for home, names in rmlab._HOMES.items():
        module = sys.modules[f"rmlab.{home}"]
        assert set(names) <= set(module.__all__), f"not public in rmlab.{home}"
    with pytest.raises(AttributeError, match="module 'rmlab' has no attribute 'fit_bradly_terry'"):
        _ = rmlab.fit_bradly_terry


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    seen = {
        (node.module, alias.asname or alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    lazy = {(f"rmlab.{home}", name) for home, names in rmlab._HOMES.items() for name in names}
    assert seen - {("rmlab", module) for module in rmlab._MODULES} == lazy


def test_the_quantile_of_a_95_percent_interval_has_one_home():
    literal = re.compile(r"1\.95996")
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if literal.search(path.read_text())}
    assert not found  # rmlab.evaluation.intervals.Z95 computes it
