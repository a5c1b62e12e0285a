"""`squall halt`, `squall resume`, and what `squall status` says of them."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from cli.aws.stack import Deployment
from cli.errors import CommandError
from squall.adapters.dynamodb.halt_copy import TableHaltFlag
from squall.adapters.ssm.halt_flag import ParameterHaltFlag
from squall.domain.run.halt import Halt
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, FakeDeployment
from tests.cli.test_aws import OUTPUTS, _stack, _table, aws
from tests.cli.test_run import CONTROL

__all__ = ["aws"]

NOW = datetime(2030, 1, 7, tzinfo=UTC)
ADA = "arn:aws:iam::123456789012:user/ada"
HALTED: dict[str, Any] = {
    "engaged": True,
    "stopped": [{"experiment": "EXP1", "execution_id": "run-1", "status": "stopping"}],
    "aborted": ["run-1"],
    "failed": [],
}
FAILURE = {"what": "FIS experiment EXP2", "error": "ThrottlingException", "command": "aws fis stop-experiment --id EXP2"}


def test_halt_says_what_it_stopped(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.halt_answer = HALTED
    done = squall("halt", "--reason", "too\x1b[31m loud")
    assert done.exit_code == 0
    assert deployment.halts == [("too[31m loud", ADA, True)]
    for words in ("HALTED", "asked FIS to stop (stopping) EXP1 of execution run-1", "squall resume"):
        assert words in done.stdout


def test_halt_says_what_became_of_everybodys_lever(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.halt_answer = {**HALTED, "lever": "was engaged before"}
    assert "safety lever, which affects everybody in this account and Region: was engaged before." in " ".join(
        squall("halt", "--reason", "x").stdout.split()
    )
    deployment.halt_answer = {**HALTED, "lever": "not asked for"}
    assert "lever" not in squall("halt", "--reason", "x").stdout


def test_what_could_not_be_stopped_is_named_with_its_command_and_exits_5(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.halt_answer = {**HALTED, "failed": [FAILURE]}
    done = squall("halt", "--reason", "now")
    assert done.exit_code == 5
    assert "by hand: aws fis stop-experiment --id EXP2" in done.stderr
    assert json.loads(squall("halt", "--reason", "now", "--json").stdout)["failed"] == [FAILURE]


@pytest.mark.parametrize(("answer", "code"), [({"engaged": False, "failed": []}, 0), ({"engaged": True, "failed": [FAILURE]}, 5)])
def test_resume(squall: Squall, deployment: FakeDeployment, answer: Any, code: int) -> None:
    deployment.halt_answer = answer
    done = squall("resume", "--reason", "mended")
    assert done.exit_code == code
    assert deployment.halts == [("mended", ADA, False)]


@pytest.mark.parametrize("arguments", [("resume",), ("resume", "--reason", "\x07")])
def test_without_a_reason_nothing_is_sent(squall: Squall, deployment: FakeDeployment, arguments: tuple[str, ...]) -> None:
    assert squall(*arguments).exit_code == 3
    assert deployment.halts == []


def test_an_answer_of_something_else_is_no_success(squall: Squall, deployment: FakeDeployment) -> None:
    assert squall("halt", "--reason", "now").exit_code == 5


def test_not_knowing_who_asks_does_not_keep_from_halting(
    squall: Squall, deployment: FakeDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(_: object) -> str:
        raise CommandError("sts is down")

    monkeypatch.setattr(FakeDeployment, "caller", unknown)
    deployment.halt_answer = HALTED
    assert squall("halt", "--reason", "now").exit_code == 0
    assert deployment.halts == [("now", "someone at the squall command", True)]


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (Halt(engaged=True, reason="smoke", by="ada", at=NOW), "HALTED since 2030-01-07 00:00:00 UTC by ada: smoke"),
        (None, "treats the stack as halted"),
    ],
)
def test_status_says_that_nothing_starts_beside_the_result(
    squall: Squall, deployment: FakeDeployment, flag: Halt | None, words: str
) -> None:
    deployment.flag = flag
    done = squall("status", "--json")
    assert json.loads(done.stdout) == []
    assert words in done.stderr


def test_a_hostile_reason_in_the_flag_is_harmless(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.flag = Halt(engaged=True, reason=HOSTILE, by=HOSTILE)
    assert not CONTROL.search(squall("status").stderr)


class FakeLambda:
    def __init__(self, answer: Any, error: str | None = None) -> None:
        self.answer, self.error, self.sent = answer, error, {}  # type: tuple[Any, str | None, dict[str, Any]]

    def invoke(self, **arguments: Any) -> dict[str, Any]:
        self.sent = arguments
        results = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return {**results, "FunctionError": self.error} if self.error else results


def test_the_function_of_the_stack_is_called(aws: pytest.MonkeyPatch) -> None:
    deployment, function = Deployment(boto3.Session(), "Squall", OUTPUTS), FakeLambda(HALTED)
    aws.setattr(deployment, "client", lambda service: function)
    assert deployment.halt("enough", "ada", engage=True) == HALTED
    assert function.sent["FunctionName"] == "halt"
    assert json.loads(function.sent["Payload"]) == {"action": "halt", "reason": "enough", "requested_by": "ada"}


def test_a_resume_calls_a_function_of_its_own(aws: pytest.MonkeyPatch) -> None:
    deployment, function = Deployment(boto3.Session(), "Squall", OUTPUTS), FakeLambda({"engaged": False, "failed": []})
    aws.setattr(deployment, "client", lambda service: function)
    deployment.halt("aired", "ada", engage=False)
    assert function.sent["FunctionName"] == "resume"
    assert json.loads(function.sent["Payload"])["reason"] == "aired"


@pytest.mark.parametrize("missing", [True, False])
def test_a_halt_that_failed_says_how_to_do_it_by_hand(aws: pytest.MonkeyPatch, missing: bool) -> None:
    outputs = {name: value for name, value in OUTPUTS.items() if not (missing and name == "HaltFunctionName")}
    deployment = Deployment(boto3.Session(), "Squall", outputs)
    if not missing:
        aws.setattr(deployment, "client", lambda service: FakeLambda({"errorMessage": "no"}, "Unhandled"))
    with pytest.raises(CommandError) as caught:
        deployment.halt("enough", "ada", engage=True)
    assert "aws ssm put-parameter --name /squall/Squall/halt" in caught.value.hint


def test_the_flag_of_the_stack_is_read_with_its_copy(squall: Squall, aws: pytest.MonkeyPatch) -> None:
    _stack()
    _table()
    deployment = Deployment(boto3.Session(), "Squall", OUTPUTS)
    assert deployment.halted() == Halt(engaged=False)
    TableHaltFlag(boto3.client("dynamodb"), "table").engage("smoke", "ada", NOW)
    assert "HALTED" in squall("status").stderr
    ParameterHaltFlag(boto3.client("ssm"), "Squall").engage("fire", "bob", NOW)
    assert deployment.halted() == Halt(engaged=True, reason="fire", by="bob", at=NOW)
    boto3.client("ssm").put_parameter(Name="/squall/Squall/halt", Type="String", Value="{}", Overwrite=True)
    assert deployment.halted() is None


def test_a_halt_needs_no_reason_and_a_resume_does(squall: Squall, deployment: FakeDeployment) -> None:
    deployment.halt_answer = {"engaged": True, "stopped": [], "aborted": [], "failed": []}
    caller = "arn:aws:iam::123456789012:user/ada"
    assert (squall("halt").exit_code, squall("halt", "--reason", " ").exit_code) == (0, 0)
    assert deployment.halts == [("no reason given", caller, True)] * 2
    assert squall("resume").exit_code != 0
    assert len(deployment.halts) == 2
