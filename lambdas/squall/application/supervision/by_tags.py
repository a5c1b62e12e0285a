"""Finds and stops FIS experiments by Squall's tags alone, for runs whose record can't be read."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from squall.application.stopping.cleanup import Cleanup, Leftover, delete_template
from squall.domain.run.commands import stop_experiment_command
from squall.wiring import Wiring


def list_running_executions(w: Wiring) -> frozenset[str]:
    """The executions of this stack that have an experiment that has not ended, by FIS's tags. Raises Unavailable,
    Refused."""
    stack = w.settings.stack
    running = {fis.tags.get("squall:execution", "") for fis in w.faults.active() if fis.tags.get("squall:stack") == stack}
    return frozenset(running) - {""}


def list_tagged_executions(w: Wiring) -> frozenset[str]:
    """The executions of this stack that have a template or a running experiment, by FIS's tags. Raises Unavailable,
    Refused."""
    return list_running_executions(w) | {template.execution_id for template in w.faults.own_templates(w.settings.stack)}


def stop_by_tags(w: Wiring, execution_ids: AbstractSet[str], since: datetime) -> tuple[Leftover, ...]:
    """Delete the templates and stop the experiments of executions that are known to have ended, without the table.

    What was made before `since` belongs to an earlier execution of the same name. Returns what still exists.
    """
    cleanup = Cleanup(w)
    for template in cleanup.list_templates():
        if template.execution_id in execution_ids and template.created_at >= since:
            delete_template(cleanup, template.id)
    for fis in cleanup.list_active_experiments():
        if fis.tags.get("squall:execution") in execution_ids and (fis.created_at is None or fis.created_at >= since):
            cleanup.leave(f"FIS experiment {fis.id} was {fis.status}", stop_experiment_command(fis.id))
            if fis.stoppable:
                cleanup.stop_experiment(fis.id)
    return cleanup.leftovers
