"""ArmGuards: one alarm an abort condition. Every guard must have data and be OK, within a bound, or nothing is injected."""

from datetime import timedelta

from squall.application.step import END, NEXT, Outcome, Step, step, wait
from squall.domain.bindings import sentences
from squall.domain.documents import Guards
from squall.domain.guards import guard_specs


@step("ArmGuards")
def handler(step: Step) -> Outcome:
    timing = step.definition.environment.timing
    conditions = [condition for _, condition in sentences(step.definition.experiment).conditions]
    specs = guard_specs(step.run.id, step.w.settings.stack, conditions, step.discovery.bindings, timing)
    names = [spec.name for spec in specs]
    states = step.w.alarms.states(names)
    foreign = [name for name in names if name in states and step.run.execution_arn not in states[name].description]
    if foreign:  # before the intent is recorded: what is recorded is deleted in the end
        return step.reject(f"alarms of the guards' names exist and are not this execution's: {', '.join(foreign)}")
    if not step.w.records.update(step.run.id, guard_names=tuple(names)):  # intent before creation
        return END
    for spec in specs:
        if spec.name not in states:
            step.w.alarms.put(
                spec,
                description=f"execution={step.run.execution_arn}",
                action_arn=step.w.settings.abort_function_arn,
                tags={"squall:stack": step.w.settings.stack, "squall:execution": step.run.id},
            )
    if step.closed_meanwhile():  # and its guards were deleted while we were creating them
        step.w.alarms.delete(names)
        return END
    step.put("guards", Guards(guards=specs))
    not_ok = {
        name: states[name].state if name in states else "just created" for name in names if name not in states or states[name].state != "OK"
    }
    if not not_ok:
        step.note("guards_armed", f"{len(names)} guards OK")
        return NEXT
    if step.elapsed > timedelta(seconds=timing.arming_seconds):
        blind = ", ".join(f"{spec.condition!r} is {not_ok[spec.name]}" for spec in specs if spec.name in not_ok)
        return step.invalid(f"guards were not OK within {timing.arming_seconds} s: {blind}")
    return wait(timing.poll_seconds)
