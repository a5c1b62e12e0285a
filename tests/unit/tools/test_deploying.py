"""`make deploy` and `make destroy` touch nothing while something of the stack runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from infra.settings import Settings
from scripts import deploy
from tests.adapters.scripted import Scripted, error

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:Squall-Experiment"
OTHER = {"name": "Other-Experiment", "stateMachineArn": MACHINE.replace("Squall-E", "Other-E")}
CAMPAIGNS = MACHINE.replace("Experiment", "Campaign")
RUN = {"executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:run-1", "name": "run-1"}


def experiment(status: str, stack: str | None = "Squall", experiment_id: str = "EXP1") -> dict[str, Any]:
    return {"id": experiment_id, "state": {"status": status}, "tags": {"squall:stack": stack} if stack else {}}


class Session:
    """What a deployment asks of AWS before it does anything."""

    def __init__(self, *experiments: dict[str, Any], runs: list[dict[str, str]] | None = None, deployed: bool = True) -> None:
        own = [{"name": arn.rpartition(":")[2], "stateMachineArn": arn} for arn in (MACHINE, CAMPAIGNS)]
        machines = [OTHER, *(own if deployed else [])]
        self.fis = Scripted("fis", list_experiments=[{"experiments": list(experiments)}], stop_experiment=[{}])
        self.states = Scripted(
            "stepfunctions",
            list_state_machines=[{"stateMachines": machines}],
            list_executions=[{"executions": runs or []}],
            stop_execution=[{}],
        )

    def client(self, service: str) -> Scripted:
        return {"fis": self.fis, "stepfunctions": self.states}[service]

    def stopped(self) -> list[str]:
        return [
            *(call["id"] for call in self.fis.arguments("stop_experiment")),
            *(call["executionArn"] for call in self.states.arguments("stop_execution")),
        ]


@pytest.mark.parametrize("deployed", [True, False])
@pytest.mark.parametrize("force", [True, False])
def test_with_nothing_running_it_goes_on(force: bool, deployed: bool) -> None:
    over = [experiment(status) for status in ("completed", "stopped", "failed", "cancelled")]
    session = Session(*over, experiment("running", "Other"), experiment("running", None), deployed=deployed)
    deploy._check_nothing_runs(session, Settings(), force=force)
    assert session.stopped() == []


@pytest.mark.parametrize("status", ["pending", "initiating", "running", "stopping", "a word of the future"])
def test_an_active_fault_refuses(status: str) -> None:
    session = Session(experiment(status))
    with pytest.raises(SystemExit, match="Squall has an active fault \\(EXP1\\)"):
        deploy._check_nothing_runs(session, Settings(), force=False)
    assert session.stopped() == []


def test_a_running_execution_of_either_machine_refuses_though_no_fault_runs_yet() -> None:
    session = Session(runs=[RUN])
    with pytest.raises(SystemExit, match="Squall runs run-1"):
        deploy._check_nothing_runs(session, Settings(), force=False)
    asked = session.states.arguments("list_executions")
    assert asked == [{"stateMachineArn": arn, "statusFilter": "RUNNING"} for arn in (CAMPAIGNS, MACHINE)], "what starts runs, first"


def test_force_stops_what_runs_and_still_touches_nothing_else() -> None:
    session = Session(experiment("running"), experiment("stopping", experiment_id="EXP2"), runs=[RUN])
    with pytest.raises(SystemExit, match="run the command again"):
        deploy._check_nothing_runs(session, Settings(), force=True)
    assert session.stopped() == ["EXP1", RUN["executionArn"]]


def account(limit: int, *, others: int = 0, ours: int | None = None, stack: bool = True) -> Any:
    """Makes clients of an account with this limit, in which others and each of our three functions have reserved some."""
    names = ("Abort1A", "Halt2B", "Pulse3C", "Report4D")
    listed = [{"LogicalResourceId": n, "PhysicalResourceId": f"Squall-{n}", "ResourceType": "AWS::Lambda::Function"} for n in names]
    unreserved = limit - others - 3 * (ours or 0)
    missing = error("ValidationError", "Stack with id Squall does not exist")
    clients = {
        "lambda": Scripted(
            "lambda",
            get_account_settings=[{"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}}],
            get_function_concurrency=[{"ReservedConcurrentExecutions": ours} if ours else {}],
        ),
        "cloudformation": Scripted("cloudformation", list_stack_resources=[{"StackResourceSummaries": listed}])
        if stack
        else Refusing(missing),
    }
    return SimpleNamespace(client=clients.__getitem__)


class Refusing:
    """A client of CloudFormation that refuses to list."""

    def __init__(self, answer: Exception) -> None:
        self._answer = answer

    def get_paginator(self, method: str) -> Any:
        def paginate(**_: Any) -> Any:
            raise self._answer

        assert method == "list_stack_resources"
        return SimpleNamespace(paginate=paginate)


@pytest.mark.parametrize(
    ("account", "reserved"),
    [
        (account(1000), {"stop_reserved_concurrency": "2"}),
        (account(1000, stack=False), {"stop_reserved_concurrency": "2"}),
        (account(106), {"stop_reserved_concurrency": "2"}),
        (account(106, ours=2), {"stop_reserved_concurrency": "2"}),
        (account(1000, ours=5), {"stop_reserved_concurrency": "5"}),
        (account(105), {}),
        (account(10, stack=False), {}),
        (account(1000, others=895), {}),
    ],
    ids=["usual", "first", "just enough", "again", "more by hand", "too few", "a new account", "others have them"],
)
def test_executions_are_reserved_for_stopping_where_lambda_still_keeps_a_hundred(
    account: Any, reserved: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy._reserve_concurrency(account, Settings()) == reserved
    assert ("Reserving" if reserved else "ask AWS for a higher limit") in capsys.readouterr().out


@pytest.mark.parametrize("number", [0, 2, 7])
def test_a_number_of_the_user_decides_and_nothing_is_asked(number: int) -> None:
    asked = SimpleNamespace(client=pytest.fail)
    assert deploy._reserve_concurrency(asked, Settings(stop_reserved_concurrency=number)) == {}


def test_without_an_answer_nothing_is_deployed_that_might_end_a_reservation() -> None:
    denied = SimpleNamespace(client={"lambda": Scripted("lambda", get_account_settings=[error("AccessDeniedException")])}.__getitem__)
    with pytest.raises(SystemExit, match='CONTEXT="stop_reserved_concurrency=2"'):
        deploy._reserve_concurrency(denied, Settings())


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_neither_command_reaches_cdk_while_a_fault_is_active(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(deploy, "_run_cdk", lambda *arguments: called.append(arguments))
    monkeypatch.setattr("boto3.Session", lambda **_: Session(experiment("running")))
    monkeypatch.setattr("sys.argv", ["deploy", command])
    with pytest.raises(SystemExit, match="active fault"):
        deploy.main()
    assert called == []
