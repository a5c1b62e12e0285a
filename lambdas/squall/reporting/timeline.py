"""The timeline of a run. Each event stands at the time it happened rather than the time it was noticed."""

from dataclasses import dataclass, replace
from datetime import datetime

from squall.domain.documents.result import TimelineEvent
from squall.domain.run.timeline import EventName
from squall.reporting.formatting import format_clock, spell_out
from squall.reporting.run_facts import Facts

IN_EFFECT = "in_effect"
"""The event that the fault took effect on the first target. It is worked out for the report, and is on no record's
timeline."""
MARKED: dict[str, str] = {
    EventName.GUARDS_ARMED: "guard",
    EventName.FAULT_STARTED: "fault",
    EventName.FAULT_OVER: "fault",
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
"""Events with a marker on the charts' axis, and its kind. All others are bookkeeping of Squall."""


@dataclass(frozen=True)
class Moment:
    at: datetime
    event: str
    detail: str
    kind: str = ""
    """Kind of its marker on the charts' axis: guard, fault, alarm or good; empty if it has none."""
    number: int = 0
    """Its number on the axis; 0 if it has none."""

    @property
    def label(self) -> str:
        return f"{format_clock(self.at)} {spell_out(self.event)}"


def list_moments(facts: Facts) -> tuple[Moment, ...]:
    """All moments in order of time; those with a marker on the axis have numbers."""
    recovery, effect_at = facts.result.recovery, facts.effect_at
    moments = [_make_moment(event, facts) for event in facts.result.timeline]
    if recovery and recovery.recovered_at and not (facts.recovered_in and facts.recovered_in.throughout):
        moments = [moment for moment in moments if moment.event != EventName.RECOVERED]
        moments.append(Moment(recovery.recovered_at, EventName.RECOVERED, recovery.detail, "good"))
    if effect_at and effect_at != facts.record.begins_at:
        moments.append(Moment(effect_at, IN_EFFECT, "the fault took effect on the first target", "fault"))
    numbers = iter(range(1, len(moments) + 1))
    return tuple(replace(moment, number=next(numbers)) if moment.kind else moment for moment in sorted(moments, key=_order))


def _make_moment(event: TimelineEvent, facts: Facts) -> Moment:
    """The event with its marker. If Squall stopped a fault that had lasted as long as planned, the text says so,
    because nothing is wrong then."""
    if event.event == EventName.STOP_REQUESTED and facts.stopped_on_time:
        return Moment(event.at, event.event, f"{event.detail}: the fault had lasted as long as planned", "fault")
    return Moment(event.at, event.event, event.detail, MARKED.get(event.event, ""))


def _order(moment: Moment) -> tuple[datetime, bool]:
    """Sort key: by time; at the same time, the effect comes before what follows from it."""
    return moment.at, moment.event != IN_EFFECT
