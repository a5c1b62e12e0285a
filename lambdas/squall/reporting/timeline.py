"""What happened, in order: the timeline, with each thing at the time it happened rather than the time it was noticed."""

from dataclasses import dataclass, replace
from datetime import datetime

from squall.domain.run.timeline import EventName
from squall.reporting.formatting import clock, words
from squall.reporting.run_facts import Facts

IN_EFFECT = "in_effect"
"""When the fault took effect on the first target. This is worked out for the report, and is on no record's timeline."""
MARKED: dict[str, str] = {
    EventName.GUARDS_ARMED: "guard",
    EventName.FAULT_STARTED: "fault",
    EventName.FIS_COMPLETED: "fault",
    EventName.FIS_STOPPED: "fault",
    EventName.FIS_FAILED: "fault",
    EventName.FIS_CANCELLED: "fault",
    IN_EFFECT: "fault",
    EventName.ALARM: "alarm",
    EventName.ABORT_REQUESTED: "alarm",
    EventName.STOP_REQUESTED: "alarm",
    EventName.LATE_START_STOPPED: "alarm",
    EventName.INSTANCE_REPLACED: "good",
    EventName.RECOVERED: "good",
}
"""Events that have a place on the charts' axis, and how they look. The rest is Squall's bookkeeping."""


@dataclass(frozen=True)
class Moment:
    at: datetime
    event: str
    detail: str
    kind: str = ""
    """How it looks on the charts' axis: guard, fault, alarm or good; empty: it has no place there."""
    number: int = 0
    """Its number on the axis; 0: it has none."""

    @property
    def said(self) -> str:
        return f"{clock(self.at)} {words(self.event)}"


def moments_of(facts: Facts) -> tuple[Moment, ...]:
    """In order of time, those with a place on the axis numbered."""
    recovery = facts.result.recovery
    found = [Moment(event.at, event.event, event.detail, _kind(event.event)) for event in facts.result.timeline]
    if recovery and recovery.recovered_at:
        found = [moment for moment in found if moment.event != EventName.RECOVERED]
        found.append(Moment(recovery.recovered_at, EventName.RECOVERED, recovery.detail, "good"))
    if facts.effect_at and facts.effect_at != facts.record.fault_started_at:
        found.append(Moment(facts.effect_at, IN_EFFECT, "the fault took effect on the first target", "fault"))
    numbers = iter(range(1, len(found) + 1))
    return tuple(replace(moment, number=next(numbers)) if moment.kind else moment for moment in sorted(found, key=lambda moment: moment.at))


def _kind(event: str) -> str:
    return MARKED.get(event) or ""
