"""Execution records: the same promises from the fake and from DynamoDB."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.dynamodb.items import to_item
from squall.adapters.dynamodb.records import DynamoRecords
from squall.domain.approval.votes import Ask, Decision, Proof, Vote, VoteProof
from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.run.part import Part
from squall.domain.run.record import Abort, Event, ExecutionRecord
from squall.domain.run.timeline import EventName, UnknownEvent
from squall.domain.targets.locking import MOST_DOMAINS
from tests.adapters.conftest import MINUTES, NOW
from tests.adapters.scripted import Scripted

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.records import Records

RECORD = ExecutionRecord(id="run-1", execution_arn="arn:run-1", started_at=NOW, status=Status.RUNNING, phase="Admit")
ABORT = Abort(AbortSource.GUARD, "too many errors", NOW, by="squall-Squall-run-1-0")
ASK = Ask("plan", NOW, NOW + MINUTES, 2, ("arn:aws:iam::123456789012:user/*",), 2)
FULL = ExecutionRecord(
    id="run-1",
    execution_arn="arn:run-1",
    started_at=NOW,
    status=Status.COMPLETED,
    phase="Record",
    experiment="terminate one",
    environment="staging",
    fault_type="instance_termination",
    definition_hash="abc",
    admitted_hash="c" * 64,
    promotion_hash="def",
    source="published",
    source_version=3,
    source_hash="ghi",
    requested_by="ci",
    trigger="schedule",
    verdict=Verdict.REFUTED,
    hypothesis_validated=False,
    reason="why",
    decided_status=Status.COMPLETED,
    decided_verdict=Verdict.REFUTED,
    ended_at=NOW + MINUTES,
    phase_since=NOW,
    lock_keys=("asg/web", "tg/x"),
    slot=0,
    guard_names=("squall-Squall-run-1-0",),
    template_id="EXT1",
    fis_experiment_id="EXP1",
    fault_started_at=NOW,
    fault_ended_at=NOW + MINUTES,
    rollback_command="aws ssm start-automation-execution --document-name Restore-Web",
    fault_seconds=60,
    abort=ABORT,
    task_token="token",
    token_generation=3,
    ask=ASK,
    votes=(
        Vote("user:A", "arn:ada", Decision.REQUEST, NOW),
        Vote("sso:bob@x.org", "arn:bob", Decision.APPROVE, NOW + MINUTES, "größe", "plan"),
    ),
    proofs=(VoteProof("sso:bob@x.org", Proof("signed", "20300107T100000Z", "token")),),
    confirmed=("digest",),
    part=Part("shop", "eu-west-1", "eu-central-1", ("eu-west-1", "eu-central-1"), NOW + MINUTES),
    ready_at=NOW,
    peers_read_at=NOW + MINUTES,
    closed_by="pulse",
    events=(Event(NOW, EventName.ADMITTED), Event(NOW + MINUTES, EventName.FIS_STOPPED, "by a guard")),
)


def test_every_field_survives_storage(records: Records) -> None:
    assert all(getattr(FULL, field.name) not in (None, "", ()) for field in fields(ExecutionRecord)), "give the new field a value"
    records.create(FULL)
    assert records.get("run-1") == FULL


def test_every_field_can_be_set_after_creation(records: Records) -> None:
    records.create(RECORD)
    changes = {field.name: getattr(FULL, field.name) for field in fields(ExecutionRecord)}
    for fixed in ("id", "started_at", "events", "status"):
        del changes[fixed]
    assert records.update("run-1", events=FULL.events, **changes)
    assert records.get("run-1") == replace(FULL, status=Status.RUNNING)


def test_a_record_is_created_once(records: Records) -> None:
    assert records.create(RECORD)
    assert not records.create(replace(RECORD, phase="other"))
    assert records.get("run-1") == RECORD


def test_an_unknown_record_is_none_and_not_written(records: Records) -> None:
    assert records.get("run-1") is None
    assert not records.update("run-1", phase="Discover")
    assert not records.request_abort("run-1", ABORT)
    assert records.store_token("run-1", "token") is None
    assert not records.finish("run-1", status=Status.FAILED)
    records.append("run-1", [Event(NOW, UnknownEvent("late"))])
    records.clear_token("run-1", 1)
    records.settle("run-1")
    assert not records.ask("run-1", ASK)
    assert records.get("run-1") is None


def test_update_sets_clears_and_appends(records: Records) -> None:
    records.create(replace(RECORD, template_id="EXT1", events=(Event(NOW, EventName.ADMITTED),)))
    assert records.update(
        "run-1", phase="Discover", phase_since=NOW, template_id=None, events=[Event(NOW, EventName.DISCOVERED, "2 instances")]
    )
    record = records.get("run-1")
    assert record is not None
    assert (record.phase, record.phase_since, record.template_id) == ("Discover", NOW, None)
    assert [event.event for event in record.events] == ["admitted", "discovered"]


@pytest.mark.parametrize("changes", [{"id": "x"}, {"started_at": NOW}, {"colour": "red"}, {"status": Status.FAILED}])
def test_update_refuses_what_is_not_for_it(records: Records, changes: dict[str, Any]) -> None:
    records.create(RECORD)
    with pytest.raises(ValueError, match=r"."):
        records.update("run-1", **changes)
    assert records.get("run-1") == RECORD


@pytest.mark.parametrize("status", [status for status in Status if status.final])
def test_a_final_record_never_changes_again(records: Records, status: Status) -> None:
    records.create(RECORD)
    assert records.finish("run-1", status=status, ended_at=NOW, events=[Event(NOW, EventName.RECORDED)])
    final = records.get("run-1")
    assert final is not None
    assert final.final
    assert not records.finish("run-1", status=Status.FAILED)
    assert not records.update("run-1", phase="late")
    assert not records.update("run-1", events=[Event(NOW, UnknownEvent("late"))])
    assert not records.request_abort("run-1", ABORT)
    assert records.store_token("run-1", "token") is None
    assert records.get("run-1") == final


def test_finish_takes_final_statuses_only(records: Records) -> None:
    records.create(RECORD)
    with pytest.raises(ValueError, match="running"):
        records.finish("run-1", status=Status.RUNNING)


def test_a_final_record_still_takes_events(records: Records) -> None:
    records.create(RECORD)
    records.finish("run-1", status=Status.FAILED)
    records.append("run-1", [Event(NOW, UnknownEvent("swept"))])
    record = records.get("run-1")
    assert record is not None
    assert [event.event for event in record.events] == ["swept"]


def test_the_first_abort_reason_stays(records: Records) -> None:
    records.create(RECORD)
    assert records.request_abort("run-1", ABORT)
    assert not records.request_abort("run-1", replace(ABORT, source=AbortSource.OPERATOR))
    record = records.get("run-1")
    assert record is not None
    assert record.abort == ABORT


def vote(person: str, decision: Decision, comment: str = "") -> Vote:
    return Vote(person, f"arn:{person}", decision, NOW, comment, ASK.plan)


@pytest.mark.parametrize(
    ("first", "second", "written"),
    [
        (Decision.APPROVE, Decision.APPROVE, False),
        (Decision.APPROVE, Decision.REQUEST, False),
        (Decision.APPROVE, Decision.REJECT, True),
        (Decision.REQUEST, Decision.APPROVE, False),
        (Decision.REQUEST, Decision.REJECT, True),
        (Decision.REJECT, Decision.APPROVE, False),
        (Decision.REJECT, Decision.REJECT, False),
    ],
)
def test_a_person_says_one_thing_and_may_then_still_reject(records: Records, first: Decision, second: Decision, written: bool) -> None:
    records.create(replace(RECORD, ask=ASK))
    assert records.vote("run-1", vote("ada", first), [Event(NOW, UnknownEvent("said"))])
    assert records.vote("run-1", vote("ada", second, "again"), [Event(NOW, UnknownEvent("said again"))]) is written
    record = records.get("run-1")
    assert record is not None
    assert [entry.decision for entry in record.votes] == [second if written else first]
    assert [event.event for event in record.events] == ["said", "said again"][: 1 + written]
    assert records.vote("run-1", vote("bob", Decision.APPROVE)), "somebody else may"


@pytest.mark.parametrize(
    "changes", [{"ask": None}, {"ask": replace(ASK, plan="other")}, {"decided_status": Status.REJECTED}, {"status": Status.ABORTED}]
)
def test_a_vote_on_what_is_not_asked_or_decided_is_not_written(records: Records, changes: dict[str, Any]) -> None:
    record = replace(RECORD, **{"ask": ASK, **changes})
    records.create(record)
    assert not records.vote("run-1", vote("ada", Decision.REJECT), [Event(NOW, UnknownEvent("said"))])
    assert not records.vote("nobody", vote("ada", Decision.REJECT))
    assert records.get("run-1") == record


def test_people_are_asked_once_a_round(records: Records) -> None:
    first, second = replace(ASK, round=1), replace(ASK, plan="other", round=2)
    records.create(RECORD)
    assert not records.ask("run-1", second)
    assert records.ask("run-1", first)
    assert not records.ask("run-1", replace(first, plan="of another invocation"))
    record = records.get("run-1")
    assert record is not None
    assert (record.ask, record.votes, record.status) == (first, (), Status.AWAITING_APPROVAL)
    records.finish("run-1", status=Status.ABORTED)
    assert not records.ask("run-1", second)


def test_asking_anew_keeps_the_votes_and_takes_none_on_an_earlier_plan(records: Records) -> None:
    first, second = replace(ASK, round=1), replace(ASK, plan="other", round=2)
    records.create(replace(RECORD, ask=first))
    records.vote("run-1", vote("ada", Decision.APPROVE))
    assert records.ask("run-1", second)
    assert not records.vote("run-1", vote("bob", Decision.APPROVE))
    record = records.get("run-1")
    assert record is not None
    assert (record.ask, [entry.person for entry in record.votes], record.current_votes) == (second, ["ada"], ())


def test_a_vote_that_does_not_count_is_replaced_by_that_vote_only(records: Records) -> None:
    earlier, again = vote("ada", Decision.APPROVE), replace(vote("ada", Decision.APPROVE, "again"), at=NOW + MINUTES)
    records.create(replace(RECORD, ask=ASK))
    records.vote("run-1", earlier)
    assert not records.vote("run-1", again, replaces=replace(earlier, at=NOW - MINUTES))
    assert records.vote("run-1", again, replaces=earlier)
    rejection = replace(vote("ada", Decision.REJECT), at=NOW + 2 * MINUTES)
    assert records.vote("run-1", rejection)
    assert not records.vote("run-1", again, replaces=rejection), "a rejection is never lost"
    record = records.get("run-1")
    assert record is not None
    assert record.votes == (rejection,)


def test_a_proof_stays_until_its_vote_is_confirmed(records: Records) -> None:
    ada, bob = vote("ada", Decision.APPROVE), vote("bob", Decision.APPROVE)
    proofs = VoteProof("ada", Proof("signed", "20300107T100000Z", "token")), VoteProof("bob", Proof("signed too", "20300107T100000Z"))
    records.create(replace(RECORD, ask=ASK))
    for entry, held in zip((ada, bob), proofs, strict=True):
        assert records.vote("run-1", entry, proof=held.proof)
    assert not records.confirm("run-1", [ada.digest], handled=proofs[:1], left=(), events=[]), "bob voted meanwhile"
    assert records.confirm("run-1", [ada.digest], handled=proofs, left=proofs[1:], events=[Event(NOW, UnknownEvent("seen"))])
    assert records.confirm("run-1", [], handled=proofs[1:], left=(), events=[])
    record = records.get("run-1")
    assert record is not None
    assert (record.proofs, record.confirmed, record.confirmed_votes) == ((), (ada.digest,), (ada,))
    records.finish("run-1", status=Status.ABORTED)
    assert not records.confirm("run-1", [bob.digest], handled=(), left=(), events=[])


def test_a_token_is_forgotten_only_by_its_own_generation(records: Records) -> None:
    records.create(RECORD)
    assert records.store_token("run-1", "first") == 1
    assert records.store_token("run-1", "second") == 2
    records.clear_token("run-1", 1)
    record = records.get("run-1")
    assert record is not None
    assert record.task_token == "second"
    records.clear_token("run-1", 2)
    assert records.get("run-1") == replace(RECORD, token_generation=2)


def test_a_record_is_open_until_it_is_settled(records: Records) -> None:
    records.create(replace(RECORD, id="later", started_at=NOW + MINUTES))
    records.create(RECORD)
    assert [record.id for record in records.open()] == ["run-1", "later"]
    records.settle("run-1")
    assert [record.id for record in records.open()] == ["run-1", "later"], "not final: there may be something left"
    records.finish("run-1", status=Status.ABORTED)
    assert [record.id for record in records.open()] == ["run-1", "later"]
    records.settle("run-1")
    assert [record.id for record in records.open()] == ["later"]


def test_a_firing_is_claimed_by_one_execution(records: Records) -> None:
    until = NOW + timedelta(days=1)
    assert records.claim_trigger("arn:schedule", "2030-01-07T10:00:00Z", "run-1", until)
    assert records.claim_trigger("arn:schedule", "2030-01-07T10:00:00Z", "run-1", until), "a retry of the same execution"
    assert not records.claim_trigger("arn:schedule", "2030-01-07T10:00:00Z", "run-2", until)
    assert records.claim_trigger("arn:schedule", "2030-01-07T11:00:00Z", "run-2", until)


def test_a_long_detail_is_cut_so_that_the_item_stays_small(records: Records) -> None:
    records.create(RECORD)
    records.append("run-1", [Event(NOW, UnknownEvent("told"), "x" * 5000)])
    record = records.get("run-1")
    assert record is not None
    assert len(record.events[0].detail) == 1000


def test_indexes_find_a_record_by_period_and_experiment(aws: Callable[[str], Any], table: str) -> None:
    dynamodb = aws("dynamodb")
    records = DynamoRecords(dynamodb, table)
    records.create(RECORD)
    records.update("run-1", experiment="terminate one")
    for index, value in {"period": "2030-01", "experiment": "terminate one"}.items():
        result = dynamodb.query(
            TableName=table,
            IndexName=index,
            KeyConditionExpression=f"{index}_pk = :value",
            ExpressionAttributeValues={":value": {"S": value}},
        )["Items"]
        assert [(item["pk"]["S"], item[f"{index}_sk"]["S"]) for item in result] == [("EXECUTION#run-1", "2030-01-07T10:00:00.123456Z")]


DAY = timedelta(days=1)


def put(records: Records, id_: str, days_ago: float, **changes: Any) -> None:
    started = NOW - days_ago * DAY
    records.create(replace(FULL, id=id_, started_at=started, **{"verdict": Verdict.VALIDATED, "experiment": "terminate one", **changes}))


def test_what_was_validated_is_found_by_experiment_environment_and_time(records: Records) -> None:
    put(records, "old", 8)
    put(records, "good", 6)
    put(records, "newer", 1)
    put(records, "refuted", 2, verdict=Verdict.REFUTED)
    put(records, "elsewhere", 2, environment="development")
    put(records, "another", 2, experiment="terminate two")
    result = records.validated("terminate one", "staging", NOW - 7 * DAY)
    assert [entry.id for entry in result] == ["newer", "good"]
    assert result[0].promotion_hash == "def"


def test_the_last_faults_on_a_failure_domain_are_found_over_months(records: Records) -> None:
    put(records, "last-year", 20)
    put(records, "new-year", 6.5)  # NOW is the 7th of January
    put(records, "december", 8)
    put(records, "refused", 1, fis_experiment_id=None)
    put(records, "today", 0)
    put(records, "elsewhere", 0.5, lock_keys=("asg/pay",))
    result = records.faulted(["asg/web", "asg/none"], NOW - 10 * DAY, NOW)
    assert [entry.id for entry in result] == ["today", "new-year", "december"]
    assert result[0].fault_ended_at == NOW + MINUTES
    assert [item.id for item in records.faulted(["asg/pay"], NOW - DAY, NOW)] == ["elsewhere"]
    assert records.faulted(["asg/web"], NOW + MINUTES, NOW + DAY) == []


def test_only_the_last_faults_are_read_whole() -> None:
    client = Scripted("dynamodb", query=[{"Items": [to_item(FULL) | {"pk": {"S": f"EXECUTION#{n}"}} for n in range(30)]}], get_item=[{}])
    DynamoRecords(client, "squall").faulted(["asg/web"], NOW - DAY, NOW)
    assert [arguments["ConsistentRead"] for arguments in client.arguments("get_item")] == [True] * 3


def test_the_faults_of_as_many_failure_domains_as_a_run_may_have_are_asked_for_in_one_expression() -> None:
    client = Scripted("dynamodb", query=[{"Items": []}] * 3)
    DynamoRecords(client, "squall").faulted([f"asg/{number}" for number in range(MOST_DOMAINS)], NOW - DAY, NOW)
    assert len(client.arguments("query")[0]["FilterExpression"]) <= 4096, "DynamoDB takes 4 KB"


def test_no_more_proofs_are_read_than_are_looked_at() -> None:
    client = Scripted("dynamodb", query=[{"Items": [to_item(FULL)] * 30}] * 4)
    assert len(DynamoRecords(client, "squall").validated("terminate one", "staging", NOW)) == 50
    assert len(client.arguments("query")) == 2
    assert client.arguments("query")[0]["ScanIndexForward"] is False


def test_a_trigger_expires_by_the_tables_clock(aws: Callable[[str], Any], table: str) -> None:
    dynamodb = aws("dynamodb")
    DynamoRecords(dynamodb, table).claim_trigger("arn:s", "t", "run-1", NOW)
    key = {"pk": {"S": "TRIGGER#arn:s#t"}, "sk": {"S": "TRIGGER"}}
    assert dynamodb.get_item(TableName=table, Key=key)["Item"]["expires_at"] == {"N": str(int(NOW.timestamp()))}


def test_runs_that_may_have_a_fault_come_first(records: Records) -> None:
    changes_of: tuple[dict[str, Any], ...] = ({}, {"template_id": "EXT1"}, {"template_id": "EXT2", "fault_ended_at": NOW})
    for number, changes in enumerate(changes_of):
        records.create(replace(RECORD, id=f"run-{number}", started_at=NOW + number * MINUTES, **changes))
    ids = records.open_ids()
    assert (ids.with_fault, ids.waiting) == (("run-1",), ("run-0", "run-2"))
    assert list(ids) == ["run-1", "run-0", "run-2"]


def test_waiting_runs_are_those_of_the_environment_without_a_fault(records: Records) -> None:
    changes_of: dict[str, dict[str, Any]] = {
        "prod": {"environment": "production"},
        "waits": {"environment": "staging"},
        "faulted": {"environment": "staging", "fis_experiment_id": "EXP1"},
        "over": {"environment": "staging"},
    }
    for id_, changes in changes_of.items():
        records.create(replace(RECORD, id=id_, **changes))
    records.finish("over", status=Status.REJECTED, ended_at=NOW)
    assert list(records.waiting_ids("staging")) == ["waits"]
