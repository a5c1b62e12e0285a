"""An alarm that must stay OK: what its history proves, and what it does not."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from squall.domain.documents.judgement import CriterionResult
from squall.domain.run.alarm_state import AlarmHistory
from tests.unit.builders import NOW
from tests.unit.domain.judging.test_judge import END, MET, NOT_MET, UNKNOWN, result

READ = END + timedelta(minutes=15)


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def judged(text: str, *changes: tuple[float, str], first: str = "OK", **more: Any) -> CriterionResult:
    states = ((NOW, first), *((at(minute), state) for minute, state in changes))
    return result(text, alarm_histories={"pager": AlarmHistory(states, **more)}, alarms_read_at=READ)


@pytest.mark.parametrize("text", ["alarm pager is OK", "alarm pager does not fire"])
@pytest.mark.parametrize(
    ("changes", "first", "outcome"),
    [
        ((), "OK", MET),
        ((), "ALARM", NOT_MET),
        ((), "INSUFFICIENT_DATA", UNKNOWN),
        ((), "", UNKNOWN),
        (((3, "ALARM"),), "OK", NOT_MET),
        (((3, "ALARM"), (3.5, "OK")), "OK", NOT_MET),
        (((18, "ALARM"),), "OK", NOT_MET),
        (((3, "INSUFFICIENT_DATA"),), "OK", UNKNOWN),
        (((3, "INSUFFICIENT_DATA"), (4, "OK")), "OK", UNKNOWN),
        (((3, "INSUFFICIENT_DATA"), (4, "ALARM")), "OK", NOT_MET),
    ],
)
def test_only_an_alarm_known_to_be_ok_all_the_time_is_met(
    text: str, changes: tuple[tuple[float, str], ...], first: str, outcome: object
) -> None:
    assert judged(text, *changes, first=first).outcome is outcome


def test_an_alarm_whose_history_could_not_be_read_cant_be_told() -> None:
    outcome = result("alarm pager is OK", alarm_histories={}, alarms_read_at=READ)
    assert (outcome.outcome, "could not be read" in outcome.reason) == (UNKNOWN, True)


@pytest.mark.parametrize(
    ("window", "minute", "outcome"),
    [("fault", 9, NOT_MET), ("fault", 11, MET), ("recovery", 11, NOT_MET), ("recovery", 5, NOT_MET)],
)
def test_a_window_narrows_what_is_looked_at(window: str, minute: float, outcome: object) -> None:
    assert judged(f"alarm pager is OK during {window}", (minute, "ALARM")).outcome is outcome


def test_an_alarm_that_was_over_before_the_window_is_met_in_it() -> None:
    assert judged("alarm pager is OK during recovery", (3, "ALARM"), (6, "OK")).outcome is MET


def test_an_alarm_that_was_changed_meanwhile_proves_nothing_after_the_change() -> None:
    assert judged("alarm pager is OK", changed_at=at(4)).outcome is UNKNOWN
    assert judged("alarm pager is OK", (5, "ALARM"), changed_at=at(4)).outcome is UNKNOWN
    assert judged("alarm pager is OK", (3, "ALARM"), changed_at=at(4)).outcome is NOT_MET
    assert judged("alarm pager is OK", changed_at=at(-60)).outcome is MET


def test_an_alarm_that_needs_more_data_than_the_time_watched_proves_nothing() -> None:
    assert judged("alarm pager is OK during fault", seconds_to_alarm=600).outcome is UNKNOWN
    assert judged("alarm pager is OK during fault", seconds_to_alarm=540).outcome is MET


def test_the_reason_says_when_it_fired() -> None:
    outcome = judged("alarm pager does not fire", (3, "ALARM"))
    assert (outcome.kind, outcome.measured, outcome.unit) == ("alarm", 180.0, "seconds")
    assert outcome.reason == "pager was in ALARM 180 s after the fault took effect"


def composite(member: AlarmHistory | None, *, window: str = "") -> CriterionResult:
    """An alarm whose rule names another by way of a third, and that was OK all the time."""
    between = AlarmHistory(((NOW, "OK"),), members=(("latency", member),))
    history = AlarmHistory(((NOW, "OK"),), members=(("users", between),))
    return result(f"alarm pager is OK{window}", alarm_histories={"pager": history}, alarms_read_at=READ)


@pytest.mark.parametrize(
    ("member", "outcome"),
    [
        (AlarmHistory(((NOW, "OK"),)), MET),
        (AlarmHistory(((NOW, "ALARM"), (at(3), "OK"))), MET),
        (AlarmHistory(((NOW, "INSUFFICIENT_DATA"),)), UNKNOWN),
        (AlarmHistory(((NOW, "OK"), (at(3), "INSUFFICIENT_DATA"), (at(5), "OK"))), UNKNOWN),
        (AlarmHistory(((NOW, "OK"),), changed_at=at(4)), UNKNOWN),
        (AlarmHistory(((NOW, "OK"),), seconds_to_alarm=1800), UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_a_composite_alarm_knows_no_more_than_the_alarms_of_its_rule(member: AlarmHistory | None, outcome: object) -> None:
    """Its rule takes a member without data for one that is not in ALARM."""
    answer = composite(member)
    assert answer.outcome is outcome, answer.reason
    assert ("latency" in answer.reason) is (outcome is UNKNOWN)


def test_the_members_of_a_composite_alarm_are_watched_as_long_as_it_is() -> None:
    slow = AlarmHistory(((NOW, "OK"),), seconds_to_alarm=900)
    assert composite(slow).outcome is MET
    assert composite(slow, window=" during fault").outcome is UNKNOWN
