"""Records, locks and documents in dictionaries, with the conditions the real table enforces."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from squall.domain.approval.votes import Decision, VoteProof
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.document import document_key, file_key
from squall.domain.documents.finding import Finding, StoredFinding
from squall.domain.experiment.published import MAXIMUM_BYTES, MOST_VERSIONS, StoredVersion
from squall.domain.run.lock import Held
from squall.domain.run.open_runs import OpenRuns
from squall.domain.run.orphans import Sightings
from squall.domain.run.queue import FIS_ACTIVE_EXPERIMENTS, Line, Slot, Ticket
from squall.domain.run.record import ExecutionRecord
from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from squall.domain.approval.votes import Ask, Proof, Vote
    from squall.domain.documents.document import Document
    from squall.domain.experiment.experiment import Schedule
    from squall.domain.experiment.scheduling import Kind
    from squall.domain.run.record import Abort, Event

D = TypeVar("D", bound="Document")

_FIELDS = {field.name for field in fields(ExecutionRecord)}
_FIXED = {"id", "started_at", "events"}


class FakeRecords:
    def __init__(self) -> None:
        self.items: dict[str, ExecutionRecord] = {}
        self.in_open_index: set[str] = set()
        self.triggers: dict[tuple[str, str], str] = {}

    def create(self, record: ExecutionRecord) -> bool:
        if record.id in self.items:
            return False
        self.items[record.id] = replace(record, events=_cut(record.events))
        self.in_open_index.add(record.id)
        return True

    def get(self, execution_id: str) -> ExecutionRecord | None:
        return self.items.get(execution_id)

    def update(self, execution_id: str, *, events: Sequence[Event] = (), **changes: Any) -> bool:
        if (status := changes.get("status")) is not None and status.final:
            raise ValueError("`finish` makes a record final")
        return self._change(execution_id, changes, events)

    def finish(self, execution_id: str, *, status: Status, events: Sequence[Event] = (), **changes: Any) -> bool:
        if not status.final:
            raise ValueError(f"{status.value} is not a final status")
        return self._change(execution_id, {**changes, "status": status}, events)

    def _change(self, execution_id: str, changes: Mapping[str, Any], events: Sequence[Event]) -> bool:
        if wrong := sorted(name for name in changes if name not in _FIELDS or name in _FIXED):
            raise ValueError(f"not to be changed: {', '.join(wrong)}")
        record = self._open(execution_id)
        if record is None:
            return False
        self.items[execution_id] = replace(record, **changes, events=record.events + _cut(events))
        return True

    def _open(self, execution_id: str) -> ExecutionRecord | None:
        record = self.items.get(execution_id)
        return None if record is None or record.final else record

    def request_abort(self, execution_id: str, abort: Abort) -> bool:
        record = self._open(execution_id)
        if record is None or record.abort is not None:
            return False
        self.items[execution_id] = replace(record, abort=abort)
        return True

    def ask(self, execution_id: str, ask: Ask) -> bool:
        record = self._open(execution_id)
        if record is None:
            return False
        before = record.ask.round if record.ask else 0
        if before != ask.round - 1:
            return False
        self.items[execution_id] = replace(record, ask=ask, status=Status.AWAITING_APPROVAL)
        return True

    def vote(
        self, execution_id: str, vote: Vote, events: Sequence[Event] = (), *, proof: Proof | None = None, replaces: Vote | None = None
    ) -> bool:
        record = self._open(execution_id)
        if record is None or record.decided_status is not None or record.ask is None or record.ask.plan != vote.plan:
            return False
        answer = {entry.person: entry for entry in record.votes}
        before = answer.get(vote.person)
        replaced = replaces is not None and before is not None and before.at == replaces.at
        if before and (before.decision is Decision.REJECT or not (replaced or vote.decision is Decision.REJECT)):
            return False
        votes = sorted({**answer, vote.person: vote}.values(), key=lambda item: (item.at, item.person))
        proofs = (*record.proofs, *([VoteProof(vote.person, proof)] if proof else []))
        self.items[execution_id] = replace(record, votes=tuple(votes), proofs=proofs, events=record.events + _cut(events))
        return True

    def confirm(
        self, execution_id: str, digests: Sequence[str], *, handled: Sequence[VoteProof], left: Sequence[VoteProof], events: Sequence[Event]
    ) -> bool:
        record = self._open(execution_id)
        if record is None or record.proofs != tuple(handled):
            return False
        confirmed = (*record.confirmed, *digests)
        self.items[execution_id] = replace(record, proofs=tuple(left), confirmed=confirmed, events=record.events + _cut(events))
        return True

    def store_token(self, execution_id: str, token: str) -> int | None:
        record = self._open(execution_id)
        if record is None:
            return None
        generation = record.token_generation + 1
        self.items[execution_id] = replace(record, task_token=token, token_generation=generation)
        return generation

    def clear_token(self, execution_id: str, generation: int) -> None:
        record = self.items.get(execution_id)
        if record is not None and record.token_generation == generation:
            self.items[execution_id] = replace(record, task_token=None)

    def append(self, execution_id: str, events: Sequence[Event]) -> None:
        if record := self.items.get(execution_id):
            self.items[execution_id] = replace(record, events=record.events + _cut(events))

    def settle(self, execution_id: str) -> None:
        record = self.items.get(execution_id)
        if record is not None and record.final:
            self.in_open_index.discard(execution_id)

    def open_ids(self) -> OpenRuns:
        with_fault = [record.id for record in self.open() if record.template_id and not record.fault_ended_at]
        return OpenRuns(tuple(with_fault), tuple(record.id for record in self.open() if record.id not in with_fault))

    def waiting_ids(self, environment: str) -> Sequence[str]:
        waiting = (record for record in self.open() if record.environment == environment and not record.final)
        return [record.id for record in waiting if not record.fis_experiment_id]

    def open(self) -> Sequence[ExecutionRecord]:
        return sorted((self.items[known] for known in self.in_open_index), key=lambda record: record.started_at)

    def validated(self, experiment: str, environment: str, since: datetime) -> Sequence[ExecutionRecord]:
        results = [entry for entry in self._newest(since) if (entry.experiment, entry.environment) == (experiment, environment)]
        return [item for item in results if item.verdict is Verdict.VALIDATED][:50]

    def faulted(self, domains: Sequence[str], since: datetime, until: datetime, *, most: int = 3) -> Sequence[ExecutionRecord]:
        injected = [entry for entry in self._newest(since) if entry.started_at <= until and entry.fis_experiment_id is not None]
        return [item for item in injected if set(item.lock_keys) & set(domains)][:most]

    def _newest(self, since: datetime) -> list[ExecutionRecord]:
        return sorted((item for item in self.items.values() if item.started_at >= since), key=lambda entry: entry.started_at, reverse=True)

    def claim_trigger(self, schedule_arn: str, scheduled_time: str, execution_id: str, expires_at: datetime) -> bool:
        return self.triggers.setdefault((schedule_arn, scheduled_time), execution_id) == execution_id


def _cut(events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(replace(event, detail=event.detail[:1000]) for event in events)


@dataclass(frozen=True)
class Lease:
    holder: str
    until: datetime


class FakeLocks:
    def __init__(self) -> None:
        self.leases: dict[str, Lease] = {}
        self.slot_leases: dict[int, Lease] = {}
        self.tickets: dict[tuple[datetime, str], datetime] = {}
        """By time of entry and execution, until when the place in the queue is valid."""

    def acquire(self, keys: Sequence[str], holder: str, until: datetime, now: datetime) -> Held | None:
        held = [lock for lock in self.holders(keys, now).values() if lock is not None and lock.holder != holder]
        if held:
            return min(held, key=lambda lock: lock.expired)
        self._write(keys, holder, until)
        return None

    def _write(self, keys: Sequence[str], holder: str, until: datetime) -> None:
        """As one transaction of DynamoDB, which takes a hundred writes."""
        if len(set(keys)) > 100:
            raise Unavailable("dynamodb", "TransactWriteItems", "ValidationException", "Member must have length <= 100", retryable=False)
        self.leases.update(dict.fromkeys(keys, Lease(holder, until)))

    def renew(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        if not all(_held_by(self.leases.get(key), holder) for key in keys):
            return False
        self._write(keys, holder, until)
        return True

    def holds(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        leases = [self.leases.get(key) for key in keys]
        return all(lease is not None and lease.holder == holder and lease.until >= until for lease in leases)

    def holders(self, keys: Sequence[str], now: datetime) -> Mapping[str, Held | None]:
        return {key: self._held(key, now) for key in keys}

    def _held(self, key: str, now: datetime) -> Held | None:
        lease = self.leases.get(key)
        return Held(key, lease.holder, lease.until, expired=lease.until <= now) if lease else None

    def release(self, keys: Sequence[str], holder: str) -> None:
        for key in keys:
            if _held_by(self.leases.get(key), holder):
                del self.leases[key]

    def all(self, now: datetime) -> Sequence[Held]:
        return [held for key in sorted(self.leases) if (held := self._held(key, now))]

    def acquire_slot(self, holder: str, until: datetime, now: datetime, limit: int) -> int | None:
        taken = self.slots(now)
        ours = (slot for slot, lease in sorted(self.slot_leases.items()) if lease.holder == holder)
        free = (slot for slot in range(FIS_ACTIVE_EXPERIMENTS) if slot not in taken and len(taken) < limit)
        slot = next(ours, next(free, None))
        if slot is not None:
            self.slot_leases[slot] = Lease(holder, until)
        return slot

    def renew_slot(self, slot: int, holder: str, until: datetime) -> bool:
        if not _held_by(self.slot_leases.get(slot), holder):
            return False
        self.slot_leases[slot] = Lease(holder, until)
        return True

    def release_slot(self, slot: int, holder: str) -> None:
        if _held_by(self.slot_leases.get(slot), holder):
            del self.slot_leases[slot]

    def slots(self, now: datetime) -> Mapping[int, str]:
        return self.line().holders(now)

    def join(self, holder: str, since: datetime, until: datetime) -> None:
        self.tickets[since, holder] = until

    def leave(self, holder: str, since: datetime) -> None:
        self.tickets.pop((since, holder), None)

    def line(self) -> Line:
        slots = tuple(Slot(number, lease.holder, lease.until) for number, lease in sorted(self.slot_leases.items()))
        return Line(slots, tuple(Ticket(holder, since, until) for (since, holder), until in sorted(self.tickets.items())))


def _held_by(lease: Lease | None, holder: str) -> bool:
    return lease is not None and lease.holder == holder


class FakeFindings:
    """Keeps the JSON text, as the table does."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], tuple[str, str, datetime]] = {}

    def of(self, experiment: str) -> Sequence[StoredFinding]:
        return [
            StoredFinding(finding=Finding.model_validate_json(body), last_execution=execution)
            for (of, _), (body, execution, _) in sorted(self.items.items())
            if of == experiment
        ]

    def save(self, experiment: str, finding: Finding, execution_id: str, started_at: datetime) -> bool:
        known = self.items.get((experiment, finding.id))
        if known and known[2] > started_at:
            return False
        self.items[experiment, finding.id] = (finding.model_dump_json(), execution_id, started_at)
        return True


class FakeDocuments:
    """Keeps the JSON text: a value that does not survive S3 does not survive here."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}

    def put(self, execution_id: str, document: Document) -> None:
        self.files[document_key(execution_id, document)] = document.model_dump_json()

    def write(self, execution_id: str, file_name: str, body: str, content_type: str) -> str:
        return self.publish(file_key(execution_id, file_name), body, content_type)

    def publish(self, key: str, body: str, content_type: str) -> str:
        self.files[key] = body
        return key

    def get(self, execution_id: str, model: type[D]) -> D | None:
        body = self.files.get(document_key(execution_id, model))
        return None if body is None else model.model_validate_json(body)


class FakeCatalogue:
    def __init__(self) -> None:
        self.objects: dict[tuple[str, int], bytes] = {}

    def find_newest(self, name: str) -> StoredVersion | None:
        versions = [version for known, version in self.objects if known == name]
        if len(versions) > MOST_VERSIONS:
            raise Refused("s3", "ListObjectsV2", "TooManyVersions", name)
        return self.read(name, max(versions)) if versions else None

    def read(self, name: str, version: int) -> StoredVersion | None:
        body = self.objects.get((name, version))
        return None if body is None else StoredVersion(name, version, body[: MAXIMUM_BYTES + 1])

    def list_newest(self) -> Mapping[str, int]:
        return dict(sorted(self.objects))

    def add(self, stored: StoredVersion) -> bool:
        if (stored.name, stored.version) in self.objects:
            return False
        self.objects[stored.name, stored.version] = stored.body
        return True


class FakeSchedules:
    def __init__(self) -> None:
        self.items: dict[str, Schedule] = {}
        self.kinds: dict[str, Kind] = {}
        """What each schedule starts, or has started."""

    def list_names(self) -> Sequence[str]:
        return list(self.items)

    def put(self, name: str, kind: Kind, schedule: Schedule) -> None:
        self.items[name], self.kinds[name] = schedule, kind

    def remove(self, name: str) -> None:
        self.items.pop(name, None)


class FakeSightings:
    def __init__(self) -> None:
        self.seen = Sightings()

    def get(self) -> Sightings:
        return self.seen

    def put(self, sightings: Sightings) -> None:
        self.seen = sightings
