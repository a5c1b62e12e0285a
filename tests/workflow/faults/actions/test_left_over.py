"""FIS does not undo a fault on the network, and the execution dies under it: it is told, and the locks are held until all is undone."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from tests.fakes import effects
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import is_settled, nothing_is_left
from tests.workflow.faults.actions.test_route_tables import cut, subnet
from tests.workflow.faults.actions.test_zonal_shifts import BALANCER, SHIFT, shifted
from tests.workflow.faults.test_described import LINKS, SIGNAL
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

__all__ = ["blocked", "cut", "shifted", "subnet"]  # fixtures
BLOCK = "aws:network:disrupt-vpc-endpoint"
ROUTES = "aws:network:route-table-disrupt-cross-region-connectivity"


@pytest.fixture
def blocked(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[BLOCK])
    world.fleet.add_other(LINKS[BLOCK])
    return {key: value for key, value in experiment.items() if key not in {"rollback", "parameters"}} | {
        "type": BLOCK,
        "target_resources": [LINKS[BLOCK].arn],
        "service": TARGET_GROUP,
        "success_criteria": ["System availability > 99%"],
        "fault_signal": {**SIGNAL, "dimensions": {"Endpoint": "$target"}},
    }


def die_under_the_fault(walk: Walk, definition: dict[str, Any]) -> None:
    walk.after["StartFault"] = lambda _: walk.world.clock.advance(30)
    walk.enter["WatchFault"] = walk.kill
    done = walk.run({"definition": definition})
    walk.after.clear()
    walk.enter.clear()
    assert done.status == "ABORTED"
    walk.pulse = False
    walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))


@pytest.mark.parametrize(
    ("fixture", "action", "target", "command"),
    [
        ("shifted", SHIFT, BALANCER.arn, "aws arc-zonal-shift cancel-zonal-shift --region eu-west-1 --zonal-shift-id shift-"),
        ("blocked", BLOCK, LINKS[BLOCK].arn, "--add-security-group-ids sg-1 --remove-security-group-ids sg-f15"),
        ("cut", ROUTES, "subnet-0a1", "aws ec2 delete-route-table --region eu-west-1 --route-table-id rtb-f15"),
    ],
)
def test_what_fis_did_not_undo_is_told_with_its_command_and_keeps_the_locks_until_it_is_undone(
    walk: Walk,
    world: FakeWorld,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    fixture: str,
    action: str,
    target: str,
    command: str,
) -> None:
    given = request.getfixturevalue(fixture)
    real = effects.EFFECTS[action]

    def stuck(fleet: Any, arn: str) -> Any:
        real(fleet, arn)
        return lambda: None

    monkeypatch.setitem(effects.EFFECTS, action, stuck)
    before = {arn: resource for arn, resource in world.fleet.others.items() if target in arn}
    die_under_the_fault(walk, given.get("definition", given))
    assert command in "\n".join(message.body for message in world.notifier.sent)
    walk.pulses(4)
    assert world.locks.leases, "nobody else may hit it meanwhile"
    world.fleet.others.update(before)
    walk.pulses(2)
    nothing_is_left(world)
    is_settled(world)
