"""What the controls of each notebook show, by executing a copy of it; kept by content, so that a second build is quick.

python docs/site/widgets.py 02_sigmoid          records one notebook, and prints how long it took and how large it is
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "widgets"
WIDGET = "application/vnd.jupyter.widget-view+json"
START = "import sys\nsys.path.insert(0, {here!r})\nimport recording\n_recorder = recording.start({folder!r})"
FINISH = "_recorder.finish()"
REPRODUCIBLE = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONHASHSEED": "0",
    "HF_HUB_OFFLINE": "1",
    "RMLAB_STORE": ":memory:",
}
"""As the Makefile has it: what a notebook computes does not depend on the machine, and no label of yours is read."""


@dataclass(frozen=True)
class Recorded:
    """The widgets of a notebook.

    Attributes
    ----------
    widgets
        By id, what `recording.of_widget` returns.
    cells
        By the id of a cell, the ids of the widgets that it displays, in their order.
    frames
        The folder of the pictures.
    """

    widgets: dict[str, dict[str, Any]]
    cells: dict[str, list[str]]
    frames: Path


def record_all(paths: list[Path], kept: Path = KEPT) -> dict[str, Recorded]:
    """Return what the widgets of each notebook show, by its name without ending. Notebooks are executed two at a time.

    Raises
    ------
    RuntimeError
        If a notebook fails, or shows what a page cannot; it is named.
    """
    library = library_hash()
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        return dict(
            zip((path.stem for path in paths), pool.map(lambda path: record(path, library, kept), paths), strict=True)
        )


def record(path: Path, library: str, kept: Path = KEPT) -> Recorded:
    """Return what the widgets of a notebook show: as it was kept, or by executing a copy of the notebook."""
    folder = folder_of(path, library, kept)
    if not is_whole(folder):
        keep(folder, _execute(path, folder))
    widgets, cells = (
        json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("widgets", "cells")
    )
    return Recorded(widgets, cells, folder / "frames")


def folder_of(path: Path, library: str, kept: Path = KEPT) -> Path:
    """Return the folder for what the widgets of a notebook show, after removing those of what it was before."""
    code = [[cell.id, cell.source] for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    key = hashlib.sha256(json.dumps([library, code]).encode()).hexdigest()[:16]
    folder = kept / f"{path.stem}-{key}"
    for older in kept.glob(f"{path.stem}-*"):
        if older != folder:
            shutil.rmtree(older, ignore_errors=True)
    return folder


def is_whole(folder: Path) -> bool:
    """Return whether all that a notebook shows was written to its folder."""
    return (folder / "cells.json").is_file()


def keep(folder: Path, cells: dict[str, list[str]]) -> None:
    """Write which widgets each cell displays; with that the folder is whole."""
    (folder / "cells.json").write_text(json.dumps(cells), encoding="utf-8")


def library_hash() -> str:
    """Return a hash of what notebooks compute with: the package without its scripts, and the recorder."""
    found = hashlib.sha256((Path(__file__).parent / "recording.py").read_bytes())
    for path in sorted((ROOT / "rmlab").rglob("*")):
        if path.is_file() and "web" not in path.parts and "__pycache__" not in path.parts:
            found.update(str(path.relative_to(ROOT)).encode())
            found.update(path.read_bytes())
    return found.hexdigest()


def _execute(path: Path, folder: Path) -> dict[str, list[str]]:
    """Run a copy of a notebook, so that `recording` writes into `folder`; return what each cell displays."""
    notebook = nbformat.read(path, as_version=4)
    before = nbformat.v4.new_code_cell(START.format(here=str(Path(__file__).parent), folder=str(folder)))
    notebook.cells = [before, *notebook.cells, nbformat.v4.new_code_cell(FINISH)]
    client = NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": str(path.parent)}}, store_widget_state=False
    )
    try:
        # the kernel starts in the folder of the notebook: this checkout's rmlab is the one to be shown
        found = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        client.execute(env=os.environ | REPRODUCIBLE | {"PYTHONPATH": found})
    except Exception as error:
        raise RuntimeError(
            f"{path.name} does not run to its end, so its controls cannot be recorded:\n{error}"
        ) from error
    widgets = json.loads((folder / "widgets.json").read_text(encoding="utf-8"))
    if "error" in widgets:
        raise RuntimeError(f"{path.name} shows what a page cannot:\n{widgets['error']}")
    return {cell.id: shown for cell in notebook.cells if (shown := list(_displayed(cell, widgets)))}


def _displayed(cell: Any, widgets: dict[str, Any]) -> Iterator[str]:
    for output in cell.get("outputs", []):
        view = output.get("data", {}).get(WIDGET)
        if view is not None and view["model_id"] in widgets:
            yield view["model_id"]


def _main(names: list[str]) -> None:
    library = library_hash()
    for name in names:
        (path,) = ROOT.glob(f"notebooks/{name}*.ipynb")
        began = time.monotonic()
        recorded = record(path, library)
        sizes = [file.stat().st_size for file in recorded.frames.glob("*")] if recorded.frames.is_dir() else []
        data = len(json.dumps(recorded.widgets))
        print(
            f"{path.stem}: {time.monotonic() - began:.0f} s, {len(sizes)} pictures of {sum(sizes) / 1e6:.2f} MB, "
            f"{data / 1e6:.2f} MB of JSON, {len(recorded.widgets)} widgets in {len(recorded.cells)} cells",
            flush=True,
        )


if __name__ == "__main__":
    _main(sys.argv[1:])
