"""Arms the guards: one alarm for each abort condition. Every guard must have data and be OK within a bound, or nothing
is injected."""

from collections.abc import Mapping
from datetime import timedelta

from squall.application.metrics.guard_alarms import guards_of, put_guards
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.domain.documents.guards import Guards
from squall.domain.run.alarm_state import AlarmState
from squall.domain.run.timeline import EventName
from squall.errors import Refused


def arm_guards(step: Step) -> Outcome:
    """Record the guards' names, create the alarms that are missing, and wait until all of them are OK."""
    guards = guards_of(step)
    states = step.w.alarms.states(guards.names)
    foreign = [name for name in states if step.run.execution_arn not in states[name].description]
    if foreign:  # before the names are recorded, because every recorded name is deleted in the end
        return step.reject(f"alarms with the guards' names exist and belong to something else: {', '.join(foreign)}")
    if not step.w.records.update(step.run.id, guard_names=guards.names):  # the intent before the creation
        return END
    try:
        put_guards(step, guards, f"execution={step.run.execution_arn}", skip=frozenset(states))
    except Refused as refused:
        return step.reject(f"CloudWatch refused a guard: {refused.code}: {refused.message}")
    if step.closed_meanwhile():  # whoever closed the run deleted its guards while they were being created
        step.w.alarms.delete(guards.names)
        return END
    step.put(guards)
    return _await_ok(step, guards, states)


def _await_ok(step: Step, guards: Guards, states: Mapping[str, AlarmState]) -> Outcome:
    timing = step.definition.environment.timing
    not_ok = {
        name: states[name].state if name in states else "just created"
        for name in guards.names
        if name not in states or states[name].state != "OK"
    }
    if not not_ok:
        step.note(EventName.GUARDS_ARMED, f"{len(guards.names)} guards OK")
        return NEXT
    if step.elapsed > timedelta(seconds=timing.arming_seconds):
        blind = ", ".join(f"{guards.words[name]} is {state}" for name, state in not_ok.items())
        return step.invalid(f"guards were not OK within {timing.arming_seconds} s: {blind}")
    # CloudWatch takes about a minute to evaluate a new alarm: each wait is as long as those before it, up to two polls.
    return wait_for(min(max(step.elapsed.total_seconds(), timing.poll_seconds), 2 * timing.poll_seconds))
