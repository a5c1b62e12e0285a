"""Creating and updating a run's guards, all alike: named, tagged, described, and with nothing but the abort function as their action."""

from squall.application.step import Step
from squall.domain.documents.guards import Guards


def put(step: Step, guards: Guards, description: str, *, but: frozenset[str] = frozenset()) -> None:
    """Put every guard, those named in `but` left out. Raises `Refused` for an alarm that is not ours, or can't be."""
    action = step.w.settings.abort_function_arn
    tags = {"squall:stack": step.w.settings.stack, "squall:execution": step.run.id}
    for guard in guards.guards:
        if guard.name not in but:
            step.w.alarms.put(guard, description=description, action_arn=action, tags=tags)
    if guards.stop and guards.stop.name not in but:
        step.w.alarms.put_composite(guards.stop, description=description, action_arn=action, tags=tags)
