"""A member is entered in the role that the file names, with its external id, each time anew; and home's heartbeat in it is read with
the time that Parameter Store gives it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from squall.adapters.aws import make_client_as
from squall.adapters.fleet import members
from squall.adapters.fleet.members import RoleMembers
from squall.adapters.ssm.home_contact import ParameterHomeContact
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.run.home import Member
from squall.errors import Refused, Unavailable
from tests.adapters.conftest import NOW
from tests.adapters.scripted import Scripted, error

MEMBER = Member("payments", "eu-west-1", "Squall", "arn:aws:iam::444455556666:role/Squall-eu-west-1-contact", "an-external-id-of-a-test")
KEYS = {"AccessKeyId": "AKIAEXAMPLEEXAMPLE00", "SecretAccessKey": "s" * 40, "SessionToken": "t" * 16}


def entering(monkeypatch: pytest.MonkeyPatch, ssm: Any, *answers: Any) -> tuple[RoleMembers, Scripted, list[tuple[Any, ...]]]:
    sts = Scripted("sts", assume_role=list(answers) or [{"Credentials": KEYS}])
    made: list[tuple[Any, ...]] = []

    def make(*arguments: Any) -> Any:
        made.append(arguments)
        return ssm

    monkeypatch.setattr(members, "make_client_as", make)
    return RoleMembers(sts), sts, made


def test_a_word_is_left_in_the_role_of_the_member_each_time_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    ssm = Scripted("ssm", put_parameter=[{}])
    reached, sts, made = entering(monkeypatch, ssm)
    for text in ("first", "second"):
        reached.send_heartbeat(MEMBER, text)
    assert [(call["RoleArn"], call["ExternalId"]) for call in sts.arguments("assume_role")] == [(MEMBER.role_arn, MEMBER.external_id)] * 2
    assert made == [(KEYS, "ssm", "eu-west-1", None)] * 2
    assert [(call["Name"], call["Overwrite"], call["Value"]) for call in ssm.arguments("put_parameter")] == [
        ("/squall/Squall/home", True, "first"),
        ("/squall/Squall/home", True, "second"),
    ]


def test_a_role_that_is_denied_is_refused_and_a_dead_region_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, *_ = entering(monkeypatch, Scripted("ssm", put_parameter=[{}]), error("AccessDenied", status=403))
    with pytest.raises(Refused, match="AssumeRole refused: AccessDenied"):
        reached.send_heartbeat(MEMBER, "text")
    reached, *_ = entering(monkeypatch, Scripted("ssm", put_parameter=[error("AccessDeniedException")]))
    with pytest.raises(Refused, match="PutParameter"):
        reached.send_heartbeat(MEMBER, "text")
    reached, *_ = entering(monkeypatch, Scripted("ssm", put_parameter=[error("InternalServerError", status=500)]))
    with pytest.raises(Unavailable):
        reached.send_heartbeat(MEMBER, "text")


TABLE = {
    "Stacks": [
        {
            "StackName": "Squall",
            "CreationTime": NOW,
            "StackStatus": "CREATE_COMPLETE",
            "Outputs": [{"OutputKey": "ResultsTableName", "OutputValue": "t"}],
        }
    ]
}
RUN = {
    "pk": {"S": "EXECUTION#run-1"},
    "started_at": {"S": NOW.isoformat()},
    "status": {"S": "completed"},
    "verdict": {"S": "validated"},
    "experiment": {"S": "web"},
}


MISSING = error("ValidationError", "Stack with id Squall does not exist")
STACK_ID = "arn:aws:cloudformation:eu-west-1:444455556666:stack/StackSet-Squall-1/2"


def reading(
    monkeypatch: pytest.MonkeyPatch, stacks: Any, *items: dict[str, Any], said: Any = None
) -> tuple[RoleMembers, dict[str, Scripted]]:
    """`stacks` are the answers of CloudFormation, `said` what the stack's own parameter says of it."""
    sts = Scripted("sts", assume_role=[{"Credentials": KEYS}])
    parameter = {"Parameter": {"Value": said}} if said else error("ParameterNotFound")
    clients = {
        "cloudformation": Scripted("cloudformation", describe_stacks=stacks if isinstance(stacks, list) else [stacks]),
        "ssm": Scripted("ssm", get_parameter=[parameter]),
        "dynamodb": Scripted("dynamodb", query=[{"Items": list(items)}]),
    }
    monkeypatch.setattr(members, "make_client_as", lambda keys, service, region, url: clients[service])
    return RoleMembers(sts), clients


def test_the_runs_of_a_member_are_read_from_the_table_that_its_stack_names(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, clients = reading(monkeypatch, TABLE, RUN)
    (run,) = reached.runs(MEMBER, NOW, NOW + timedelta(hours=1))
    assert (run.execution_id, run.status, run.verdict, run.experiment) == ("run-1", Status.COMPLETED, Verdict.VALIDATED, "web")
    (query,) = clients["dynamodb"].arguments("query")
    assert (query["TableName"], query["IndexName"]) == ("t", "period")


@pytest.mark.parametrize("changes", [{"status": {"S": "dreaming"}}, {"summary": {"S": '{"mood": 1}'}}, {"started_at": {"S": "soon"}}])
def test_a_run_of_another_version_is_not_taken_for_another_ending(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    reached, _ = reading(monkeypatch, TABLE, {**RUN, **changes})
    with pytest.raises(Unavailable, match="a run of another version"):
        list(reached.runs(MEMBER, NOW, NOW + timedelta(hours=1)))


def test_the_runs_of_a_member_that_a_stackset_deployed_are_read_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, clients = reading(monkeypatch, [MISSING, TABLE], RUN, said=STACK_ID)
    assert [run.execution_id for run in reached.runs(MEMBER, NOW, NOW + timedelta(hours=1))] == ["run-1"]
    assert [call["StackName"] for call in clients["cloudformation"].arguments("describe_stacks")] == ["Squall", STACK_ID]
    assert [call["Name"] for call in clients["ssm"].arguments("get_parameter")] == ["/squall/Squall/stack"]


@pytest.mark.parametrize(
    ("stacks", "said", "words"),
    [
        ({"Stacks": [{**TABLE["Stacks"][0], "Outputs": []}]}, None, "has no ResultsTableName"),
        (MISSING, None, "there is no stack Squall"),
        (MISSING, STACK_ID, "there is no stack Squall"),
        (error("AccessDenied", status=403), None, "DescribeStacks refused: AccessDenied"),
    ],
)
def test_a_member_without_its_stack_is_refused(monkeypatch: pytest.MonkeyPatch, stacks: Any, said: Any, words: str) -> None:
    reached, _ = reading(monkeypatch, stacks, said=said)
    with pytest.raises(Refused, match=words):
        list(reached.runs(MEMBER, NOW, NOW + timedelta(hours=1)))


PROOF = {**RUN, "execution_arn": {"S": "arn:aws:states:eu-west-1:444455556666:execution:m:run-1"}, "phase": {"S": "Release"}}


def test_the_proofs_of_a_stack_are_read_from_its_index_by_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, clients = reading(monkeypatch, TABLE, {**PROOF, "id": {"S": "run-1"}, "promotion_hash": {"S": "p"}})
    (record,) = reached.validated(MEMBER, "web", "staging", NOW)
    assert (record.id, record.promotion_hash, record.verdict) == ("run-1", "p", Verdict.VALIDATED)
    (query,) = clients["dynamodb"].arguments("query")
    assert (query["TableName"], query["IndexName"], query["ExpressionAttributeValues"][":environment"]) == (
        "t",
        "experiment",
        {"S": "staging"},
    )


def test_a_proof_of_another_version_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reached, _ = reading(monkeypatch, TABLE, {**PROOF, "id": {"S": "run-1"}, "verdict": {"S": "validated_twice"}})
    with pytest.raises(Unavailable, match="a run of another version"):
        reached.validated(MEMBER, "web", "staging", NOW)


def test_a_client_in_a_member_speaks_with_its_region_or_address() -> None:
    assert make_client_as(KEYS, "ssm", "eu-west-1", None).meta.endpoint_url == "https://ssm.eu-west-1.amazonaws.com"
    assert make_client_as(KEYS, "ssm", "eu-west-1", "http://127.0.0.1:9").meta.endpoint_url == "http://127.0.0.1:9"


def test_the_time_of_the_word_is_that_of_parameter_store(aws: Callable[[str], Any]) -> None:
    contact = ParameterHomeContact(aws("ssm"), "Squall")
    assert contact.last_seen() is None
    aws("ssm").put_parameter(Name="/squall/Squall/home", Type="String", Value='{"seen": "2099-01-01"}')
    seen = contact.last_seen()
    assert seen is not None
    assert abs(seen - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_word_that_cannot_be_read_is_not_no_word() -> None:
    with pytest.raises(Unavailable):
        ParameterHomeContact(Scripted("ssm", get_parameter=[error("AccessDeniedException")]), "Squall").last_seen()
