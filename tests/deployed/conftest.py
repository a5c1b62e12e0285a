"""One account, one workload and one deployed stack for all tests of this folder; `make test` runs them in one worker."""

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from local import processes
from local import up as launcher
from local.account.profile import IDEAL
from local.workload.settings import RESILIENT
from tests.deployed.rig import Rig
from tests.patience import until


@pytest.fixture(scope="package")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The account with the stack in it. It stops after the last of these tests, because its workload would take the
    processor from the tests that follow; then none of its processes is alive."""
    state = tmp_path_factory.mktemp("deployed")
    processes.end_with_caller(state)
    account = launcher.start_account(state, experiments="tests/deployed/definitions/experiments")
    try:
        rig = Rig(account, state)
        _hold_schedules(rig)
        yield rig
    finally:
        launcher.stop_account(state)
    assert processes.list_leftovers(state) == []
    assert [pid for pid in account.pids.values() if processes.start_time(pid) is not None] == []


def _hold_schedules(rig: Rig) -> None:
    """Disable the catalogue's schedules: they would take the workload's lock from the other tests."""
    scheduler = rig.client("scheduler")
    for schedule in scheduler.list_schedules(GroupName=f"squall-{rig.stack}")["Schedules"]:
        if schedule["Name"].startswith("experiment-"):
            switch_schedule(rig, schedule["Name"], "DISABLED")


def switch_schedule(rig: Rig, name: str, state: str) -> None:
    scheduler = rig.client("scheduler")
    known = scheduler.get_schedule(Name=name, GroupName=f"squall-{rig.stack}")
    kept = ("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target", "Description")
    scheduler.update_schedule(**{key: known[key] for key in kept}, State=state)


@pytest.fixture
def rig(deployed: Rig) -> Iterator[Rig]:
    """The state after the deployment: ideal account, whole and quiet workload, nothing left of earlier runs."""
    ideal(deployed)
    deployed.clean()
    until(deployed.whole, "three healthy instances")
    deployed.forget_runs()
    yield deployed
    ideal(deployed)
    for arn in deployed.execution_arns():
        execution = deployed.execution(arn)
        if execution.status == "RUNNING":  # of a test that failed
            execution.stop()


def ideal(rig: Rig) -> None:
    rig.profile(**asdict(IDEAL))
    rig.settings(workload=RESILIENT)


@pytest.fixture
def target(rig: Rig) -> str:
    """The id of one instance of the group."""
    return min(rig.webs)


@pytest.fixture
def calm(rig: Rig) -> None:
    """Wait until the newest periods show nothing of an earlier delay, for guards on the response time."""
    until(rig.quiet, "a quiet workload")
