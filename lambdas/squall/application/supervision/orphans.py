"""The sweep: whatever of this stack outlived its execution and stands in no open run's way of being found.

The record is the first way to find what a run made, and the pulse follows it. This is the second, for what no record leads to: it
asks FIS, CloudWatch and the table for everything that carries this stack's mark. It acts only on what is older than ten minutes,
belongs to an execution whose record is final or missing and which Step Functions does not call running, and was so at two sweeps,
five minutes apart. What can't be asked counts as alive.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from squall.domain.messages import leftovers
from squall.domain.run.commands import (
    delete_alarms_command,
    delete_item_command,
    delete_template_command,
    shell_command,
    stop_experiment_command,
)
from squall.domain.run.execution_state import RUNNING
from squall.domain.run.orphans import AFTER_THE_FAULT, OLD, Kind, Suspect
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

STACK, EXECUTION = "squall:stack", "squall:execution"


@dataclass
class Swept:
    """What a sweep did."""

    removed: list[Suspect] = field(default_factory=list)
    left: list[tuple[Suspect, str]] = field(default_factory=list)
    """What is still there, and why."""
    failures: list[Exception] = field(default_factory=list)


def sweep_orphans(w: Wiring) -> Swept:
    """At most every five minutes; people are told of each orphan once."""
    swept, now = Swept(), w.clock.now()
    before = w.sightings.get()
    if not before.due(now):
        return swept
    lives = _Lives(w, swept.failures)
    orphans = [one for one in _suspects(w, swept.failures) if now - one.since > OLD and not lives.of(one)]
    condemned = sorted((one for one in orphans if one.key in before.first), key=lambda one: list(Kind).index(one.kind))
    for one in condemned:
        if one.kind not in AFTER_THE_FAULT:
            _remove(w, one, swept)
    _remove_the_rest(w, [one for one in condemned if one.kind in AFTER_THE_FAULT], swept)
    news = frozenset(one.key for one in condemned) - before.told
    if news:
        _tell(w, swept)
    w.sightings.put(before.next(orphans, news, now))
    return swept


def _suspects(w: Wiring, failures: list[Exception]) -> list[Suspect]:
    """Everything that carries this stack's mark; what can't be listed now is listed by the next sweep."""
    found: list[Suspect] = []
    for listing in (_templates, _experiments, _guards, _locks, _line):
        try:
            found += listing(w)
        except (Unavailable, Refused) as error:
            failures.append(error)
    return found


def _templates(w: Wiring) -> Iterator[Suspect]:
    for one in w.faults.own_templates(w.settings.stack):
        command = delete_template_command(one.id)
        yield Suspect(Kind.TEMPLATE, one.id, one.execution_id, one.created_at, command)


def _experiments(w: Wiring) -> Iterator[Suspect]:
    for fis in w.faults.active():
        if fis.tags.get(STACK) == w.settings.stack and EXECUTION in fis.tags and fis.created_at is not None:
            command = stop_experiment_command(fis.id)
            yield Suspect(Kind.EXPERIMENT, fis.id, fis.tags[EXECUTION], fis.created_at, command)


def _guards(w: Wiring) -> Iterator[Suspect]:
    prefix = f"squall-{w.settings.stack}-"
    for alarm in w.alarms.with_prefix(prefix):
        execution = alarm.name.removeprefix(prefix).rpartition("-")[0]
        if execution and alarm.configured_at is not None:
            command = delete_alarms_command(alarm.name)
            yield Suspect(Kind.GUARD, alarm.name, execution, alarm.configured_at, command)


def _locks(w: Wiring) -> Iterator[Suspect]:
    for held in w.locks.all(w.clock.now()):
        yield Suspect(Kind.LOCK, held.key, held.holder, held.until, delete_item_command(w.settings.table, f"LOCK#{held.key}", "LOCK"))


def _line(w: Wiring) -> Iterator[Suspect]:
    line = w.locks.line()
    for slot in line.slots:
        command = delete_item_command(w.settings.table, "SLOTS", f"SLOT#{slot.number}")
        yield Suspect(Kind.SLOT, str(slot.number), slot.holder, slot.until, command)
    for ticket in line.tickets:
        condition = ("--key-condition-expression", "pk = :slots", "--expression-attribute-values", '{":slots":{"S":"SLOTS"}}')
        command = shell_command("aws", "dynamodb", "query", "--table-name", w.settings.table, *condition)
        yield Suspect(Kind.TICKET, ticket.since.isoformat(), ticket.holder, ticket.until, command)


class _Lives:
    """Whether an execution may still be at work; each is asked once a sweep."""

    def __init__(self, w: Wiring, failures: list[Exception]) -> None:
        self._w, self._failures = w, failures
        self._known: dict[str, bool] = {}

    def of(self, suspect: Suspect) -> bool:
        try:
            if suspect.execution not in self._known:
                self._known[suspect.execution] = self._ask(suspect.execution)
            return self._known[suspect.execution] or (suspect.kind is Kind.GUARD and not self._is_ours(suspect))
        except (Unavailable, Refused) as error:
            self._failures.append(error)
            return True

    def _ask(self, execution: str) -> bool:
        record = self._w.records.get(execution)
        if record is not None and not record.final:
            return True  # the pulse looks after it
        arn = record.execution_arn if record else self._w.settings.execution_arn(execution)
        return self._w.workflow.status(arn) == RUNNING

    def _is_ours(self, guard: Suspect) -> bool:
        """A name alone proves nothing: the prefix of stack A is also that of stack A-B."""
        tags = self._w.alarms.tags(guard.id)
        return tags.get(STACK) == self._w.settings.stack and tags.get(EXECUTION) == guard.execution


def _remove_the_rest(w: Wiring, condemned: list[Suspect], swept: Swept) -> None:
    """What stands as long as an experiment of its execution may run; without FIS's word, all of it."""
    if not condemned:
        return
    try:
        running = {fis.tags.get(EXECUTION) for fis in w.faults.active() if fis.tags.get(STACK) == w.settings.stack}
    except (Unavailable, Refused) as error:
        swept.left += [(one, f"whether its fault runs could not be asked: {error}") for one in condemned]
        return
    for one in condemned:
        if one.execution in running:
            swept.left.append((one, "as long as its fault may run"))
        else:
            _remove(w, one, swept)


def _remove(w: Wiring, one: Suspect, swept: Swept) -> None:
    acts: dict[Kind, Callable[[], object]] = {
        Kind.TEMPLATE: lambda: w.faults.delete_template(one.id),
        Kind.EXPERIMENT: lambda: w.faults.stop(one.id),
        Kind.GUARD: lambda: w.alarms.delete([one.id]),
        Kind.LOCK: lambda: w.locks.release([one.id], one.execution),
        Kind.SLOT: lambda: w.locks.release_slot(int(one.id), one.execution),
        Kind.TICKET: lambda: w.locks.leave(one.execution, datetime.fromisoformat(one.id)),
    }
    try:
        acts[one.kind]()
        swept.removed.append(one)
    except (Unavailable, Refused) as error:
        swept.left.append((one, str(error)))
        swept.failures.append(error)


def _tell(w: Wiring, swept: Swept) -> None:
    removed = [f"{'stopped' if one.kind is Kind.EXPERIMENT else 'removed'}: {one}" for one in swept.removed]
    left = [f"{one} ({why}): {one.command}" for one, why in swept.left]
    try:
        w.notifier.publish(leftovers.swept(w.settings.stack, removed, left))
    except (Unavailable, Refused) as error:
        swept.failures.append(error)
