"""Cleans up after one run: template, fault, guards, rollback document, then lock and slot.

The template goes first, because without it nothing can start any more. The guards go only once no fault can be running.
Lock and slot go only once neither a fault nor a rollback is running.
"""

from contextlib import suppress
from datetime import timedelta

from squall.application.recovery.rollback_report import commands_of
from squall.application.result.record import agreed_result, is_told
from squall.application.step import MissingDocumentError, Step
from squall.application.stopping.cleanup import Cleanup, Leftover
from squall.application.stopping.run_faults import RunFaults, delete_templates
from squall.application.supervision.aftermath import finish_rollback
from squall.application.targets.workload_now import refresh_workload
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultTemplate
from squall.domain.run.commands import delete_alarms_command, delete_item_command, shell_command, stop_experiment_command
from squall.domain.run.queue import Line
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.ssm_state import CommandState
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from squall.faults.base import Remnant
from squall.faults.plan import find_remnants
from squall.wiring import Wiring

SETTLED_AFTER = timedelta(seconds=120)
"""A closed run is checked again after twice the timeout of StartFault, because a function that was running when its
execution ended may still act."""
PAUSE_SECONDS = 1


class RunCleanup(Cleanup):
    """The clean-up of one run. Everything is idempotent; the pulse repeats it until nothing is left."""

    def __init__(self, w: Wiring, record: ExecutionRecord) -> None:
        super().__init__(w, survives=(Unavailable, Refused, MissingDocumentError, ValueError))
        self.record = record
        self._fault_found = False
        """Whether FIS has an experiment of the run, which its record may not name."""

    def run(self, *, settle_now: bool = False, wait_seconds: int = 0) -> tuple[Leftover, ...]:
        """Clean up, again and again for `wait_seconds` while something is left. Returns what is left then, and what was
        left alone because it is another run's.

        `settle_now`: the workflow ended in order, so no function of it can be running.
        """
        deadline = self.w.clock.now() + timedelta(seconds=wait_seconds)
        self._run_once(settle_now=settle_now)
        while self.leftovers and self.w.clock.now() < deadline:
            self.w.clock.sleep(PAUSE_SECONDS)
            self._run_once(settle_now=settle_now)
        return (*self.leftovers, *self.refused)

    def _run_once(self, *, settle_now: bool) -> None:
        self.forget()
        self._remove_fault()
        self._find_commands()
        self._find_what_fis_left()
        if not self.leftovers:  # as long as a fault may run, its guards stand
            self._delete_guards()
        finish_rollback(self, self.record)
        if not self.leftovers:
            self._release_leases()
        if not self.leftovers and is_told(self.record) and (settle_now or self._closed_long_ago):
            if self.record.closed_by:
                agreed_result(self.w, self.record)  # nobody looks at the run again: without its result it stays open
            self.w.records.settle(self.record.id)

    def _remove_fault(self) -> None:
        faults = RunFaults(self, self.record.id)
        delete_templates(self, self.record.id, self.record.template_id)
        faults.find_all(self.record)
        self._fault_found = bool(faults.experiments)
        stopped = [Event(self.w.clock.now(), EventName.STOP_REQUESTED, fis_id) for fis_id in faults.stop_found()]
        if stopped:
            with suppress(Unavailable, Refused):
                self.w.records.append(self.record.id, stopped)
        for fis in faults.running:
            if not self.has_failed(f"FIS experiment {fis.id}"):
                self.leave(f"FIS experiment {fis.id} is {fis.status}", stop_experiment_command(fis.id))

    def _find_commands(self) -> None:
        """Commands of the fault that are still running on a target. FIS's report does not matter: an agent may have
        missed the cancel."""
        if not self._was_injected:
            return
        list_command = "aws ssm list-commands --filters key=Status,value=InProgress"
        for command in self.attempt("the fault's commands", list_command, self._active_commands) or ():
            self.leave(
                f"command {command.id} of the fault is {command.status} on {command.instance_id}",
                shell_command("aws", "ssm", "cancel-command", "--command-id", command.id, "--instance-ids", command.instance_id),
            )

    def _active_commands(self) -> list[CommandState]:
        step = Step.of(self.w, self.record)
        if step.find(Discovery) is None:
            return []
        sent = [on_target for commands in commands_of(step).values() for on_target in commands.values()]
        return list({command.id: command for on_target in sent for command in on_target if command.active}.values())

    def _find_what_fis_left(self) -> None:
        """What FIS left on the targets although the fault is over. Only people remove it. Skipped while something still
        runs.
        """
        if self.leftovers or not self._was_injected:
            return
        fis = self.record.fis_experiment_id
        command = shell_command("aws", "fis", "get-experiment", "--id", fis) if fis else "aws fis list-experiments"
        for description, by_hand in self.attempt("what FIS left on the targets", command, self._left_on_targets) or ():
            self.leave(description, by_hand)

    def _left_on_targets(self) -> tuple[Remnant, ...]:
        step = Step.of(self.w, self.record)
        template, discovery = step.find(FaultTemplate), step.find(Discovery)
        if template is None or discovery is None:
            return ()
        since = self.record.fault_started_at
        return find_remnants(step.definition, discovery, template, lambda: refresh_workload(self.w, discovery, self.w.clock.now()), since)

    def _delete_guards(self) -> None:
        guards = sorted(set(self.record.guard_names))
        if guards:
            self.attempt(f"guards {' '.join(guards)}", delete_alarms_command(*guards), self.w.alarms.delete, guards)

    def _release_leases(self) -> None:
        """Locks, slots and places in the queue. A slot may have been taken without having been recorded."""
        table, run, locks = self.w.settings.table, self.record.id, self.w.locks
        for key in self.record.lock_keys:
            self.attempt(f"lock on {key}", delete_item_command(table, f"LOCK#{key}", "LOCK"), locks.release, (key,), run)
        line = self.attempt("list of slots", "they expire by themselves", locks.line) or Line()
        held = {slot.number for slot in line.slots if slot.holder == run} | ({self.record.slot} if self.record.slot is not None else set())
        for slot in sorted(held):
            self.attempt(f"slot {slot}", delete_item_command(table, "SLOTS", f"SLOT#{slot}"), locks.release_slot, slot, run)
        for ticket in line.tickets:
            if ticket.holder == run:
                self.attempt("place in the queue", "it expires by itself", locks.leave, run, ticket.since)

    @property
    def _was_injected(self) -> bool:
        return self._fault_found or self.record.fault_started_at is not None or self.record.fis_experiment_id is not None

    @property
    def _closed_long_ago(self) -> bool:
        ended_at = self.record.ended_at or self.record.started_at
        return self.record.final and self.w.clock.now() - ended_at > SETTLED_AFTER
