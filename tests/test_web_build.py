"""The browser's scripts: what the bundles hold, when they are made again, and what is said where they cannot be."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import build_backend
import build_web
import pytest
from build_web import BuildError

from rmlab.explorer import bundle

ROOT = Path(__file__).parents[1]
EXPORT = re.compile(r"^export\b", re.MULTILINE)
IMPORT = re.compile(r"^\s*import\b", re.MULTILINE)


@pytest.mark.parametrize("entry", build_web.WIDGETS)
def test_a_widget_is_one_module_that_exports_and_imports_nothing(entry: str):
    script = bundle.widget_module(f"{entry}.js")
    assert len(EXPORT.findall(script)) == 1
    assert not IMPORT.search(script)


@pytest.mark.parametrize("entry", build_web.PAGES)
def test_a_page_is_one_script_that_can_stand_in_a_document(entry: str):
    script = bundle.page_script(f"{entry}.js")
    assert not EXPORT.search(script)
    assert not IMPORT.search(script)
    assert "</script" not in script.lower()
    assert "<!--" not in script


def test_the_bundles_name_no_place_of_this_machine():
    for path in build_web.DIST.iterdir():
        assert str(ROOT).encode() not in path.read_bytes(), path.name


def test_what_is_bundled_of_others_has_its_licence():
    text = (build_web.DIST / "LICENSES.txt").read_text(encoding="utf-8")
    assert re.search(r"^onnxruntime-web [\d.]+ \(MIT\)$", text, re.MULTILINE)
    assert "Microsoft Corporation" in text
    with pytest.raises(BuildError, match="guid-typescript"):
        build_web._licences({"../../node_modules/guid-typescript/dist/guid.js"})


def test_the_lock_pins_by_version_and_hash_and_holds_no_address():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    wanted = {**package["dependencies"], **package["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    text = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert not re.search(r"https?://(?!opencollective|github\.com/sponsors)|\"resolved\"", text)
    packages = json.loads(text)["packages"]
    assert all(each["integrity"].startswith("sha512-") for name, each in packages.items() if name)
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what the bundles are made from, with their modules of npm; the builder works there."""
    for name in ("package.json", "package-lock.json", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("rmlab/explorer/web", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("dist", "__pycache__"))
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def run(checkout: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, checkout / "tools/build_web.py", *options]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def contents(checkout: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (checkout / "rmlab/explorer/web/dist").iterdir()}


def test_they_are_the_same_wherever_they_are_made_and_made_again_only_after_an_edit(checkout: Path):
    assert run(checkout).returncode == 0
    made = contents(checkout)
    assert made == {path.name: path.read_bytes() for path in build_web.DIST.iterdir()}
    page = checkout / "rmlab/explorer/web/dist/explorer.page.js"
    first = page.stat().st_mtime_ns
    assert "up to date" in run(checkout).stdout
    assert page.stat().st_mtime_ns == first
    (page.parent / "old.js").write_text("gone with the entry that it was made of")
    with (checkout / "rmlab/explorer/web/views/curve.js").open("a") as source:
        source.write('export const unheard = "of";\n')
    assert "bundled" in run(checkout, "--offline").stdout
    assert contents(checkout).keys() == made.keys()


def test_a_mistake_in_a_script_is_an_error_with_file_and_line(checkout: Path):
    source = checkout / "rmlab/explorer/web/views/curve.js"
    source.write_text(
        source.read_text(encoding="utf-8") + '\nimport { nothing } from "../core/dom.js";\n', encoding="utf-8"
    )
    n_lines = len(source.read_text(encoding="utf-8").splitlines())
    failed = run(checkout)
    assert failed.returncode == 1
    assert f"views/curve.js:{n_lines}" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_what_failed_without_npm_or_its_registry_is_said_with_the_way_out(checkout: Path, tmp_path: Path):
    (checkout / "node_modules").unlink()
    closed = {
        "npm_config_registry": "http://127.0.0.1:9",
        "npm_config_fetch_retries": "0",
        "npm_config_cache": str(tmp_path),
    }
    failed = run(checkout, **closed)
    assert failed.returncode == 1
    assert "127.0.0.1:9" in failed.stderr
    assert "RMLAB_WITHOUT_WEB=1" in failed.stderr
    assert "Traceback" not in failed.stderr
    failed = run(checkout, "--offline", **closed)
    assert failed.returncode == 1
    assert "package-lock.json" in failed.stderr


def test_node_is_asked_of_pypi_only_where_the_machine_has_none(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    bin_folder = checkout / "bin"
    bin_folder.mkdir()
    monkeypatch.setattr(build_web, "BUILT", checkout / "built-from")
    monkeypatch.setattr(build_web, "INSTALLED", checkout / "installed-from")
    monkeypatch.setenv("PATH", str(bin_folder))
    monkeypatch.setattr(build_web.importlib.util, "find_spec", lambda name: None)
    for version, needed in (("v18.20.1", True), ("v20.0.0", False), ("v24.1.0", False)):
        for name in ("node", "npm"):
            (bin_folder / name).write_text(f"#!/bin/sh\necho {version}\n")
            (bin_folder / name).chmod(0o755)
        assert build_web.requirements() == [build_web.NODE_PACKAGE] * needed
        for hook in (build_backend.get_requires_for_build_wheel, build_backend.get_requires_for_build_editable):
            assert (build_web.NODE_PACKAGE in hook()) == needed
    (bin_folder / "npm").unlink()
    assert build_web.requirements() == [build_web.NODE_PACKAGE]
    monkeypatch.setenv("RMLAB_WITHOUT_WEB", "1")
    assert build_web.requirements() == []


def test_a_browser_part_that_is_behind_is_bundled_when_it_is_asked_for(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("WEB", "DIST", "BUILT", "CHECKOUT", "BUILDER"):
        place = checkout / Path(getattr(bundle, name)).relative_to(ROOT)
        monkeypatch.setattr(bundle, name, place)
    bundle._read.cache_clear()
    bundle._ensure_built.cache_clear()
    try:
        assert not bundle.BUILT.exists()
        assert bundle.page_script() == (build_web.DIST / "explorer.page.js").read_text(encoding="utf-8")
        assert not bundle._is_behind()
        (bundle.WEB / "explorer.js").write_text("import {")
        bundle._read.cache_clear()
        bundle._ensure_built.cache_clear()
        with pytest.raises(ModuleNotFoundError, match=r"explorer\.js:1"):
            bundle.page_script()
    finally:
        bundle._read.cache_clear()
        bundle._ensure_built.cache_clear()
