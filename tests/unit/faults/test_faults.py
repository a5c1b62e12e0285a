"""Every fault compiles into a template FIS accepts, refuses what is dangerous, and is proven by state or mechanism."""

import gzip
import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.fault import FaultTemplate
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.domain.run.ssm_state import CommandState
from squall.faults import registry
from squall.faults.base import Fault
from squall.faults.fis import iso_duration
from squall.faults.instances.network_latency import DOCUMENT
from squall.faults.template import compile_template
from tests.unit.builders import LB_ARN, NOW, REL12, TG_ARN, before, definition, discovery, experiment, instance, workload
from tests.unit.faults.asking import compile_fault, prerequisites, prove, verify

ROLE = "arn:aws:iam::111122223333:role/FisRoleStaging"
GUARDS = [f"arn:aws:cloudwatch:eu-west-1:111122223333:alarm:squall-Squall-run-1-{n}" for n in (1, 2)]
REQUIRED: dict[FaultType, dict[str, Any]] = {
    FaultType.MEMORY_STRESS: {"memory_percent": 80},
    FaultType.SERVICE_UNAVAILABLE: {"port": 80},
    FaultType.DEPENDENCY_TIMEOUT: {"dependency": "db.example.com"},
}
"""Parameters that have no default."""
ADDRESS = st.builds("{}.{}.{}.{}/{}".format, *[st.integers(0, 255)] * 4, st.integers(8, 32))
PEER = st.builds("{}.{}.{}.{}/{}".format, st.integers(20, 99), *[st.integers(0, 255)] * 3, st.integers(24, 32))
PARAMETERS: dict[FaultType, st.SearchStrategy[dict[str, Any]]] = {
    FaultType.INSTANCE_TERMINATION: st.fixed_dictionaries({}, optional={"mode": st.sampled_from(["terminate", "stop", "stop_and_start"])}),
    FaultType.NETWORK_LATENCY: st.fixed_dictionaries(
        {},
        optional={
            "latency_ms": st.integers(1, 10_000),
            "jitter_ms": st.integers(0, 10_000),
            "sources": st.lists(ADDRESS | st.sampled_from(["db.example.com", "use1-az1", "S3"]), min_size=1, max_size=30).map(",".join),
            "interface": st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,14}", fullmatch=True),
            "traffic_type": st.sampled_from(["ingress", "egress"]),
            "flows_percent": st.integers(1, 100),
        },
    ),
    FaultType.CPU_STRESS: st.fixed_dictionaries({}, optional={"load_percent": st.integers(1, 100), "cpus": st.integers(0, 1024)}),
    FaultType.MEMORY_STRESS: st.fixed_dictionaries({"memory_percent": st.integers(1, 100)}, optional={"workers": st.integers(1, 64)}),
    FaultType.DISK_FILL: st.fixed_dictionaries({}, optional={"disk_percent": st.integers(1, 97)}),
    FaultType.SERVICE_UNAVAILABLE: st.fixed_dictionaries(
        {"port": st.integers(1, 32767) | st.integers(61000, 65535)},
        optional={"protocol": st.just("tcp"), "traffic_type": st.just("ingress")},
    ),
    FaultType.DEPENDENCY_TIMEOUT: st.fixed_dictionaries(
        {"dependency": st.lists(PEER | st.sampled_from(["db.example.com", "S3", "DYNAMODB"]), min_size=1, max_size=30).map(",".join)},
        optional={
            "latency_ms": st.integers(1, 60_000),
            "jitter_ms": st.integers(0, 10_000),
            "interface": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,14}", fullmatch=True),
        },
    )
    | st.fixed_dictionaries({"port": st.integers(1, 65535)}, optional={"protocol": st.just("tcp")}),
    FaultType.REBOOT_INSTANCES: st.just({}),
    FaultType.SPOT_INTERRUPTION: st.fixed_dictionaries(
        {}, optional={"durationBeforeInterruption": st.integers(120, 900).map(lambda seconds: f"PT{seconds}S")}
    ),
    FaultType.STOP_INSTANCES: st.fixed_dictionaries({}, optional={"start_again": st.booleans()}),
}
"""Whatever each fault accepts."""
TERMINATION, LATENCY = registry.get_fault(FaultType.INSTANCE_TERMINATION), registry.get_fault(FaultType.NETWORK_LATENCY)


def create_template_shape() -> Any:
    path = Path(botocore.__file__).parent / "data/fis/2020-12-01/service-2.json.gz"
    return ServiceModel(json.loads(gzip.decompress(path.read_bytes())), "fis").operation_model("CreateExperimentTemplate").input_shape


SHAPE = create_template_shape()


def assert_accepted(body: dict[str, Any], minimum_slack: int = 0) -> None:
    """By botocore's model, its patterns, and the limits FIS documents."""
    report = ParamValidator().validate({"clientToken": "t", **body}, SHAPE)
    assert not report.has_errors(), report.generate_report()
    assert len(body["description"]) <= 512
    assert 1 <= len(body["stopConditions"]) <= 5
    assert len(body["actions"]) <= 20
    for target in body["targets"].values():
        by_name = target["resourceType"] == "aws:eks:pod"  # FIS takes no ARN of those
        assert by_name != ("resourceArns" in target)
        assert by_name or 1 <= len(target["resourceArns"]) <= 5
        assert all(re.fullmatch(r"[\w .:/=+@-]{1,1024}", value) for value in target.get("parameters", {}).values())
    names = [*body["targets"], *body["actions"]]
    assert all(re.fullmatch(r"[\S]{1,64}", name) for name in names)
    for action in body["actions"].values():
        assert set(action.get("targets", {}).values()) <= set(body["targets"])
        assert all(re.fullmatch(r"\S{1,1024}", value) for value in action.get("parameters", {}).values())
    assert all(len(value) <= 256 for value in body["tags"].values())


@cache
def fleet_of(instances: int) -> Discovery:
    """So many instances, all of them pinned."""
    fleet = [instance(f"i-{n:017x}") for n in range(instances)]
    return discovery(workload(fleet), fleet)


def template(kind: FaultType, instances: int = 1, parameters: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    result = fleet_of(instances)
    value = REQUIRED.get(kind, {}) if parameters is None else parameters
    exp = experiment(type=kind.value, target_resources=[i.id for i in result.pinned], parameters=value, **changes)
    return compile_template(
        definition(exp),
        result,
        stack="Squall",
        run_id="run-1",
        role_arn=ROLE,
        alarm_arns=GUARDS,
    )


@pytest.mark.parametrize("kind", registry.fault_types(ResourceType.INSTANCE))
@settings(max_examples=250)
@given(
    data=st.data(),
    instances=st.integers(1, 12),
    seconds=st.integers(60, 12 * 3600),
    name=st.text("aZ0 -é", max_size=127).map("n".__add__),
    hypothesis=st.text(max_size=1999).map("h".__add__),
)
def test_every_template_is_accepted_by_the_fis_model(
    kind: FaultType, data: st.DataObject, instances: int, seconds: int, name: str, hypothesis: str
) -> None:
    parameters = data.draw(PARAMETERS[kind])
    body = template(kind, instances, parameters, duration=timedelta(seconds=seconds), name=name, hypothesis=hypothesis)
    assert_accepted(body)
    for action in body["actions"].values():
        answer = action.get("parameters", {})
        document = json.loads(answer.get("documentParameters", "{}"))
        assert not [value for value in document.values() if re.search(r"[^A-Za-z0-9.,:/_-]", value)], "a shell reads it"
        if document:
            assert int(document["DurationSeconds"]) == seconds
            assert seconds_of(answer["duration"]) >= seconds, "FIS must not call it over before the document does"


def seconds_of(text: str) -> int:
    match = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?", text)
    assert match
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize("pair", registry._PLACES, ids=lambda pair: f"{pair[0].value} on {pair[1].value}")
def test_each_row_of_the_registry_leads_to_a_fault_that_says_the_same_of_itself(pair: tuple[FaultType, ResourceType]) -> None:
    fault = registry.get_fault(*pair)
    assert (fault.type, fault.resource_type) == pair
    assert [name for name in Fault.__annotations__ if not hasattr(fault, name)] == []


def test_a_function_that_handles_one_run_loads_one_fault() -> None:
    program = (
        "import sys; from squall.faults import registry; from squall.domain.base.vocabulary import FaultType; "
        "registry.get_fault(FaultType.CPU_STRESS); print(*(name for name in sys.modules if name.startswith('squall.faults.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "squall.faults.instances.cpu_stress" in loaded
    assert not {"squall.faults.databases", "squall.faults.volumes", "squall.faults.pods.base"}.intersection(loaded)


def test_the_registry_knows_what_it_can_inject_and_says_so() -> None:
    actions = {fault.type for fault in registry.list_action_faults()}
    assert {*registry.list_types(), *actions} == set(FaultType) - {FaultType.CUSTOM, FaultType.NO_FAULT}, (
        "what a policy lists, and nothing at all"
    )
    assert actions == {kind for kind in FaultType if kind.is_fis_action}
    with pytest.raises(
        KeyError, match="no fault module injects database_failure into aws:ec2:instance; available: instance_termination on"
    ):
        registry.get_fault(FaultType.DATABASE_FAILURE)


def test_the_order_of_the_registry_does_not_depend_on_what_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    order = [fault.type for fault in registry.list_action_faults()]
    monkeypatch.setattr(registry, "_FAULTS", {})
    registry.get_fault(FaultType.STOP_INSTANCES)
    assert [fault.type for fault in registry.list_action_faults()] == order


def test_the_template_carries_guards_role_tags_and_fails_on_empty_targets() -> None:
    body = template(FaultType.INSTANCE_TERMINATION)
    assert [condition["value"] for condition in body["stopConditions"]] == GUARDS
    assert body["roleArn"] == ROLE
    assert body["tags"] == {"squall:stack": "Squall", "squall:execution": "run-1", "Name": "squall-run-1"}
    assert body["experimentOptions"] == {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}


def test_stop_alarms_become_stop_conditions_and_more_than_five_are_refused() -> None:
    body = template(FaultType.INSTANCE_TERMINATION, stop_alarms=["pager"])
    assert body["stopConditions"][-1]["value"] == "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:pager"
    with pytest.raises(InvalidInput, match="6 abort conditions and stop alarms, FIS takes 5"):
        template(FaultType.INSTANCE_TERMINATION, stop_alarms=["a", "b", "c", "d"])


def test_termination_waits_beside_the_fault_so_that_guards_live_as_long_as_the_observation() -> None:
    actions = template(FaultType.INSTANCE_TERMINATION)["actions"]
    assert actions["terminate"]["actionId"] == "aws:ec2:terminate-instances"
    assert actions["observe"]["actionId"] == "aws:fis:wait"
    assert actions["observe"]["parameters"] == {"duration": "PT10M"}
    assert "startAfter" not in actions["observe"]


def test_latency_outlives_its_command_by_the_dispatch_slack() -> None:
    action = template(FaultType.NETWORK_LATENCY)["actions"]["latency"]
    document = json.loads(action["parameters"]["documentParameters"])
    assert document["DurationSeconds"] == "600"
    assert action["parameters"]["duration"] == "PT11M"
    assert action["parameters"]["documentArn"] == f"arn:aws:ssm:eu-west-1::document/{DOCUMENT}"
    assert all(isinstance(value, str) for value in document.values())


def test_the_document_is_of_the_partition() -> None:
    _, actions = compile_fault(LATENCY, LATENCY.parse({}), [instance("i-1")], timedelta(minutes=5), region="cn-north-1", partition="aws-cn")
    assert actions["latency"]["parameters"]["documentArn"].startswith("arn:aws-cn:ssm:cn-north-1::document/")


@given(seconds=st.integers(1, 12 * 3600))
def test_durations_are_iso_8601_of_the_same_length(seconds: int) -> None:
    text = iso_duration(timedelta(seconds=seconds))
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("inputs", "path", "expected_text"),
    [
        ({"latency_ms": 0}, "parameters.latency_ms", "greater than or equal to 1"),
        ({"latency_ms": 10_001}, "parameters.latency_ms", "less than or equal to 10000"),
        ({"latency": 5}, "parameters.latency", "latency_ms"),
        ({"traffic_type": "both"}, "parameters.traffic_type", "ingress"),
        ({"flows_percent": 0}, "parameters.flows_percent", "greater than or equal to 1"),
        ({"interface": "eth0;reboot"}, "parameters.interface", "text matching"),
        ({"sources": "0.0.0.0/0"}, "parameters.sources", "Systems Manager agent"),
        ({"sources": "10.0.0.0/8,0.0.0.0/0"}, "parameters.sources", "Systems Manager agent"),
        ({"sources": "0.0.0.0/1,128.0.0.0/1"}, "parameters.sources", "agent's traffic"),
        ({"sources": "128.0.0.0/0"}, "parameters.sources", "Systems Manager agent"),
        ({"sources": "::/0"}, "parameters.sources", "Systems Manager agent"),
        ({"sources": "fd00::/8"}, "parameters.sources", "IPv4"),
        ({"sources": "10.0.0.1; rm -rf /"}, "parameters.sources", "without ';'"),
        ({"sources": "$(reboot)"}, "parameters.sources", "without '$'"),
        ({"sources": "10.0.0.1,"}, "parameters.sources", "not ''"),
        ({"sources": "10.0.0.999"}, "parameters.sources", "not '10.0.0.999'"),
    ],
)  # fmt: skip
def test_dangerous_or_wrong_parameters_are_refused_by_name(inputs: dict[str, Any], path: str, expected_text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        LATENCY.parse(inputs)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert expected_text in problem.expected


@pytest.mark.parametrize("sources", ["10.1.2.3", "10.0.0.0/16,db.example.com", "us-east-1a", "use1-az1", "DYNAMODB,S3", "us-gov-west-1b"])
def test_sources_the_document_takes_are_accepted(sources: str) -> None:
    assert LATENCY.parse({"sources": sources}).model_dump()["sources"] == sources


@given(st.text(max_size=60))
def test_no_source_ever_carries_a_character_a_shell_reads(sources: str) -> None:
    try:
        parsed = LATENCY.parse({"sources": sources})
    except InvalidInput:
        return
    assert re.fullmatch(r"[A-Za-z0-9.,:/_-]+", parsed.model_dump()["sources"])


def test_termination_knows_no_count() -> None:
    with pytest.raises(InvalidInput, match=r"parameters\.count: there is no such parameter"):
        TERMINATION.parse({"count": 2})


def outcomes(fault: Any, load: Workload, pinned: list[Instance]) -> dict[str, CheckOutcome]:
    return {check.name: check.outcome for check in prerequisites(fault, load, pinned, fault.parse(REQUIRED.get(fault.type, {})))}


def test_termination_needs_a_group_that_would_replace_the_instance() -> None:
    alone = instance("i-1", group=None)
    assert outcomes(TERMINATION, workload([alone]), [alone])["in_auto_scaling_group"] is CheckOutcome.FAILED
    assert set(outcomes(TERMINATION, workload(), list(workload().instances[:1])).values()) == {CheckOutcome.PASSED}


def test_latency_needs_an_agent_that_is_online_on_linux() -> None:
    offline = instance("i-1", managed=False, platform="Windows")
    answer = outcomes(LATENCY, workload([offline]), [offline])
    assert (answer["systems_manager_online"], answer["linux"]) == (CheckOutcome.FAILED, CheckOutcome.FAILED)


def test_an_agent_that_went_offline_since_the_target_was_pinned_is_noticed() -> None:
    pinned, now = instance("i-1"), workload([instance("i-1", managed=False)])
    assert outcomes(LATENCY, now, [pinned])["systems_manager_online"] is CheckOutcome.FAILED


@pytest.mark.parametrize(
    ("kind", "resource_type", "parameters", "ends_at_once"),
    [
        (FaultType.INSTANCE_TERMINATION, ResourceType.INSTANCE, {}, True),
        (FaultType.DATABASE_FAILURE, ResourceType.DATABASE, {}, True),
        (FaultType.NETWORK_LATENCY, ResourceType.INSTANCE, {}, False),
        (FaultType.SERVICE_UNAVAILABLE, ResourceType.ECS_TASK, {"port": 80}, False),
        (FaultType.SERVICE_UNAVAILABLE, ResourceType.ECS_TASK, {"process": "web"}, True),
    ],
)
def test_a_fault_tells_whether_it_ends_at_once_and_whether_its_targets_are_replaced(
    kind: FaultType, resource_type: ResourceType, parameters: dict[str, Any], ends_at_once: bool
) -> None:
    fault = registry.get_fault(kind, resource_type)
    traits = fault.traits(fault.parse(parameters))
    assert traits.ends_at_once is ends_at_once
    assert traits.targets_are_replaced is (kind is FaultType.INSTANCE_TERMINATION)


@pytest.mark.parametrize(
    ("address", "sources", "passes"),
    [
        ("10.0.1.7", None, True),
        ("172.31.4.4", None, True),
        ("100.64.3.2", None, False),  # a VPC of shared addresses: the command would succeed and delay nothing
        (None, None, False),
        ("100.64.3.2", "100.64.0.0/10", True),
        ("10.0.1.7", "10.9.0.0/16", False),
        ("10.0.1.7", "10.9.0.0/16,10.0.1.7", True),
        ("10.0.1.7", "10.9.0.3", True),  # a peer by its address
        ("100.64.3.2", "db.example.com,S3", True),
        ("100.64.3.2", "10.0.0.0/8,db.example.com", True),
    ],
)
def test_latency_needs_networks_that_the_targets_live_in(address: str | None, sources: str | None, passes: bool) -> None:
    target = instance("i-1", private_ip=address)
    parameters = LATENCY.parse({"sources": sources} if sources else {})
    (prerequisite,) = (
        check for check in prerequisites(LATENCY, workload([target]), [target], parameters) if check.name == "sources_reach_vpc"
    )
    assert (prerequisite.outcome is CheckOutcome.PASSED) is passes, prerequisite.detail


def test_a_fault_without_targets_has_unmet_prerequisites() -> None:
    for kind in registry.fault_types(ResourceType.INSTANCE):
        assert CheckOutcome.FAILED in outcomes(registry.get_fault(kind), workload(), []).values()


def command(status: str, detail: str = "", started_at: datetime | None = None) -> CommandState:
    return CommandState("c-1", "i-1", DOCUMENT, status, requested_at=NOW, detail=detail, started_at=started_at)


def fleet_after_termination(*, replaced: bool) -> Workload:
    load = workload()
    gone = load.instances[0].model_copy(update={"state": "terminated", "lifecycle": None})
    fresh = [instance("i-new")] if replaced else []
    return workload([gone, load.instances[1], *fresh], desired=2)


def test_a_terminated_instance_is_proof_and_a_running_one_is_not() -> None:
    load = workload()
    pinned = load.instances[:1]
    assert not prove(TERMINATION, pinned, load, {}, None)[0].proven
    assert prove(TERMINATION, pinned, fleet_after_termination(replaced=False), {}, None)[0].proven
    forgotten = load.model_copy(update={"instances": load.instances[1:]})
    assert prove(TERMINATION, pinned, forgotten, {}, None)[0].proven


@pytest.mark.parametrize(("replaced", "outcome"), [(True, RollbackOutcome.RECOVERED), (False, RollbackOutcome.NOT_RESTORED)])
def test_termination_is_recovered_only_when_group_and_target_group_are_whole(replaced: bool, outcome: RollbackOutcome) -> None:
    result = discovery()
    report = verify(TERMINATION, before(result), result.workload, fleet_after_termination(replaced=replaced), {}, None, NOW)
    assert report.outcome is outcome
    assert bool(report.differences) is not replaced


def test_a_termination_that_never_happened_needs_no_undoing() -> None:
    result = discovery()
    assert verify(TERMINATION, before(result), result.workload, result.workload, {}, None, NOW).outcome is RollbackOutcome.NOT_NEEDED


AGAIN = {"startInstancesAfterDuration": "PT10M", "completeIfInstancesTerminated": "true"}


@pytest.mark.parametrize(
    ("kind", "given", "name", "parameters"),
    [
        (FaultType.INSTANCE_TERMINATION, {"mode": "stop"}, "terminate", {}),
        (FaultType.INSTANCE_TERMINATION, {"mode": "stop_and_start"}, "terminate", AGAIN),
        (FaultType.STOP_INSTANCES, {}, "stop-instances", {}),
        (FaultType.STOP_INSTANCES, {"start_again": True}, "stop-instances", AGAIN),
    ],
)
def test_a_stop_is_compiled_with_a_wait_and_a_restart_after_the_fault(
    kind: FaultType, given: dict[str, Any], name: str, parameters: dict[str, str]
) -> None:
    actions = template(kind, parameters=given)["actions"]
    assert actions[name]["actionId"] == "aws:ec2:stop-instances"
    assert actions[name].get("parameters", {}) == parameters
    fault = registry.get_fault(kind)
    assert fault.read_template("aws:ec2:stop-instances", parameters, timedelta(minutes=10)) == given or not given
    assert actions["observe"]["parameters"] == {"duration": "PT10M"}


def stopping(status: str = "completed") -> FisExperiment:
    actions = (ActionState("terminate", "aws:ec2:stop-instances", status, started_at=NOW),)
    return FisExperiment("EXP1", "EXT1", "running", actions=actions, started_at=NOW)


def with_first(**changes: Any) -> Workload:
    load = workload()
    return workload([load.instances[0].model_copy(update=changes), load.instances[1]], desired=2)


def test_a_stop_is_proven_by_the_instance_only_where_fis_stopped_it() -> None:
    pinned = [instance(REL12["target_resources"][0], launched_at=NOW)]
    stopped = with_first(state="stopped")
    again = with_first(launched_at=NOW + timedelta(minutes=10))
    assert prove(TERMINATION, pinned, stopped, {}, stopping())[0].proven
    assert prove(TERMINATION, pinned, again, {}, stopping())[0].proven
    assert not prove(TERMINATION, pinned, with_first(launched_at=NOW), {}, stopping())[0].proven
    assert not prove(TERMINATION, pinned, stopped, {}, None)[0].proven, "somebody else may have stopped it"


@pytest.mark.parametrize(
    ("changes", "outcome", "difference"),
    [
        ({"launched_at": NOW + timedelta(minutes=10)}, RollbackOutcome.RESTORED, ""),
        ({"state": "stopped"}, RollbackOutcome.NOT_RESTORED, "by hand: aws ec2 start-instances --instance-ids i-1234567890abcdef0"),
        ({"state": "terminated", "lifecycle": None}, RollbackOutcome.NOT_RESTORED, "shop has 1 of 2 instances in service"),
    ],
)
def test_a_stopped_instance_is_restored_when_it_runs_again(changes: dict[str, Any], outcome: RollbackOutcome, difference: str) -> None:
    found = discovery()
    pinned = [one.model_copy(update={"resource": one.resource.model_copy(update={"launched_at": NOW})}) for one in before(found)]
    report = verify(TERMINATION, pinned, found.workload, with_first(**changes), {}, stopping(), NOW)
    assert report.outcome is outcome
    assert difference in " ".join(report.differences)


@pytest.mark.parametrize(("mode", "count"), [("terminate", 0), ("stop", 1), ("stop_and_start", 1)])
def test_a_stopped_instance_is_a_remnant_only_where_fis_was_asked_to_stop_it(mode: str, count: int) -> None:
    body = template(FaultType.INSTANCE_TERMINATION, parameters={"mode": mode})
    remnants = TERMINATION.find_remnants(
        FaultTemplate(body=body, before=tuple(before(discovery())), guards=()), lambda: with_first(state="stopping")
    )
    assert [remnant.command for remnant in remnants] == ["aws ec2 start-instances --instance-ids i-1234567890abcdef0"] * count


def test_an_instance_outside_of_a_group_may_be_stopped_only_if_it_is_started_again() -> None:
    alone = instance("i-1", group=None, lifecycle=None)
    load = workload([alone])
    kept = {check.name: check.outcome for check in prerequisites(TERMINATION, load, [alone], TERMINATION.parse({"mode": "stop_and_start"}))}
    assert set(kept.values()) == {CheckOutcome.PASSED}
    left = {check.name: check.outcome for check in prerequisites(TERMINATION, load, [alone], TERMINATION.parse({"mode": "stop"}))}
    assert left["in_auto_scaling_group"] is CheckOutcome.FAILED


def test_only_what_is_not_started_again_has_to_be_replaced() -> None:
    traits = {mode: TERMINATION.traits(TERMINATION.parse({"mode": mode})) for mode in ("terminate", "stop", "stop_and_start")}
    assert {mode: trait.targets_are_replaced for mode, trait in traits.items()} == {
        "terminate": True, "stop": True, "stop_and_start": False,
    }  # fmt: skip
    assert {mode: trait.ends_at_once for mode, trait in traits.items()} == {"terminate": True, "stop": True, "stop_and_start": False}


@pytest.mark.parametrize(
    ("commands", "proven"),
    [
        ([command("InProgress")], True),
        ([command("Success")], True),
        ([command("Cancelled", started_at=NOW)], True),
        ([command("Cancelled")], False),
        ([command("Pending")], False),
        ([command("Failed", "exit 1")], False),
        ([command("TimedOut", "Delivery Timed Out")], False),
        ([command("TimedOut", "Execution Timed Out")], True),
        ([command("Cancelled", "Undeliverable")], False),
        ([], False),
    ],
)
def test_latency_is_proven_by_the_command_that_ran(commands: list[CommandState], proven: bool) -> None:
    assert prove(LATENCY, [instance("i-1")], workload(), {"i-1": commands}, None)[0].proven is proven


def test_latency_is_in_effect_since_its_agent_began_until_its_command_ended() -> None:
    started, ended = NOW + timedelta(seconds=50), NOW + timedelta(minutes=5)
    ran = CommandState("c-1", "i-1", DOCUMENT, "Success", requested_at=NOW, ended_at=ended, started_at=started)
    (proof,) = prove(LATENCY, [instance("i-1")], workload(), {"i-1": [ran]}, None)
    assert (proof.at, proof.until) == (started, ended)


def test_every_target_needs_its_own_proof() -> None:
    proofs = prove(LATENCY, [instance("i-1"), instance("i-2")], workload(), {"i-1": [command("Success")]}, None)
    assert [proof.proven for proof in proofs] == [True, False]


def test_latency_is_restored_when_no_command_is_left_and_says_how_long_it_could_have_lasted() -> None:
    load = workload([instance("i-1"), instance("i-2")])
    result = discovery(load, load.instances[:1])
    done = verify(LATENCY, before(result), load, load, {"i-1": [command("Success")]}, None, NOW, timedelta(minutes=10))
    assert done.outcome is RollbackOutcome.RESTORED
    assert done.could_have_lasted_until == NOW + timedelta(minutes=10)
    left = verify(LATENCY, before(result), load, load, {"i-1": [command("Cancelling")]}, None, NOW, timedelta(minutes=10))
    assert left.outcome is RollbackOutcome.NOT_RESTORED
    assert left.leftovers == ("command c-1 is still Cancelling on i-1",)


def test_a_target_that_lost_its_health_is_a_difference() -> None:
    load = workload([instance("i-1"), instance("i-2")])
    result = discovery(load, load.instances[:1])
    sick = load.model_copy(
        update={"target_groups": (load.target_groups[0].model_copy(update={"healthy": ("i-2",), "unhealthy": ("i-1",)}),)}
    )
    report = verify(LATENCY, before(result), load, sick, {"i-1": [command("Success")]}, None, NOW)
    assert report.outcome is RollbackOutcome.NOT_RESTORED
    assert TG_ARN in report.differences[0]


def test_nothing_sent_needs_no_undoing() -> None:
    result = discovery()
    assert verify(LATENCY, before(result), result.workload, result.workload, {}, None, NOW).outcome is RollbackOutcome.NOT_NEEDED


def test_no_fault_declares_an_unknown_action_or_a_condition_on_the_load_balancer() -> None:
    for kind in registry.fault_types(ResourceType.INSTANCE):
        fault = registry.get_fault(kind)
        assert fault.type is kind
        bodies = [template(kind), *([template(kind, parameters={"mode": "stop"})] if kind is FaultType.INSTANCE_TERMINATION else [])]
        used = {action["actionId"] for body in bodies for action in body["actions"].values()}
        assert used | {"aws:fis:wait"} == set(fault.fis_actions), "an observation that is longer than the fault waits"
        assert LB_ARN not in json.dumps(bodies)
