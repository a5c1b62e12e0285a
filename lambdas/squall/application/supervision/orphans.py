"""The sweep removes what outlived its execution and belongs to no open run.

The pulse finds what a run made by its record. The sweep is the second way: it asks FIS, CloudWatch and the table for
everything that carries this stack's tags or prefix. It removes something only if it is older than ten minutes, and if
its execution has a final record or none and is not running in Step Functions. Two sweeps, five minutes apart, must both
find that. An execution that can't be asked about counts as running.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from squall.application.messages import send_message
from squall.application.stopping.cleanup import Cleanup, Leftover
from squall.domain.messages.leftovers import make_sweep_message
from squall.domain.run.commands import (
    delete_alarms_command,
    delete_item_command,
    delete_template_command,
    shell_command,
    stop_experiment_command,
)
from squall.domain.run.execution_state import RUNNING
from squall.domain.run.orphans import AFTER_THE_FAULT, OLD, Kind, Suspect
from squall.wiring import Wiring

STACK, EXECUTION = "squall:stack", "squall:execution"


class Sweep:
    """One sweep: what it removed, what is left, and what it could not ask."""

    def __init__(self, w: Wiring) -> None:
        self.w = w
        self.removed: list[Suspect] = []
        self._removal = Cleanup(w)
        self._questions = Cleanup(w)
        self._at_work: dict[str, bool] = {}

    @property
    def left(self) -> tuple[Leftover, ...]:
        return self._removal.leftovers

    @property
    def failures(self) -> list[Exception]:
        return [*self._questions.failures, *self._removal.failures]

    def run(self) -> None:
        """Sweep if the last sweep is five minutes old. People are notified of each orphan once."""
        before, now = self.w.sightings.get(), self.w.clock.now()
        if not before.due(now):
            return
        orphans = [suspect for suspect in self.find_suspects() if now - suspect.since > OLD and not self._may_be_in_use(suspect)]
        condemned = sorted((orphan for orphan in orphans if orphan.key in before.first), key=lambda orphan: list(Kind).index(orphan.kind))
        for orphan in condemned:
            if orphan.kind not in AFTER_THE_FAULT:
                self._remove(orphan)
        self._remove_after_the_fault([orphan for orphan in condemned if orphan.kind in AFTER_THE_FAULT])
        news = frozenset(orphan.key for orphan in condemned) - before.notified
        if news:
            self._tell()
        self.w.sightings.put(before.next(orphans, news, now))

    def find_suspects(self) -> list[Suspect]:
        """Everything that carries this stack's mark. What can't be listed now is listed by the next sweep."""
        suspects: list[Suspect] = []
        for kinds, listing in _LISTINGS.items():
            suspects += self._questions.attempt(f"the list of {kinds}", "squall status", _list_all, listing, self.w) or ()
        return suspects

    def _may_be_in_use(self, suspect: Suspect) -> bool:
        """Whether the suspect's execution may still be running, or the suspect is not ours. Step Functions is asked
        once about each execution.
        """
        if suspect.execution not in self._at_work:
            question, command = f"whether {suspect.execution} is running", shell_command("squall", "status", suspect.execution)
            at_work = self._questions.attempt(question, command, self._is_at_work, suspect.execution)
            if at_work is None:
                return True
            self._at_work[suspect.execution] = at_work
        return self._at_work[suspect.execution] or (suspect.kind is Kind.GUARD and not self._is_our_guard(suspect))

    def _is_at_work(self, execution: str) -> bool:
        record = self.w.records.get(execution)
        if record is not None and not record.final:
            return True  # the pulse looks after the run
        arn = record.execution_arn if record else self.w.settings.execution_arn(execution)
        return self.w.workflow.status(arn) == RUNNING

    def _is_our_guard(self, guard: Suspect) -> bool:
        """Whether the alarm is a guard of this stack, by its tags.

        The name proves nothing, because the prefix of stack A is also a prefix of stack A-B. An alarm whose tags can't
        be read is not ours.
        """
        tags = self._questions.attempt(f"the tags of {guard.id}", "aws cloudwatch list-tags-for-resource", self.w.alarms.tags, guard.id)
        return tags is not None and tags.get(STACK) == self.w.settings.stack and tags.get(EXECUTION) == guard.execution

    def _remove_after_the_fault(self, orphans: list[Suspect]) -> None:
        """Remove what must stay as long as an experiment of its execution may be running. If FIS can't be asked, all of
        it stays.
        """
        if not orphans:
            return
        active = self._questions.attempt("the faults that are running", "aws fis list-experiments", self.w.faults.active)
        stack = self.w.settings.stack
        running = {fis.tags.get(EXECUTION) for fis in active or () if fis.tags.get(STACK) == stack}
        for orphan in orphans:
            if active is None:
                self._removal.leave(str(orphan), orphan.command, "FIS could not be asked whether its fault is running")
            elif orphan.execution in running:
                self._removal.leave(str(orphan), orphan.command, "kept while its fault may be running")
            else:
                self._remove(orphan)

    def _remove(self, orphan: Suspect) -> None:
        self._removal.attempt(str(orphan), orphan.command, _REMOVALS[orphan.kind], self.w, orphan)
        if not self._removal.has_failed(str(orphan)):
            self.removed.append(orphan)

    def _tell(self) -> None:
        removed = [f"{'stopped' if orphan.kind is Kind.EXPERIMENT else 'removed'}: {orphan}" for orphan in self.removed]
        message = make_sweep_message(self.w.settings.stack, removed, [str(leftover) for leftover in self.left])
        self._questions.attempt("the message to people", "squall status", send_message, self.w, message)


def _list_all(listing: Callable[[Wiring], Iterator[Suspect]], w: Wiring) -> list[Suspect]:
    return list(listing(w))


def _suspect_templates(w: Wiring) -> Iterator[Suspect]:
    for template in w.faults.own_templates(w.settings.stack):
        yield Suspect(Kind.TEMPLATE, template.id, template.execution_id, template.created_at, delete_template_command(template.id))


def _suspect_experiments(w: Wiring) -> Iterator[Suspect]:
    for fis in w.faults.active():
        if fis.tags.get(STACK) == w.settings.stack and EXECUTION in fis.tags and fis.created_at is not None:
            yield Suspect(Kind.EXPERIMENT, fis.id, fis.tags[EXECUTION], fis.created_at, stop_experiment_command(fis.id))


def _suspect_guards(w: Wiring) -> Iterator[Suspect]:
    prefix = f"squall-{w.settings.stack}-"
    for alarm in w.alarms.with_prefix(prefix):
        execution = alarm.name.removeprefix(prefix).rpartition("-")[0]
        if execution and alarm.configured_at is not None:
            yield Suspect(Kind.GUARD, alarm.name, execution, alarm.configured_at, delete_alarms_command(alarm.name))


def _suspect_locks(w: Wiring) -> Iterator[Suspect]:
    for held in w.locks.all(w.clock.now()):
        yield Suspect(Kind.LOCK, held.key, held.holder, held.until, delete_item_command(w.settings.table, f"LOCK#{held.key}", "LOCK"))


def _slots_and_tickets(w: Wiring) -> Iterator[Suspect]:
    line = w.locks.line()
    for slot in line.slots:
        command = delete_item_command(w.settings.table, "SLOTS", f"SLOT#{slot.number}")
        yield Suspect(Kind.SLOT, str(slot.number), slot.holder, slot.until, command)
    for ticket in line.tickets:
        condition = ("--key-condition-expression", "pk = :slots", "--expression-attribute-values", '{":slots":{"S":"SLOTS"}}')
        command = shell_command("aws", "dynamodb", "query", "--table-name", w.settings.table, *condition)
        yield Suspect(Kind.TICKET, ticket.since.isoformat(), ticket.holder, ticket.until, command)


_LISTINGS: dict[str, Callable[[Wiring], Iterator[Suspect]]] = {
    "FIS templates": _suspect_templates,
    "FIS experiments": _suspect_experiments,
    "guards": _suspect_guards,
    "locks": _suspect_locks,
    "slots and places in the queue": _slots_and_tickets,
}
_REMOVALS: dict[Kind, Callable[[Wiring, Suspect], object]] = {
    Kind.TEMPLATE: lambda w, orphan: w.faults.delete_template(orphan.id),
    Kind.EXPERIMENT: lambda w, orphan: w.faults.stop(orphan.id),
    Kind.GUARD: lambda w, orphan: w.alarms.delete([orphan.id]),
    Kind.LOCK: lambda w, orphan: w.locks.release([orphan.id], orphan.execution),
    Kind.SLOT: lambda w, orphan: w.locks.release_slot(int(orphan.id), orphan.execution),
    Kind.TICKET: lambda w, orphan: w.locks.leave(orphan.execution, datetime.fromisoformat(orphan.id)),
}
