"""The wheel that `pip wheel .` builds carries all that stands under rmlab/, and works without the checkout."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # building a wheel takes seconds
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy: setuptools would take files that are gone from an old build/ folder in the tree."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "package.json", "package-lock.json"):
        shutil.copy(ROOT / name, source / name)
    for name in ("rmlab", "tools"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (built,) = folder.glob("reward_model_lab-*.whl")
    return built


def test_it_carries_every_file(wheel: Path) -> None:
    wanted = {p.relative_to(ROOT).as_posix() for p in (ROOT / "rmlab").rglob("*") if p.is_file()}
    wanted = {name for name in wanted if "__pycache__" not in name}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    bundles = {f"rmlab/explorer/web/dist/{name}" for name in ("explorer.page.js", "onnxruntime.wasm", "LICENSES.txt")}
    assert {"rmlab/preference.py", "rmlab/py.typed", "rmlab/explorer/web/explorer.js", *bundles} <= names
    assert not any("node_modules" in name for name in names)
    assert {name for name in names if name.startswith("rmlab/")} == wanted
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_a_wheel_without_the_explorer_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "site"
    shutil.copytree(ROOT / "tools", source / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    skipped = shutil.ignore_patterns("__pycache__", "dist", "data")
    shutil.copytree(ROOT / "rmlab", source / "rmlab", ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE", "package.json", "package-lock.json"):
        shutil.copy(ROOT / name, source / name)
    monkeypatch.setenv("RMLAB_WITHOUT_WEB", "1")
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True)
    assert not (target / "rmlab/explorer/web/dist").exists()
    code = "import rmlab.preference, rmlab.explorer"
    environment = {"PYTHONPATH": str(target), "PATH": ""}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith("ModuleNotFoundError: rmlab was installed without")


def test_its_data_load_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True)
    source = (
        "import rmlab, rmlab.datasets as datasets\n"
        "print(rmlab.__file__)\n"
        "sets = datasets.load_everyday(), datasets.load_everyday_biased(), datasets.load_recorded().pairs\n"
        "counted = *map(len, sets), len(datasets.load_baseball().winners)\n"
        "assert datasets.load_tiny_language_model().lm_head.out_features == 2048\n"
        "names = 'everyday', 'everyday_biased', 'recorded', 'replies', 'course_model', 'baseball'\n"
        "names += 'tiny_language_model',\n"
        "print(*counted, *(len(datasets.dataset_card(name)) for name in names))"
    )
    command = [sys.executable, "-c", source]
    run = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(target)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    home, counts = run.stdout.splitlines()
    assert Path(home).is_relative_to(target), "the checkout was imported, not the wheel"
    assert all(int(count) > 0 for count in counts.split())
