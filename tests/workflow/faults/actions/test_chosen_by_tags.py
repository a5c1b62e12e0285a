"""FIS takes some targets by tags alone: what it chose is compared with the pins before the fault begins, whoever is alive then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.base.vocabulary import AbortSource, ResourceType, RollbackOutcome, Status, Verdict
from squall.domain.documents.fault import FaultTemplate
from squall.domain.resources.described import DescribedResource
from squall.domain.run.fis_state import ActionState, ResolvedTarget
from squall.domain.run.timeline import EventName
from squall.domain.safety.resolved_targets import LEAD
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.unit.resources import replication_group
from tests.workflow.driver import execution_event
from tests.workflow.endings import ID, Intercept, ended, fail, nothing_is_left, once, record_of, result_of
from tests.workflow.judging.test_disproof import QUIET, since_the_fault
from tests.workflow.rig import TARGET_GROUP, environment
from tests.workflow.walk import Walk

ACTION = "aws:s3:bucket-pause-replication"
OPTED_IN = {"squall:environment": "staging"}
RULES = '{"Rules": [{"ID": "all", "Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::copies"}}]}'


def bucket(name: str, **changes: Any) -> DescribedResource:
    values: dict[str, Any] = {"tags": {**OPTED_IN, "app": "shop"}, "fields": {"ReplicationConfiguration": RULES}, "state": "exists"}
    return DescribedResource(type=ResourceType.BUCKET, id=name, arn=f"arn:aws:s3:::{name}", **{**values, **changes})


ORDERS, STRANGER = bucket("shop-orders"), bucket("shop-invoices")


@pytest.fixture
def paused(experiment: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=["aws:s3:*"])
    world.fleet.add_other(ORDERS)
    world.faults.start_seconds = 1
    world.metrics.set("Pending", since_the_fault(world, QUIET + 50))
    return {key: value for key, value in experiment.items() if key not in {"rollback", "target_resources"}} | {
        "type": ACTION,
        "target": {"resource_type": "aws:s3:bucket", "tags": {"app": "shop"}},
        "service": TARGET_GROUP,
        "parameters": {"region": "us-east-1"},
        "success_criteria": ["System availability > 99%"],
        "fault_signal": {"namespace": "Shop", "metric_name": "Pending", "dimensions": {"SourceBucket": "$target"}, "by": 20.0},
    }


def tag(world: FakeWorld, named: DescribedResource) -> None:
    """Somebody tags a bucket."""
    world.fleet.add_other(named)


def hang(walk: Walk, world: FakeWorld, seconds: float) -> None:
    """The workflow does nothing for so long, while pulses come once a minute, the first of them 20 s from now."""
    for second in range(20, int(seconds), 60):
        world.clock.after(second, lambda: walk.quietly("Pulse", {}))
    world.clock.sleep(seconds)


def pausing(world: FakeWorld) -> ActionState:
    (run,) = world.faults.runs.values()
    (action,) = [action for action in run.experiment.actions if action.action_id == ACTION]
    return action


def never_began(world: FakeWorld, by: str, reason: str) -> None:
    """The run was aborted in the wait before the fault, and nothing of it is left or called a fault."""
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert record.abort is not None
    assert (record.abort.source, record.abort.by) == (AbortSource.OUTSIDE, by)
    assert reason in record.reason
    assert pausing(world).started_at is None
    assert not record.happened(EventName.PINS_PROVEN)
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_NEEDED
    nothing_is_left(world, twice=True)


def test_it_begins_once_fis_has_shown_that_it_chose_the_pinned_bucket(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    walk.run({"definition": paused})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RESTORED
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    (target,), actions = template.body["targets"].values(), template.body["actions"]
    assert target == {"resourceType": "aws:s3:bucket", "resourceTags": {"app": "shop", **OPTED_IN}, "selectionMode": "ALL"}
    assert (actions["pins"]["actionId"], actions["pins"]["parameters"]) == ("aws:fis:wait", {"duration": "PT2M"})
    assert actions["bucket-pause-replication"]["startAfter"] == ["pins"]
    record, began = record_of(world), pausing(world).started_at
    assert record.happened(EventName.PINS_PROVEN)[0].detail == ORDERS.arn
    assert began is not None
    assert record.happened(EventName.PINS_PROVEN)[0].at < began
    nothing_is_left(world)


def test_the_wait_is_no_part_of_the_fault(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    walk.run({"definition": paused})
    result, record, action = result_of(world), record_of(world), pausing(world)
    assert action.started_at is not None
    assert action.ended_at is not None
    assert record.fault_started_at is not None
    assert action.started_at - record.fault_started_at >= LEAD
    assert (result.times.effect_at, result.times.fault_ended_at) == (action.started_at, action.ended_at)
    assert result.times.to_effect_seconds is not None
    assert result.times.to_effect_seconds <= 2
    assert record.fault_seconds == (action.ended_at - action.started_at).total_seconds()
    assert result.rollback is not None
    assert [proof.at for proof in result.rollback.proofs] == [action.started_at]


def test_a_longer_observation_begins_with_the_fault_as_well(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    longer = {key: value for key, value in paused.items() if key != "duration_minutes"} | {"duration": "PT5M", "observation": "PT15M"}
    walk.run({"definition": longer})
    result, action = result_of(world), pausing(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert action.started_at is not None
    ended_at = record_of(world).fault_ended_at
    assert ended_at is not None
    assert ended_at - action.started_at >= timedelta(minutes=15)


def test_a_bucket_that_was_tagged_before_the_final_check_is_refused_by_name(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    walk.before["FinalCheck"] = lambda _: tag(world, STRANGER)
    walk.run({"definition": paused})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "shop-invoices is not pinned and carries app = shop and squall:environment = staging" in result.reason
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_a_bucket_that_was_tagged_after_the_final_check_keeps_the_fault_from_beginning(
    walk: Walk, world: FakeWorld, paused: dict[str, Any]
) -> None:
    walk.before["StartFault"] = lambda _: tag(world, STRANGER)
    walk.run({"definition": paused})
    never_began(world, "ObserveFault", "shop-invoices for Buckets, which was not pinned")


def test_a_pinned_bucket_that_fis_did_not_choose_keeps_the_fault_from_beginning(
    walk: Walk, world: FakeWorld, paused: dict[str, Any]
) -> None:
    world.fleet.add_other(STRANGER)
    walk.pulse = False
    walk.before["StartFault"] = lambda _: tag(world, STRANGER.model_copy(update={"tags": OPTED_IN}))
    walk.run({"definition": {**paused, "blast_radius": "single_region"}})
    never_began(world, "ObserveFault", "FIS does not say that it resolved arn:aws:s3:::shop-invoices for Buckets")


def test_what_fis_does_not_name_is_not_proven(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    world.faults.resolved_besides = [ResolvedTarget("Buckets", frozenset())]
    walk.run({"definition": paused})
    never_began(world, "ObserveFault", "FIS resolved 2 for Buckets, pinned were 1")


@pytest.mark.parametrize(("seconds", "by"), [(30, None), (70, "ObserveFault")])
def test_a_list_that_comes_late_is_waited_for_until_its_time_is_over(
    walk: Walk, world: FakeWorld, paused: dict[str, Any], seconds: int, by: str | None
) -> None:
    world.faults.resolve_seconds = seconds
    walk.pulse = False
    walk.run({"definition": paused})
    if by:
        never_began(world, by, "FIS did not show that it chose the pinned targets")
    else:
        ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_list_that_cannot_be_read_keeps_the_fault_from_beginning(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    world.failing = Intercept(lambda called: fail(called) if called == "faults.resolved_targets" else None)
    walk.pulse = False
    walk.run({"definition": paused})
    never_began(world, "ObserveFault", "which targets FIS chose by tags could not be read")


@pytest.mark.parametrize("wrong", [True, False])
def test_the_pulse_looks_where_the_workflow_hangs_in_the_wait(walk: Walk, world: FakeWorld, paused: dict[str, Any], wrong: bool) -> None:
    """No state of the workflow asks FIS before the wait is over."""
    if wrong:
        walk.before["StartFault"] = lambda _: tag(world, STRANGER)
    walk.enter["ObserveFault"] = once(lambda: hang(walk, world, LEAD.total_seconds() + 10))
    walk.run({"definition": paused})
    if wrong:
        never_began(world, "pulse", "shop-invoices for Buckets, which was not pinned")
    else:
        ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
        assert len(record_of(world).happened(EventName.PINS_PROVEN)) == 1


def test_the_pulse_ends_what_nobody_could_prove_in_time(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    world.failing = Intercept(lambda called: fail(called) if called == "faults.resolved_targets" else None)
    walk.enter["ObserveFault"] = once(lambda: hang(walk, world, LEAD.total_seconds() + 10))
    walk.run({"definition": paused})
    never_began(world, "pulse", "which targets FIS chose by tags could not be read")


def test_the_pulse_ends_in_the_wait_what_nobody_can_compare_because_the_pins_are_gone(
    walk: Walk, world: FakeWorld, paused: dict[str, Any]
) -> None:
    """Without the document of the pins the guards can't be judged either."""

    def lose_and_hang() -> None:
        kept = dict(world.documents.files)
        world.documents.files = {key: body for key, body in kept.items() if not key.endswith("/discovery.json")}
        assert len(world.documents.files) == len(kept) - 1
        hang(walk, world, LEAD.total_seconds() + 10)
        world.documents.files |= kept

    walk.enter["ObserveFault"] = once(lose_and_hang)
    walk.run({"definition": paused})
    record = record_of(world)
    assert record.abort is not None
    assert (record.abort.source, record.abort.by) == (AbortSource.BLIND_GUARD, "pulse")
    assert pausing(world).started_at is None
    ended(world, Status.COMPLETED, Verdict.INVALID, None)
    nothing_is_left(world, twice=True)


@pytest.mark.parametrize("state", ["WatchFault", "ObserveFault"])
@pytest.mark.parametrize("closer", ["Watchdog", "Pulse"])
def test_a_workflow_that_dies_in_the_wait_lets_no_fault_begin(
    walk: Walk, world: FakeWorld, paused: dict[str, Any], state: str, closer: str
) -> None:
    walk.before["StartFault"] = lambda _: tag(world, STRANGER)
    walk.enter[state] = once(walk.kill)
    done = walk.run({"definition": paused})
    if closer == "Watchdog":
        walk.pulse = False
        walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    else:
        walk.pulses(1)
    assert pausing(world).started_at is None
    assert record_of(world).status is Status.ABORTED
    walk.pulses(3)
    nothing_is_left(world, twice=True)


def test_a_start_that_nobody_recorded_is_compared_by_the_pulse(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    """FIS has started the experiment, and StartFault hangs before it writes that down."""
    walk.before["StartFault"] = lambda _: tag(world, STRANGER)
    late = once(lambda: hang(walk, world, 70))
    world.failing = Intercept(
        lambda called: late() if (walk.running[-1:], called) == (["StartFault"], "records.update") and world.faults.runs else None
    )
    walk.run({"definition": paused})
    never_began(world, "pulse", "shop-invoices for Buckets, which was not pinned")


def test_two_buckets_are_hit_together_or_not_at_all(walk: Walk, world: FakeWorld, paused: dict[str, Any]) -> None:
    world.fleet.add_other(STRANGER)
    walk.run({"definition": {**paused, "blast_radius": "single_instance"}})
    (problem,) = result_of(world).problems
    assert problem.path == "target.tags"
    assert "FIS takes every S3 bucket with these tags" in problem.message
    assert world.faults.runs == {}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"target": None, "target_resources": [ORDERS.arn]}, "definition.target_resources"),
        ({"target": {"arns": [ORDERS.arn], "tags": {"app": "shop"}}}, "definition.target.arns"),
        ({"target": {"resource_type": "aws:s3:bucket", "tags": {"app": "shop"}, "select": {"count": 1}}}, "definition.target.select"),
        ({"target": {"resource_type": "aws:s3:bucket", "tags": {"app": "shop"}, "select": {"percent": 50}}}, "definition.target.select"),
    ],
)
def test_targets_that_tags_cannot_say_are_refused_with_what_can(
    walk: Walk, world: FakeWorld, paused: dict[str, Any], changes: dict[str, Any], path: str
) -> None:
    walk.run({"definition": {key: value for key, value in {**paused, **changes}.items() if value is not None}})
    (problem,) = result_of(world).problems
    assert problem.path == path
    assert "target: {resource_type: aws:s3:bucket, tags: {…}}" in problem.expected
    assert world.faults.runs == {}


POWER = "aws:elasticache:replicationgroup-interrupt-az-power"
CACHES = replication_group("carts", arn=f"arn:aws:elasticache:{REGION}:{ACCOUNT}:replicationgroup:carts", tags={**OPTED_IN, "app": "shop"})


@pytest.fixture
def unpowered(paused: dict[str, Any], known: deployed.DeployedDefinitions, world: FakeWorld) -> dict[str, Any]:
    environments: Any = known.environments
    environments["staging"] = environment("staging", inline_definitions=True, allowed_types=["aws:elasticache:*"])
    world.fleet.add_other(CACHES)
    return paused | {
        "type": POWER,
        "target": {"resource_type": "aws:elasticache:replicationgroup", "tags": {"app": "shop"}},
        "parameters": {"availabilityZoneIdentifier": "eu-west-1a"},
        "blast_radius": "single_az",
        "fault_signal": {**paused["fault_signal"], "dimensions": {"ReplicationGroupId": "$target"}},
    }


def test_the_caches_of_a_zone_lose_their_power_and_fail_over(walk: Walk, world: FakeWorld, unpowered: dict[str, Any]) -> None:
    walk.run({"definition": unpowered})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.RESTORED
    (proof,) = result.rollback.proofs
    assert "primaries moved: carts-0001-1 → carts-0001-2, carts-0002-1 → carts-0002-2" in proof.detail
    template = world.documents.get(ID, FaultTemplate)
    assert template is not None
    (target,) = template.body["targets"].values()
    assert target["parameters"] == {"availabilityZoneIdentifier": "eu-west-1a"}
    assert target["resourceTags"] == {"app": "shop", **OPTED_IN}
    assert "arns" not in str(target).lower()
    nothing_is_left(world)


def test_caches_whose_primaries_stayed_prove_no_fault(walk: Walk, world: FakeWorld, unpowered: dict[str, Any]) -> None:
    world.faults.idle.add("replicationgroup-interrupt-az-power")
    walk.run({"definition": unpowered})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.INVALID)
    assert "was a primary in eu-west-1a and is one still" in result.reason
    nothing_is_left(world)


def test_caches_that_would_have_no_node_left_are_refused(walk: Walk, world: FakeWorld, unpowered: dict[str, Any]) -> None:
    nodes = tuple(node.model_copy(update={"zone": "eu-west-1a"}) if node.group == "0002" else node for node in CACHES.nodes)
    world.fleet.add_other(CACHES.model_copy(update={"nodes": nodes}))
    walk.run({"definition": unpowered})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "0 of 2" in result.reason or "node group 0002 of carts has no node outside eu-west-1a" in str(result.safety_checks)
    assert world.faults.runs == {}
