"""The check of a fleet's home: its deadline, to the second."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.environment import parse_environment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.run.home import Contact
from tests.unit.builders import NOW, definition, environment
from tests.unit.domain.safety.test_safety import failed, outcome, safe

SECOND = timedelta(seconds=1)
DEADLINE = timedelta(minutes=30)


def asked(silent: timedelta | None, **changes: Any) -> Any:
    """The checks in a member whose home has been silent for this long; None: it never wrote."""
    contact = Contact("111122223333", None if silent is None else NOW - silent)
    policy = definition(environment=environment(home_deadline="30m"))
    return safe(**{"definition": policy, "in_fleet": True, "contact": contact, **changes})


@pytest.mark.parametrize(
    ("silent", "wanted"),
    [
        (timedelta(0), CheckOutcome.PASSED),
        (DEADLINE, CheckOutcome.PASSED),
        (DEADLINE + SECOND, CheckOutcome.FAILED),
        (-SECOND, CheckOutcome.PASSED),  # two clocks of AWS
        (None, CheckOutcome.FAILED),
    ],
)
def test_a_member_starts_nothing_after_the_deadline(silent: timedelta | None, wanted: CheckOutcome) -> None:
    assert outcome(asked(silent), "home_heard") is wanted


def test_what_could_not_be_read_is_not_taken_for_a_word() -> None:
    assert failed(asked(None, contact=None)) == {"home_heard": "when the fleet's home wrote last could not be read"}


def test_a_stack_in_no_fleet_and_a_policy_without_a_deadline_ask_nobody() -> None:
    assert failed(asked(None, in_fleet=False, contact=None)) == {}
    assert failed(safe(in_fleet=True)) == {}


@pytest.mark.parametrize(("deadline", "words"), [("4m59s", "at least 5m"), ("13h", "12"), (30, "not a duration")])
def test_a_deadline_is_long_enough_for_a_lost_message(deadline: object, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_environment({"name": "staging", "home_deadline": deadline})
    (problem,) = refused.value.problems
    assert problem.path == "home_deadline"
    assert words in str(problem)
