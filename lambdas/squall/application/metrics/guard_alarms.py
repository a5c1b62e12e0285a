"""A run's guard alarms: what they have to be, and how they are created. Each has a name, tags, a description, and the
abort function as its only action."""

from dataclasses import replace

from squall.application.step import MissingDocumentError, Step
from squall.domain.base.vocabulary import AbortSource
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.guards import Guards
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.metrics.alarm_settings import find_alarm_changes
from squall.domain.metrics.guard_alarms import guard_name, guard_specs, stop_guard
from squall.domain.run.record import Abort
from squall.errors import Refused, Unavailable


def specify_guards(run_id: str, stack: str, definition: Definition, discovery: Discovery) -> Guards:
    """The guards of a run: one for each abort condition, and one on its stop alarms.

    Every state that relies on the guards calls this function. `guards.json` and the alarms could have been changed by
    the states that write them.
    """
    experiment = definition.experiment
    conditions = [condition for _, condition in parse_sentences(experiment).conditions]
    specs = guard_specs(run_id, stack, conditions, discovery.bindings, definition.environment.timing)
    return Guards(guards=specs, stop=stop_guard(guard_name(run_id, stack, len(specs) + 1), experiment.stop_alarm_names))


def guards_of(step: Step) -> Guards:
    """The guards that the run of this step has to have."""
    return specify_guards(step.run.id, step.w.settings.stack, step.definition, step.discovery)


def doubt_changed_guard(step: Step, abort: Abort) -> Abort:
    """The abort; if the guard that fired is not as this run has to have it, one that says nothing about the hypothesis.

    Whoever receives the alarm stops the fault without comparing anything, and somebody may have tightened the guard. The
    caller asks before the guards are removed. If the alarm can't be compared, the abort stays.
    """
    if abort.source is not AbortSource.GUARD:
        return abort
    try:
        guard = next((guard for guard in guards_of(step).every if guard.name == abort.by), None)
        state = step.w.alarms.states([guard.name]).get(guard.name) if guard else None
    except (Unavailable, Refused, MissingDocumentError):
        return abort
    changes = find_alarm_changes(guard, state.settings) if guard and state else ()
    if not changes:
        return abort
    return replace(abort, source=AbortSource.BLIND_GUARD, reason=f"guard {abort.by} was changed: {', '.join(changes)}; {abort.reason}")


def put_guards(step: Step, guards: Guards, description: str, *, skip: frozenset[str] = frozenset()) -> None:
    """Create or update every guard except those named in `skip`. Raises Refused for an alarm that is not this stack's
    or can't exist."""
    action = step.w.settings.abort_function_arn
    tags = {"squall:stack": step.w.settings.stack, "squall:execution": step.run.id}
    for guard in guards.guards:
        if guard.name not in skip:
            step.w.alarms.put(guard, description=description, action_arn=action, tags=tags)
    if guards.stop and guards.stop.name not in skip:
        step.w.alarms.put_composite(guards.stop, description=description, action_arn=action, tags=tags)
