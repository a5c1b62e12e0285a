"""Finds and stops FIS experiments by Squall's tags alone, for runs whose record cannot be read."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from squall.application.supervision.cleanup import Leftover, _try
from squall.domain.run.commands import delete_template_command, stop_experiment_command
from squall.wiring import Wiring


def tagged(w: Wiring) -> frozenset[str]:
    """The executions that FIS's tags say have a template or a running experiment of this stack. Raises Unavailable, Refused."""
    stack = w.settings.stack
    running = {fis.tags.get("squall:execution", "") for fis in w.faults.active() if fis.tags.get("squall:stack") == stack}
    return frozenset(running | {one.execution_id for one in w.faults.own_templates(stack)}) - {""}


def stop_by_tags(w: Wiring, execution_ids: AbstractSet[str], since: datetime) -> tuple[Leftover, ...]:
    """Without the table: fence and stop what FIS's own tags say is of executions that are known to be dead. Returns what is still there.

    `since`: what was made before that is of an earlier execution of the same name.
    """
    leftovers: list[Leftover] = []
    stack = w.settings.stack
    templates = _try(leftovers, "list of FIS templates", "aws fis list-experiment-templates", w.faults.own_templates, stack)
    for one in templates or ():
        if one.execution_id in execution_ids and one.created_at >= since:
            command = delete_template_command(one.id)
            _try(leftovers, f"FIS template {one.id}", command, w.faults.delete_template, one.id)
    for fis in _try(leftovers, "list of FIS experiments", "aws fis list-experiments", lambda _: w.faults.active(), None) or ():
        ours = fis.tags.get("squall:stack") == stack and fis.tags.get("squall:execution") in execution_ids
        if ours and (fis.created_at is None or fis.created_at >= since):
            command = stop_experiment_command(fis.id)
            leftovers.append(Leftover(f"FIS experiment {fis.id} was {fis.status}", command))
            if fis.status != "stopping":
                _try(leftovers, f"FIS experiment {fis.id} could not be stopped", command, w.faults.stop, fis.id)
    return tuple(leftovers)
