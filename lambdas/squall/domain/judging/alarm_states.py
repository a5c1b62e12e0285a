"""Judges whether an alarm of the workload stayed OK, by its history."""

from datetime import UTC, datetime, timedelta

from squall.domain.judging.bounds import CANNOT_TELL, MET, NOT_MET
from squall.domain.judging.judge_input import Judged, JudgeInput
from squall.domain.language.sentences import AlarmOk
from squall.domain.run.alarm_state import AlarmHistory


def judge_alarm_ok(parsed: AlarmOk, inputs: JudgeInput) -> Judged:
    """Met only if the alarm was known to be OK all the time, and could have fired in that time."""
    history = inputs.alarm_histories.get(parsed.alarm)
    if history is None:
        return Judged("alarm", CANNOT_TELL, f"the states of {parsed.alarm} could not be read, or there is no such alarm")
    span = _find_watched_span(parsed, inputs)
    if span is None:
        return Judged("alarm", CANNOT_TELL, f"{parsed.window} took no effect")
    start, end = span
    states = _states_within(history, start, end)
    changed = _find_change(history, inputs)
    fired = next((max(at, start) for at, state in states if state == "ALARM"), None)
    if fired is not None and (changed is None or fired < changed):
        took = (fired - inputs.effect_at).total_seconds()
        return Judged("alarm", NOT_MET, f"{parsed.alarm} was in ALARM {took:.0f} s after the fault took effect", took, {"unit": "seconds"})
    doubt = _find_doubt(parsed.alarm, history, states, changed, end - start) or _find_doubt_of_members(history, start, end, inputs)
    if doubt:
        return Judged("alarm", CANNOT_TELL, doubt)
    seconds = (end - start).total_seconds()
    return Judged("alarm", MET, f"{parsed.alarm} was OK for all of the {seconds:.0f} s in which it was watched")


def _find_change(history: AlarmHistory, inputs: JudgeInput) -> datetime | None:
    """When somebody changed the alarm after the fault took effect; None if nobody did."""
    return history.changed_at if history.changed_at and history.changed_at > inputs.effect_at else None


def _find_doubt_of_members(history: AlarmHistory, start: datetime, end: datetime, inputs: JudgeInput) -> str:
    """Why a composite alarm that was OK says nothing: its rule takes a member that knows nothing for one that is OK. A member
    in ALARM is the rule's business."""
    for name, member in history.members:
        if member is None:
            return f"{name}, which its rule names, is not there"
        states = [(at, "OK" if state == "ALARM" else state) for at, state in _states_within(member, start, end)]
        doubt = _find_doubt(name, member, states, _find_change(member, inputs), end - start)
        if doubt := doubt or _find_doubt_of_members(member, start, end, inputs):
            return f"its rule depends on {name}: {doubt}" if name not in doubt else f"by its rule it depends on others, and {doubt}"
    return ""


def _find_doubt(alarm: str, history: AlarmHistory, states: list[tuple[datetime, str]], changed: datetime | None, watched: timedelta) -> str:
    """Why nothing can be told of an alarm that was not seen in ALARM; empty if it was OK."""
    if changed is not None:
        return f"{alarm} was created or changed after the fault took effect, at {changed:%H:%M:%S} UTC"
    other = sorted({state or "unreadable" for _, state in states if state != "OK"})
    if other or not states:
        return f"{alarm} was {' and '.join(other) or 'not watched'} in a part of the time"
    if watched <= timedelta(seconds=history.seconds_to_alarm):
        return f"{alarm} evaluates {history.seconds_to_alarm} s of data, but was watched only {watched.total_seconds():.0f} s"
    return ""


def _find_watched_span(parsed: AlarmOk, inputs: JudgeInput) -> tuple[datetime, datetime] | None:
    """The time in which the alarm must be OK; None for a fault of a scenario that took no effect."""
    match parsed.window:
        case "fault":
            return inputs.effect_at, inputs.fault_end
        case "observation":
            return inputs.effect_at, datetime.fromtimestamp(inputs.windows["observation"].end, UTC)
        case "recovery":
            return inputs.fault_end, inputs.alarms_watched_until
        case None:
            return inputs.effect_at, inputs.alarms_watched_until
        case name:
            span = inputs.spans.get(name)
            return (span.first, span.over) if span else None


def _states_within(history: AlarmHistory, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """The states that the alarm had at any time from `start` to `end`, each with when it began."""
    ends = [at for at, _ in history.states[1:]] + [end]
    return [(at, state) for (at, state), until in zip(history.states, ends, strict=True) if at <= end and until >= start and start <= end]
