"""ArmGuards: one alarm an abort condition. Every guard must have data and be OK, within a bound, or nothing is injected."""

from collections.abc import Mapping
from datetime import timedelta

from squall.application.safety.guards import put
from squall.application.step import END, NEXT, Outcome, Step, step, wait
from squall.domain.documents.guards import Guards
from squall.domain.experiment.sentences import sentences
from squall.domain.metrics.guard_alarms import guard_name, guard_specs, stop_guard
from squall.domain.run.aws_state import AlarmState
from squall.errors import Refused


@step("ArmGuards")
def handler(step: Step) -> Outcome:
    conditions = [condition for _, condition in sentences(step.definition.experiment).conditions]
    stack, experiment = step.w.settings.stack, step.definition.experiment
    specs = guard_specs(step.run.id, stack, conditions, step.discovery.bindings, step.definition.environment.timing)
    stop = stop_guard(guard_name(step.run.id, stack, len(specs) + 1), experiment.stop_alarm_names)
    guards = Guards(guards=specs, stop=stop)
    states = step.w.alarms.states(guards.names)
    foreign = [name for name in states if step.run.execution_arn not in states[name].description]
    if foreign:  # before the intent is recorded: what is recorded is deleted in the end
        return step.reject(f"alarms of the guards' names exist and are not this execution's: {', '.join(foreign)}")
    if not step.w.records.update(step.run.id, guard_names=guards.names):  # intent before creation
        return END
    try:
        put(step, guards, f"execution={step.run.execution_arn}", but=frozenset(states))
    except Refused as refused:
        return step.reject(f"CloudWatch refused a guard: {refused.code}: {refused.message}")
    if step.closed_meanwhile():  # and its guards were deleted while we were creating them
        step.w.alarms.delete(guards.names)
        return END
    step.put(guards)
    return _armed(step, guards, states)


def _armed(step: Step, guards: Guards, states: Mapping[str, AlarmState]) -> Outcome:
    timing = step.definition.environment.timing
    not_ok = {
        name: states[name].state if name in states else "just created"
        for name in guards.names
        if name not in states or states[name].state != "OK"
    }
    if not not_ok:
        step.note("guards_armed", f"{len(guards.names)} guards OK")
        return NEXT
    if step.elapsed > timedelta(seconds=timing.arming_seconds):
        blind = ", ".join(f"{guards.words[name]} is {state}" for name, state in not_ok.items())
        return step.invalid(f"guards were not OK within {timing.arming_seconds} s: {blind}")
    return wait(timing.poll_seconds)
