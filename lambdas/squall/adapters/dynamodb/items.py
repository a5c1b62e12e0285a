"""Turns records into DynamoDB items and back. An attribute without a value is absent, never NULL."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from squall.domain.approval.votes import Ask, Decision, Proof, Vote, VoteProof
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.part import Part
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import read_event_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = dict[str, Any]

FIELDS = frozenset(field.name for field in fields(ExecutionRecord))
DETAIL_CHARACTERS = 1000
"""The detail of an event is cut to this length. An item that outgrows 400 KB could never be made final."""

_TIMES = frozenset({"started_at", "ended_at", "phase_since", "fault_started_at", "fault_ended_at", "ready_at", "peers_read_at"})
_TUPLES = frozenset({"lock_keys", "guard_names", "confirmed"})
_NUMBERS = frozenset({"slot", "source_version", "fault_seconds", "lead_seconds", "observation_seconds", "token_generation"})
_ENUMS = frozenset({"status", "decided_status", "verdict", "decided_verdict"})


def format_instant(at: datetime) -> str:
    """A time as text of fixed width, so that text order is time order. Raises ValueError for a time without its
    zone."""
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_lease_end(at: datetime) -> Item:
    """The end of a lease as a number, which DynamoDB's conditions compare."""
    return {"N": str(epoch_milliseconds(at))}


def epoch_milliseconds(at: datetime) -> int:
    """The time in milliseconds since the epoch, the unit of leases."""
    return round(at.timestamp() * 1000)


def from_milliseconds(value: Item) -> datetime:
    """The end of a lease, from its number."""
    return datetime.fromtimestamp(int(value["N"]) / 1000, UTC)


def make_text(value: str) -> Item:
    """An attribute of type S."""
    return {"S": value}


def make_number(value: int) -> Item:
    """An attribute of type N."""
    return {"N": str(value)}


def make_attribute(name: str, value: Any) -> Item | None:
    """A record's field as a DynamoDB attribute; None if it is left out. Raises TypeError for a type that can't be
    stored."""
    if value is None or value == "":
        return None
    write = _WRITERS.get(name) or _WRITERS_OF_TYPE.get(type(value))
    if write is None:
        write = make_text if isinstance(value, str) else None
    if write is None:
        raise TypeError(f"{name}: {type(value).__name__} is not storable")
    return write(value)


def make_timeline(events: Iterable[Event]) -> Item:
    """The events as a list attribute, each with its detail cut to DETAIL_CHARACTERS."""
    return {
        "L": [
            {
                "M": {
                    "at": make_text(format_instant(event.at)),
                    "event": make_text(str(event.event)),
                    "detail": make_text(event.detail[:DETAIL_CHARACTERS]),
                }
            }
            for event in events
        ]
    }


def _abort_attribute(abort: Abort) -> Item:
    return {
        "M": {
            "source": make_text(abort.source.value),
            "reason": make_text(abort.reason),
            "at": make_text(format_instant(abort.at)),
            "by": make_text(abort.by),
        }
    }


def _ask_attribute(ask: Ask) -> Item:
    return {
        "M": {
            "plan": make_text(ask.plan),
            "at": make_text(format_instant(ask.at)),
            "expires_at": make_text(format_instant(ask.expires_at)),
            "approvers": make_number(ask.approvers),
            "who": {"L": [make_text(person) for person in ask.who]},
            "round": make_number(ask.round),
        }
    }


def _part_attribute(part: Part) -> Item:
    """As one text: IAM compares the names inside of attributes, too, and some of these are names of attributes."""
    facts = {"run": part.run, "region": part.region, "home": part.home, "regions": part.regions, "start_by": format_instant(part.start_by)}
    return make_text(json.dumps(facts))


def vote_attribute(vote: Vote) -> Item:
    """One person's vote. The map of votes holds it under the person's key, so that nobody has two."""
    attributes = {
        "arn": make_text(vote.arn),
        "decision": make_text(vote.decision.value),
        "at": make_text(format_instant(vote.at)),
        "comment": make_text(vote.comment),
        "plan": make_text(vote.plan),
    }
    return {"M": attributes}


def _votes_attribute(votes: Iterable[Vote]) -> Item:
    return {"M": {vote.person: vote_attribute(vote) for vote in votes}}


def proofs_attribute(proofs: Iterable[VoteProof]) -> Item:
    """The proofs of votes as a list."""
    return {"L": [{"M": {"person": make_text(each.person), **_proof_items(each.proof), "tried": {"BOOL": each.tried}}} for each in proofs]}


def _proof_items(proof: Proof) -> Item:
    return {"authorization": make_text(proof.authorization), "date": make_text(proof.date), "token": make_text(proof.token)}


_WRITERS: dict[str, Callable[[Any], Item]] = {
    **dict.fromkeys(_TIMES, lambda value: make_text(format_instant(value))),
    **dict.fromkeys(_TUPLES, lambda value: {"L": [make_text(entry) for entry in value]}),
    **dict.fromkeys(_NUMBERS, make_number),
    **dict.fromkeys(_ENUMS, lambda value: make_text(value.value)),
    "events": make_timeline,
    "abort": _abort_attribute,
    "ask": _ask_attribute,
    "part": _part_attribute,
    "votes": _votes_attribute,
    "proofs": proofs_attribute,
}
_WRITERS_OF_TYPE: dict[type, Callable[[Any], Item]] = {bool: lambda value: {"BOOL": value}}


def to_item(record: ExecutionRecord) -> Item:
    """The attributes of the record, without the keys."""
    attributes = ((name, make_attribute(name, getattr(record, name))) for name in sorted(FIELDS))
    return {name: value for name, value in attributes if value is not None}


def from_item(item: Item) -> ExecutionRecord:
    """The record of an item. Attributes that are no field of the record, such as the keys of the indexes, are
    ignored."""
    return ExecutionRecord(**{name: _READERS.get(name, _plain_value)(value) for name, value in item.items() if name in FIELDS})


def _read_event(item: Item) -> Event:
    return Event(datetime.fromisoformat(item["at"]["S"]), read_event_name(item["event"]["S"]), item["detail"]["S"])


def _read_abort(item: Item) -> Abort:
    return Abort(AbortSource(item["source"]["S"]), item["reason"]["S"], datetime.fromisoformat(item["at"]["S"]), item["by"]["S"])


def _read_ask(item: Item) -> Ask:
    return Ask(
        plan=item["plan"]["S"],
        at=datetime.fromisoformat(item["at"]["S"]),
        expires_at=datetime.fromisoformat(item["expires_at"]["S"]),
        approvers=int(item["approvers"]["N"]),
        who=tuple(person["S"] for person in item["who"]["L"]),
        round=int(item["round"]["N"]),
    )


def _read_part(text: str) -> Part:
    facts = json.loads(text)
    start_by = datetime.fromisoformat(facts["start_by"])
    return Part(facts["run"], facts["region"], facts["home"], tuple(facts["regions"]), start_by)


def _read_votes(item: Item) -> tuple[Vote, ...]:
    return tuple(sorted((_read_vote(person, vote["M"]) for person, vote in item.items()), key=lambda vote: (vote.at, vote.person)))


def _read_vote(person: str, item: Item) -> Vote:
    at = datetime.fromisoformat(item["at"]["S"])
    plan = item["plan"]["S"] if "plan" in item else ""
    return Vote(person, item["arn"]["S"], Decision(item["decision"]["S"]), at, item["comment"]["S"], plan)


def _read_proof(item: Item) -> VoteProof:
    proof = Proof(item["authorization"]["S"], item["date"]["S"], item["token"]["S"])
    return VoteProof(item["person"]["S"], proof, bool(item["tried"]["BOOL"]))


def _plain_value(value: Item) -> str | bool:
    return bool(value["BOOL"]) if "BOOL" in value else str(value["S"])


_READERS: dict[str, Callable[[Item], Any]] = {
    **dict.fromkeys(_TIMES, lambda value: datetime.fromisoformat(value["S"])),
    **dict.fromkeys(_TUPLES, lambda value: tuple(entry["S"] for entry in value["L"])),
    **dict.fromkeys(_NUMBERS, lambda value: int(value["N"])),
    "status": lambda value: Status(value["S"]),
    "decided_status": lambda value: Status(value["S"]),
    "verdict": lambda value: Verdict(value["S"]),
    "decided_verdict": lambda value: Verdict(value["S"]),
    "events": lambda value: tuple(_read_event(entry["M"]) for entry in value["L"]),
    "abort": lambda value: _read_abort(value["M"]),
    "ask": lambda value: _read_ask(value["M"]),
    "part": lambda value: _read_part(value["S"]),
    "votes": lambda value: _read_votes(value["M"]),
    "proofs": lambda value: tuple(_read_proof(entry["M"]) for entry in value["L"]),
}
