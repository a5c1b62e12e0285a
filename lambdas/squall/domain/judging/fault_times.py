"""Attributes alarms and recovery to the faults of a scenario, where only one of them can be meant."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.domain.documents.fault_times import FaultTimes
from squall.domain.documents.recovery import Recovery
from squall.domain.metrics.windows import EffectSpan


@dataclass(frozen=True)
class Alarm:
    """An alarm that fired."""

    at: datetime
    name: str
    late: timedelta | None
    """How long after the end of a fault it may still fire because of that fault; None: nobody knows."""


@dataclass(frozen=True)
class FaultCourse:
    """A fault of the scenario, and when it was in effect."""

    name: str
    type: str
    proven: bool | None
    """Whether it hit all its targets; None if it never began because of an abort."""
    span: EffectSpan | None
    """None: it took no effect."""
    targets_are_replaced: bool


Held = Callable[[EffectSpan, datetime], datetime | None]
"""Since when every threshold of the steady state holds after a fault, looked at until a time; None if they do not."""


@dataclass(frozen=True)
class Evidence:
    """What all faults of the scenario together are known by."""

    alarms: Sequence[Alarm]
    recovery: Recovery | None
    held_until: Held
    alarms_are_steady: bool
    """Whether the steady state also asks for alarms to be OK, of which nothing is known between two faults."""


def list_beside(name: str, spans: Mapping[str, EffectSpan]) -> tuple[str, ...]:
    """The other faults that were in effect while this one was; none for a name without a span."""
    own = spans.get(name)
    if own is None:
        return ()
    return tuple(other for other, span in spans.items() if other != name and span.first < own.over and own.first < span.over)


def compute_fault_times(courses: Sequence[FaultCourse], evidence: Evidence) -> tuple[FaultTimes, ...]:
    """The times of each fault, in the order of the faults."""
    spans = {course.name: course.span for course in courses if course.span}
    return tuple(_compute_one(course, courses, spans, evidence) for course in courses)


def _compute_one(course: FaultCourse, courses: Sequence[FaultCourse], spans: Mapping[str, EffectSpan], evidence: Evidence) -> FaultTimes:
    times = FaultTimes(fault=course.name, type=course.type, proven=course.proven)
    span = course.span
    if span is None:
        return times
    detection, alarm_doubt = _find_detection(course.name, spans, evidence.alarms)
    recovered_at, recovery_doubt = _find_recovery(course, span, courses, spans, evidence)
    unproven = () if course.proven else (f"{course.name} is not proven on every target",)
    return times.model_copy(
        update={
            "effect_at": span.first,
            "ended_at": span.over,
            "beside": list_beside(course.name, spans),
            "detected_at": detection.at if detection else None,
            "detected_by": detection.name if detection else "",
            "recovered_at": recovered_at,
            "to_detect_seconds": (detection.at - span.first).total_seconds() if detection else None,
            "to_recover_seconds": (recovered_at - span.first).total_seconds() if recovered_at else None,
            "doubts": tuple(doubt for doubt in (*unproven, alarm_doubt, recovery_doubt) if doubt),
        }
    )


def _find_detection(name: str, spans: Mapping[str, EffectSpan], alarms: Sequence[Alarm]) -> tuple[Alarm | None, str]:
    """The first alarm that only this fault can have caused; else a doubt, if another alarm may be its own."""
    possible = [(alarm, causes) for alarm in sorted(alarms, key=lambda alarm: alarm.at) if name in (causes := _list_causes(alarm, spans))]
    for alarm, causes in possible:
        if causes == [name]:
            return alarm, ""
    if not possible:
        return None, ""
    alarm, causes = possible[0]
    others = " and ".join(cause for cause in causes if cause != name)
    return None, f"{alarm.name} at {alarm.at:%H:%M:%S} UTC may be of {others}"


def _list_causes(alarm: Alarm, spans: Mapping[str, EffectSpan]) -> list[str]:
    """The faults that the alarm may have noticed: those that had begun, and had not been over for too long."""
    return [
        name
        for name, span in spans.items()
        if span.first <= alarm.at and (alarm.late is None or alarm.at <= max(span.over, span.first) + alarm.late)
    ]


def _find_recovery(
    course: FaultCourse, span: EffectSpan, courses: Sequence[FaultCourse], spans: Mapping[str, EffectSpan], evidence: Evidence
) -> tuple[datetime | None, str]:
    """When the workload had recovered from this fault alone, or why that can't be told; neither if it has not
    recovered."""
    if beside := list_beside(course.name, spans):
        return None, f"its recovery can't be told from that of {' and '.join(beside)}, in effect at the same time"
    earlier = [other for other in courses if other.span and other.name != course.name and other.span.over <= span.first]
    later = {name: other.first for name, other in spans.items() if other.first >= span.over and name != course.name}
    if not later:
        return _find_last_recovery(course, span, earlier, evidence)
    name = min(later, key=lambda other: later[other])
    if course.targets_are_replaced and (doubt := _doubt_replacement(courses, later[name], evidence.recovery)):
        return None, doubt
    if evidence.alarms_are_steady:
        return None, f"whether the alarms of the steady state were OK before {name} is not known"
    held = evidence.held_until(span, later[name])
    if held is None:
        seconds = (later[name] - span.over).total_seconds()
        return None, f"it is not known to have recovered in the {seconds:.0f} s before {name}"
    replaced = evidence.recovery.replaced_at if course.targets_are_replaced and evidence.recovery else None
    return max([span.first, held, *([replaced] if replaced else [])]), ""


def _doubt_replacement(courses: Sequence[FaultCourse], until: datetime, recovery: Recovery | None) -> str:
    """Why it is not known that what the fault took away was replaced before the next fault; empty if it is."""
    if sum(course.targets_are_replaced for course in courses) > 1:
        return "what replaced its targets can't be told from what replaced those of other faults"
    if recovery is None or recovery.replaced_at is None or recovery.replaced_at > until:
        return "its targets are not known to have been replaced before the next fault"
    return ""


def _find_last_recovery(
    course: FaultCourse, span: EffectSpan, earlier: Sequence[FaultCourse], evidence: Evidence
) -> tuple[datetime | None, str]:
    """The recovery after the last fault. Everything that had to recover held then, so its own part did."""
    recovery = evidence.recovery
    if recovery is None or not recovery.recovered:
        return None, ""
    late = [other.name for other in earlier if other.targets_are_replaced]
    if course.targets_are_replaced and late:
        return None, f"what replaced its targets can't be told from what replaced those of {' and '.join(late)}"
    moments = list(_list_moments(recovery, replaced=course.targets_are_replaced))
    if not moments:
        return None, "nothing tells since when everything held"
    return max(span.first, *moments), ""


def _list_moments(recovery: Recovery, *, replaced: bool) -> Iterator[datetime]:
    yield from recovery.held_since.values()
    yield from (members.since for members in recovery.running.values() if members.since)
    if replaced and recovery.replaced_at:
        yield recovery.replaced_at


def describe_fault_times(times: FaultTimes) -> str:
    """What is known about one fault of a scenario, in a sentence without a full stop."""
    if times.effect_at is None or times.ended_at is None:
        return f"{times.fault} ({times.type}) took no effect"
    parts = [f"{times.fault} ({times.type}) was in effect from {times.effect_at:%H:%M:%S} to {times.ended_at:%H:%M:%S} UTC"]
    if times.beside:
        parts.append(f"{' and '.join(times.beside)} {'was' if len(times.beside) == 1 else 'were'} in effect in that time, too")
    if times.to_detect_seconds is not None:
        parts.append(f"{times.detected_by} fired after {times.to_detect_seconds:.0f} s")
    if times.to_recover_seconds is not None:
        held = "everything held all the time" if not times.to_recover_seconds else f"recovered after {times.to_recover_seconds:.0f} s"
        parts.append(held)
    return "; ".join((*parts, *times.doubts))
