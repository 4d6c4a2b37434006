"""Build the course as static pages, as `make site` does: python docs/site/build_site.py FOLDER [--serve [PORT]].

The notebooks and texts are copied and rendered with Sphinx and MyST as they stand, with the controls of each notebook
in their places (`widgets`), behind a first page (`landing`). Every link and picture of the pages is looked up. A
warning of Sphinx or a link that leads nowhere is an error.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

sys.path.insert(0, str(Path(__file__).parent))
import landing
import live
import policy
import widgets
from widgets import Recorded

from rmlab.explorer.bundle import page_script, style

ROOT = Path(__file__).parents[2]
PAGES = (
    "notebooks/*.ipynb",
    "notebooks/README.md",
    "docs/*.md",
    "docs/**/*.png",
    "benchmarks/README.md",
    "*.md",
    "CITATION.cff",
)
CONTENTS = """
```{toctree}
:hidden:
:caption: The course

notebooks/README
NOTEBOOKS
```

```{toctree}
:hidden:
:caption: Around it

docs/teaching
docs/glossary
docs/explorer
docs/commands
docs/formats
docs/architectures
docs/robustness
docs/measured
docs/design
benchmarks/README
CONTRIBUTING
CHANGELOG
```
"""


def slug(anchor: str) -> str:
    """Turn the anchor of a notebook in JupyterLab into that of its page: lower case, without punctuation."""
    return re.sub(r"[^\w\-]", "", unquote(anchor).lower())


PLACEHOLDER = "(a control: run this cell to use it)"
FRAMES = "../_static/frames/"
KEPT_MODELS = ROOT / "build" / "live"
PARTS = """\
<link rel="stylesheet" href="../_static/rmlab-widgets.css">
<script type="application/json" class="rmlab-widgets">{values}</script>
<script defer src="../_static/rmlab-widgets.js"></script>"""
ROOM = '<div class="rmlab-widget" data-widget="{id}"><p>A control, which the script of this page draws.</p></div>'


def with_widgets(content: dict[str, Any], recorded: Recorded, sizes: Mapping[str, int]) -> None:
    """Put into a notebook, in place, what shows the widgets of each cell, where it stored that there was one."""
    first = True
    for cell in content["cells"]:
        shown = recorded.cells.get(cell.get("id", ""), [])
        if cell["cell_type"] != "code" or not "".join(cell["source"]).startswith("# Controls"):
            continue
        rooms = "\n".join(ROOM.format(id=html.escape(each)) for each in shown)
        if first:
            values = {"widgets": with_models(recorded.widgets, sizes), "frames": FRAMES}
            rooms = f"{PARTS.format(values=policy.inert(values))}\n{rooms}"
        first = False
        kept = [each for each in cell["outputs"] if not is_placeholder(each)]
        made = {"output_type": "display_data", "metadata": {}, "data": {"text/html": rooms, "text/plain": "controls"}}
        cell["outputs"] = [made, *kept]


def with_models(recorded: Mapping[str, Mapping[str, Any]], sizes: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Return widgets with the folder of the model and its bytes, for those that a model of the site can answer."""
    found = {name: dict(one) for name, one in recorded.items()}
    for one in found.values():
        model = live.NOTEBOOKS.get(one.get("scored_by", ""))
        if model is not None and model in sizes:
            one["live"] = live.offer(model, sizes, up="../")
    return found


def is_placeholder(output: Mapping[str, Any]) -> bool:
    """Return whether a stored output only says that there was a widget."""
    return PLACEHOLDER in "".join(output.get("data", {}).get("text/plain", ""))


def folded(notebook: str, recorded: Recorded | None, sizes: Mapping[str, int]) -> str:
    """Fold what is folded in JupyterLab, code and outputs (MyST goes by tags), and put its widgets in."""
    content = json.loads(notebook)
    if recorded is not None:
        with_widgets(content, recorded, sizes)
    for cell in content["cells"]:
        fold = cell["metadata"].get("jupyter", {})
        tags = [
            tag for name, tag in (("source_hidden", "hide-input"), ("outputs_hidden", "hide-output")) if fold.get(name)
        ]
        if tags:
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), *tags]
    return json.dumps(content)


def prepare(
    source: Path, recorded: Mapping[str, Recorded] | None = None, sizes: Mapping[str, int] | None = None
) -> None:
    """Copy what is shown, with the widgets of each notebook that was recorded; README.md gets the list of pages.

    `sizes` are the bytes of the models that answer there, by name.
    """
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            target = source / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in {".md", ".ipynb"}:
                text = path.read_text(encoding="utf-8")
                text = re.sub(r"(\.ipynb)#([^)\s]+)", lambda match: f"{match[1]}#{slug(match[2])}", text)
                text = text if path.suffix == ".md" else folded(text, (recorded or {}).get(path.stem), sizes or {})
                target.write_text(text, encoding="utf-8")
            else:
                shutil.copy(path, target)
    notebooks = "\n".join(f"notebooks/{path.stem}" for path in sorted(ROOT.glob("notebooks/*.ipynb")))
    with (source / "README.md").open("a", encoding="utf-8") as page:
        page.write(CONTENTS.replace("NOTEBOOKS", notebooks))


class _Page(HTMLParser):
    """The ids, links and pictures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect from one element."""
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif (tag, name) in {("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")} and value:
                self.targets.append(value)


def broken_links(site: Path) -> list[str]:
    """Links and pictures of the pages that lead to no file of the site, or to no place in it."""
    pages = {path.resolve(): _Page(path.read_text(encoding="utf-8")) for path in pages_of(site)}
    found = []
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not file.is_file():
                found.append(f"{path.name}: {target} does not exist")
            elif parts.fragment and file in pages and unquote(parts.fragment) not in pages[file].ids:
                found.append(f"{path.name}: {target} names no place in {file.name}")
    return found


def notebooks(only: list[str] | None = None) -> list[Path]:
    """Return the notebooks in their order; of those, the ones named."""
    return [path for path in sorted(ROOT.glob("notebooks/*.ipynb")) if only is None or path.stem in only]


def finish(folder: Path, recorded: Mapping[str, Recorded], sizes: Mapping[str, int]) -> None:
    """Add what Sphinx does not write: first page, script and style of the widgets, pictures, policies."""
    static = folder / "_static"
    (static / "frames").mkdir(exist_ok=True)
    for each in recorded.values():
        for picture in each.frames.glob("*"):
            shutil.copy(picture, static / "frames")
    for page in pages_of(folder):
        up = "../" * (len(page.relative_to(folder).parts) - 1)  # the theme writes the link of the logo as it is
        text = page.read_text(encoding="utf-8").replace('href="index.html"', f'href="{up}index.html"')
        page.write_text(policy.add_to(text, scores='"live":' in text), encoding="utf-8")
    write_first_page(folder, sizes)


def write_first_page(folder: Path, sizes: Mapping[str, int] | None = None) -> None:
    """Write the first page, and the script and the style that all pages with widgets share."""
    static = folder / "_static"
    static.mkdir(exist_ok=True)
    (static / "rmlab-widgets.js").write_text(page_script("site.js"), encoding="utf-8")
    (static / "rmlab-widgets.css").write_text(style(), encoding="utf-8")
    shutil.copy(Path(__file__).parent / "landing.css", static)
    (folder / "index.html").write_text(landing.render_landing(notebooks(), sizes), encoding="utf-8")


def pages_of(folder: Path) -> Iterator[Path]:
    """Give every page of the site."""
    return (path for path in folder.rglob("*.html") if "_static" not in path.parts)


def serve(folder: Path, port: int) -> None:
    """Serve the pages to this machine alone, until interrupted."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"the site is at http://127.0.0.1:{server.server_port}/\nCtrl-C ends it", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def build(
    folder: Path, only: list[str] | None = None, *, models: live.Models = live.COURSE, kept: Path = KEPT_MODELS
) -> int:
    """Build the site, look every link up, and return the exit status.

    Parameters
    ----------
    folder
        Where it is written.
    only
        Stems of the notebooks whose controls are shown; by default all.
    models
        What answers in its pages, by name.
    kept
        Where the exported models are kept from one build to the next.
    """
    try:
        recorded = widgets.record_all(notebooks(only))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    sizes = live.write_all(folder / "live", kept, widgets.library_hash(), models)
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        source.mkdir()
        prepare(source, recorded, sizes)
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
        command += ["-c", str(Path(__file__).parent), "-d", str(Path(temporary) / "doctrees"), str(source), str(folder)]
        if subprocess.run(command).returncode:
            return 1
    finish(folder, recorded, sizes)
    found = broken_links(folder)
    print(*found, sep="\n", file=sys.stderr)
    if not found:
        written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        loaded = ", ".join(f"{name} {size / 1e6:.0f} MB" for name, size in sizes.items())
        print(f"{folder / 'index.html'}: every link and picture leads somewhere; {written / 1e6:.0f} MB")
        print(f"models with their runtime, loaded when a reader asks for one: {loaded}")
    return 1 if found else 0


def main(arguments: list[str] | None = None) -> int:
    """Build, and serve where asked to."""
    parser = argparse.ArgumentParser(description="Build the course as static pages.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", metavar="STEM", help="execute only these notebooks for their controls")
    parser.add_argument("--serve", nargs="?", type=int, const=0, metavar="PORT", help="serve it on this machine")
    options = parser.parse_args(arguments)
    status = build(options.folder, options.only)
    if status == 0 and options.serve is not None:
        serve(options.folder, options.serve)
    return status


if __name__ == "__main__":
    sys.exit(main())
