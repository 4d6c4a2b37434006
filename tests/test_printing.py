"""Names from outside show what they hold, and nothing that a terminal obeys."""

import pytest

from rmlab.printing import is_blank, printable, printable_lines


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain", "plain"),
        ("Zoë 犬 −½ ☃", "Zoë 犬 −½ ☃"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202egpj", "user\\u202egpj"),
        ("\u2066x\u2069\u200b", "\\u2066x\\u2069\\u200b"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        (7, "7"),
    ],
)
def test_what_is_not_printable_is_shown_as_its_escape(name, shown):
    assert printable(name) == shown
    assert printable(name).isprintable()


def test_line_breaks_of_a_report_stay():
    assert printable_lines("one\n\x07two") == "one\n\\x07two"


def test_a_name_is_blank_where_it_shows_nothing():
    assert all(map(is_blank, ("", " ", "\t\n", "\u200b\u2060", "\u00a0")))
    assert not any(map(is_blank, ("a", " a ", "-", "\u200bx", 0, None)))
