"""Stops what a run left, removes its template and guards, and collects what could not be undone with the command that does it by hand."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from squall.application.fault.stop import report
from squall.application.recovery.rollback_document import ENDED, look, note_end, token
from squall.application.recovery.rollback_report import commands_of, fault_of, rollback_report
from squall.application.result.record import NOTIFIED, agreed_result, decision_on, is_told, write_result
from squall.application.step import MissingDocumentError, Step
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.rollback import AutomationRun
from squall.domain.messages.leftovers import rollback_failed
from squall.domain.recovery.rollback_document import said
from squall.domain.run.aws_state import CommandState, FisExperiment
from squall.domain.run.commands import (
    delete_alarms_command,
    delete_item_command,
    delete_template_command,
    list_experiments_command,
    shell_command,
    stop_experiment_command,
)
from squall.domain.run.queue import Line
from squall.domain.run.record import Event, ExecutionRecord
from squall.errors import Refused, Unavailable
from squall.faults.base import ByHand
from squall.wiring import Wiring

A = TypeVar("A")
R = TypeVar("R")

SETTLED_AFTER = timedelta(seconds=120)
"""A closed run is looked at again for two StartFault timeouts: a function that was running when its execution died may still act."""


@dataclass(frozen=True)
class Leftover:
    """Something of a run that is still there."""

    what: str
    command: str
    """The AWS CLI command that takes it away."""

    def __str__(self) -> str:
        return f"{self.what}: {self.command}"


def sweep(w: Wiring, record: ExecutionRecord, *, thorough: bool = False, settle_now: bool = False) -> tuple[Leftover, ...]:
    """Take away template, fault, guards; run the rollback document if it has not run; then slot and locks (only once no fault and no
    rollback runs); leave the open index when nothing is left.

    `thorough` also looks for templates and guards by tag and name, in case the record does not know them.
    `settle_now`: the workflow ended in order, no function of it can still be running.
    """
    leftovers: list[Leftover] = []
    templates, guards = _known(w, record, leftovers, thorough=thorough)
    for template_id in templates:
        _try(
            leftovers,
            f"FIS template {template_id}",
            delete_template_command(template_id),
            w.faults.delete_template,
            template_id,
        )
        leftovers += _stop_all(w, record, template_id)
    leftovers += _commands(w, record, leftovers)
    leftovers += _state(w, record, leftovers)
    if guards and not leftovers:  # as long as a fault may run, its guards stand
        command = delete_alarms_command(*guards)
        _try(leftovers, f"guards {' '.join(guards)}", command, w.alarms.delete, guards)
    leftovers += roll_back(w, record)
    if not leftovers:
        _release(w, record, leftovers)
    if not leftovers and is_told(record) and (settle_now or _long_closed(record, w.clock.now())):
        if record.closed_by:
            agreed_result(w, record)  # nobody comes by again: without its result it stays open
        w.records.settle(record.id)
    return tuple(leftovers)


def _commands(w: Wiring, record: ExecutionRecord, leftovers: list[Leftover]) -> list[Leftover]:
    """Commands of the fault that still run on a target, whatever FIS says: an agent may not have heard the cancel."""
    if record.fault_started_at is None and record.fis_experiment_id is None:
        return []
    found = _try(leftovers, "the fault's commands", "aws ssm list-commands --filters key=Status,value=InProgress", _active, (w, record))
    return [
        Leftover(
            f"command {command.id} of the fault is {command.status} on {command.instance_id}",
            shell_command("aws", "ssm", "cancel-command", "--command-id", command.id, "--instance-ids", command.instance_id),
        )
        for command in found or ()
    ]


def _active(of: tuple[Wiring, ExecutionRecord]) -> list[CommandState]:
    w, record = of
    step = Step.of(w, record)
    if step.find(Discovery) is None:
        return []
    commands = commands_of(step, fault_of(step))
    return [command for on_instance in commands.values() for command in on_instance if command.active]


def _state(w: Wiring, record: ExecutionRecord, leftovers: list[Leftover]) -> list[Leftover]:
    """What FIS left on the targets although the fault is over: only people take it away. Not asked while something still runs."""
    if leftovers or (record.fault_started_at is None and record.fis_experiment_id is None):
        return []
    fis = record.fis_experiment_id
    command = shell_command("aws", "fis", "get-experiment", "--id", fis) if fis else "aws fis list-experiments"
    found = _try(leftovers, "what FIS left on the targets", command, _remaining, (w, record))
    return [Leftover(what, by_hand) for what, by_hand in found or ()]


def _remaining(of: tuple[Wiring, ExecutionRecord]) -> tuple[ByHand, ...]:
    w, record = of
    step = Step.of(w, record)
    template, discovery = step.find(FaultTemplate), step.find(Discovery)
    if template is None or discovery is None:
        return ()
    return fault_of(step).left_over(template.before, lambda: w.inventory.refresh(discovery.workload, w.clock.now()))


def roll_back(w: Wiring, record: ExecutionRecord) -> list[Leftover]:
    """The rollback document of a run whose workflow did not see it to its end: started once the fault is over, watched, and told."""
    if not record.rollback_command or any(event.event == ENDED for event in record.events):
        return []
    step = Step.of(w, record)
    left = Leftover("the rollback document has not run", f"{record.rollback_command} --client-token {token(step)}")
    try:
        experiments = w.faults.of_template(record.template_id) if record.template_id else ()
        if any(not fis.terminal for fis in experiments):
            return [left]
        return _rolled_back(w, record, step) if experiments or record.fis_experiment_id else []
    except (Unavailable, Refused, MissingDocumentError) as error:
        return [replace(left, what=f"{left.what}, or not been seen to its end ({error})")]


def _rolled_back(w: Wiring, record: ExecutionRecord, step: Step) -> list[Leftover]:
    run = look(step)
    if run and not run.over:
        command = shell_command("aws", "ssm", "get-automation-execution", "--automation-execution-id", str(run.execution_id))
        return [Leftover(said(run), command)]
    if run:
        _tell_rollback(w, record, run)
        note_end(step, run)
    return []


def _tell_rollback(w: Wiring, record: ExecutionRecord, run: AutomationRun) -> None:
    """Of a run whose ending was told before its rollback ended: the result is written anew, and a failure is told."""
    if NOTIFIED not in {event.event for event in record.events}:
        return
    note_aftermath(w, record)
    write_result(w, record, decision_on(record), record.ended_at or w.clock.now())
    if not run.succeeded:
        w.notifier.publish(rollback_failed(record, said(run)))


def note_aftermath(w: Wiring, record: ExecutionRecord) -> None:
    """How FIS ended a fault whose workflow is dead, and what became of its targets: as far as it can be told, for the result."""
    if record.template_id is None:
        return
    with suppress(Unavailable, Refused, MissingDocumentError):
        step = Step.of(w, record)
        experiments = w.faults.of_template(record.template_id)
        if experiments:
            fis = w.faults.get(experiments[-1].id) or experiments[-1]
            step.put(report(fis))
            step.record = replace(record, fis_experiment_id=fis.id, fault_started_at=record.fault_started_at or fis.started_at)
            step.put(rollback_report(step, w.inventory.refresh(step.discovery.workload, step.now)))


def _release(w: Wiring, record: ExecutionRecord, leftovers: list[Leftover]) -> None:
    """Locks, slots and places in the queue; the slot may have been taken without having been recorded."""
    table = w.settings.table
    for key in record.lock_keys:
        command = delete_item_command(table, f"LOCK#{key}", "LOCK")
        _try(leftovers, f"lock on {key}", command, lambda keys: w.locks.release(keys, record.id), (key,))
    line = _try(leftovers, "list of slots", "they expire by themselves", lambda _: w.locks.line(), record.id) or Line()
    held = {slot.number for slot in line.slots if slot.holder == record.id} | ({record.slot} if record.slot is not None else set())
    for slot in sorted(held):
        command = delete_item_command(table, "SLOTS", f"SLOT#{slot}")
        _try(leftovers, f"slot {slot}", command, lambda number: w.locks.release_slot(number, record.id), slot)
    for ticket in line.tickets:
        if ticket.holder == record.id:
            _try(leftovers, "place in the queue", "it expires by itself", lambda since: w.locks.leave(record.id, since), ticket.since)


def _long_closed(record: ExecutionRecord, now: datetime) -> bool:
    return record.final and record.ended_at is not None and now - record.ended_at > SETTLED_AFTER


def _known(w: Wiring, record: ExecutionRecord, leftovers: list[Leftover], *, thorough: bool) -> tuple[list[str], list[str]]:
    templates = {record.template_id} if record.template_id else set()
    guards = set(record.guard_names)
    if thorough:
        found = _try(leftovers, "list of FIS templates", "aws fis list-experiment-templates", w.faults.templates_tagged, w.settings.stack)
        templates |= {template_id for template_id, execution in (found or {}).items() if execution == record.id}
    return sorted(templates), sorted(guards)


def _stop_all(w: Wiring, record: ExecutionRecord, template_id: str) -> list[Leftover]:
    leftovers: list[Leftover] = []
    command = list_experiments_command(template_id)
    experiments = _try(leftovers, f"experiments of {template_id}", command, w.faults.of_template, template_id) or ()
    return leftovers + [_stop(w, record, fis) for fis in experiments if not fis.terminal]


def _stop(w: Wiring, record: ExecutionRecord, fis: FisExperiment) -> Leftover:
    left = Leftover(f"FIS experiment {fis.id} is {fis.status}", stop_experiment_command(fis.id))
    if fis.status == "stopping":
        return left
    try:
        if w.faults.stop(fis.id):
            w.records.append(record.id, [Event(w.clock.now(), "stop_requested", fis.id)])
    except (Unavailable, Refused) as error:
        return Leftover(f"FIS experiment {fis.id} could not be stopped ({error})", left.command)
    return left


def _try(leftovers: list[Leftover], what: str, command: str, act: Callable[[A], R], argument: A) -> R | None:
    try:
        return act(argument)
    except (Unavailable, Refused) as error:
        leftovers.append(Leftover(f"{what} ({error})", command))
        return None
