"""Records of campaigns in DynamoDB: one item each, replaced as a whole if nobody has written since it was read."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.dynamodb.items import Item, format_instant, make_number, make_text
from squall.domain.base.vocabulary import FINAL_STATUSES, AbortSource, Status, Verdict
from squall.domain.campaign.outcome import PromptOutcome, StepOutcome
from squall.domain.campaign.record import MOST_NOTES, CampaignRecord, Claim, Note, PromptRun, StepRun
from squall.domain.run.record import Abort

if TYPE_CHECKING:
    from collections.abc import Sequence

_NO = frozenset({"ConditionalCheckFailedException"})
_FINAL = {f":final{index}": make_text(status.value) for index, status in enumerate(sorted(FINAL_STATUSES))}
_IS_OPEN = f"NOT #status IN ({', '.join(_FINAL)})"
_LISTED = "CAMPAIGNS"
"""The key under which the indexes list campaigns: `period` all of them, `open` those whose end nobody has been told yet."""


class DynamoCampaigns:
    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def create(self, record: CampaignRecord) -> bool:
        return self._write("put_item", Item=_to_item(record), ConditionExpression="attribute_not_exists(pk)") is not None

    def get(self, campaign_id: str) -> CampaignRecord | None:
        answer = call(self._client, "get_item", TableName=self._table, Key=_key(campaign_id), ConsistentRead=True)
        return _from_item(answer["Item"]) if "Item" in answer else None

    def save(self, record: CampaignRecord) -> bool:
        answer = self._write(
            "put_item",
            Item=_to_item(replace(record, version=record.version + 1)),
            ConditionExpression=f"#version = :read AND {_IS_OPEN}",
            ExpressionAttributeNames={"#version": "version", "#status": "status"},
            ExpressionAttributeValues={":read": make_number(record.version), **_FINAL},
        )
        return answer is not None

    def request_abort(self, campaign_id: str, abort: Abort) -> bool:
        answer = self._write(
            "update_item",
            Key=_key(campaign_id),
            UpdateExpression="SET #abort = :abort ADD #version :one",
            ConditionExpression=f"attribute_exists(pk) AND attribute_not_exists(#abort) AND {_IS_OPEN}",
            ExpressionAttributeNames={"#abort": "abort", "#version": "version", "#status": "status"},
            ExpressionAttributeValues={":abort": _abort_item(abort), ":one": make_number(1), **_FINAL},
        )
        return answer is not None

    def add_note(self, campaign_id: str, note: Note) -> bool:
        answer = self._write(
            "update_item",
            Key=_key(campaign_id),
            UpdateExpression="SET #notes = list_append(if_not_exists(#notes, :none), :note) ADD #version :one",
            ConditionExpression="attribute_exists(pk) AND (attribute_not_exists(#notes) OR size(#notes) < :most)",
            ExpressionAttributeNames={"#notes": "notes", "#version": "version"},
            ExpressionAttributeValues={
                ":none": {"L": []},
                ":note": {"L": [{"M": _note_item(note)}]},
                ":one": make_number(1),
                ":most": make_number(MOST_NOTES),
            },
        )
        return answer is not None

    def mark_told(self, campaign_id: str) -> None:
        self._write(
            "update_item",
            Key=_key(campaign_id),
            UpdateExpression="SET #told = :told REMOVE #open_pk, #open_sk",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={"#told": "told", "#open_pk": "open_pk", "#open_sk": "open_sk"},
            ExpressionAttributeValues={":told": {"BOOL": True}},
        )

    def list_open(self) -> Sequence[str]:
        items = list_items(
            self._client,
            "query",
            "Items",
            TableName=self._table,
            IndexName="open",
            KeyConditionExpression="open_pk = :key",
            ExpressionAttributeValues={":key": make_text(_LISTED)},
        )
        return [_id_of(item) for item in items]

    def list_newest(self, limit: int) -> Sequence[CampaignRecord]:
        answer = call(
            self._client,
            "query",
            TableName=self._table,
            IndexName="period",
            KeyConditionExpression="period_pk = :key",
            ExpressionAttributeValues={":key": make_text(_LISTED)},
            ScanIndexForward=False,
            Limit=limit,
        )
        return [record for item in answer["Items"] if (record := self.get(_id_of(item)))]  # the index holds only some attributes

    def claim_name(self, name: str, campaign_id: str, *, instead_of: str | None = None) -> Claim:
        key = {"pk": make_text("CAMPAIGNS"), "sk": make_text(f"RUNNING#{name}")}
        item = {**key, "campaign_id": make_text(campaign_id)}
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if instead_of is not None:
            item["before"] = make_text(instead_of)
            condition = {"ConditionExpression": "campaign_id = :before", "ExpressionAttributeValues": {":before": make_text(instead_of)}}
        self._write("put_item", Item=item, **condition)
        held = call(self._client, "get_item", TableName=self._table, Key=key, ConsistentRead=True)["Item"]
        return Claim(str(held["campaign_id"]["S"]), _text(held, "before"))

    def _write(self, method: str, **arguments: Any) -> Any:
        """The answer of the call; None if the condition did not hold."""
        return call(self._client, method, absent=_NO, TableName=self._table, **arguments)


def _key(campaign_id: str) -> Item:
    return {"pk": make_text(f"CAMPAIGN#{campaign_id}"), "sk": make_text("RECORD")}


def _id_of(item: Item) -> str:
    return str(item["pk"]["S"]).removeprefix("CAMPAIGN#")


def _to_item(record: CampaignRecord) -> Item:
    texts = {
        "id": record.id,
        "execution_arn": record.execution_arn,
        "started_at": format_instant(record.started_at),
        "status": record.status.value,
        "campaign": record.campaign,
        "kind": record.kind,
        "plan_hash": record.plan_hash,
        "requested_by": record.requested_by,
        "previous": record.previous,
        "trigger": record.trigger,
        "resume_at": _optional_instant(record.resume_at),
        "waiting_since": _optional_instant(record.waiting_since),
        "start_by": _optional_instant(record.start_by),
        "over_by": _optional_instant(record.over_by),
        "verdict": record.verdict.value if record.verdict else "",
        "reason": record.reason,
        "ended_at": _optional_instant(record.ended_at),
        "task_token": record.task_token,
        "period_pk": _LISTED,
        "period_sk": format_instant(record.started_at),
    }
    if not record.told:
        texts |= {"open_pk": _LISTED, "open_sk": format_instant(record.started_at)}
    item = {name: make_text(value) for name, value in texts.items() if value}
    item |= {"planned": make_number(record.planned), "version": make_number(record.version), "told": {"BOOL": record.told}}
    item["runs"] = {"L": [{"M": _run_item(run)} for run in record.runs]}
    if record.notes:
        item["notes"] = {"L": [{"M": _note_item(note)} for note in record.notes]}
    if record.prompts:
        item["prompts"] = {"L": [{"M": _prompt_item(prompt)} for prompt in record.prompts]}
    if record.abort:
        item["abort"] = _abort_item(record.abort)
    return {**_key(record.id), **item}


def _run_item(run: StepRun) -> Item:
    texts = {
        "step": run.step,
        "execution_id": run.execution_id,
        "begun_at": format_instant(run.begun_at),
        "outcome": run.outcome.value if run.outcome else "",
        "ended_at": _optional_instant(run.ended_at),
        "reason": run.reason,
        "region": run.region,
        "member": run.member,
        "arn": run.arn.removesuffix(f":{run.execution_id}"),  # 500 steps have to fit into an item
        "token": run.token,
        "fault_type": run.fault_type,
        "watched_from": _optional_instant(run.watched_from),
        "watched_until": _optional_instant(run.watched_until),
    }
    return {"number": make_number(run.number), **{name: make_text(value) for name, value in texts.items() if value}}


def _note_item(note: Note) -> Item:
    texts = {"at": format_instant(note.at), "by": note.by, "text": note.text, "answers": note.answers}
    return {**{name: make_text(value) for name, value in texts.items() if value}, "stops": {"BOOL": note.stops}}


def _prompt_item(prompt: PromptRun) -> Item:
    texts = {
        "step": prompt.step,
        "asked_at": format_instant(prompt.asked_at),
        "until": format_instant(prompt.until),
        "outcome": prompt.outcome.value if prompt.outcome else "",
        "ended_at": _optional_instant(prompt.ended_at),
        "told_at": _optional_instant(prompt.told_at),
        "reminded_at": _optional_instant(prompt.reminded_at),
    }
    return {name: make_text(value) for name, value in texts.items() if value}


def _abort_item(abort: Abort) -> Item:
    texts = {"source": abort.source.value, "reason": abort.reason, "at": format_instant(abort.at), "by": abort.by}
    return {"M": {name: make_text(value) for name, value in texts.items()}}


def _from_item(item: Item) -> CampaignRecord:
    return CampaignRecord(
        id=item["id"]["S"],
        execution_arn=item["execution_arn"]["S"],
        started_at=datetime.fromisoformat(item["started_at"]["S"]),
        status=Status(item["status"]["S"]),
        campaign=_text(item, "campaign"),
        kind=_text(item, "kind"),
        plan_hash=_text(item, "plan_hash"),
        requested_by=_text(item, "requested_by"),
        previous=_text(item, "previous"),
        trigger=_text(item, "trigger"),
        runs=tuple(_read_run(entry["M"]) for entry in item["runs"]["L"]),
        planned=int(item["planned"]["N"]),
        resume_at=_instant(item, "resume_at"),
        waiting_since=_instant(item, "waiting_since"),
        start_by=_instant(item, "start_by"),
        over_by=_instant(item, "over_by"),
        abort=_read_abort(item["abort"]["M"]) if "abort" in item else None,
        verdict=Verdict(item["verdict"]["S"]) if "verdict" in item else None,
        reason=_text(item, "reason"),
        ended_at=_instant(item, "ended_at"),
        notes=tuple(_read_note(entry["M"]) for entry in item.get("notes", {"L": []})["L"]),
        prompts=tuple(_read_prompt(entry["M"]) for entry in item.get("prompts", {"L": []})["L"]),
        task_token=_text(item, "task_token"),
        told=bool(item["told"]["BOOL"]),
        version=int(item["version"]["N"]),
    )


def _read_run(item: Item) -> StepRun:
    return StepRun(
        number=int(item["number"]["N"]),
        step=item["step"]["S"],
        execution_id=item["execution_id"]["S"],
        begun_at=datetime.fromisoformat(item["begun_at"]["S"]),
        outcome=StepOutcome(item["outcome"]["S"]) if "outcome" in item else None,
        ended_at=_instant(item, "ended_at"),
        reason=_text(item, "reason"),
        region=_text(item, "region"),
        member=_text(item, "member"),
        arn=f"{item['arn']['S']}:{item['execution_id']['S']}" if "arn" in item else "",
        token=_text(item, "token"),
        fault_type=_text(item, "fault_type"),
        watched_from=_instant(item, "watched_from"),
        watched_until=_instant(item, "watched_until"),
    )


def _read_note(item: Item) -> Note:
    texts = {name: _text(item, name) for name in ("by", "text", "answers")}
    return Note(at=datetime.fromisoformat(item["at"]["S"]), **texts, stops=bool(item["stops"]["BOOL"]))


def _read_prompt(item: Item) -> PromptRun:
    return PromptRun(
        step=item["step"]["S"],
        asked_at=datetime.fromisoformat(item["asked_at"]["S"]),
        until=datetime.fromisoformat(item["until"]["S"]),
        outcome=PromptOutcome(item["outcome"]["S"]) if "outcome" in item else None,
        ended_at=_instant(item, "ended_at"),
        told_at=_instant(item, "told_at"),
        reminded_at=_instant(item, "reminded_at"),
    )


def _read_abort(item: Item) -> Abort:
    return Abort(AbortSource(item["source"]["S"]), item["reason"]["S"], datetime.fromisoformat(item["at"]["S"]), item["by"]["S"])


def _text(item: Item, name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def _instant(item: Item, name: str) -> datetime | None:
    return datetime.fromisoformat(item[name]["S"]) if name in item else None


def _optional_instant(at: datetime | None) -> str:
    return format_instant(at) if at else ""
