"""`squall fleet`: every stack is asked at once, and each that was not reached is told with what to do by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from cli.aws import calls, members
from cli.aws.calls import explain_failures
from cli.aws.members import FleetDoor, name_session
from cli.aws.visits import Outcome, visit_all
from cli.commands.fleet import places
from cli.errors import CommandError
from cli.exits import Exit
from infra.account.fleet import parse_fleet
from squall.domain.base.vocabulary import Status
from squall.domain.run.halt import Halt
from tests.cli.conftest import Squall
from tests.cli.fakes import HOSTILE, FakeDeployment, record
from tests.cli.test_aws import OUTPUTS, _stack, aws

__all__ = ["aws"]

ADA = "arn:aws:sts::111122223333:assumed-role/Operators/ada"
HALTED: dict[str, Any] = {"engaged": True, "stopped": [], "aborted": [], "failed": []}
FLEET: dict[str, Any] = {
    "name": "shop",
    "home": {"account": "111122223333", "region": "eu-central-1"},
    "members": {
        "payments": {
            "account": "444455556666",
            "region": "eu-west-1",
            "stack": "Payments",
            "owner": "payments",
            "external_id": "6f1c6f4e-2f0f-4f0e-9a53-9d0c53c1f0aa",
            "grants": ["viewer", "halt", "resume"],
        },
        "search": {
            "account": "777788889999",
            "region": "us-east-1",
            "owner": "search",
            "external_id": "0f8ad9b1-17c8-4b87-8c4c-b0fd8a1d6a3e",
            "grants": ["viewer", "operator"],
        },
    },
}


@dataclass
class FakeDoor:
    """Stacks in memory; what is a function is called when that stack is entered."""

    stacks: dict[str, FakeDeployment] = field(default_factory=dict)
    instead: dict[str, Callable[[], Any]] = field(default_factory=dict)
    entered: list[tuple[str, str]] = field(default_factory=list)
    open: frozenset[str] = frozenset()
    """Members whose roles ask for no external id."""
    stranger: bool = False
    """Whether STS does not say who calls."""

    def caller(self) -> str:
        if self.stranger:
            raise CommandError("AWS cannot be reached: sts")
        return ADA

    def enter_by_role(self, name: str, grant: str, caller: str, external_id: str) -> FakeDeployment:
        if name not in self.open:
            deny()
        return self.stacks[name]

    def enter(self, name: str, grant: str, caller: str) -> FakeDeployment:
        self.entered.append((name, grant))
        if name in self.instead:
            self.instead[name]()
        return self.stacks[name]


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeDoor:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fleet.yaml").write_text(json.dumps(FLEET))
    fake = FakeDoor({name: FakeDeployment(halt_answer=HALTED) for name in ("home", *FLEET["members"])})
    monkeypatch.setattr(places, "FleetDoor", lambda fleet: fake)
    return fake


def deny() -> None:
    with explain_failures(local_hint=False, first=True):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized to perform: sts:AssumeRole"}}, "AssumeRole")


def lose() -> None:
    with explain_failures(local_hint=False, first=True):
        raise ConnectTimeoutError(endpoint_url="https://cloudformation.us-east-1.amazonaws.com")


def be_out_of_service() -> None:
    with explain_failures(local_hint=False, first=True):
        raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "try later"}}, "AssumeRole")


def find_nothing() -> None:
    raise CommandError("There is no stack 'Squall' in us-east-1.", "Name it.", code=Exit.REFUSED)


def break_down() -> None:
    raise RuntimeError("a bug")


def stacks_of(done: Any) -> dict[str, dict[str, Any]]:
    return {stack["name"]: stack for stack in json.loads(done.stdout)["stacks"]}


def test_a_halt_reaches_home_and_every_member_in_the_role_that_may(squall: Squall, door: FakeDoor) -> None:
    done = squall("fleet", "halt", "--reason", "too loud")
    assert done.exit_code == 0
    assert sorted(door.entered) == [("home", "halt"), ("payments", "halt"), ("search", "operator")]
    assert [stack.halts for stack in door.stacks.values()] == [[("too loud", ADA, True)]] * 3
    assert done.stdout.count("HALTED") == 3


BAD_LUCK = [
    (deny, "denied", "DENIED"),
    (lose, "unreachable", "NOT REACHED"),
    (be_out_of_service, "unreachable", "NOT REACHED"),
    (find_nothing, "refused", "REFUSED"),
    (break_down, "failed", "FAILED"),
]


@pytest.mark.parametrize(("luck", "outcome", "words"), BAD_LUCK, ids=[luck.__name__ for luck, _, _ in BAD_LUCK])
def test_a_member_that_was_not_halted_is_told_with_the_commands_and_the_others_are(
    squall: Squall, door: FakeDoor, luck: Callable[[], None], outcome: str, words: str
) -> None:
    door.instead = {"search": luck}
    done = squall("fleet", "halt", "--reason", "it's late")
    assert done.exit_code == 5
    assert f"{words}: search:" in done.stderr
    assert "with credentials of account 777788889999" in done.stderr
    assert "squall --stack Squall --region us-east-1 halt --reason 'it'\"'\"'s late'" in done.stderr
    assert "aws ssm put-parameter --name /squall/Squall/halt" in done.stderr
    assert "--region us-east-1" in done.stderr
    assert door.stacks["payments"].halts
    assert door.stacks["home"].halts
    document = stacks_of(squall("fleet", "halt", "--json"))
    assert (document["search"]["outcome"], document["payments"]["outcome"]) == (outcome, "answered")
    assert document["search"]["by_hand"]
    assert document["payments"]["by_hand"] == []


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """A member that answers only when the test is over."""
    free = threading.Event()
    yield free
    free.set()


@pytest.mark.parametrize(("luck", "outcome", "words"), BAD_LUCK, ids=[luck.__name__ for luck, _, _ in BAD_LUCK])
def test_a_home_that_was_not_halted_keeps_no_member_from_being_halted(
    squall: Squall, door: FakeDoor, luck: Callable[[], None], outcome: str, words: str
) -> None:
    door.instead = {"home": luck}
    done = squall("fleet", "halt", "--json")
    assert (done.exit_code, stacks_of(done)["home"]["outcome"]) == (5, outcome)
    assert all(door.stacks[name].halts for name in ("payments", "search"))
    assert any("halt --reason" in line for line in stacks_of(done)["home"]["by_hand"])


def test_without_homes_table_the_status_of_the_members_is_shown(squall: Squall, door: FakeDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_no_table() -> None:
        with explain_failures(local_hint=False):
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "Requested resource not found"}}, "Query")

    monkeypatch.setattr(door.stacks["home"], "open_records", find_no_table)
    done = squall("fleet", "status")
    assert done.exit_code == 5
    assert "FAILED: home: Query failed" in done.stderr
    assert done.stdout.count("idle") == 2


def test_a_member_that_answers_late_keeps_nobody_waiting_longer_than_the_deadline(
    squall: Squall, door: FakeDoor, stuck: threading.Event
) -> None:
    door.instead = {"payments": stuck.wait}
    done = squall("fleet", "halt", "--seconds", "1")
    assert done.exit_code == 5
    assert "NO ANSWER YET: payments: no answer within 1 s" in done.stderr
    assert "squall --stack Payments --region eu-west-1 halt" in done.stderr
    assert door.stacks["search"].halts


def test_what_a_member_could_not_stop_is_told_with_its_account(squall: Squall, door: FakeDoor) -> None:
    failure = {"what": "FIS experiment EXP2", "error": "ThrottlingException", "command": "aws fis stop-experiment --id EXP2"}
    door.stacks["payments"].halt_answer = {**HALTED, "failed": [failure]}
    done = squall("fleet", "halt")
    assert done.exit_code == 5
    assert "NOT DONE: payments: FIS experiment EXP2" in done.stderr
    assert "by hand, with credentials of account 444455556666: aws fis stop-experiment --id EXP2" in done.stderr


@pytest.mark.parametrize("answer", [None, {}, [], "halted", {**HALTED, "engaged": False}])
def test_a_member_that_does_not_say_that_it_is_halted_is_not(squall: Squall, door: FakeDoor, answer: Any) -> None:
    door.stacks["search"].halt_answer = answer
    assert squall("fleet", "halt").exit_code == 5


def test_a_halt_does_not_wait_for_an_sts_that_does_not_say_who_calls(squall: Squall, door: FakeDoor) -> None:
    door.stranger = True
    assert squall("fleet", "halt").exit_code == 0
    assert door.stacks["home"].halts == [("no reason given", "someone at the squall command", True)]
    assert squall("fleet", "resume", "--reason", "over").exit_code == 5


def test_a_resume_needs_a_reason_and_a_role_of_its_own(squall: Squall, door: FakeDoor) -> None:
    for stack in door.stacks.values():
        stack.halt_answer = {"engaged": False, "failed": []}
    assert squall("fleet", "resume").exit_code == 3
    assert squall("fleet", "resume", "--reason", " ").exit_code == 3
    assert door.entered == []
    assert squall("fleet", "resume", "--reason", "over", "--only", "payments").exit_code == 0
    assert door.entered == [("payments", "resume")]
    assert door.stacks["payments"].halts == [("over", ADA, False)]


def test_the_status_shows_every_stack_in_one_table(squall: Squall, door: FakeDoor) -> None:
    door.stacks["home"].scripts = {"run-1": [record("run-1", status=Status.RUNNING)]}
    door.stacks["payments"].flag = Halt(engaged=True, reason="frozen", by=HOSTILE)
    door.stacks["search"].version = "0.0.1"
    done = squall("fleet", "status")
    assert done.exit_code == 0
    assert {grant for _, grant in door.entered} == {"viewer"}
    for words in ("run-1", "HALTED", "idle", "0.0.1", "444455556666"):
        assert words in done.stdout
    assert "search: The stack Squall has version 0.0.1" in done.stderr
    assert "payments: halted by" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_halt_flag_that_cannot_be_read_counts_as_halted(squall: Squall, door: FakeDoor) -> None:
    door.stacks["payments"].flag = None
    done = squall("fleet", "status", "--only", "payments")
    assert "counts as halted" in done.stdout
    assert stacks_of(squall("fleet", "status", "--json"))["payments"]["answer"]["halt"] is None


def test_a_member_without_an_answer_is_in_the_table_and_the_exit_code(squall: Squall, door: FakeDoor) -> None:
    door.instead = {"search": lose}
    done = squall("fleet", "status")
    assert done.exit_code == 5
    assert "NOT REACHED" in done.stdout
    assert "NOT REACHED: search: AWS cannot be reached" in done.stderr


def test_an_unknown_member_and_a_wrong_file_are_refused(squall: Squall, door: FakeDoor, tmp_path: Path) -> None:
    done = squall("fleet", "halt", "--only", "serach")
    assert (done.exit_code, "payments, search" in done.stderr) == (3, True)
    assert squall("fleet", "status", "--file", "none.yaml").exit_code == 3
    (tmp_path / "fleet.yaml").write_text(json.dumps({**FLEET, "home": {"account": "1"}}))
    done = squall("fleet", "halt")
    assert done.exit_code == 3
    assert "home.account" in done.stderr
    assert "home.region" in done.stderr
    assert door.entered == []
    assert squall("validate", "fleet.yaml").exit_code == 3


def test_a_valid_file_validates(squall: Squall, door: FakeDoor) -> None:
    assert squall("validate", "fleet.yaml").exit_code == 0


def test_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=30)
    visits = visit_all("abc", lambda name: meeting.wait() * 0, 60)
    assert [visit.outcome for visit in visits.values()] == [Outcome.ANSWERED] * 3


@pytest.mark.parametrize("arguments", [["web"], ["--campaign", "web tier"]])
def test_a_run_starts_in_the_member_alone_as_an_operator(squall: Squall, door: FakeDoor, arguments: list[str]) -> None:
    done = squall("fleet", "run", "search", *arguments, "--name", "run-1", "--no-follow")
    assert done.exit_code == 0
    assert door.entered == [("search", "operator")]
    search = door.stacks["search"]
    assert [name for name, _ in (*search.started, *search.started_campaigns)] == ["run-1"]
    assert not door.stacks["home"].started
    assert "account 777788889999" in done.stderr


def test_a_run_in_a_halted_member_of_another_version_says_both(squall: Squall, door: FakeDoor) -> None:
    search = door.stacks["search"]
    search.version = "0.0.1"
    search.on_start = [record("run-1", status=Status.REJECTED, reason="the stack is halted: frozen")]
    done = squall("fleet", "run", "search", "web", "--name", "run-1")
    assert done.exit_code == 3
    assert "The stack Squall has version 0.0.1" in done.stderr
    assert "the stack is halted: frozen" in done.stdout + done.stderr


def test_a_run_that_a_member_refuses_starts_nothing(squall: Squall, door: FakeDoor) -> None:
    door.instead = {"search": deny}
    assert squall("fleet", "run", "search", "web").exit_code == 3
    assert squall("fleet", "run", "nobody", "web").exit_code == 3
    assert squall("fleet", "run", "search").exit_code == 3
    assert squall("fleet", "run", "search", "web", "--campaign", "tier").exit_code == 3
    assert squall("fleet", "run", "search", "--campaign", "tier", "--duration", "5m").exit_code == 3
    assert not any(stack.started or stack.started_campaigns for stack in door.stacks.values())


def test_the_report_has_a_row_for_each_stack_and_says_whose_runs_are_missing(squall: Squall, door: FakeDoor) -> None:
    for stack in door.stacks.values():
        stack.period = {"report": REPORT, "files": ["reports/x.html"]}
    door.instead = {"payments": lose}
    done = squall("fleet", "report", "--days", "7")
    assert done.exit_code == 5
    assert done.stdout.count("asg/web (62)") == 2
    assert "NOT REACHED: payments" in done.stderr
    door.instead = {}
    assert stacks_of(squall("fleet", "report", "--json"))["payments"]["answer"]["total_experiments"] == 4
    door.stacks["search"].period = {"report": {"total_experiments": "many"}}
    assert squall("fleet", "report").exit_code == 5
    assert squall("fleet", "report", "--days", "0").exit_code == 3


REPORT: dict[str, Any] = {
    "report_period_days": 7.0,
    "total_experiments": 4,
    "successful_experiments": 4,
    "success_rate": 100.0,
    "hypothesis_validation_rate": 75.0,
    "experiment_type_distribution": {},
    "total_issues_discovered": 0,
    "common_issues": [],
    "recommendations": [],
    "start": "2026-05-01T00:00:00Z",
    "end": "2026-05-08T00:00:00Z",
    "filters": {},
    "by_status": {},
    "by_verdict": {},
    "running": 0,
    "planned": 0,
    "trend": [],
    "workloads": [{"workload": "asg/web", "score": 62.0, "runs": 4, "types": {}}],
    "findings": [],
    "never_run": ["zone-loss"],
    "stale_days": 90,
}


def test_the_doctor_tries_each_role_also_with_a_wrong_external_id(squall: Squall, door: FakeDoor) -> None:
    done = squall("fleet", "doctor")
    assert done.exit_code == 0
    assert sorted(door.entered) == [
        ("home", "viewer"),
        ("payments", "halt"),
        ("payments", "resume"),
        ("payments", "viewer"),
        ("search", "operator"),
        ("search", "viewer"),
    ]
    assert done.stdout.count("well") == 6


def test_the_doctor_finds_a_role_that_lets_anybody_in(squall: Squall, door: FakeDoor) -> None:
    door.open = frozenset({"search"})
    done = squall("fleet", "doctor", "--json")
    assert done.exit_code == 5
    stacks = stacks_of(done)
    assert all("whatever external id" in check["problem"] for check in stacks["search"]["answer"])
    assert all(check["problem"] == "" for check in stacks["payments"]["answer"])


@pytest.mark.parametrize(("luck", "words"), [(deny, "DENIED"), (lose, "NOT REACHED"), (find_nothing, "REFUSED"), (break_down, "FAILED")])
def test_the_doctor_says_of_each_role_why_it_does_not_work(squall: Squall, door: FakeDoor, luck: Callable[[], None], words: str) -> None:
    door.instead = {"payments": luck}
    done = squall("fleet", "doctor")
    assert done.exit_code == 5
    assert done.stdout.count(f"{words}:") == 3


def test_the_doctor_finds_another_version(squall: Squall, door: FakeDoor) -> None:
    door.stacks["search"].version = None
    done = squall("fleet", "doctor")
    assert done.exit_code == 5
    assert "does not say its version" in " ".join(done.stdout.split())


# --- the door, against moto: its STS knows accounts ---------------------------------------------------------------


@pytest.fixture
def two_accounts(aws: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A stack in the caller's account, which is moto's 123456789012, and one in the account of `payments`."""
    _stack()
    credentials = boto3.client("sts").assume_role(RoleArn="arn:aws:iam::444455556666:role/deploy", RoleSessionName="deploy")["Credentials"]
    outputs = {key: value.replace("123456789012", "444455556666") for key, value in OUTPUTS.items()}
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client(
        "cloudformation",
        region_name="eu-west-1",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    ).create_stack(StackName="Payments", TemplateBody=json.dumps(template))
    return aws


def test_a_member_that_a_stackset_deployed_is_entered_by_what_its_parameter_says(aws: pytest.MonkeyPatch) -> None:
    _stack()
    credentials = boto3.client("sts").assume_role(RoleArn="arn:aws:iam::444455556666:role/deploy", RoleSessionName="deploy")["Credentials"]
    keys = {
        "region_name": "eu-west-1",
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
    outputs = {key: {"Value": value.replace("123456789012", "444455556666")} for key, value in OUTPUTS.items()}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    made = boto3.client("cloudformation", **keys).create_stack(StackName="StackSet-Squall-1", TemplateBody=json.dumps(template))
    boto3.client("ssm", **keys).put_parameter(Name="/squall/Payments/stack", Type="String", Value=made["StackId"])
    payments = FleetDoor(fleet_at("123456789012")).enter("payments", "halt", ADA)
    assert (payments.stack, payments.stack_id) == ("Payments", made["StackId"])
    assert payments.machine_arn.split(":")[4] == "444455556666"


def fleet_at(account: str) -> Any:
    return parse_fleet({**FLEET, "home": {"account": account, "region": "us-east-1"}})


def test_a_member_is_entered_in_its_own_account_by_its_role_with_its_external_id(
    two_accounts: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    make_client = calls.make_client

    def make_watched_client(session: Any, service: str) -> Any:
        client = make_client(session, service)
        client.meta.events.register("provide-client-params.sts.AssumeRole", lambda params, **_: asked.append(params))
        return client

    monkeypatch.setattr(members, "make_client", make_watched_client)
    payments = FleetDoor(fleet_at("123456789012")).enter("payments", "halt", ADA)
    assert payments.machine_arn.split(":")[4] == "444455556666"
    assert payments.region == "eu-west-1"
    assert payments.caller().startswith("arn:aws:sts::444455556666:assumed-role/Payments-eu-west-1-halt/squall-ada")
    assert asked[0]["ExternalId"] == FLEET["members"]["payments"]["external_id"]


def test_home_is_entered_only_with_credentials_of_its_account(two_accounts: pytest.MonkeyPatch) -> None:
    assert FleetDoor(fleet_at("123456789012")).enter("home", "halt", ADA).stack == "Squall"
    with pytest.raises(CommandError, match=r"of account 123456789012, and the fleet's home is 111122223333"):
        FleetDoor(fleet_at("111122223333")).enter("home", "halt", ADA)


def test_a_grant_that_the_file_does_not_have_is_refused_before_anything_is_called(two_accounts: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match="does not grant home 'operator'"):
        FleetDoor(fleet_at("123456789012")).enter("payments", "operator", ADA)


def test_a_dead_region_of_home_keeps_nobody_from_entering_the_others(
    two_accounts: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_client = calls.make_client

    def make_client_elsewhere(session: Any, service: str) -> Any:
        if session.region_name == "us-east-1":
            raise ConnectTimeoutError(endpoint_url="https://sts.us-east-1.amazonaws.com")
        return make_client(session, service)

    monkeypatch.setattr(members, "make_client", make_client_elsewhere)
    assert FleetDoor(fleet_at("123456789012")).enter("payments", "halt", ADA).stack == "Payments"


def test_without_credentials_nothing_is_asked(squall: Squall, no_aws: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(json.dumps(FLEET))
    done = squall("fleet", "halt", "--file", str(tmp_path / "fleet.yaml"))
    assert done.exit_code == 3
    assert "No usable AWS credentials" in done.stderr


@pytest.mark.parametrize("caller", [ADA, "", "someone at the squall command", "arn:aws:iam::1:user/" + "x" * 100, "a/ä b\n"])
def test_a_session_is_named_as_sts_takes_it(caller: str) -> None:
    name = name_session(caller)
    assert 2 <= len(name) <= 64
    assert all(letter.isascii() and (letter.isalnum() or letter in "_+=,.@-") for letter in name)
