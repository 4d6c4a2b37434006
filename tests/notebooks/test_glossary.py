"""The glossary, the table of notebooks, and the links between them and the course."""

import re
from pathlib import Path

import pytest
from reading import markdown, read, section

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ENTRY = re.compile(r"^### (.+)\n\n(.+) \[(\d\d)\]\(\.\./notebooks/(\w+)\.ipynb\)$", re.MULTILINE)
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")


def plain(text: str) -> str:
    return text.lower().replace("–", "-").replace("’", "'")


def missing_words(term: str, text: str) -> list[str]:
    """Words of a term of which a text has no form."""
    stems = [re.sub(r"('s|ation|ing|ion|es|e|s|y)$", "", word) for word in re.findall(r"[a-z'-]{3,}", plain(term))]
    return [stem for stem in stems if stem not in plain(text)]


def test_every_entry_is_short_and_names_the_notebook_that_has_the_term() -> None:
    entries = ENTRY.findall(GLOSSARY)
    assert len(entries) == len(re.findall(r"^### ", GLOSSARY, re.MULTILINE)) > 60
    for term, text, number, stem in entries:
        assert stem.startswith(number)
        assert len(re.findall(r"[.?](?= |$)", text)) <= 4, f"{term}: more than a few sentences"
        prose = markdown(read(ROOT / f"notebooks/{stem}.ipynb"))
        assert not missing_words(term, prose), f"{stem} does not speak of {term}"


def test_terms_stand_in_alphabetical_order_once_each() -> None:
    terms = [plain(term) for term, *_ in ENTRY.findall(GLOSSARY)]
    assert terms == sorted(set(terms))


def test_a_term_that_a_notebook_does_not_have_is_seen() -> None:
    assert missing_words("Bradley–Terry model", "the Bradley-Terry model") == []
    assert missing_words("Bradley–Terry model", "the model of Bradley") == ["bradley-terr"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_notebook_links_the_glossary_once_under_read_more(path: Path) -> None:
    prose = markdown(read(path))
    assert prose.count("../docs/glossary.md") == 1
    assert "](../docs/glossary.md)" in section(prose, "Read more")


def opening(path: Path) -> dict[str, str]:
    """Question, minutes and needs, as a notebook's opening says them."""
    prose = markdown(read(path))
    found = {
        label: re.sub(r"\[(.*?)\]\(.*?\)", r"\1", " ".join(text.split()))
        for label, text in re.findall(r"\*\*([\w ]+):\*\*\s*(.*?)\s*(?=\n\s*\n|\Z)", prose, re.DOTALL)
    }
    return {label: found[label] for label in ("Question", "Time", "Before this")}


def test_the_table_of_notebooks_says_what_their_openings_say() -> None:
    lines = (ROOT / "notebooks/README.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| [")]
    assert [row[0] for row in rows] == [f"[{path.stem}]({path.name})" for path in NOTEBOOKS]
    for row, path in zip(rows, NOTEBOOKS, strict=True):
        said = opening(path)
        assert row[1:4] == [said["Question"], said["Time"], said["Before this"]]
        assert len(row[4]) > 40, "what to look for"
