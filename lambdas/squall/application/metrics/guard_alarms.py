"""Creates and updates a run's guard alarms. Each has a name, tags, a description, and the abort function as its only
action."""

from squall.application.step import Step
from squall.domain.documents.guards import Guards


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
