"""Build the course as static pages: python docs/site/build.py FOLDER  (make site).

The notebooks and texts are copied, rendered with Sphinx and MyST as they stand, and every link and picture of the pages
is looked up. A warning of Sphinx or a link that leads nowhere is an error.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

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


def folded(notebook: str) -> str:
    """Fold what is folded in JupyterLab, code and outputs: MyST goes by tags."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        fold = cell["metadata"].get("jupyter", {})
        tags = [
            tag for name, tag in (("source_hidden", "hide-input"), ("outputs_hidden", "hide-output")) if fold.get(name)
        ]
        if tags:
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), *tags]
    return json.dumps(content)


def prepare(source: Path) -> None:
    """Copy what is shown; README.md becomes the first page, with the list of pages."""
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            target = source / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in {".md", ".ipynb"}:
                text = path.read_text(encoding="utf-8").replace("](../README.md", "](../index.md")
                text = re.sub(r"(\.ipynb)#([^)\s]+)", lambda match: f"{match[1]}#{slug(match[2])}", text)
                text = text if path.suffix == ".md" else folded(text)
                target.write_text(text, encoding="utf-8")
            else:
                shutil.copy(path, target)
    notebooks = "\n".join(f"notebooks/{path.stem}" for path in sorted(ROOT.glob("notebooks/*.ipynb")))
    first = source / "README.md"
    first.rename(source / "index.md")
    with (source / "index.md").open("a", encoding="utf-8") as page:
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
    pages = {
        path.resolve(): _Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
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


def main(folder: Path) -> int:
    """Build, and look every link up."""
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        source.mkdir()
        prepare(source)
        command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
        command += ["-c", str(Path(__file__).parent), "-d", str(Path(temporary) / "doctrees"), str(source), str(folder)]
        if subprocess.run(command).returncode:
            return 1
    found = broken_links(folder)
    print(*found, sep="\n", file=sys.stderr)
    if not found:
        print(f"{folder / 'index.html'}: every link and picture leads somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
