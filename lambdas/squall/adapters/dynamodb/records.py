"""Execution records in DynamoDB. Decisions read the table consistently; indexes are hints.

Attributes of the indexes: `open_pk` only while something may be left to do, `period_pk` the month, `experiment_pk` once
the name is known.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.dynamodb.items import (
    FIELDS,
    Item,
    format_instant,
    from_item,
    make_attribute,
    make_number,
    make_text,
    make_timeline,
    proofs_attribute,
    to_item,
    vote_attribute,
)
from squall.domain.approval.votes import Decision, VoteProof
from squall.domain.base.vocabulary import FINAL_STATUSES, Status, Verdict
from squall.domain.run.open_runs import OpenRuns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from squall.domain.approval.votes import Ask, Proof, Vote
    from squall.domain.run.record import Abort, Event, ExecutionRecord

_NO = frozenset({"ConditionalCheckFailedException"})
_FINAL = {f":final{index}": make_text(status.value) for index, status in enumerate(sorted(FINAL_STATUSES))}
_IS_FINAL = f"#status IN ({', '.join(_FINAL)})"
_IS_OPEN = f"attribute_exists(pk) AND NOT {_IS_FINAL}"
_PROOFS = 50
"""How many of the newest starts are read to find the newest end. Runs on one failure domain follow each other, so the
newest end is among them."""
# A decided run asks nobody. A person votes once, and may reject after that.
_MAY_VOTE = (
    f"{_IS_OPEN} AND attribute_not_exists(#decided_status) AND #ask.#plan = :plan "
    "AND (attribute_not_exists(#votes.#person) OR (:decision = :reject AND #votes.#person.#decision <> :reject)"
    " OR (#votes.#person.#decision <> :reject AND #votes.#person.#at = :replaced))"
)
_FIXED = frozenset({"id", "started_at", "events"})


class DynamoRecords:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def create(self, record: ExecutionRecord) -> bool:
        started = make_text(format_instant(record.started_at))
        item = (
            to_item(record)
            | _record_key(record.id)
            | {
                "open_pk": make_text("OPEN"),
                "open_sk": started,
                "period_pk": make_text(record.started_at.strftime("%Y-%m")),
                "period_sk": started,
                "experiment_sk": started,
            }
        )
        for name in ("votes", "proofs", "confirmed"):
            if not getattr(record, name):
                item.pop(name, None)  # whoever makes records may not write these
        if record.experiment:
            item["experiment_pk"] = make_text(record.experiment)
        return self._write("put_item", Item=item, ConditionExpression="attribute_not_exists(pk)") is not None

    def get(self, execution_id: str) -> ExecutionRecord | None:
        answer = call(self._client, "get_item", TableName=self._table, Key=_record_key(execution_id), ConsistentRead=True)
        return from_item(answer["Item"]) if "Item" in answer else None

    def update(self, execution_id: str, *, events: Sequence[Event] = (), **changes: Any) -> bool:
        status = changes.get("status")
        if status is not None and status.final:
            raise ValueError("`finish` makes a record final")
        return self._change(execution_id, changes, events)

    def finish(self, execution_id: str, *, status: Status, events: Sequence[Event] = (), **changes: Any) -> bool:
        if not status.final:
            raise ValueError(f"{status.value} is not a final status")
        return self._change(execution_id, {**changes, "status": status}, events)

    def _change(self, execution_id: str, changes: Mapping[str, Any], events: Sequence[Event]) -> bool:
        if not changes and not events:
            record = self.get(execution_id)
            return record is not None and not record.final
        return self._update(execution_id, _make_assignments(changes, events), _IS_OPEN, _FINAL) is not None

    def request_abort(self, execution_id: str, abort: Abort) -> bool:
        condition = f"{_IS_OPEN} AND attribute_not_exists(#abort)"
        return self._update(execution_id, _Assignments().set("abort", make_attribute("abort", abort)), condition, _FINAL) is not None

    def ask(self, execution_id: str, ask: Ask) -> bool:
        change = _make_assignments({"ask": ask, "status": Status.AWAITING_APPROVAL}, ())
        if ask.round == 1:
            return self._update(execution_id, change, f"{_IS_OPEN} AND attribute_not_exists(#ask)", _FINAL) is not None
        change.names["#round"] = "round"
        condition, before = f"{_IS_OPEN} AND #ask.#round = :before", {":before": make_number(ask.round - 1)}
        return self._update(execution_id, change, condition, {**_FINAL, **before}) is not None

    def vote(
        self, execution_id: str, vote: Vote, events: Sequence[Event] = (), *, proof: Proof | None = None, replaces: Vote | None = None
    ) -> bool:
        # The map of votes has to exist before a vote can be put into it.
        self._update(execution_id, _make_assignments({"votes": ()}, ()), f"{_IS_OPEN} AND attribute_not_exists(#votes)", _FINAL)
        proofs = (VoteProof(vote.person, proof),) if proof else ()
        answer = self._write(
            "update_item",
            Key=_record_key(execution_id),
            UpdateExpression="SET #votes.#person = :vote, #events = list_append(if_not_exists(#events, :none), :events), "
            "#proofs = list_append(if_not_exists(#proofs, :none), :proofs)",
            ConditionExpression=_MAY_VOTE,
            ExpressionAttributeNames={
                "#person": vote.person,
                **{f"#{name}": name for name in ("votes", "proofs", "events", "status", "decided_status", "ask", "plan", "decision", "at")},
            },
            ExpressionAttributeValues={
                **_FINAL,
                ":vote": vote_attribute(vote),
                ":proofs": proofs_attribute(proofs),
                ":events": make_timeline(events),
                ":none": {"L": []},
                ":plan": make_text(vote.plan),
                ":decision": make_text(vote.decision.value),
                ":reject": make_text(Decision.REJECT.value),
                ":replaced": make_text(format_instant(replaces.at) if replaces else "nothing"),
            },
        )
        return answer is not None

    def confirm(
        self, execution_id: str, digests: Sequence[str], *, handled: Sequence[VoteProof], left: Sequence[VoteProof], events: Sequence[Event]
    ) -> bool:
        change = _make_assignments({"proofs": tuple(left)}, events).append("confirmed", make_attribute("confirmed", tuple(digests)) or {})
        known = {":handled": proofs_attribute(handled)}
        return self._update(execution_id, change, f"{_IS_OPEN} AND #proofs = :handled", {**_FINAL, **known}) is not None

    def store_token(self, execution_id: str, token: str) -> int | None:
        change = _Assignments().set("task_token", make_text(token)).add("token_generation", make_number(1))
        answer = self._update(execution_id, change, _IS_OPEN, _FINAL, ReturnValues="UPDATED_NEW")
        return None if answer is None else int(answer["Attributes"]["token_generation"]["N"])

    def clear_token(self, execution_id: str, generation: int) -> None:
        change = _Assignments().set("task_token", None)
        self._update(execution_id, change, "token_generation = :generation", {":generation": make_number(generation)})

    def append(self, execution_id: str, events: Sequence[Event]) -> None:
        if events:
            self._update(execution_id, _make_assignments({}, events), "attribute_exists(pk)")

    def settle(self, execution_id: str) -> None:
        change = _Assignments().set("open_pk", None).set("open_sk", None)
        self._update(execution_id, change, _IS_FINAL, _FINAL)

    def open_ids(self) -> OpenRuns:
        with_fault: list[str] = []
        waiting: list[str] = []
        for item in self._open_items():
            runs = with_fault if "template_id" in item and "fault_ended_at" not in item else waiting
            runs.append(_id_of(item))
        return OpenRuns(tuple(with_fault), tuple(waiting))

    def waiting_ids(self, environment: str) -> Sequence[str]:
        return [
            _id_of(item)
            for item in self._open_items()
            if item.get("environment") == make_text(environment) and "fis_experiment_id" not in item and "ended_at" not in item
        ]

    def open(self) -> Sequence[ExecutionRecord]:
        return [from_item(item) for item in self._open_items()]

    def _open_items(self) -> Iterator[Item]:
        return list_items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="open_pk = :open",
            ExpressionAttributeValues={":open": make_text("OPEN")},
        )

    def validated(self, experiment: str, environment: str, since: datetime) -> Sequence[ExecutionRecord]:
        items = self._indexed(
            "experiment",
            experiment,
            since,
            "#verdict = :validated AND #environment = :environment",
            {":validated": make_text(Verdict.VALIDATED.value), ":environment": make_text(environment)},
        )
        return [from_item(item) for item in islice(items, _PROOFS)]

    def faulted(self, domains: Sequence[str], since: datetime, until: datetime, *, most: int = 3) -> Sequence[ExecutionRecord]:
        keys = {f":domain{number}": make_text(domain) for number, domain in enumerate(domains)}
        condition = f"attribute_exists(fis_experiment_id) AND ({' OR '.join(f'contains(lock_keys, {key})' for key in keys)})"
        items = (item for month in _list_months(since, until) for item in self._indexed("period", month, since, condition, keys, until))
        ids = [_id_of(item) for item in islice(items, most)]
        return [record for execution_id in ids if (record := self.get(execution_id))]

    def _indexed(
        self, index: str, key: str, since: datetime, condition: str, values: Mapping[str, Item], until: datetime | None = None
    ) -> Iterator[Item]:
        """The items in a partition of an index, newest first."""
        names = {f"#{word}": word for word in ("verdict", "environment") if f"#{word}" in condition}
        last = {":until": make_text(format_instant(until))} if until else {}
        return list_items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression=f"{index}_pk = :key AND {index}_sk {'BETWEEN :since AND :until' if until else '>= :since'}",
            FilterExpression=condition,
            ExpressionAttributeValues={":key": make_text(key), ":since": make_text(format_instant(since)), **values, **last},
            ScanIndexForward=False,
            **({"ExpressionAttributeNames": names} if names else {}),
        )

    def claim_trigger(self, schedule_arn: str, scheduled_time: str, execution_id: str, expires_at: datetime) -> bool:
        item = {
            "pk": make_text(f"TRIGGER#{schedule_arn}#{scheduled_time}"),
            "sk": make_text("TRIGGER"),
            "execution_id": make_text(execution_id),
            "expires_at": make_number(int(expires_at.timestamp())),
        }
        answer = self._write(
            "put_item",
            Item=item,
            ConditionExpression="attribute_not_exists(pk) OR execution_id = :me",
            ExpressionAttributeValues={":me": make_text(execution_id)},
        )
        return answer is not None

    def _update(
        self, execution_id: str, change: _Assignments, condition: str, values: Mapping[str, Item] | None = None, **extra: Any
    ) -> Any:
        names = dict(change.names)
        names.update({f"#{word}": word for word in ("status", "abort") if f"#{word}" in condition})
        arguments: dict[str, Any] = {"UpdateExpression": change.expression, "ConditionExpression": condition, **extra}
        if names:
            arguments["ExpressionAttributeNames"] = names
        if merged := {**change.values, **(values or {})}:
            arguments["ExpressionAttributeValues"] = merged
        return self._write("update_item", Key=_record_key(execution_id), **arguments)

    def _write(self, method: str, **arguments: Any) -> Any:
        """The answer of the call; None if the condition did not hold."""
        return call(self._client, method, absent=_NO, TableName=self._table, **arguments)


class _Assignments:
    """Builds an update expression. Every name is a placeholder, so an attribute may be called like a reserved word."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Item] = {}
        self._clauses: dict[str, list[str]] = {}

    def set(self, name: str, value: Item | None) -> _Assignments:
        """Set the attribute, or remove it if there is no value."""
        if value is None:
            return self._clause("REMOVE", name, f"#{name}")
        return self._clause("SET", name, f"#{name} = :{name}", value)

    def add(self, name: str, value: Item) -> _Assignments:
        return self._clause("ADD", name, f"#{name} :{name}", value)

    def append(self, name: str, value: Item) -> _Assignments:
        self.values[":none"] = {"L": []}
        return self._clause("SET", name, f"#{name} = list_append(if_not_exists(#{name}, :none), :{name})", value)

    def _clause(self, verb: str, name: str, clause: str, value: Item | None = None) -> _Assignments:
        self.names[f"#{name}"] = name
        if value is not None:
            self.values[f":{name}"] = value
        self._clauses.setdefault(verb, []).append(clause)
        return self

    @property
    def expression(self) -> str:
        return " ".join(f"{verb} {', '.join(clauses)}" for verb, clauses in self._clauses.items())


def _make_assignments(changes: Mapping[str, Any], events: Sequence[Event]) -> _Assignments:
    if wrong := sorted(name for name in changes if name not in FIELDS or name in _FIXED):
        raise ValueError(f"not to be changed: {', '.join(wrong)}")
    change = _Assignments()
    for name, value in changes.items():
        change.set(name, make_attribute(name, value))
    if "experiment" in changes:
        change.set("experiment_pk", make_attribute("experiment", changes["experiment"]))
    if events:
        change.append("events", make_timeline(events))
    return change


def _list_months(since: datetime, until: datetime) -> Iterator[str]:
    """The months from `until` back to `since`, as `YYYY-MM`, newest first."""
    year, month = until.year, until.month
    while (year, month) >= (since.year, since.month):
        yield f"{year:04}-{month:02}"
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)


def _record_key(execution_id: str) -> Item:
    return {"pk": make_text(f"EXECUTION#{execution_id}"), "sk": make_text("RECORD")}


def _id_of(item: Item) -> str:
    return str(item["pk"]["S"]).removeprefix("EXECUTION#")
