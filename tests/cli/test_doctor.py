"""`squall doctor` on an account in memory: each path alone, what is broken is found out, nothing stays."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.doctor import approving
from cli.doctor import paths as doctor_paths
from cli.doctor.checks import check_concurrency, check_fis_roles, check_linked_role, check_quota, check_resume
from cli.doctor.finding import Outcome
from cli.doctor.paths import PATHS, examine_path
from cli.doctor.setting import Setting
from cli.doctor.trial import Path, Trial
from cli.errors import CommandError
from squall.domain.approval.votes import Decision, Vote
from squall.domain.base.vocabulary import Status
from squall.domain.run.halt import Halt
from squall.domain.run.record import Event
from squall.domain.run.timeline import EventName
from tests.adapters.scripted import Scripted, error
from tests.cli.conftest import Squall
from tests.cli.fakes import FakeDeployment
from tests.fakes.clock import START
from tests.fakes.storage import FakeRecords
from tests.unit.tools.awscli import problems

ABORT = "arn:aws:lambda:eu-west-1:123456789012:function:Squall-Abort"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:Squall-Experiment"
ROLE = "arn:aws:iam::123456789012:role/fis"
BY_NAME = {path.name: path for path in PATHS}


@dataclass
class Account:
    """FIS, CloudWatch, Lambda, the table and the pulse, as far as the doctor asks."""

    broken: set[str] = field(default_factory=set)
    """Ways to stop that do not work, and calls that are refused."""
    stopping_seconds: float = 1
    now: float = 0
    templates: dict[str, Any] = field(default_factory=dict)
    experiments: dict[str, Any] = field(default_factory=dict)
    alarms: dict[str, Any] = field(default_factory=dict)
    composites: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    records: FakeRecords = field(default_factory=FakeRecords)
    due: list[tuple[float, Any]] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return SimpleNamespace(**{name: self._guarded(name) for name in dir(self) if not name.startswith("_")})

    def _guarded(self, name: str) -> Any:
        attribute = getattr(self, name)
        if name in self.broken and callable(attribute):

            def refuse(**_: Any) -> None:
                raise error("AccessDeniedException", f"not allowed: {name}", status=403)

            return refuse
        return attribute

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for at, act in [entry for entry in self.due if entry[0] <= self.now]:
            self.due.remove((at, act))
            act()
        for record in [item for item in self.records.items.values() if not item.final]:
            if "pulse" not in self.broken:
                self._end(record.fis_experiment_id)
                texts = [Event(START, EventName.NOTIFIED)]
                self.records.finish(record.id, status=Status.ABORTED, ended_at=START, reason="dead", events=texts)

    def _end(self, experiment_id: str | None) -> None:
        experiment = self.experiments.get(experiment_id or "")
        if experiment and experiment["status"] == "running":
            self.due.append((self.now + self.stopping_seconds, lambda: experiment.update(status="stopping")))
            self.due.append((self.now + self.stopping_seconds + 20, lambda: experiment.update(status="stopped")))

    def create_experiment_template(self, **body: Any) -> Any:
        self.templates["EXT1"] = body
        return {"experimentTemplate": {"id": "EXT1"}}

    def delete_experiment_template(self, id: str) -> None:  # noqa: A002 - boto3\'s word
        del self.templates[id]

    def start_experiment(self, **body: Any) -> Any:
        self.experiments["EXP1"] = {"status": "initiating", "template": self.templates[body["experimentTemplateId"]], **body}
        self.due.append((self.now + 2, lambda: self.experiments["EXP1"].update(status="running")))
        return {"experiment": {"id": "EXP1"}}

    def get_experiment(self, id: str) -> Any:  # noqa: A002 - boto3\'s word
        return {"experiment": {"state": {"status": self.experiments[id]["status"]}}}

    def stop_experiment(self, id: str) -> None:  # noqa: A002 - boto3\'s word
        self.experiments[id]["status"] = "stopped"

    def put_metric_alarm(self, **alarm: Any) -> None:
        self.alarms[alarm["AlarmName"]] = alarm

    def put_composite_alarm(self, **alarm: Any) -> None:
        self.composites[alarm["AlarmName"]] = alarm

    def delete_alarms(self, AlarmNames: list[str]) -> None:  # noqa: N803 - boto3's word
        for name in AlarmNames:
            if any(f'"{name}"' in composite["AlarmRule"] for composite in self.composites.values()):
                raise error("ValidationError", f"{name} is part of a composite alarm")
            del (self.composites if name in self.composites else self.alarms)[name]

    def set_alarm_state(self, AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803
        alarm = self.alarms[AlarmName]
        condition = self.experiments["EXP1"]["template"]["stopConditions"][0]
        tied = "fis-template=EXT1 " in alarm["AlarmDescription"]
        if condition["source"] != "none":
            watched = condition["value"].rpartition(":")[2]
            composite = self.composites.get(watched)
            fires = watched == AlarmName or (composite is not None and composite["AlarmRule"] == f'ALARM("{AlarmName}")')
            if fires and ("composite-stop-condition" if composite else "stop-condition") not in self.broken:
                self._end("EXP1")
        if alarm["ActionsEnabled"] and "alarm-action" not in self.broken:
            self.history.append(f"Successfully executed action {alarm['AlarmActions'][0]}")
            if tied:
                self._end("EXP1")
        if tied and "event-rule" not in self.broken:
            self._end("EXP1")

    def describe_alarm_history(self, **_: Any) -> Any:
        return {"AlarmHistoryItems": [{"HistorySummary": entry} for entry in self.history]}

    def invoke(self, FunctionName: str, Payload: str) -> Any:  # noqa: N803
        assert FunctionName == ABORT
        if "abort-function" in self.broken:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "no"}')}
        assert self.experiments["EXP1"]["tags"]["squall:execution"] == json.loads(Payload)["execution_id"]
        self._end("EXP1")
        return {"Payload": io.BytesIO(b"{}")}

    def list_objects_v2(self, **_: Any) -> Any:
        return {"Contents": [{"Key": "results/x/result.json"}]}

    def delete_object(self, **key: Any) -> None:
        self.deleted.append(key["Key"])

    def delete_item(self, **key: Any) -> None:
        del self.records.items[key["Key"]["pk"]["S"].removeprefix("EXECUTION#")]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    made = Account()
    monkeypatch.setattr(doctor_paths, "DynamoRecords", lambda *_: made.records)
    return made


def setting(account: Account) -> Setting:
    return Setting(account.client, "Squall", (ROLE,), ABORT, MACHINE, "table", "bucket")


def trial(account: Account, path: Path) -> Trial:
    return Trial(setting(account), path, f"doctor-{path.name}-1", account.sleep, lambda: account.now)


def nothing_stays(account: Account) -> None:
    assert (account.templates, account.alarms, account.composites, account.records.items) == ({}, {}, {}, {})
    assert {experiment["status"] for experiment in account.experiments.values()} <= {"stopped", "completed"}


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_path_that_works_is_measured_and_nothing_stays(account: Account, path: Path) -> None:
    result = examine_path(trial(account, path))
    assert (result.outcome, result.detail) == (Outcome.OK, "stopped by this path alone")
    assert result.promised == path.promise
    assert float(result.measured.split()[0]) <= 3
    nothing_stays(account)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_what_it_makes_touches_nothing_and_can_be_found_by_the_sweep(account: Account, path: Path) -> None:
    made = trial(account, path)
    made.prepare()
    (template,) = account.templates.values()
    (alarm,) = account.alarms.values()
    assert (template["targets"], [action["actionId"] for action in template["actions"].values()]) == ({}, ["aws:fis:wait"])
    for tags in (template["tags"], account.experiments["EXP1"]["tags"], {tag["Key"]: tag["Value"] for tag in alarm["Tags"]}):
        assert (tags["squall:stack"], tags["squall:execution"]) == ("Squall", made.name)
    assert alarm["AlarmName"] == f"squall-Squall-{made.name}-1"
    assert template["roleArn"] == ROLE


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_a_path_that_stops_nothing_is_found_out_though_the_others_work(account: Account, path: Path) -> None:
    account.broken = {path.name, *({"event-rule"} if path.name == "alarm-action" else ())}
    result = examine_path(trial(account, path))
    assert result.outcome is (Outcome.UNKNOWN if path.name == "abort-function" else Outcome.FAILED)
    nothing_stays(account)


def test_an_alarm_that_only_the_rule_hears_is_found_out(account: Account) -> None:
    account.broken = {"alarm-action"}
    result = examine_path(trial(account, BY_NAME["alarm-action"]))
    assert (result.outcome, result.detail) == (
        Outcome.FAILED,
        "CloudWatch did not call the abort function; the EventBridge rule stopped it",
    )


def test_a_composite_alarm_that_fis_does_not_take_is_told_in_its_words_and_nothing_stays(account: Account) -> None:
    account.broken = {"create_experiment_template"}
    result = examine_path(trial(account, BY_NAME["composite-stop-condition"]))
    assert result.outcome is Outcome.UNKNOWN
    assert "not allowed: create_experiment_template" in result.detail
    nothing_stays(account)


def test_slower_than_promised_is_said(account: Account) -> None:
    account.stopping_seconds = 14
    result = examine_path(trial(account, BY_NAME["stop-condition"]))
    assert result.outcome is Outcome.SLOW
    assert result.measured.startswith("14.")


@pytest.mark.parametrize("call", ["create_experiment_template", "start_experiment", "put_metric_alarm", "set_alarm_state"])
def test_what_the_operator_may_not_do_is_said_and_nothing_stays(account: Account, call: str) -> None:
    account.broken = {call}
    if call == "put_metric_alarm":
        account.alarms["squall-Squall-doctor-event-rule-1-1"] = {}
    result = examine_path(trial(account, BY_NAME["event-rule"]))
    assert result.outcome is Outcome.UNKNOWN
    assert call in result.detail
    nothing_stays(account)


@pytest.mark.parametrize("call", ["delete_experiment_template", "delete_alarms", "delete_object", "delete_item"])
def test_what_cannot_be_taken_away_is_named_with_its_command(account: Account, call: str) -> None:
    account.broken = {call}
    result = examine_path(trial(account, BY_NAME["pulse"]))
    assert result.outcome is Outcome.FAILED
    command = result.detail.partition("by hand: ")[2]
    assert problems(command) == []


def test_an_interrupted_doctor_takes_its_things_with_it(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(**_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(account, "set_alarm_state", interrupt)
    with pytest.raises(KeyboardInterrupt):
        examine_path(trial(account, BY_NAME["event-rule"]))
    nothing_stays(account)


ADA = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/ada", "UserId": "AIDAADA"}
ROOT = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root", "UserId": "123456789012"}


def approval(account: Account, monkeypatch: pytest.MonkeyPatch, voter: Any = None, who: Any = ADA, seconds: float = 1) -> Any:
    """The examination, with an approve function that writes what `voter` says it heard."""
    monkeypatch.setattr(approving, "DynamoRecords", lambda *_: account.records)

    def vote(execution_arn: str, execution_id: str, plan: str, decision: Decision, comment: str) -> Any:
        account.now += seconds
        assert execution_arn == f"{MACHINE.replace('stateMachine', 'execution')}:{execution_id}"
        if isinstance(voter, Exception):
            raise voter
        if isinstance(voter, dict):
            return voter
        text = Vote("user:AIDAADA", voter or ADA["Arn"], decision, START, comment, plan)
        return {"recorded": account.records.vote(execution_id, text), "message": ""}

    clients = {"sts": Scripted("sts", get_caller_identity=[who])}
    looked = Setting(lambda service: clients.get(service) or account.client(service), "Squall", (ROLE,), ABORT, MACHINE, "table", "bucket")
    return approving.examine_approval(looked, vote, "doctor-approval-1", lambda: account.now)


def test_an_approval_goes_round_and_nothing_stays(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    result = approval(account, monkeypatch)
    assert (result.outcome, result.measured) == (Outcome.OK, "1.0 s"), result
    assert ADA["Arn"] in result.detail
    nothing_stays(account)


@pytest.mark.parametrize(
    ("how", "outcome", "words"),
    [
        ({"voter": {"recorded": False, "message": "AWS does not confirm"}}, Outcome.FAILED, "AWS does not confirm"),
        ({"voter": None, "seconds": 16}, Outcome.SLOW, "AWS confirmed"),
        ({"voter": "arn:aws:iam::123456789012:user/mallory"}, Outcome.FAILED, "mallory"),
        ({"voter": {"recorded": True}}, Outcome.FAILED, "the record has []"),
        ({"voter": CommandError("no approve function", "deploy")}, Outcome.UNKNOWN, "no approve function"),
        ({"who": ROOT}, Outcome.UNKNOWN, "does not identify a person"),
        ({"who": error("ExpiredToken", "expired")}, Outcome.UNKNOWN, "expired"),
    ],
)
def test_an_approval_that_does_not_go_round_is_found_out(
    account: Account, monkeypatch: pytest.MonkeyPatch, how: Any, outcome: Outcome, words: str
) -> None:
    result = approval(account, monkeypatch, **how)
    assert result.outcome is outcome, result
    assert words in result.detail
    nothing_stays(account)


def test_a_request_that_cannot_be_taken_away_is_named_with_its_command(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.broken = {"delete_item"}
    result = approval(account, monkeypatch)
    assert result.outcome is Outcome.FAILED
    assert problems(result.detail.partition("by hand: ")[2]) == []


def trust(**changes: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": "fis.amazonaws.com"}, "Action": "sts:AssumeRole"}
    bound = {"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}
    return {"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": {"Statement": [{**statement, **bound, **changes}]}}}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (trust(), Outcome.OK),
        (trust(Condition={}), Outcome.FAILED),
        (trust(Principal={"Service": ["ec2.amazonaws.com"]}), Outcome.FAILED),
        (trust(Effect="Deny"), Outcome.FAILED),
        (error("NoSuchEntity"), Outcome.UNKNOWN),
    ],
)
def test_a_role_must_trust_fis_for_this_account_alone(answer: dict[str, Any] | ClientError, outcome: Outcome) -> None:
    ((finding, arn),) = check_fis_roles(Scripted("iam", get_role=[answer]), ["fis-role"])
    assert finding.outcome is outcome
    assert bool(arn) is isinstance(answer, dict)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(trust(), "exists"), (error("NoSuchEntity"), "does not exist yet"), (error("AccessDenied"), "could not be examined")],
)
def test_the_service_linked_role(answer: Any, words: str) -> None:
    assert words in check_linked_role(Scripted("iam", get_role=[answer])).detail


@pytest.mark.parametrize(("value", "outcome"), [(5.0, Outcome.OK), (20.0, Outcome.OK), (2.0, Outcome.FAILED), (None, Outcome.OK)])
def test_the_quota_is_the_accounts_or_the_documented_one(value: float | None, outcome: Outcome) -> None:
    listed = [{"experiments": [{"id": "a", "state": {"status": "running"}}, {"id": "b", "state": {"status": "stopped"}}]}]
    quotas: list[Any] = [{"Quotas": [{"QuotaName": "Templates", "Value": 500.0}, {"QuotaName": "Active Experiments", "Value": value}]}]
    clients = {
        "fis": Scripted("fis", list_experiments=listed),
        "service-quotas": Scripted("service-quotas", list_service_quotas=quotas if value is not None else [{"Quotas": []}]),
    }
    result = check_quota(lambda service: clients[service])
    assert result.outcome is outcome
    assert result.detail.startswith("1 active")
    assert ("documented default" in result.detail) is (value is None)


def functions() -> dict[str, Any]:
    logical = ("Abort1A", "Halt2B", "Pulse3C", "Report4D", "Resume5E")
    listed = [
        {"LogicalResourceId": name, "PhysicalResourceId": f"Squall-{name}", "ResourceType": "AWS::Lambda::Function"} for name in logical
    ]
    return {"StackResourceSummaries": listed}


def concurrency(limit: int, reserved: int = 0) -> dict[str, Any]:
    return {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": limit - reserved}}


@pytest.mark.parametrize(
    ("limit", "reserved", "outcome", "words"),
    [
        (1000, [2, 2, 2], Outcome.OK, "have reserved ones"),
        (1000, [2, None, 2], Outcome.OK, "-c stop_reserved_concurrency=2"),
        (106, [None] * 3, Outcome.OK, "`make deploy`, which reserves some"),
        (105, [None] * 3, Outcome.OK, "ask AWS for a higher limit"),
        (110, [2, 2, None], Outcome.OK, "`make deploy`, which reserves some"),
        (1000, [None] * 3, Outcome.OK, "share 1000"),
        (100, [None] * 3, Outcome.FAILED, "ask AWS for a higher limit"),
        (10, [None] * 3, Outcome.FAILED, "the account has 10, of which all functions share 10"),
    ],
)
def test_whether_an_abort_may_have_to_wait_for_other_functions(
    limit: int, reserved: list[int | None], outcome: Outcome, words: str
) -> None:
    answers = [{"ReservedConcurrentExecutions": entry} if entry else {} for entry in reserved]
    clients = {
        "cloudformation": Scripted("cloudformation", list_stack_resources=[functions()]),
        "lambda": Scripted(
            "lambda", get_account_settings=[concurrency(limit, sum(entry or 0 for entry in reserved))], get_function_concurrency=answers
        ),
    }
    result = check_concurrency(lambda service: clients[service], "Squall")
    assert result.outcome is outcome
    assert words in result.detail


def test_concurrency_that_cannot_be_read_is_unknown() -> None:
    denied = Scripted("lambda", get_account_settings=[error("AccessDenied")])
    assert check_concurrency(lambda _: denied, "Squall").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        ({"StatusCode": 204}, Outcome.OK, "you may invoke Squall-Resume5E"),
        (error("AccessDeniedException"), Outcome.OK, "somebody else has to end a halt"),
        (error("ServiceException"), Outcome.UNKNOWN, "could not be examined"),
    ],
    ids=["allowed", "denied", "unknown"],
)
def test_whether_the_operator_may_resume_is_asked_without_resuming(answer: Any, outcome: Outcome, words: str) -> None:
    functions_of_lambda = Scripted("lambda", invoke=[answer])
    clients = {"cloudformation": Scripted("cloudformation", list_stack_resources=[functions()]), "lambda": functions_of_lambda}
    result = check_resume(lambda service: clients[service], "Squall")
    assert (result.outcome, words in result.detail) == (outcome, True), result.detail
    assert functions_of_lambda.arguments("invoke") == [{"FunctionName": "Squall-Resume5E", "InvocationType": "DryRun"}]


def test_a_stack_without_a_resume_function_could_not_be_resumed() -> None:
    listed = Scripted("cloudformation", list_stack_resources=[{"StackResourceSummaries": []}])
    assert check_resume(lambda _: listed, "Squall").outcome is Outcome.FAILED


class Examined(FakeDeployment):
    """A deployment of which the doctor can see only what is told."""

    role_arns: tuple[str, ...] = ()

    def setting(self) -> Any:
        return Setting(self.client, self.stack, self.role_arns, ABORT, MACHINE, "table", "bucket"), []

    def client(self, service: str) -> Any:
        answers: dict[str, Any] = {
            "iam": {"get_role": [trust()]},
            "dynamodb": {},
            "sts": {"get_caller_identity": [ROOT]},
            "fis": {"list_experiments": [{"experiments": []}]},
            "service-quotas": {"list_service_quotas": [{"Quotas": []}]},
            "cloudformation": {"list_stack_resources": [functions()]},
            "lambda": {"get_account_settings": [concurrency(1000)], "get_function_concurrency": [{}] * 3, "invoke": [{}]},
        }
        return Scripted(service, **answers[service])


@pytest.mark.parametrize("flag", [Halt(engaged=True, reason="smoke"), None])
def test_nothing_is_started_while_the_stack_is_halted(squall: Squall, monkeypatch: pytest.MonkeyPatch, flag: Halt | None) -> None:
    deployment = Examined(flag=flag)
    deployment.role_arns = (ROLE,)
    monkeypatch.setattr("cli.session.find_deployment", lambda options: deployment)
    done = squall("doctor", "--json")
    assert done.exit_code == 4
    results = {load["name"]: load["outcome"] for load in json.loads(done.stdout)}
    assert {name: results[name] for name in BY_NAME} == dict.fromkeys(BY_NAME, "unknown")
    assert (results["approval"], "halted" in squall("doctor").stdout) == ("unknown", True)


def test_the_table_shows_promise_and_measure(squall: Squall, monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    deployment = Examined()
    deployment.role_arns = (ROLE,)
    monkeypatch.setattr("cli.session.find_deployment", lambda options: deployment)
    monkeypatch.setattr("cli.commands.doctor.examine_path", lambda made: examine_path(trial(account, made.path)))
    monkeypatch.setenv("COLUMNS", "200")  # no cell is folded
    done = squall("doctor", "--only", "event-rule")
    assert done.exit_code == 0
    shown = " ".join(done.stdout.split())
    for words in ("event-rule", "alarm to stopping: 30 s", "stopped after", "Everything is as promised."):
        assert words in shown
    assert "pulse" not in shown
    account.broken = {"event-rule"}
    assert squall("doctor", "--only", "event-rule").exit_code == 5
    assert "does not identify a person" in squall("doctor", "--only", "approval", "--json").stdout


def test_a_path_that_does_not_exist_is_refused(squall: Squall) -> None:
    done = squall("doctor", "--only", "prayer")
    assert done.exit_code == 3
    assert "event-rule" in done.stderr


def test_what_could_not_be_examined_is_not_said_to_be_broken(squall: Squall, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = Examined(flag=Halt(engaged=True, reason="smoke"))
    deployment.role_arns = (ROLE,)
    monkeypatch.setattr("cli.session.find_deployment", lambda options: deployment)
    shown = " ".join(squall("doctor").stdout.split())
    assert "Not as promised" not in shown
    assert "Not known, because it could not be examined: " in shown
