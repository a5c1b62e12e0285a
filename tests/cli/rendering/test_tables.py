"""Tables as people see them: whole words in any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cli.render import make_table, style_word

ARN = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/sample-web/982b19546783fb71"
REASON = "the critical criterion was not met: measured 70.03 percent over 5 periods, wanted at least 90"


def drawn(width: int, *, arn: str = "i-0123456789abcdef0") -> str:
    table = make_table("Runs", "Execution", "Ended", "Resource", "Reason")
    table.add_row("nightly-1795985718-8", style_word("refuted"), arn, REASON)
    table.add_row("nightly-1795985718-9", style_word("validated"), arn, "all criteria met")
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_no_word_is_cut_and_no_line_is_too_long(width: int) -> None:
    text = drawn(width)
    assert max(len(line) for line in text.splitlines()) <= width
    for word in ("nightly-1795985718-8", "nightly-1795985718-9", "refuted", "validated", "i-0123456789abcdef0", *REASON.split()):
        assert word in text


def test_what_does_not_fit_side_by_side_is_listed_row_by_row() -> None:
    lines = drawn(60).splitlines()
    assert lines[:5] == ["Runs", "", "Execution: nightly-1795985718-8", "Ended: refuted", "Resource: i-0123456789abcdef0"]
    assert "│" not in "".join(lines)


def test_an_arn_keeps_a_table_from_being_drawn_where_it_would_be_cut() -> None:
    assert f"Resource: \n{ARN}\n" in drawn(100, arn=ARN)
    assert f"│ {ARN} │" in drawn(200, arn=ARN)


def test_short_columns_have_their_natural_width_before_long_ones() -> None:
    assert "│nightly-1795985718-8 │ refuted   │ i-0123456789abcdef0 │" in drawn(100)
