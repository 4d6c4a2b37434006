"""What every committed notebook keeps to. A guard takes a notebook and its path and gives the faults that it found."""

import ast
import html
import itertools
import re
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
from asking import answers_stay_the_same, predictions_are_taken
from bounds import BOUNDS
from execute import FOLDED, folds
from exercises import exercises_are_whole
from formulas import formulas
from meddling import controls_are_ours, leaves_the_reader_alone
from nbformat import NotebookNode
from reading import (
    code_cells,
    github_anchor,
    headings,
    is_compared,
    jupyter_anchor,
    list_items,
    markdown,
    output_texts,
    python,
    section,
    tags,
    without_code,
)
from spelling import spelled_right

import rmlab

Guard = Callable[[NotebookNode, Path], list[str]]

MAX_BYTES = 500_000
MAX_DECIMALS = 7
MAX_VISIBLE_LINES = 15
MIN_ALT = 20
MIN_COMPARED = 0.8
FORMULA_TAG = "formula"
OPENING = ("Question:", "You will be able to:", "Time:", "Before this:")
CLOSING = ["What to remember", "Next", "Read more"]
# Paths of the machine that ran the notebook, and addresses of objects in its memory.
MACHINE = re.compile(
    r"(?<![\w.:/])(?:/(?:home|Users|root|tmp|work|opt|usr|var|mnt|private)/\w|[A-Z]:\\{1,2}\w)[^\s\"'<>]*"
    r"|\bat 0x[0-9a-f]{6,}"
)
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.(\d+))?(?![\w.]*\w)")


def executed_in_order(notebook: NotebookNode, path: Path) -> list[str]:
    """Every code cell was run, once, from the top."""
    counts = [cell.execution_count for cell in code_cells(notebook)]
    empty = [f"code cell {n} is empty" for n, cell in enumerate(code_cells(notebook), 1) if not cell.source.strip()]
    wanted = list(range(1, len(counts) + 1))
    return empty + ([] if counts == wanted else [f"execution counts are {counts}, not 1 to {len(counts)}"])


def no_errors(notebook: NotebookNode, path: Path) -> list[str]:
    """A cell raises if, and only if, it says so; nothing that is compared stands on stderr; none escapes nbval."""
    found = []
    for n, cell in enumerate(code_cells(notebook), 1):
        kinds = [output.output_type for output in cell.outputs]
        if ("error" in kinds) != ("raises-exception" in tags(cell)):
            found.append(f"code cell {n}: an error output and the tag raises-exception go together")
        if is_compared(cell) and any(output.get("name") == "stderr" for output in cell.outputs):
            found.append(f"code cell {n} writes to stderr, and is compared")
        if "nbval-skip" in tags(cell) or re.search(r"^\s*#\s*(NBVAL_|PYTEST_VALIDATE_)", cell.source, re.MULTILINE):
            found.append(f"code cell {n} escapes nbval: tag it nbval-ignore-output, and put its bound into bounds.py")
    return found


def small(notebook: NotebookNode, path: Path) -> list[str]:
    """The file is small enough to review and to open on GitHub."""
    size = path.stat().st_size
    return [f"{size} bytes, more than {MAX_BYTES}"] if size > MAX_BYTES else []


def clean(notebook: NotebookNode, path: Path) -> list[str]:
    """Nothing of the machine or the moment is stored: widget state, times, versions, paths, addresses."""
    found = [f"notebook metadata: {name}" for name in {*notebook.metadata} - {"kernelspec", "language_info"}]
    found += [f"language_info: {name}" for name in {*notebook.metadata.get("language_info", {})} - {"name"}]
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("the kernelspec is not python3")
    for n, cell in enumerate(notebook.cells, 1):
        found += [f"cell {n}: metadata {name}" for name in {*cell.metadata} - {"tags", "jupyter"}]
        outputs = cell.get("outputs", [])
        if any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs):
            found.append(f"cell {n}: a widget view is stored; execute with `make notebooks`")
        texts = [cell.source, *(output_texts(cell) if outputs else ())]
        found += [f"cell {n}: {match[0]!r}" for text in texts for match in MACHINE.finditer(text)]
    return found


def cells_are_folded(notebook: NotebookNode, path: Path) -> list[str]:
    """Code that a reader may skip is folded, and output that would answer a **Predict.** above it; nothing else is."""
    return [
        f"cell {n}: metadata jupyter is {cell.metadata.get('jupyter', {})}, not {fold}; execute with `make notebooks`"
        for n, (cell, fold) in enumerate(zip(notebook.cells, folds(notebook), strict=True), 1)
        if cell.metadata.get("jupyter", {}) != fold
    ]


def visible_cells_are_short(notebook: NotebookNode, path: Path) -> list[str]:
    """A cell whose code is not folded has fifteen lines at most."""
    return [
        f"code cell {n} has {length} visible lines, more than {MAX_VISIBLE_LINES}: divide it, or fold it as # Setup"
        for n, cell in enumerate(code_cells(notebook), 1)
        if not cell.source.startswith(FOLDED) and (length := len(cell.source.splitlines())) > MAX_VISIBLE_LINES
    ]


class _Elements(HTMLParser):
    """Collects the pictures and links of a piece of HTML, and whether each inline SVG is named."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.svgs: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self._inside_svg = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "img":
            self.images.append(attributes)
        elif tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"] or "")
        elif tag == "svg":
            self.svgs.append(attributes)
            self._inside_svg = True
        elif tag == "title" and self._inside_svg:
            self.svgs[-1]["title"] = "yes"

    def handle_endtag(self, tag: str) -> None:
        self._inside_svg = self._inside_svg and tag != "svg"


def _without_alt(text: str) -> Iterator[str]:
    elements = _Elements(text)
    for image in elements.images:
        if len((image.get("alt") or "").strip()) < MIN_ALT:
            yield f"an <img> whose alt text is {image.get('alt')!r}"
    for svg in elements.svgs:
        if svg.get("role") != "img" or not (svg.get("aria-label") or svg.get("title")):
            yield 'an inline <svg> without role="img" and an aria-label or <title>'


def pictures_have_alt_text(notebook: NotebookNode, path: Path) -> list[str]:
    """Every picture says in words what it shows, in prose and in outputs."""
    prose = markdown(notebook)
    found = [f"![{alt}]: too little alt text" for alt in re.findall(r"!\[(.*?)\]\(", prose) if len(alt) < MIN_ALT]
    found += _without_alt(prose)
    for n, cell in enumerate(code_cells(notebook), 1):
        for output in cell.outputs:
            data = output.get("data", {})
            page = data.get("text/html", "")
            found += [f"code cell {n}: {fault}" for fault in _without_alt(page)]
            if any(kind.startswith("image/") for kind in data) and "<img" not in page:
                found.append(f"code cell {n}: a picture without alt text: use rmlab.plots.show(figure, alt=...)")
        if re.search(r"\b(?:widgets|ipywidgets)\.Image\(|\bfrom IPython\.display import [^\n]*\bImage\b", cell.source):
            found.append(f"code cell {n}: an Image takes no alt text: put the picture into HTML, with alt")
        made = re.findall(r"<img\b[^>]*>?", cell.source)
        found += [f"code cell {n}: its code makes {tag} without alt" for tag in made if "alt=" not in tag]
    return found


def headings_in_order(notebook: NotebookNode, path: Path) -> list[str]:
    """One title, at the top, and no level left out on the way down."""
    levels = [level for level, _ in headings(notebook)]
    first = notebook.cells[0] if notebook.cells else None
    found = [] if first and first.cell_type == "markdown" and first.source.startswith("# ") else ["no title at the top"]
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} headings of level 1")
    found += [f"a heading of level {b} under one of level {a}" for a, b in itertools.pairwise(levels) if b > a + 1]
    return found


def anchors(path: Path) -> set[str]:
    """Places in a file of the project that a link may name."""
    if path.suffix == ".ipynb":
        return {jupyter_anchor(text) for _, text in headings(nbformat.read(path, as_version=4))}
    return {
        github_anchor(text)
        for text in re.findall(r"^#{1,6} +(.+?) *#*$", without_code(path.read_text("utf-8")), re.MULTILINE)
    }


def broken_links(prose: str, path: Path) -> list[str]:
    """Relative links and pictures in the prose of a file that lead to no file, or to no heading of that file."""
    elements = _Elements(prose)
    targets = re.findall(r"\]\(\s*<?([^)\s>]+)", prose) + elements.links
    targets += [image.get("src") or "" for image in elements.images]
    found = []
    for target in (html.unescape(t) for t in targets if not re.match(r"[a-z]+:", t)):
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists():
            found.append(f"{name} does not exist")
        elif anchor and unquote(anchor) not in anchors(file):
            found.append(f"{target}: {file.name} has no such heading")
    return found


def links_resolve(notebook: NotebookNode, path: Path) -> list[str]:
    """Relative links and pictures lead to files of the project, and to headings in them."""
    return broken_links(markdown(notebook), path)


def opens_and_closes(notebook: NotebookNode, path: Path) -> list[str]:
    """The opening says what the reader is in for; the close says what to remember and where to go."""
    prose, found = markdown(notebook), []
    before_code = itertools.takewhile(lambda cell: cell.cell_type == "markdown", notebook.cells)
    opening = "\n".join(cell.source for cell in before_code)
    places = [opening.find(f"**{label}**") for label in OPENING]
    found += [f"the opening lacks **{label}**" for label, place in zip(OPENING, places, strict=True) if place < 0]
    if not found and places != sorted(places):
        found.append(f"the opening is not in the order {', '.join(OPENING)}")
    minutes = re.search(r"\*\*Time:\*\*.*?core (\d+) minutes", opening)
    if not (minutes and int(minutes[1]) <= 60):
        found.append("**Time:** does not say 'core N minutes', with N at most 60")
    if [text for level, text in headings(notebook) if level == 2][-3:] != CLOSING:
        found.append(f"the last three headings of level 2 are not {', '.join(CLOSING)}")
    remember = len(list_items(section(prose, "What to remember")))
    if remember != 3:
        found.append(f"What to remember has {remember} items, not 3")
    if not re.search(r"\]\([^)]+\.ipynb", section(prose, "Next")):
        found.append("Next links to no notebook")
    if not list_items(section(prose, "Read more")):
        found.append("Read more lists nothing")
    return found


def predicts_and_notices(notebook: NotebookNode, path: Path) -> list[str]:
    """The reader is asked before being shown, and told after what the picture showed."""
    return [f"no **{label}** anywhere" for label in ("Predict.", "Notice.") if f"**{label}**" not in markdown(notebook)]


def ignored_outputs_are_bounded(notebook: NotebookNode, path: Path) -> list[str]:
    """What nbval does not compare is a control, which test_lessons uses, or has a bound in bounds.py."""
    return [
        f"code cell {n} is not compared: it is no # Controls cell, and bounds.py has no bound for {cell.get('id')!r}"
        for n, cell in enumerate(code_cells(notebook), 1)
        if not is_compared(cell) and not cell.source.startswith("# Controls") and cell.get("id") not in BOUNDS
    ]


def most_text_is_compared(notebook: NotebookNode, path: Path) -> list[str]:
    """nbval compares at least four in five of the cells that print text."""
    printing = [cell for cell in code_cells(notebook) if any(o.get("name") == "stdout" for o in cell.outputs)]
    compared = sum(map(is_compared, printing))
    return [] if compared >= MIN_COMPARED * len(printing) else [f"{compared} of {len(printing)} cells are compared"]


def numbers_are_rounded(notebook: NotebookNode, path: Path) -> list[str]:
    """What is compared is printed to as many digits as are stable, and something is."""
    compared = [(n, cell) for n, cell in enumerate(code_cells(notebook), 1) if is_compared(cell)]
    numbers = [(n, match) for n, cell in compared for text in output_texts(cell) for match in NUMBER.finditer(text)]
    found = [f"code cell {n}: {match[0]} is not rounded" for n, match in numbers if len(match[1] or "") > MAX_DECIMALS]
    return found if numbers else ["no number is compared"]


@cache
def public_names() -> frozenset[str]:
    """Names in the `__all__` of rmlab and its modules, read from the source: importing them all takes seconds."""
    package = Path(rmlab.__file__).parent
    files = [*package.glob("[!_]*.py"), *package.glob("*/__init__.py"), package / "__init__.py"]
    files += [*package.glob("course/*/__init__.py"), *package.glob("course/[!_]*.py"), package / "model/packing.py"]
    # Views are called by the name of their module, `explorer.pairs(...)`, so `pairs` itself stays free.
    files.remove(package / "explorer/__init__.py")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    lists = [
        ast.literal_eval(node.value)
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    return frozenset(itertools.chain.from_iterable(lists))


def redefines_nothing(notebook: NotebookNode, path: Path) -> list[str]:
    """A name of rmlab means in the notebook what it means in rmlab, and its formula is not written again."""
    found = []
    for n, cell in enumerate(code_cells(notebook), 1):
        tree = ast.parse(python(cell.source))
        names = {name for node in ast.walk(tree) for name in _bound_by(node)}
        found += [f"code cell {n} redefines {name}" for name in sorted(names & public_names())]
        # Where the reader is meant to write the formula, or to see it fail, a tag says so.
        if FORMULA_TAG not in tags(cell):
            found += [f"code cell {n} writes the formula again: {place}" for place in formulas(tree)]
    return found


def _bound_by(node: ast.AST) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node.id}
    if isinstance(node, ast.Import | ast.ImportFrom):
        renamed = {alias.asname for alias in node.names if alias.asname}
        from_rmlab = isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rmlab"
        return renamed if from_rmlab else renamed | {alias.name for alias in node.names}
    return set()


GUARDS: tuple[Guard, ...] = (
    executed_in_order,
    no_errors,
    small,
    clean,
    cells_are_folded,
    visible_cells_are_short,
    pictures_have_alt_text,
    headings_in_order,
    links_resolve,
    opens_and_closes,
    predicts_and_notices,
    predictions_are_taken,
    answers_stay_the_same,
    exercises_are_whole,
    ignored_outputs_are_bounded,
    leaves_the_reader_alone,
    controls_are_ours,
    most_text_is_compared,
    numbers_are_rounded,
    redefines_nothing,
    spelled_right,
)
