"""Subnets cut off: compiled as FIS wants it, refused where more would be lost than was aimed at, proven and undone by their network ACL."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.execution_input import Place, admit_input
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import FaultTemplate, TargetBefore
from squall.domain.documents.rollback import RollbackReport
from squall.domain.resources.subnets import Acl, Endpoint, PrefixList, Subnet
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.targets.failure_domains import failure_domains, list_capacities, list_lost_members
from squall.faults import registry
from squall.faults.base import AnyFault
from tests.unit.builders import ACCOUNT, NOW, REGION, REL12, TAG, TG_ARN, environment, experiment, instance, pin_targets
from tests.unit.builders import workload as fleet
from tests.unit.faults.asking import compile_fault, prerequisites, verify
from tests.unit.resources import subnet

UNREACHABLE = registry.get_fault(FaultType.SERVICE_UNAVAILABLE, ResourceType.SUBNET)
DEPENDENCY = registry.get_fault(FaultType.DEPENDENCY_TIMEOUT, ResourceType.SUBNET)
LENGTH = timedelta(minutes=10)
ACTION = "aws:network:disrupt-connectivity"
HERE = subnet("a", instances=("i-1",))
THERE = subnet("b", f"{REGION}b", instances=("i-2",), cidr="10.0.2.0/24", addresses=())
RAN = FisExperiment("EXP1", "EXT1", "completed", actions=(ActionState("disrupt", ACTION, "completed", "", NOW, NOW + LENGTH),))


def vpc(*subnets: Subnet, at: Any = NOW, **changes: Any) -> Workload:
    """Both instances of the shop, one a zone, and these subnets."""
    instances = changes.pop("instances", (instance("i-1"), instance("i-2", f"{REGION}b")))
    return fleet(instances, at=at, desired=2).model_copy(update={"others": subnets, **changes})


@pytest.mark.parametrize(
    ("fault", "inputs", "expected_answer", "description"),
    [
        (UNREACHABLE, {}, {"scope": "availability-zone"}, "Cut the pinned subnets off from the VPC's other zones"),
        (UNREACHABLE, {"scope": "vpc"}, {"scope": "vpc"}, "Cut the pinned subnets off from whatever is outside the VPC"),
        (UNREACHABLE, {"scope": "all"}, {"scope": "all"}, "Cut the pinned subnets off from everything outside them"),
        (DEPENDENCY, {"scope": "s3"}, {"scope": "s3"}, "Cut the pinned subnets off from s3"),
        (DEPENDENCY, {"scope": "dynamodb"}, {"scope": "dynamodb"}, "Cut the pinned subnets off from dynamodb"),
        (DEPENDENCY, {"scope": "s3express"}, {"scope": "s3express"}, "Cut the pinned subnets off from s3express"),
        (
            DEPENDENCY,
            {"scope": "prefix-list", "prefix_list": "pl-0123456789abcdef0"},
            {"scope": "prefix-list", "prefixListIdentifier": "pl-0123456789abcdef0"},
            "Cut the pinned subnets off from pl-0123456789abcdef0",
        ),
    ],
)
def test_the_template_to_the_letter(fault: AnyFault, inputs: dict[str, Any], expected_answer: dict[str, str], description: str) -> None:
    targets, actions = compile_fault(fault, fault.parse(inputs), [HERE], LENGTH, region=REGION, partition="aws")
    assert targets == {"Subnets": {"resourceType": "aws:ec2:subnet", "resourceArns": [HERE.arn], "selectionMode": "ALL"}}
    assert actions == {
        "disrupt": {
            "actionId": ACTION,
            "description": description,
            "parameters": {**expected_answer, "duration": "PT10M"},
            "targets": {"Subnets": "Subnets"},
        }
    }


@pytest.mark.parametrize(
    ("fault", "inputs", "path"),
    [
        (UNREACHABLE, {"scope": "s3"}, "parameters.scope"),
        (UNREACHABLE, {"port": 80}, "parameters.port"),
        (DEPENDENCY, {}, "parameters.scope"),
        (DEPENDENCY, {"scope": "all"}, "parameters.scope"),
        (DEPENDENCY, {"scope": "prefix-list"}, "parameters.prefix_list"),
        (DEPENDENCY, {"scope": "s3", "prefix_list": "pl-0123456789"}, "parameters.prefix_list"),
        (DEPENDENCY, {"scope": "prefix-list", "prefix_list": "pl-0123;reboot"}, "parameters.prefix_list"),
        (DEPENDENCY, {"scope": "prefix-list", "prefix_list": "my-list"}, "parameters.prefix_list"),
    ],
)
def test_what_it_would_not_be_is_refused_by_name(fault: AnyFault, inputs: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        fault.parse(inputs)
    assert path in {problem.path for problem in caught.value.problems}


def admitted(scope: str, **policy: Any) -> list[str]:
    raw = {**REL12, "type": "service_unavailable", "target_resources": [HERE.id], "parameters": {"scope": scope}}
    raw["success_criteria"] = ["System availability > 99%"]
    environments = {"staging": {"name": "staging", **policy}}
    try:
        admit_input({"experiment": "x"}, "run", {"x": raw}, environments, place=Place(ACCOUNT, REGION, "aws"), now=NOW)
    except InvalidInput as invalid:
        return [f"{problem.path}: {problem.message}: {problem.expected}" for problem in invalid.problems]
    return []


@pytest.mark.parametrize("scope", ["vpc", "all"])
def test_what_cuts_agents_and_endpoints_off_is_refused_unless_the_policy_names_it(scope: str) -> None:
    (text,) = admitted(scope)
    assert text == f'catalogue.x.parameters.scope: "{scope}" is not what staging allows: availability-zone'
    assert admitted("availability-zone") == []
    assert admitted(scope, parameter_values={"scope": ["availability-zone", "vpc", "all"]}) == []
    assert admitted("availability-zone", parameter_values={"scope": ["vpc"]}), "the policy's own list holds"


def unmet(fault: AnyFault, inputs: dict[str, Any], *pinned: Subnet) -> dict[str, str]:
    checks = prerequisites(fault, vpc(*pinned), pinned, fault.parse(inputs))
    return {check.name: check.detail for check in checks if check.outcome is not CheckOutcome.PASSED}


def endpoint(*subnets: str) -> tuple[Endpoint, ...]:
    return (Endpoint(id="vpce-1", service=f"com.amazonaws.{REGION}.ssm", subnets=subnets),)


@pytest.mark.parametrize(
    ("changes", "expected_text"),
    [
        ({}, {}),
        ({"acl": None, "association": None}, {"own_network_acl": f"the network ACL of {HERE.id} is not known"}),
        (
            {"clones": (Acl(id="acl-0a1", subnets=(HERE.id,)),)},
            {"own_network_acl": f"{HERE.id} has the network ACL acl-0a1, which FIS made for an earlier fault"},
        ),
        ({"instances": (), "addresses": ()}, {"inhabited": f"nothing lives in {HERE.id}: nobody would notice"}),
        (
            {"endpoints": endpoint(HERE.id)},
            {"endpoints_elsewhere": "vpce-1 of com.amazonaws.eu-west-1.ssm is in no other subnet: the whole VPC would lose it"},
        ),
        ({"endpoints": endpoint(HERE.id, "subnet-0fff")}, {}),
    ],
)
def test_a_subnet_needs_an_acl_of_its_own_inhabitants_and_endpoints_elsewhere(
    changes: dict[str, Any], expected_text: dict[str, str]
) -> None:
    assert unmet(UNREACHABLE, {}, HERE.model_copy(update=changes)) == expected_text


@pytest.mark.parametrize(("scope", "outcome"), [("availability-zone", CheckOutcome.WARNED), ("vpc", CheckOutcome.FAILED)])
def test_requests_that_never_reach_a_load_balancer_are_said_or_refused(scope: str, outcome: CheckOutcome) -> None:
    pinned = HERE.model_copy(update={"balancers": ("app/web/1",)})
    checks = prerequisites(UNREACHABLE, vpc(pinned), [pinned], UNREACHABLE.parse({"scope": scope}))
    result = next(check for check in checks if check.name == "balancers_apart")
    assert result.outcome is outcome
    assert f"app/web/1 in {HERE.id}" in result.detail


@pytest.mark.parametrize(
    ("entries", "expected_text"),
    [
        (("198.51.100.0/24",), ""),
        (("10.9.0.0/16", "203.0.113.7/32"), ""),
        (None, "is no prefix list of this account"),
        ((), "has 0 entries"),
        (tuple(f"198.51.100.{n}/32" for n in range(11)), "has 11 entries, FIS takes 1 to 10"),
        (("0.0.0.0/0",), "the endpoints of Systems Manager may be in it"),
        (("8.0.0.0/9",), "the endpoints of Systems Manager may be in it"),
        (("10.0.0.0/8",), "the endpoints of Systems Manager may be in it"),
        (("2001:db8::/48",), "can't be told"),
        (("10.0.1.128/25",), "is itself in"),
    ],
)
def test_a_prefix_list_is_there_short_narrow_and_elsewhere(entries: tuple[str, ...] | None, expected_text: str) -> None:
    known = () if entries is None else (PrefixList(id="pl-01234567", name="partners", entries=entries),)
    result = unmet(DEPENDENCY, {"scope": "prefix-list", "prefix_list": "pl-01234567"}, HERE.model_copy(update={"prefix_lists": known}))
    assert set(result) == ({"dependency_apart"} if expected_text else set())
    assert expected_text in result.get("dependency_apart", "")


def test_the_share_counts_what_lives_in_it() -> None:
    load = vpc(HERE, THERE)
    assert failure_domains(load, [HERE]) == ("asg/shop", f"subnet/{HERE.id}", "tg/shop/73e2d6bc24d8a067")
    group, own, registered = list_capacities(load, [HERE])
    assert [(c.after(list_lost_members(load, [HERE], c)), c.size) for c in (group, registered)] == [(1, 2), (1, 2)]
    assert own.needed(100) == 0, "the subnet itself is to be lost"


def test_as_many_subnets_are_pinned_as_the_share_of_what_lives_in_them_bears() -> None:
    exp = experiment(type="service_unavailable", target_resources=[HERE.arn, THERE.arn], blast_radius="single_region")
    pinned, problems = pin_targets(vpc(HERE, THERE), exp, environment(), "s")
    assert (len(pinned), problems) == (1, [])
    pinned, _ = pin_targets(vpc(HERE, THERE), exp, environment(minimum_healthy_percent=0), "s")
    assert len(pinned) == 2


@pytest.mark.parametrize("tags", [{TAG: "production"}, {}])
def test_an_instance_in_it_that_did_not_opt_in_refuses(tags: dict[str, str]) -> None:
    load = vpc(HERE, instances=(instance("i-1", tags=tags), instance("i-2", f"{REGION}b")))
    pinned, problems = pin_targets(load, experiment(type="service_unavailable", target_resources=[HERE.arn]), environment(), "s")
    assert pinned == ()
    assert f"i-1 in {HERE.id} has {TAG} = " in problems[0].message


CLONE = Acl(id="acl-f15", subnets=(HERE.id,))
BACK = HERE.model_copy(update={"association": "aclassoc-3"})
STUCK = HERE.model_copy(update={"acl": "acl-f15", "association": "aclassoc-2", "clones": (CLONE,)})
ORPHAN = BACK.model_copy(update={"clones": (Acl(id="acl-f15"),)})


def report(now: Subnet | None, fis: FisExperiment | None = RAN, **changes: Any) -> RollbackReport:
    before = TargetBefore(resource=HERE, healthy_in=(TG_ARN,))
    after = vpc(*([now] if now else []), **changes)
    return verify(UNREACHABLE, [before], vpc(HERE), after, {}, fis, NOW, LENGTH)


@pytest.mark.parametrize(
    ("now", "proven", "outcome", "left"),
    [
        (BACK, True, RollbackOutcome.RESTORED, 0),
        (STUCK, True, RollbackOutcome.NOT_RESTORED, 1),
        (ORPHAN, True, RollbackOutcome.NOT_RESTORED, 1),
        (None, False, RollbackOutcome.NOT_RESTORED, 0),
        (BACK.model_copy(update={"acl": "acl-0b2"}), True, RollbackOutcome.NOT_RESTORED, 0),
        (BACK.model_copy(update={"cidr": "10.7.0.0/24"}), True, RollbackOutcome.NOT_RESTORED, 0),
        (BACK.model_copy(update={"state": "pending"}), True, RollbackOutcome.NOT_RESTORED, 0),
    ],
)
def test_it_is_proven_by_its_association_and_compared_field_by_field(
    now: Subnet | None, proven: bool, outcome: RollbackOutcome, left: int
) -> None:
    result = report(now)
    assert (result.proofs[0].proven, result.proofs[0].kind, result.outcome, len(result.leftovers)) == (proven, "state", outcome, left)
    assert bool(result.differences) is (outcome is RollbackOutcome.NOT_RESTORED)
    assert result.could_have_lasted_until == NOW + LENGTH


def test_what_was_never_touched_is_no_proof_and_needs_no_undoing() -> None:
    result = report(HERE, fis=None)
    assert (result.proofs[0].proven, result.outcome, result.could_have_lasted_until) == (False, RollbackOutcome.NOT_NEEDED, None)
    assert "was never replaced" in result.proofs[0].detail
    assert not report(HERE).proofs[0].proven, "FIS's word alone is not enough: the association tells"


def test_the_exact_commands_that_put_it_back_are_told() -> None:
    (stuck,) = report(STUCK).leftovers
    assert stuck == (
        f"{HERE.id} still has FIS's network ACL acl-f15, it had acl-0a1; by hand: "
        "aws ec2 replace-network-acl-association --region eu-west-1 --association-id aclassoc-2 --network-acl-id acl-0a1 && "
        "aws ec2 delete-network-acl --region eu-west-1 --network-acl-id acl-f15"
    )
    (orphan,) = report(ORPHAN).leftovers
    assert orphan.endswith("by hand: aws ec2 delete-network-acl --region eu-west-1 --network-acl-id acl-f15")


def test_what_others_faults_left_or_run_is_not_ours() -> None:
    theirs = (Acl(id="acl-old"), Acl(id="acl-running", subnets=("subnet-0ffff",)))
    before = HERE.model_copy(update={"clones": theirs[:1]})
    after = BACK.model_copy(update={"clones": theirs})
    template = FaultTemplate(body={}, before=(TargetBefore(resource=before, healthy_in=()),), guards=())
    assert UNREACHABLE.find_remnants(template, lambda: vpc(after)) == ()


def test_a_service_that_lost_health_is_not_restored_and_one_that_replaced_is_recovered() -> None:
    sick = vpc().target_groups[0].model_copy(update={"healthy": ("i-2",), "unhealthy": ("i-1",)})
    assert "has 1 healthy targets, it had 2" in report(BACK, target_groups=(sick,)).differences[0]
    fresh = (instance("i-3"), instance("i-2", f"{REGION}b"))
    assert report(BACK.model_copy(update={"instances": ("i-3",)}), instances=fresh).outcome is RollbackOutcome.RECOVERED


@pytest.mark.parametrize(
    ("fault", "inputs", "rules", "refused"),
    [
        (UNREACHABLE, {}, 19, False),
        (UNREACHABLE, {}, 20, True),
        (UNREACHABLE, {"scope": "all"}, 40, None),
        (DEPENDENCY, {"scope": "s3"}, 20, True),
        (DEPENDENCY, {"scope": "prefix-list", "prefix_list": "pl-0123456789abcdef0"}, 17, False),
        (DEPENDENCY, {"scope": "prefix-list", "prefix_list": "pl-0123456789abcdef0"}, 18, True),
    ],
)
def test_a_network_acl_without_room_for_fiss_rules_is_refused(
    fault: AnyFault, inputs: dict[str, Any], rules: int, refused: bool | None
) -> None:
    lists = (PrefixList(id="pl-0123456789abcdef0", name="partners", entries=("198.51.100.0/28", "198.51.100.16/28", "198.51.100.32/28")),)
    target = subnet("a", acl_rules=rules, prefix_lists=lists)
    results = {check.name: check.outcome for check in prerequisites(fault, vpc(target, THERE), [target], fault.parse(inputs))}
    expected = None if refused is None else CheckOutcome.FAILED if refused else CheckOutcome.PASSED
    assert results.get("network_acl_room") is expected
