"""The static site: every link of its pages is looked up, and one that leads nowhere is named."""

import base64
import hashlib
import html
import importlib
import json
import re
from pathlib import Path

import build_site as build
import landing
import policy
import pytest
from widgets import Recorded

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ('<a href="other.html#here">', None),
        ('<a href="#top">', None),
        ('<a href="https://example.org/gone">', None),
        ('<a href="gone.html">', "page.html: gone.html does not exist"),
        ('<a href="other.html#there">', "page.html: other.html#there names no place in other.html"),
        ('<a href="#bottom">', "page.html: #bottom names no place in page.html"),
        ('<img src="picture.png">', "page.html: picture.png does not exist"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, link: str, fault: str | None) -> None:
    (tmp_path / "other.html").write_text('<h1 id="here">Other</h1>')
    (tmp_path / "page.html").write_text(f'<h1 id="top">Page</h1>{link}')
    assert build.broken_links(tmp_path) == ([fault] if fault else [])


def test_whatever_a_text_links_to_is_among_the_sources(tmp_path: Path) -> None:
    build.prepare(tmp_path)
    links = [
        (path, target)
        for path in tmp_path.rglob("*.md")
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8"))
        if ":" not in target
    ]
    assert len(links) > 100
    missing = [(path.name, target) for path, target in links if not (path.parent / target).exists()]
    assert not missing


def test_every_notebook_and_text_is_among_the_sources(tmp_path: Path) -> None:
    build.prepare(tmp_path)
    index = (tmp_path / "README.md").read_text(encoding="utf-8")
    for path in ROOT.glob("notebooks/*.ipynb"):
        assert (tmp_path / "notebooks" / path.name).is_file()
        assert f"\nnotebooks/{path.stem}\n" in index
        cells = json.loads((tmp_path / "notebooks" / path.name).read_text(encoding="utf-8"))["cells"]
        drawings = ["".join(cell["source"]).startswith(("# Setup", "# Drawing", "# Controls")) for cell in cells]
        assert ["hide-input" in cell["metadata"].get("tags", []) for cell in cells] == drawings
    assert {"glossary.md", "teaching.md", "path.png"} <= {path.name for path in (tmp_path / "docs").iterdir()}
    teaching = (tmp_path / "docs/teaching.md").read_text(encoding="utf-8")
    assert "04_fit_scores.ipynb#error-bars-play-the-season-again" in teaching


def test_the_widgets_of_a_cell_take_the_place_of_the_line_that_said_there_was_one(tmp_path: Path) -> None:
    path = ROOT / "notebooks/03_loss.ipynb"
    stored = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (cell,) = [each for each in stored if "".join(each["source"]).startswith("# Controls: gradient descent")]
    text = "</script><script>window.ran = 1</script>"
    recorded = Recorded({"0a": {"kind": "control", "values": {"label": text}}}, {cell["id"]: ["0a"]}, tmp_path)
    build.prepare(tmp_path, {"03_loss": recorded})
    prepared = json.loads((tmp_path / "notebooks/03_loss.ipynb").read_text(encoding="utf-8"))["cells"]
    (shown,) = [each for each in prepared if each["id"] == cell["id"]]
    assert not [each for each in shown["outputs"] if build.is_placeholder(each)]
    assert shown["outputs"][0]["data"]["text/html"].count('data-widget="0a"') == 1
    first = next(each for each in prepared if "".join(each["source"]).startswith("# Controls"))
    html = first["outputs"][0]["data"]["text/html"]
    assert html.count("</script>") == 2, "one ends the data, one is that of the page"
    (values,) = re.findall(r'class="rmlab-widgets">(.*?)</script>', html)
    assert json.loads(values)["widgets"]["0a"]["values"]["label"] == text


def test_a_page_allows_the_scripts_that_it_came_with_and_no_other() -> None:
    page = policy.add_to(
        '<html><head><script>let a = 1;</script><script src="b.js"></script></head></html>', scores=False
    )
    found = re.search(r'<head>\s*<meta http-equiv="Content-Security-Policy" content="([^"]*)">', page)
    assert found
    rules = dict(each.split(" ", 1) for each in html.unescape(found[1]).split("; "))
    hashed = base64.b64encode(hashlib.sha256(b"let a = 1;").digest()).decode()
    assert rules["script-src"] == f"'self' 'sha256-{hashed}'"
    assert (rules["default-src"], rules["connect-src"], rules["base-uri"]) == ("'none'", "'self'", "'none'")
    assert "'unsafe-inline'" not in rules["script-src"]


def test_the_first_page_leads_to_every_notebook_with_its_question() -> None:
    page = landing.render_landing(build.notebooks())
    for path in build.notebooks():
        assert page.count(f'href="notebooks/{path.stem}.html"') == 1 + (path.stem == "00_start")
    assert page.count("<li>") == len(build.notebooks()) == 14
    assert "How can it learn which of two answers is better?" in page
    (values,) = re.findall(r'class="rmlab-widgets">(.*?)</script>', page)
    widgets = json.loads(values)["widgets"]
    assert set(widgets) == set(re.findall(r'data-widget="(\w+)"', page)) == {"curve", "probe", "path"}
    assert widgets["probe"]["state"] == widgets["path"]["state"] != widgets["curve"]["state"]


def test_a_function_stands_apart_from_its_argument_and_a_sign_next_to_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("latex2mathml")
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(ROOT / "docs/site")
    written = importlib.import_module("mathml").mathml
    space, sign = '<mspace width="0.17em"/>', '<mo form="prefix">&#x02212;</mo>'
    assert f"{sign}<mi>log</mi>{space}<mi>P</mi>" in written(r"x = -\log P")
    assert f"<mi>y</mi>{space}<mi>log</mi><mo" in written(r"y \log (1 - P)"), "brackets stand next to it"
    assert written("(-1, -1)").count(sign) == 2
    assert sign not in written("1 - P")
    assert "<mo>&#x000B1;</mo>" in written(r"a \pm b")
    assert "<mn>.9</mn>" in written("P = .9")
    assert '<mo lspace="0" rspace="0" stretchy="false">&#x0007C;</mo><mi>d</mi>' in written("|d|")
    assert '<mover accent="true"><mi>d</mi><mo stretchy="false">&#x000AF;</mo></mover>' in written(r"\bar d")
