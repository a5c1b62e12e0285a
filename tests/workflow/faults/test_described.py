"""Resources of managed services and IAM roles under FIS actions by their ids: whole runs, and what they end as."""

from __future__ import annotations

from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import CheckOutcome, ResourceType, RollbackOutcome, Status, Verdict
from squall.domain.documents.fault import FaultTemplate
from squall.domain.resources.described import DescribedResource
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, result_of
from tests.workflow.judging.test_disproof import QUIET, since_the_fault
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

ORDERS = DescribedResource(
    type=ResourceType.STREAM, id="orders", arn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/orders", state="ACTIVE",
    tags={"squall:environment": "staging"}, fields={"RetentionPeriodHours": "24"},
)  # fmt: skip
SIGNAL = {"namespace": "Shop", "metric_name": "Throttled", "dimensions": {"StreamName": "$target"}, "by": 20.0}
ACTION = "aws:kinesis:stream-provisioned-throughput-exception"
ORDERS_ROLE = DescribedResource(
    type=ResourceType.ROLE, id="orders-api", arn=f"arn:aws:iam::{ACCOUNT}:role/shop/orders-api", state="exists",
    tags={"squall:environment": "staging"}, fields={"MaxSessionDuration": "3600"},
)  # fmt: skip
API_ACTION = "aws:fis:inject-api-throttle-error"


@pytest.fixture
def throttled(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=["aws:kinesis:*"])
    world.fleet.add_other(ORDERS)
    world.metrics.set("Throttled", since_the_fault(world, QUIET + 50))
    return {key: value for key, value in experiment.items() if key != "rollback"} | {
        "type": ACTION,
        "target_resources": [ORDERS.arn],
        "service": TARGET_GROUP,
        "parameters": {"percentage": 30},
        "success_criteria": ["System availability > 99%"],
        "fault_signal": SIGNAL,
    }


def test_it_is_validated_where_the_signal_shows_it_and_the_stream_is_as_before(
    walk: Walk, world: FakeWorld, throttled: dict[str, Any]
) -> None:
    walk.run({"definition": throttled})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [proof.kind for proof in result.rollback.proofs]) == (RollbackOutcome.RESTORED, ["mechanism"])
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    (target,) = template.body["targets"].values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:kinesis:stream", [ORDERS.arn])
    nothing_is_left(world)


def test_it_is_invalid_where_nobody_was_throttled(walk: Walk, world: FakeWorld, throttled: dict[str, Any]) -> None:
    world.metrics.set("Throttled", since_the_fault(world, QUIET))
    walk.run({"definition": throttled})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "the fault did nothing to" in result.reason
    nothing_is_left(world)


def test_a_stream_that_is_not_as_before_is_not_restored(walk: Walk, world: FakeWorld, throttled: dict[str, Any]) -> None:
    changed = ORDERS.model_copy(update={"fields": {"RetentionPeriodHours": "48"}})

    def change(_: object) -> None:
        world.fleet.add_other(changed)

    walk.after["StartFault"] = change
    walk.run({"definition": throttled})
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert result.rollback.differences == ("the RetentionPeriodHours of orders is 48, it was 24",)


def test_an_abort_ends_it_and_reads_the_stream_again(walk: Walk, world: FakeWorld, throttled: dict[str, Any]) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    walk.run({"definition": throttled})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.verdict, result.rollback.outcome) == (Status.ABORTED, Verdict.ABORTED, RollbackOutcome.RESTORED)
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tags": {"squall:environment": "production"}}, "orders has squall:environment = 'production'"),
        ({"tags": {}}, "orders has no tag squall:environment"),
        ({"state": "DELETING"}, "orders is DELETING"),
    ],
)
def test_a_stream_that_did_not_opt_in_or_is_not_active_is_never_hit(
    walk: Walk, world: FakeWorld, throttled: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    world.fleet.add_other(ORDERS.model_copy(update=changes))
    walk.run({"definition": throttled})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert reason in result.reason
    assert world.faults.runs == {}


def test_a_stream_is_in_no_zone(walk: Walk, world: FakeWorld, throttled: dict[str, Any]) -> None:
    walk.run({"definition": {**throttled, "blast_radius": "single_az"}})
    result = result_of(world)
    assert [problem.path for problem in result.problems] == ["definition.blast_radius"]
    assert world.faults.runs == {}


@pytest.fixture
def unanswered(throttled: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment(
        "staging", inline_definitions=True, allowed_types=["aws:fis:*"], api_fault_roles=[ORDERS_ROLE.arn]
    )
    world.fleet.add_other(ORDERS_ROLE)
    return throttled | {
        "type": API_ACTION,
        "target_resources": [ORDERS_ROLE.arn],
        "parameters": {"service": "ec2", "percentage": 50, "operations": "DescribeInstances"},
        "fault_signal": {**SIGNAL, "dimensions": {"RoleName": "$target"}},
    }


def test_calls_with_a_role_fail_and_everybody_is_told_that_all_its_users_are_hit(
    walk: Walk, world: FakeWorld, unanswered: dict[str, Any]
) -> None:
    walk.run({"definition": unanswered})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RESTORED
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    (target,) = template.body["targets"].values()
    assert (target["resourceType"], target["resourceArns"]) == ("aws:iam:role", [ORDERS_ROLE.arn])
    assert "for everything that uses it" in str(template.body["actions"])
    warned = {check.name: check.detail for check in result.safety_checks if check.outcome is CheckOutcome.WARNED}
    told = "everything that uses orders-api is hit, also what Squall does not know of"
    assert warned["fault_prerequisites.shared_by_all_users"] == told
    assert told in world.notifier.sent[-1].body
    nothing_is_left(world)


def test_an_abort_ends_the_fault_on_a_role(walk: Walk, world: FakeWorld, unanswered: dict[str, Any]) -> None:
    order = {"execution_id": ID, "reason": "enough", "requested_by": "me"}
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: walk.quietly("Abort", order))
    walk.run({"definition": unanswered})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.rollback.outcome) == (Status.ABORTED, RollbackOutcome.RESTORED)
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tags": {}}, "orders-api has no tag squall:environment"),
        ({"tags": {**ORDERS_ROLE.tags, "squall:stack": "Squall"}}, "orders-api belongs to the Squall stack Squall"),
    ],
)
def test_a_role_that_did_not_opt_in_or_is_squalls_own_is_never_hit(
    walk: Walk, world: FakeWorld, unanswered: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    world.fleet.add_other(ORDERS_ROLE.model_copy(update=changes))
    walk.run({"definition": unanswered})
    result = result_of(world)
    assert (result.status, reason in result.reason) == (Status.REJECTED, True), result.reason
    assert world.faults.runs == {}


def test_a_role_that_the_policy_does_not_list_is_refused_before_anything_is_read(
    walk: Walk, world: FakeWorld, unanswered: dict[str, Any]
) -> None:
    walk.run({"definition": {**unanswered, "target_resources": [f"{ORDERS_ROLE.arn}-2"]}})
    result = result_of(world)
    (problem,) = result.problems
    assert (problem.path, problem.expected) == ("definition.target_resources[0]", ORDERS_ROLE.arn)
    assert "everything that uses it would be hit" in problem.message
    assert world.faults.runs == {}


def test_roles_are_not_chosen_by_tags(walk: Walk, world: FakeWorld, unanswered: dict[str, Any]) -> None:
    target = {"resource_type": "aws:iam:role", "tags": {"app": "shop"}}
    walk.run({"definition": {**unanswered, "target_resources": [], "target": target}})
    assert [problem.path for problem in result_of(world).problems] == ["definition.target.tags"]
    assert world.faults.runs == {}


LINKS: dict[str, DescribedResource] = {
    "aws:dynamodb:global-table-pause-replication": DescribedResource(
        type=ResourceType.GLOBAL_TABLE, id="orders", arn=f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders", state="ACTIVE",
        tags=ORDERS.tags, fields={"Replicas": '[["us-east-1", "ACTIVE"]]'},
    ),
    "aws:memorydb:multi-region-cluster-pause-replication": DescribedResource(
        type=ResourceType.MULTI_REGION_CLUSTER, id="orders", arn=f"arn:aws:memorydb::{ACCOUNT}:multiregioncluster/orders",
        state="available", tags=ORDERS.tags, fields={"Clusters": f'[["{REGION}", "available"], ["us-east-1", "available"]]'},
    ),
    "aws:directconnect:virtual-interface-disconnect": DescribedResource(
        type=ResourceType.VIRTUAL_INTERFACE, id="dxvif-0a1", arn=f"arn:aws:directconnect:{REGION}:{ACCOUNT}:dxvif/dxvif-0a1",
        state="available", tags=ORDERS.tags, fields={"bgpPeers": '[["p1", "available", "up"]]'},
    ),
    "aws:network:disrupt-vpc-endpoint": DescribedResource(
        type=ResourceType.VPC_ENDPOINT, id="vpce-0a1", arn=f"arn:aws:ec2:{REGION}:{ACCOUNT}:vpc-endpoint/vpce-0a1",
        state="available", tags=ORDERS.tags,
        fields={"Groups": '["sg-1"]', "VpcEndpointType": "Interface", "ServiceName": f"com.amazonaws.{REGION}.sqs"},
    ),
}  # fmt: skip


@pytest.fixture(params=LINKS)
def cut(request: pytest.FixtureRequest, throttled: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    """An experiment that cuts a link of a managed service."""
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[request.param])
    link = LINKS[request.param]
    world.fleet.add_other(link)
    signal = {**SIGNAL, "dimensions": {"Link": "$target"}}
    longer = {key: value for key, value in throttled.items() if key != "duration_minutes"} | {"duration": "PT20M"}
    return longer | {"type": request.param, "target_resources": [link.arn], "parameters": {}, "fault_signal": signal}


def test_a_cut_link_is_validated_where_the_signal_shows_it_and_the_link_is_whole_again(
    walk: Walk, world: FakeWorld, cut: dict[str, Any]
) -> None:
    walk.run({"definition": cut})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RESTORED
    nothing_is_left(world)


def test_an_abort_ends_the_cut_and_what_is_still_cut_is_not_restored(walk: Walk, world: FakeWorld, cut: dict[str, Any]) -> None:
    link = LINKS[cut["type"]]

    def change() -> None:
        now = world.fleet.others[link.arn]
        assert isinstance(now, DescribedResource)
        world.fleet.add_other(now.model_copy(update={"state": "testing"}))

    def end(_: object) -> None:
        world.clock.after(50, change)
        world.clock.after(60, lambda: walk.quietly("Abort", {"execution_id": ID, "reason": "enough", "requested_by": "me"}))

    walk.after["StartFault"] = end
    walk.run({"definition": cut})
    result = result_of(world)
    assert result.rollback is not None
    assert (result.status, result.rollback.outcome) == (Status.ABORTED, RollbackOutcome.NOT_RESTORED)
    assert f"{link.id} is testing, it was {link.state}" in result.rollback.differences
    kept = [left for left in result.rollback.leftovers if "modify-vpc-endpoint" in left]  # FIS does not undo what somebody changed
    assert len(kept) == (link.type is ResourceType.VPC_ENDPOINT)


def test_a_virtual_interface_is_never_cut_for_less_than_ten_minutes(
    walk: Walk, world: FakeWorld, throttled: dict[str, Any], known: deployed.DeployedDefinitions
) -> None:
    action = "aws:directconnect:virtual-interface-disconnect"
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=[action])
    short = {key: value for key, value in throttled.items() if key != "duration_minutes"} | {"duration": "PT9M"}
    walk.run({"definition": {**short, "type": action, "target_resources": [LINKS[action].arn], "parameters": {}}})
    problems = {problem.path: problem for problem in result_of(world).problems}
    assert problems["definition.duration"].expected == "at least 10 min"
    assert world.faults.runs == {}
