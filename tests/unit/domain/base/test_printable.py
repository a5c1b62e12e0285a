"""Text from outside becomes one printable line of bounded length."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.base.printable import LONGEST_LINE, flatten_lines, flatten_text, one_line

STEERING = "\x00\x07\x1b\x7f\x9b\u200b\u200e\u202a\u202e\u2066\u2069\ufeff\ud800\ue000"


@given(st.text(alphabet=st.characters() | st.sampled_from(STEERING + "\n\r\t\x0b\x0c\x1c\x85\u2028\u2029")))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not [letter for letter in line if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]
    assert line == line.strip()
    line.encode()


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_a_line_is_bounded_and_shows_that_it_was_cut(text: str, limit: int) -> None:
    whole, line = one_line(text), one_line(text, limit)
    assert len(line) <= limit
    assert line == whole or (line.endswith("…") and whole.startswith(line[:-1]))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ann\n\nRollback: restored", "ann Rollback: restored"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("safe\u202etxt.exe", "safetxt.exe"),
        ("a\r\n\tb", "a b"),
        ('--parameters \'{"Why":  ["x"]}\'', '--parameters \'{"Why":  ["x"]}\''),
        ("Zürich 東京 👍", "Zürich 東京 👍"),
    ],
)
def test_what_is_left_of_a_text(text: str, line: str) -> None:
    assert one_line(text) == line


def test_the_bound_leaves_room_for_a_long_command() -> None:
    assert one_line("x" * LONGEST_LINE) == "x" * LONGEST_LINE
    assert one_line("x" * (LONGEST_LINE + 1)) == "x" * (LONGEST_LINE - 1) + "…"


def test_an_indent_stays_in_a_block_and_nothing_else_steers() -> None:
    assert flatten_lines('{\n  "a": "\x1b[1m"\u202e\n}') == '{\n  "a": "[1m"\n}'
    assert flatten_text("  a\n b") == "  a  b"
