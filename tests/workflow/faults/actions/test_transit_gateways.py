"""A transit gateway is cut off from a Region: whole runs, and what they end as."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.resources.transit_gateways import PeeringAttachment, TransitGateway
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.faults.test_described import SIGNAL
from tests.workflow.judging.test_disproof import QUIET, since_the_fault
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

ACTION = "aws:network:transit-gateway-disrupt-cross-region-connectivity"
STAGING = {"squall:environment": "staging"}
TO_VIRGINIA = PeeringAttachment(
    id="tgw-attach-0a1", region="us-east-1", state="available", route_table="tgw-rtb-1", association="associated", tags=STAGING
)
GATEWAY = TransitGateway(
    id="tgw-0a1", arn=f"arn:aws:ec2:{REGION}:{ACCOUNT}:transit-gateway/tgw-0a1", state="available", tags=STAGING,
    attachments=(TO_VIRGINIA, TO_VIRGINIA.model_copy(update={"id": "tgw-attach-0b2", "region": "eu-central-1", "tags": {}})),
)  # fmt: skip


@pytest.fixture
def cut(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=["aws:network:transit-*"])
    world.fleet.add_other(GATEWAY)
    world.metrics.set("Throttled", since_the_fault(world, QUIET + 50))
    return {key: value for key, value in experiment.items() if key != "rollback"} | {
        "type": ACTION,
        "target_resources": [GATEWAY.arn],
        "service": TARGET_GROUP,
        "parameters": {"region": "us-east-1"},
        "success_criteria": ["System availability > 99%"],
        "fault_signal": {**SIGNAL, "dimensions": {"TransitGateway": "$target"}},
    }


def test_it_is_validated_where_the_signal_shows_it_and_every_attachment_has_its_route_table(
    walk: Walk, world: FakeWorld, cut: dict[str, Any]
) -> None:
    walk.run({"definition": cut})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RESTORED
    nothing_is_left(world)


def test_it_is_invalid_where_the_signal_shows_nothing(walk: Walk, world: FakeWorld, cut: dict[str, Any]) -> None:
    world.metrics.set("Throttled", since_the_fault(world, QUIET))
    walk.run({"definition": cut})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    nothing_is_left(world)


def test_an_abort_ends_it_and_an_attachment_that_stayed_cut_is_found(walk: Walk, world: FakeWorld, cut: dict[str, Any]) -> None:
    loose = GATEWAY.model_copy(
        update={"attachments": (TO_VIRGINIA.model_copy(update={"route_table": None, "association": None}), *GATEWAY.attachments[1:])}
    )

    def end(_: object) -> None:
        world.fleet.add_other(loose)
        world.clock.after(60, lambda: walk.quietly("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "me"}))

    walk.after["StartFault"] = end
    walk.run({"definition": cut})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.rollback.outcome) == (Status.ABORTED, RollbackOutcome.NOT_RESTORED)
    assert "--transit-gateway-route-table-id tgw-rtb-1 --transit-gateway-attachment-id tgw-attach-0a1" in result.rollback.leftovers[0]


def test_an_attachment_to_that_region_that_did_not_opt_in_is_never_cut(walk: Walk, world: FakeWorld, cut: dict[str, Any]) -> None:
    walk.run({"definition": {**cut, "parameters": {"region": "eu-central-1"}}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "tgw-attach-0b2 in tgw-0a1 has squall:environment = 'none'" in result.reason
    assert world.faults.runs == {}


def test_an_attachment_that_lost_its_tag_since_stops_the_start(walk: Walk, world: FakeWorld, cut: dict[str, Any]) -> None:
    bare = GATEWAY.model_copy(update={"attachments": (TO_VIRGINIA.model_copy(update={"tags": {}}), *GATEWAY.attachments[1:])})
    walk.before["FinalCheck"] = lambda _: world.fleet.others.update({GATEWAY.arn: bare})
    walk.run({"definition": cut})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert world.faults.runs == {}
    assert any("tgw-attach-0a1 in tgw-0a1 has squall:environment = 'none'" in check.detail for check in result.safety_checks)
