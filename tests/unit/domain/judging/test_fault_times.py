"""What is attributed to one fault of a scenario, and what can't be told apart."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from squall.domain.documents.fault_times import FaultTimes
from squall.domain.documents.recovery import Recovery
from squall.domain.judging.fault_times import Alarm, Evidence, FaultCourse, compute_fault_times, describe_fault_times
from squall.domain.metrics.windows import EffectSpan
from tests.unit.builders import NOW


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def course(name: str, first: float | None, over: float = 0, **changes: Any) -> FaultCourse:
    span = None if first is None else EffectSpan(at(first), at(first), at(over), at(over))
    fields: dict[str, Any] = {"type": "cpu_stress", "proven": True, "span": span, "targets_are_replaced": False, **changes}
    return FaultCourse(name, **fields)


def evidence(*alarms: Alarm, recovery: Recovery | None = None, held: datetime | None = None, steady_alarms: bool = False) -> Evidence:
    return Evidence(alarms, recovery, lambda _span, _until: held, steady_alarms)


def times_of(courses: list[FaultCourse], known: Evidence) -> dict[str, FaultTimes]:
    return {times.fault: times for times in compute_fault_times(courses, known)}


FIRST, SECOND = course("first", 0, 5), course("second", 10, 15)
QUICK = timedelta(minutes=3)
RECOVERED = Recovery(recovered=True, recovered_at=at(17), held_since={"availability": at(17), "response_time": NOW})


@pytest.mark.parametrize(
    ("minute", "late", "first", "second"),
    [
        (2, QUICK, True, False),
        (7, QUICK, True, False),
        (12, QUICK, False, True),
        (12, None, False, False),
        (9, QUICK, False, False),
    ],
)
def test_an_alarm_belongs_to_the_only_fault_that_can_have_caused_it(
    minute: float, late: timedelta | None, first: bool, second: bool
) -> None:
    times = times_of([FIRST, SECOND], evidence(Alarm(at(minute), "guard", late)))
    assert (times["first"].detected_at is not None, times["second"].detected_at is not None) == (first, second)
    doubted = [name for name, each in times.items() if any("may be of" in doubt for doubt in each.doubts)]
    assert doubted == (["first", "second"] if late is None else [])


def test_a_later_alarm_may_still_belong_to_one_fault_alone() -> None:
    alarms = (Alarm(at(11), "pager", None), Alarm(at(13), "guard", QUICK))
    times = times_of([FIRST, SECOND], evidence(*alarms))
    assert (times["second"].detected_by, times["second"].to_detect_seconds) == ("guard", 180)


def test_each_fault_has_the_recovery_of_its_own_time() -> None:
    times = times_of([FIRST, SECOND], evidence(recovery=RECOVERED, held=at(6)))
    assert (times["first"].to_recover_seconds, times["second"].to_recover_seconds) == (360, 420)
    assert times_of([FIRST, SECOND], evidence(recovery=RECOVERED, held=NOW))["first"].to_recover_seconds == 0


def test_what_had_not_recovered_before_the_next_fault_is_not_called_recovered() -> None:
    first = times_of([FIRST, SECOND], evidence(recovery=RECOVERED, held=None))["first"]
    assert (first.recovered_at, first.doubts) == (None, ("it is not known to have recovered in the 300 s before second",))
    unseen = times_of([FIRST, SECOND], evidence(recovery=RECOVERED, held=at(6), steady_alarms=True))["first"]
    assert (unseen.recovered_at, len(unseen.doubts)) == (None, 1)


def test_a_run_that_did_not_recover_has_no_recovery_of_its_last_fault() -> None:
    second = times_of([FIRST, SECOND], evidence(recovery=Recovery(recovered=False)))["second"]
    assert (second.recovered_at, second.doubts) == (None, ())


@pytest.mark.parametrize(("replaced", "known"), [(8, True), (12, False), (None, False)])
def test_what_was_taken_away_has_to_be_replaced_before_the_next_fault(replaced: float | None, known: bool) -> None:
    recovery = RECOVERED.model_copy(update={"replaced_at": None if replaced is None else at(replaced)})
    loss = course("loss", 0, 5, targets_are_replaced=True)
    times = times_of([loss, SECOND], evidence(recovery=recovery, held=at(6)))["loss"]
    assert (times.recovered_at == at(8), bool(times.doubts)) == (known, not known)


def test_replacements_of_two_faults_are_not_told_apart() -> None:
    losses = [course("one", 0, 5, targets_are_replaced=True), course("two", 10, 15, targets_are_replaced=True)]
    times = times_of(losses, evidence(recovery=RECOVERED.model_copy(update={"replaced_at": at(16)}), held=at(6)))
    assert [each.recovered_at for each in times.values()] == [None, None]
    assert all("can't be told from what replaced those of" in each.doubts[0] for each in times.values())


def test_faults_at_the_same_time_name_each_other() -> None:
    times = times_of([course("one", 0, 6), course("two", 5, 9)], evidence(recovery=RECOVERED, held=at(6)))
    assert (times["one"].beside, times["two"].beside) == (("two",), ("one",))
    assert [each.recovered_at for each in times.values()] == [None, None]
    said = describe_fault_times(times["one"])
    assert "two was in effect in that time, too" in said
    assert "its recovery can't be told from that of two" in said


def test_a_fault_that_took_no_effect_says_nothing_else() -> None:
    times = times_of([FIRST, course("never", None, proven=None)], evidence(Alarm(at(2), "guard", QUICK)))
    assert times["never"] == FaultTimes(fault="never", type="cpu_stress")
    assert describe_fault_times(times["never"]) == "never (cpu_stress) took no effect"


def test_an_unproven_fault_is_doubted() -> None:
    assert "idle is not proven on every target" in times_of([course("idle", 0, 5, proven=False)], evidence())["idle"].doubts
