"""Each ordinary mistake is told with its place, what is wrong and what to write instead, as the manual says."""

import pytest

from infra.places import ROOT
from tests.documentation.mistakes import MISTAKES, Mistake, list_messages, write_row

PAGE = (ROOT / "docs" / "mistakes.md").read_text()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_mistake_is_told_with_its_place_and_what_to_write(mistake: Mistake) -> None:
    messages = list(list_messages(mistake))
    assert messages
    for where, what, expected in messages:
        assert where
        assert expected or what == "is missing", what
    assert write_row(mistake) in PAGE, (
        f"the table in the manual is not as it is now; python -m tests.documentation.mistakes:\n{write_row(mistake)}"
    )


def test_a_file_without_a_mistake_is_valid() -> None:
    assert [list(list_messages(Mistake("", kind))) for kind in ("experiment", "policy")] == [[], []]
    assert list(list_messages(Mistake("", "input", {"experiment": "one-instance-less"}))) == []


def test_the_manual_has_no_other_row() -> None:
    assert len([line for line in PAGE.splitlines() if line.startswith("| ")]) == len(MISTAKES) + 1
