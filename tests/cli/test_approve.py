"""`squall approve`, `squall reject`, the requester's own word in `squall run`, and what `squall status` says of it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, TextIO

import boto3
import pytest

from cli import main
from cli.aws.stack import Deployment
from cli.errors import CommandError
from squall.domain.approval.votes import Ask, Decision, Proof, Vote, VoteProof
from squall.domain.base.vocabulary import CheckOutcome, Status
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety, SafetyCheck
from squall.domain.experiment.hashes import definition_hash
from squall.domain.run.record import ExecutionRecord
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, START, FakeDeployment, event, record, result
from tests.cli.test_aws import OUTPUTS, aws
from tests.cli.test_run import CONTROL
from tests.unit import builders

__all__ = ["aws"]

HOURS = timedelta(hours=4)


def asked(deployment: FakeDeployment, **changes: Any) -> ExecutionRecord:
    """A run that waits, with its documents as AskApproval leaves them."""
    definition = builders.definition(builders.experiment(**changes))
    definition = definition.model_copy(update={"definition_hash": definition_hash(definition.experiment)})
    plan = Plan(
        execution_arn=builders.ARN,
        started_at=START,
        definition_hash=definition.definition_hash,
        environment=definition.environment,
        pinned=("arn:aws:ec2:eu-west-1:111122223333:instance/i-1234567890abcdef0",),
        targets={},
        actions={"terminate": {"actionId": "aws:ec2:terminate-instances", "parameters": {}}},
        guards=(),
    )
    safety = Safety(at=START, checks=(SafetyCheck(name="opt_in_tag", outcome=CheckOutcome.PASSED, detail="as it must be"),))
    for name, document in (("definition", definition), ("plan", plan), ("safety", safety)):
        deployment.documents["run-1", name] = json.loads(document.model_dump_json())
    waiting = record(
        phase="AwaitApproval", status=Status.AWAITING_APPROVAL, ask=Ask(plan.hash, START, START + HOURS, 1), requested_by=HOSTILE
    )
    deployment.scripts["run-1"] = [waiting]
    return waiting


def test_what_is_approved_is_shown_and_said_of_the_very_plan(
    squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    waiting = asked(deployment)
    assert waiting.ask is not None
    done = squall("approve", "run-1", "--yes", "--comment", "agreed with checkout")
    assert done.exit_code == 0, done.output
    assert deployment.votes == [("run-1", waiting.ask.plan, "approve", "agreed with checkout")]
    checks = "Safety checks: 1 of 1 passed"
    for words in ("will maintain availability", "i-1234567890abcdef0", "aws:ec2:terminate-instances", checks, "2 different people"):
        assert words in done.stdout
    assert "approve is recorded" in done.stdout


def test_the_id_of_a_target_is_whole_in_eighty_columns(squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    asked(deployment)
    assert "i-1234567890abcdef0" in squall("approve", "run-1", "--yes", "--comment", "agreed").stdout


def test_reject_says_reject_and_json_is_the_answer_alone(squall: Squall, deployment: FakeDeployment) -> None:
    asked(deployment)
    done = squall("reject", "run-1", "--yes", "--comment", "release", "--json")
    assert json.loads(done.stdout) == deployment.vote_answer
    assert deployment.votes[0][2] == "reject"


def test_what_the_function_refuses_exits_3_with_its_sentence(squall: Squall, deployment: FakeDeployment) -> None:
    asked(deployment)
    deployment.vote_answer = {"recorded": False, "message": "you asked for this run: somebody else has to approve it"}
    done = squall("approve", "run-1", "--yes", "--comment", "mine")
    assert done.exit_code == 3
    assert "NOT RECORDED: you asked for this run" in done.stdout


@contextmanager
def standard_input(text: str, *, terminal: bool) -> Iterator[TextIO]:
    """The reading end of a real pipe, or of a real pseudo-terminal, in which somebody has typed `text`."""
    read_end, write_end = reversed(os.openpty()) if terminal else os.pipe()
    with os.fdopen(read_end) as reader, os.fdopen(write_end, "w") as writer:
        writer.write(text)
        writer.flush()
        if not terminal:
            writer.close()
        yield reader


@pytest.mark.parametrize("decision", ["approve", "reject"])
@pytest.mark.parametrize(
    ("terminal", "text", "recorded"),
    [
        (False, "n\n", False),
        (False, "y\n", False),
        (False, "", False),
        (True, "n\n", False),
        (True, "\n", False),
        (True, "y\n", True),
    ],
)
def test_only_yes_at_a_terminal_is_consent(
    deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch, decision: str, terminal: bool, text: str, recorded: bool
) -> None:
    asked(deployment)
    with standard_input(text, terminal=terminal) as reader:
        monkeypatch.setattr("sys.stdin", reader)
        code = main.squall([decision, "run-1", "--comment", "agreed"], standalone_mode=False)
    assert (code, [vote[2] for vote in deployment.votes]) == ((0, [decision]) if recorded else (3, []))


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_without_a_terminal_the_plan_is_shown_and_the_error_says_what_to_add(
    squall: Squall, deployment: FakeDeployment, decision: str
) -> None:
    asked(deployment)
    refused = squall(decision, "run-1", "--comment", "agreed", stdin="y\n")
    assert refused.exit_code == 3
    assert "i-1234567890abcdef0" in refused.stdout
    assert f"with `--yes` to {decision} it" in refused.stderr
    assert deployment.votes == []


SPOILED: dict[str, tuple[str, dict[str, Any]]] = {
    "another target in the plan": ("plan", {"pinned": ["arn:aws:ec2:eu-west-1:111122223333:instance/i-other"]}),
    "another definition": ("definition", {"experiment": {"name": "something else"}}),
}


@pytest.mark.parametrize(("name", "changes"), SPOILED.values(), ids=SPOILED)
def test_what_is_not_what_the_record_asks_for_is_never_signed(
    squall: Squall, deployment: FakeDeployment, name: str, changes: dict[str, Any]
) -> None:
    asked(deployment)
    deployment.documents["run-1", name] = {**deployment.documents["run-1", name], **changes}
    done = squall("approve", "run-1", "--yes", "--comment", "fine")
    assert done.exit_code == 3
    assert deployment.votes == []


def test_a_plan_of_another_version_is_shown_whole(squall: Squall, deployment: FakeDeployment) -> None:
    from squall.domain.base.model import hash_document  # noqa: PLC0415

    waiting = asked(deployment)
    assert waiting.ask is not None
    raw = {**deployment.documents["run-1", "plan"], "novelty": "x-ray"}
    deployment.documents["run-1", "plan"] = raw
    deployment.scripts["run-1"] = [replace(waiting, ask=replace(waiting.ask, plan=hash_document(raw)))]
    done = squall("approve", "run-1", "--yes", "--comment", "fine")
    assert done.exit_code == 0
    assert "x-ray" in done.stdout
    assert deployment.votes[0][1] == hash_document(raw)


@pytest.mark.parametrize("changes", [{"ask": None}, {"status": Status.REJECTED}])
def test_what_asks_nobody_cannot_be_approved(squall: Squall, deployment: FakeDeployment, changes: dict[str, Any]) -> None:
    deployment.scripts["run-1"] = [replace(asked(deployment), **changes)]
    done = squall("approve", "run-1", "--yes", "--comment", "fine")
    assert done.exit_code == 3
    assert "asks for no approval" in done.stderr
    assert deployment.votes == []


@pytest.mark.parametrize("arguments", [(), ("--comment", " "), ("--comment", "\x07")])
@pytest.mark.parametrize("command", ["approve", "reject"])
def test_without_a_comment_nothing_is_said(squall: Squall, deployment: FakeDeployment, command: str, arguments: tuple[str, ...]) -> None:
    asked(deployment)
    assert squall(command, "run-1", "--yes", *arguments).exit_code == 3
    assert deployment.votes == []


def test_hostile_text_is_harmless(squall: Squall, deployment: FakeDeployment) -> None:
    asked(deployment, hypothesis=HOSTILE)
    deployment.vote_answer = {"recorded": True, "message": HOSTILE, "person": HOSTILE}
    done = squall("approve", "run-1", "--yes", "--comment", "fine")
    assert done.exit_code == 0
    assert not CONTROL.search(done.stdout)


def test_an_answer_of_something_else_is_no_success(squall: Squall, deployment: FakeDeployment) -> None:
    asked(deployment)
    deployment.vote_answer = None
    assert squall("approve", "run-1", "--yes", "--comment", "fine").exit_code == 5


def test_status_says_who_said_what_and_when_it_expires(squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    waiting = asked(deployment)
    assert waiting.ask is not None
    plan = waiting.ask.plan
    votes = (
        Vote("user:A", "arn:aws:iam::1:user/ada", Decision.REQUEST, START, plan=plan),
        Vote("user:x", HOSTILE, Decision.APPROVE, START, HOSTILE, plan),
    )
    proofs = (VoteProof("user:x", Proof("signed", "20300107T100000Z", "a-token")),)
    deployment.scripts["run-1"] = [replace(waiting, votes=votes, proofs=proofs)]
    done = squall("status", "run-1")
    assert "approval" in done.stdout
    assert "user/ada" in done.stdout
    assert not CONTROL.search(done.stdout)
    assert "awaiting approval" in squall("status").stdout
    document = squall("status", "run-1", "--json").stdout
    assert json.loads(document)["ask"]["approvers"] == 1
    assert "a-token" not in document


@pytest.mark.parametrize("command", [("status", "run-1"), ("approve", "run-1", "--comment", "fine")])
def test_votes_on_this_plan_are_shown_and_those_that_are_not_confirmed_settle_nothing(
    squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "900")
    waiting = asked(deployment)
    assert waiting.ask is not None
    plans = {"ada": waiting.ask.plan, "bob": waiting.ask.plan, "eve": waiting.ask.plan, "old": "0" * 64}
    votes = [
        Vote(f"user:{name}", f"arn:aws:iam::1:user/{name}", Decision.REQUEST if name == "eve" else Decision.APPROVE, START, "", plan)
        for name, plan in plans.items()
    ]
    proofs = (VoteProof("user:bob", Proof("signed", "20300107T100000Z")),)
    deployment.scripts["run-1"] = [replace(waiting, votes=tuple(votes), confirmed=(votes[0].digest,), proofs=proofs)]
    lines = " ".join(squall(*command).stdout.split())
    for name, mark in {"ada": "confirmed", "bob": "not confirmed yet", "eve": "not confirmed, so not counted"}.items():
        assert f"({mark})" in lines.rpartition(f"user/{name}")[2][:60], lines
    assert "user/old" not in lines
    assert "who asked for it" not in lines, "the claim of eve is not confirmed"


def test_run_says_that_it_waits_and_proves_who_asked(squall: Squall, deployment: FakeDeployment) -> None:
    waiting = asked(deployment)
    assert waiting.ask is not None
    line = event("approval_requested", 5, "0 of 2 approvals, until 16:00: squall approve run-1 --comment …")
    last = record(phase="Record", status=Status.REJECTED, reason="rejected by arn: no", ask=waiting.ask)
    deployment.on_start = [record(phase="Admit"), replace(waiting, events=(line,)), replace(waiting, events=(line,)), last]
    deployment.documents["run-1", "result"] = result(Status.REJECTED, None)
    done = squall("run", "instance-termination", "--name", "mine")
    assert done.exit_code == 3
    assert [(vote[0], vote[2]) for vote in deployment.votes] == [("mine", "request")], "once for each request"
    assert "0 of 2 approvals" in done.stdout
    assert "awaits approval by somebody else: `squall approve mine" in done.stderr
    assert "recorded as the requester" in done.stderr


def test_run_goes_on_when_it_cannot_prove_who_asked(squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise CommandError("not allowed to invoke the approve function")

    waiting = asked(deployment)
    deployment.on_start = [waiting, record(phase="Record", status=Status.REJECTED)]
    monkeypatch.setattr(FakeDeployment, "vote", denied)
    done = squall("run", "instance-termination", "--name", "mine")
    assert done.exit_code == 3
    assert "one more person has to approve" in done.stderr
    assert "not allowed to invoke" in done.stderr


class FakeLambda:
    def __init__(self, answer: Any, error: str | None = None) -> None:
        self.answer, self.error, self.sent = answer, error, {}  # type: tuple[Any, str | None, dict[str, Any]]
        self.meta = boto3.client("sts", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").meta

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        self.sent = arguments
        results = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return {**results, "FunctionError": self.error} if self.error else results


ARN = "arn:aws:states:us-east-1:123456789012:execution:Squall:run-1"


def test_the_function_of_the_stack_is_called_with_a_proof_and_no_secret(aws: pytest.MonkeyPatch) -> None:
    outputs = {**OUTPUTS, "ApproveFunctionName": "approve"}
    deployment, function = Deployment(boto3.Session(region_name="us-east-1"), "Squall", outputs), FakeLambda({"recorded": True})
    aws.setattr(deployment, "client", lambda service: function)
    assert deployment.vote(ARN, "run-1", "plan", Decision.APPROVE, "yes") == {"recorded": True}
    sent = json.loads(function.sent["Payload"])
    assert function.sent["FunctionName"] == "approve"
    assert {name: sent[name] for name in ("execution_id", "plan", "decision", "comment")} == {
        "execution_id": "run-1", "plan": "plan", "decision": "approve", "comment": "yes",
    }  # fmt: skip
    assert sent["proof"]["authorization"].startswith("AWS4-HMAC-SHA256 Credential=")
    assert boto3.Session().get_credentials().secret_key not in sent["proof"].values()


@pytest.mark.parametrize("missing", [True, False])
def test_a_vote_that_failed_says_so(aws: pytest.MonkeyPatch, missing: bool) -> None:
    outputs = OUTPUTS if missing else {**OUTPUTS, "ApproveFunctionName": "approve"}
    deployment = Deployment(boto3.Session(region_name="us-east-1"), "Squall", outputs)
    if not missing:
        aws.setattr(deployment, "client", lambda service: FakeLambda({"errorMessage": "sts is down"}, "Unhandled"))
    with pytest.raises(CommandError) as caught:
        deployment.vote(ARN, "run-1", "plan", Decision.APPROVE, "yes")
    assert ("make deploy" in caught.value.hint) if missing else ("sts is down" in caught.value.message)


def test_only_run_proves_who_asked(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.on_start = [asked(deployment), record(phase="Record", status=Status.PLANNED)]
    assert squall("plan", "instance-termination").exit_code == 0
    assert deployment.votes == []
