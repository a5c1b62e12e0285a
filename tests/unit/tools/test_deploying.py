"""`make deploy` and `make destroy` touch nothing while something of the stack runs."""

from __future__ import annotations

from typing import Any

import pytest

from infra.settings import Settings
from scripts import deploy
from tests.adapters.scripted import Scripted

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:Squall-Experiment"
OTHER = {"name": "Other-Experiment", "stateMachineArn": MACHINE.replace("Squall-E", "Other-E")}
RUN = {"executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:run-1", "name": "run-1"}


def experiment(status: str, stack: str | None = "Squall", experiment_id: str = "EXP1") -> dict[str, Any]:
    return {"id": experiment_id, "state": {"status": status}, "tags": {"squall:stack": stack} if stack else {}}


class Session:
    """What a deployment asks of AWS before it does anything."""

    def __init__(self, *experiments: dict[str, Any], runs: list[dict[str, str]] | None = None, deployed: bool = True) -> None:
        machines = [OTHER, *([{"name": "Squall-Experiment", "stateMachineArn": MACHINE}] if deployed else [])]
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


def test_a_running_execution_refuses_though_no_fault_runs_yet() -> None:
    session = Session(runs=[RUN])
    with pytest.raises(SystemExit, match="Squall runs run-1"):
        deploy._check_nothing_runs(session, Settings(), force=False)
    assert session.states.arguments("list_executions") == [{"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}]


def test_force_stops_what_runs_and_still_touches_nothing_else() -> None:
    session = Session(experiment("running"), experiment("stopping", experiment_id="EXP2"), runs=[RUN])
    with pytest.raises(SystemExit, match="run the command again"):
        deploy._check_nothing_runs(session, Settings(), force=True)
    assert session.stopped() == ["EXP1", RUN["executionArn"]]


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_neither_command_reaches_cdk_while_a_fault_is_active(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(deploy, "_run_cdk", lambda *arguments: called.append(arguments))
    monkeypatch.setattr("boto3.Session", lambda **_: Session(experiment("running")))
    monkeypatch.setattr("sys.argv", ["deploy", command])
    with pytest.raises(SystemExit, match="active fault"):
        deploy.main()
    assert called == []
