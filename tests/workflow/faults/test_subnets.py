"""A subnet is cut off: a whole run, what refuses it, and what FIS leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import RollbackOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.subnets import Endpoint, Subnet
from tests.fakes import effects
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import ID, nothing_is_left, record_of, result_of, unavailable
from tests.workflow.walk import Walk

NAME = "subnet-0a1"


@pytest.fixture
def subnet(world: FakeWorld) -> Subnet:
    """With one of the group's instances in it."""
    member = world.fleet.members("web")[0]
    result = Subnet(
        id=NAME, arn=f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{NAME}", state="available", zone=member.zone,
        tags={"squall:environment": "staging"}, vpc="vpc-1", cidr="10.0.1.0/24", acl="acl-0a1", association="aclassoc-0",
        instances=(member.id,),
    )  # fmt: skip
    world.fleet.add_other(result)
    return result


@pytest.fixture
def cut_off(experiment: dict[str, Any], subnet: Subnet) -> dict[str, Any]:
    criteria = ["System availability > 99%", "Response time < 2 seconds"]
    definition = {**experiment, "type": "service_unavailable", "target_resources": [subnet.arn], "success_criteria": criteria}
    return {"definition": {key: value for key, value in definition.items() if key != "rollback"}}


def test_it_is_measured_locked_proven_restored_and_leaves_nothing(walk: Walk, world: FakeWorld, cut_off: dict[str, Any]) -> None:
    walk.run(cut_off)
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    assert result.rollback is not None
    assert (result.rollback.outcome, [(p.kind, p.proven) for p in result.rollback.proofs]) == (RollbackOutcome.RESTORED, [("state", True)])
    assert [(target["type"], target["id"]) for target in result.targets] == [("aws:ec2:subnet", NAME)]
    discovery = world.documents.get(ID, Discovery)
    assert discovery is not None
    assert discovery.failure_domains == ("asg/web", f"subnet/{NAME}", "tg/web/0123456789abcdef")
    nothing_is_left(world)


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"instances": ()}, "fault_prerequisites.inhabited"),
        ({"acl": None}, "fault_prerequisites.own_network_acl"),
        ({"endpoints": (Endpoint(id="vpce-1", service="ssm", subnets=(NAME,)),)}, "fault_prerequisites.endpoints_elsewhere"),
        ({"tags": {"squall:environment": "production"}}, "targets_exist"),
        ({"state": "pending"}, "targets_exist"),
    ],
)
def test_what_would_lose_more_than_is_aimed_at_is_never_hit(
    walk: Walk, world: FakeWorld, cut_off: dict[str, Any], subnet: Subnet, changes: dict[str, Any], check: str
) -> None:
    world.fleet.add_other(subnet.model_copy(update=changes))
    walk.run(cut_off)
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert check in {outcome.name for outcome in result.safety_checks if outcome.outcome != "passed"}
    assert world.faults.runs == {}
    nothing_is_left(world)


def test_an_instance_that_moved_in_since_and_did_not_opt_in_stops_the_start(
    walk: Walk, world: FakeWorld, cut_off: dict[str, Any], subnet: Subnet
) -> None:
    joined = subnet.model_copy(update={"instances": (*subnet.instances, "i-000000000000none")})
    walk.before["FinalCheck"] = lambda _: world.fleet.others.update({subnet.arn: joined})
    walk.run(cut_off)
    assert "opt_in_tag" in {check.name for check in result_of(world).safety_checks if check.outcome == "failed"}
    assert world.faults.runs == {}


def test_a_network_acl_that_fis_did_not_put_back_is_told_with_the_command_and_keeps_the_locks(
    walk: Walk, world: FakeWorld, cut_off: dict[str, Any], subnet: Subnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = effects.cut_off

    def stuck(fleet: Any, arn: str) -> Any:
        real(fleet, arn)
        return lambda: None

    monkeypatch.setitem(effects.EFFECTS, "aws:network:disrupt-connectivity", stuck)
    walk.run(cut_off)
    result = result_of(world)
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED
    text = "\n".join(message.body for message in world.notifier.sent)
    now = world.fleet.others[subnet.arn]
    assert isinstance(now, Subnet)
    assert f"--association-id {now.association} --network-acl-id acl-0a1 && aws ec2 delete-network-acl" in text
    assert world.locks.all(world.clock.now()), "nobody else may hit it meanwhile"


def test_what_fis_may_have_left_and_nobody_can_ask_is_told_and_keeps_the_locks(
    walk: Walk, world: FakeWorld, cut_off: dict[str, Any]
) -> None:
    walk.before["Release"] = lambda _: world.failing.update({"inventory.refresh": unavailable("inventory.refresh")})
    walk.run(cut_off)
    text = "\n".join(message.body for message in world.notifier.sent)
    fis = record_of(world).fis_experiment_id
    assert f"aws fis get-experiment --id {fis}" in text
    assert world.locks.all(world.clock.now()), "nobody else may hit it meanwhile"
    world.failing.clear()
    walk.pulses(2)
    nothing_is_left(world)


def test_a_run_whose_acl_was_never_replaced_is_invalid(
    walk: Walk, world: FakeWorld, cut_off: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(effects.EFFECTS, "aws:network:disrupt-connectivity", lambda _fleet, _arn: lambda: None)
    walk.run(cut_off)
    assert (result_of(world).status, result_of(world).verdict) == (Status.COMPLETED, Verdict.INVALID)
    nothing_is_left(world)
