"""CPU, memory, disk and a silent port: their templates to the letter, what they refuse, and what counts as undone."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from scripts import faults_page
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, FaultType, ResourceType, RollbackOutcome
from squall.domain.resources.instances import Instance
from squall.domain.resources.workload import TargetGroup, Workload
from squall.domain.run.ssm_state import CommandState
from squall.faults import registry
from squall.faults.base import AnyFault
from squall.faults.instances.cpu_stress import CpuStress
from squall.faults.instances.memory_stress import MemoryStress
from tests.unit.builders import NOW, before, discovery, instance, workload
from tests.unit.faults.asking import prerequisites, verify
from tests.unit.faults.test_faults import REQUIRED, assert_accepted, template

CPU, MEMORY, DISK, BLACKHOLE = FaultType.CPU_STRESS, FaultType.MEMORY_STRESS, FaultType.DISK_FILL, FaultType.SERVICE_UNAVAILABLE
DEPENDENCY = FaultType.DEPENDENCY_TIMEOUT
AGENT_FAULTS = [kind for kind in registry.fault_types(ResourceType.INSTANCE) if registry.get_fault(kind).ssm_documents]


@pytest.mark.parametrize(
    ("kind", "parameters", "name", "document", "inputs", "description"),
    [
        (CPU, {}, "cpu", "CPU-Stress", {"CPU": "0", "LoadPercent": "80"}, "Load all CPUs with 80 %"),
        (CPU, {"cpus": 2, "load_percent": 100}, "cpu", "CPU-Stress", {"CPU": "2", "LoadPercent": "100"}, "Load 2 CPUs with 100 %"),
        (
            MEMORY,
            {"memory_percent": 90, "workers": 2},
            "memory",
            "Memory-Stress",
            {"Workers": "2", "Percent": "90"},
            "Take 90 % of the memory",
        ),
        (DISK, {}, "disk", "Disk-Fill", {"Percent": "95"}, "Fill the root volume to 95 %"),
        (
            BLACKHOLE,
            {"port": 8080},
            "blackhole",
            "Network-Blackhole-Port",
            {"Protocol": "tcp", "Port": "8080", "TrafficType": "ingress"},
            "Drop what arrives at tcp 8080",
        ),
        (
            DEPENDENCY,
            {"dependency": "10.9.0.7,db.example.com"},
            "dependency",
            "Network-Packet-Loss-Sources",
            {"Sources": "10.9.0.7,db.example.com", "TrafficType": "egress", "LossPercent": "100"},
            "Drop what is sent to the dependency",
        ),
        (
            DEPENDENCY,
            {"dependency": "S3", "latency_ms": 3000, "jitter_ms": 0, "interface": "ens5"},
            "dependency",
            "Network-Latency-Sources",
            {"Sources": "S3", "TrafficType": "egress", "DelayMilliseconds": "3000", "JitterMilliseconds": "0", "Interface": "ens5"},
            "Delay what is sent to the dependency by 3000 ms",
        ),
        (
            DEPENDENCY,
            {"port": 5432},
            "dependency",
            "Network-Blackhole-Port",
            {"Protocol": "tcp", "Port": "5432", "TrafficType": "egress"},
            "Drop what is sent to tcp 5432",
        ),
    ],
)
def test_the_template_to_the_letter(
    kind: FaultType, parameters: dict[str, Any], name: str, document: str, inputs: dict[str, str], description: str
) -> None:
    body = template(kind, 6, parameters)
    assert_accepted(body)
    sent = {"DurationSeconds": "600", **inputs, "InstallDependencies": "True"}
    action = {
        "actionId": "aws:ssm:send-command",
        "description": description,
        "parameters": {
            "documentArn": f"arn:aws:ssm:eu-west-1::document/AWSFIS-Run-{document}",
            "documentParameters": json.dumps(sent, separators=(",", ":")),
            "duration": "PT11M",
        },
    }
    assert body["actions"] == {
        name: {**action, "targets": {"Instances": "Instances"}},
        f"{name}2": {**action, "targets": {"Instances": "Instances2"}},
    }
    assert [len(target["resourceArns"]) for target in body["targets"].values()] == [5, 1]


HOSTILE: list[object] = [
    "80; reboot", "80 && reboot", "80|reboot", "$(reboot)", "`reboot`", "80\nreboot", "80\r\n", "80\x00", "' or '1", '"; reboot; "',
    "８０", "٨٠", "80\u2028", "80\u200b", "../../etc/passwd", "{{ssm:secret}}", "", " ", "80%", "0x50", "1e2", "-80",
    -1, -(10**30), 10**30, 2**63, math.nan, math.inf, -math.inf, 50.5, True, False, None, [], [80], {}, {"a": 1},
]  # fmt: skip
NUMBERS = [
    (FaultType.NETWORK_LATENCY, "latency_ms"),
    (FaultType.NETWORK_LATENCY, "jitter_ms"),
    (FaultType.NETWORK_LATENCY, "flows_percent"),
    (CPU, "load_percent"),
    (CPU, "cpus"),
    (MEMORY, "memory_percent"),
    (MEMORY, "workers"),
    (DISK, "disk_percent"),
    (BLACKHOLE, "port"),
    (DEPENDENCY, "port"),
    (DEPENDENCY, "latency_ms"),
    (DEPENDENCY, "jitter_ms"),
    (DEPENDENCY, "loss_percent"),
    (DEPENDENCY, "flows_percent"),
]
WORDS = [
    (FaultType.INSTANCE_TERMINATION, "mode"),
    (FaultType.NETWORK_LATENCY, "traffic_type"),
    (BLACKHOLE, "protocol"),
    (BLACKHOLE, "traffic_type"),
    (DEPENDENCY, "protocol"),
    (DEPENDENCY, "traffic_type"),
]
FLAGS = [(FaultType.STOP_INSTANCES, "start_again")]
TEXTS = [
    (FaultType.SPOT_INTERRUPTION, "durationBeforeInterruption"),
    (FaultType.NETWORK_LATENCY, "sources"),
    (FaultType.NETWORK_LATENCY, "interface"),
    (DEPENDENCY, "dependency"),
    (DEPENDENCY, "interface"),
]
MAY_BE_LEFT_OUT = {(DEPENDENCY, "port"), (DEPENDENCY, "latency_ms"), (DEPENDENCY, "interface"), (FaultType.NETWORK_LATENCY, "interface")}


def test_every_parameter_of_every_fault_is_attacked() -> None:
    attacked = {*NUMBERS, *WORDS, *FLAGS, *TEXTS}
    declared = {
        (kind, name) for kind in registry.fault_types(ResourceType.INSTANCE) for name in registry.get_fault(kind).parameters.model_fields
    }
    assert attacked == declared
    assert len(HOSTILE) * len(attacked) > 100


@pytest.mark.parametrize(("kind", "name"), [*NUMBERS, *WORDS, *FLAGS, *TEXTS])
def test_whatever_is_hostile_is_refused_by_name(kind: FaultType, name: str) -> None:
    for hostile in HOSTILE:
        if (hostile is None and (kind, name) in MAY_BE_LEFT_OUT) or (name == "interface" and hostile in ("0x50", "1e2")):
            continue  # an interface may be called so
        if (kind, name) in FLAGS and isinstance(hostile, bool):
            continue
        with pytest.raises(InvalidInput) as caught:
            registry.get_fault(kind).parse({**REQUIRED.get(kind, {}), name: hostile})
        assert f"parameters.{name}" in {problem.path for problem in caught.value.problems}, ascii(hostile)


@pytest.mark.parametrize(
    ("kind", "inputs", "path", "expected_text"),
    [
        (CPU, {"load_percent": 0}, "load_percent", "greater than or equal to 1"),
        (CPU, {"load_percent": 101}, "load_percent", "less than or equal to 100"),
        (MEMORY, {}, "memory_percent", "no default"),
        (MEMORY, {"memory_percent": 101}, "memory_percent", "less than or equal to 100"),
        (DISK, {"disk_percent": 98}, "disk_percent", "less than or equal to 97"),
        (BLACKHOLE, {}, "port", "no default"),
        (BLACKHOLE, {"port": 0}, "port", "greater than or equal to 1"),
        (BLACKHOLE, {"port": 65536}, "port", "less than or equal to 65535"),
        (BLACKHOLE, {"port": 80, "protocol": "icmp"}, "protocol", "'tcp' or 'udp'"),
        (BLACKHOLE, {"port": 443, "traffic_type": "egress"}, "traffic_type", "agent, which ends the fault, needs it for its endpoints"),
        (BLACKHOLE, {"port": 80, "traffic_type": "egress"}, "traffic_type", "the metadata service"),
        (BLACKHOLE, {"port": 53, "protocol": "udp", "traffic_type": "egress"}, "traffic_type", "name resolution"),
        (BLACKHOLE, {"port": 5432, "traffic_type": "egress"}, "traffic_type", "dependency_timeout"),
        (BLACKHOLE, {"port": 32768}, "port", "answers to the Systems Manager agent"),
        (BLACKHOLE, {"port": 60999}, "port", "answers to the Systems Manager agent"),
        (BLACKHOLE, {"port": 68, "protocol": "udp"}, "port", "lose its address"),
        (DEPENDENCY, {}, "dependency", "exactly one of dependency"),
        (DEPENDENCY, {"dependency": "10.9.0.7", "port": 5432}, "dependency", "exactly one of dependency"),
        (DEPENDENCY, {"port": 5432, "latency_ms": 100}, "latency_ms", "dependency instead of port"),
        (DEPENDENCY, {"port": 5432, "interface": "ens5"}, "interface", "dependency instead of port"),
        (DEPENDENCY, {"port": 67, "protocol": "udp"}, "protocol", "lose its address"),
        (DEPENDENCY, {"dependency": "0.0.0.0/0"}, "dependency", "Systems Manager agent"),
        (DEPENDENCY, {"dependency": "10.9.0.7,0.0.0.0/1"}, "dependency", "two halves are everything"),
        (DEPENDENCY, {"dependency": "10.9.0.7,13.0.0.0/9"}, "dependency", "networks of /24 or narrower"),
        (DEPENDENCY, {"dependency": "::/0"}, "dependency", "Systems Manager agent"),
        (DEPENDENCY, {"dependency": "2001:db8::1"}, "dependency", "IPv4"),
        (DEPENDENCY, {"dependency": "10.0.0.0/8"}, "dependency", "networks of /16 or narrower"),
        (DEPENDENCY, {"dependency": "52.94.0.0/16"}, "dependency", "networks of /24 or narrower"),
        (DEPENDENCY, {"dependency": "use1-az1"}, "dependency", "a whole zone"),
        (DEPENDENCY, {"dependency": "ssm.eu-west-1.amazonaws.com"}, "dependency", "agent gets the command"),
        (DEPENDENCY, {"dependency": "vpce-1.SSMMessages.eu-west-1.vpce.amazonaws.com"}, "dependency", "agent gets the command"),
        (DEPENDENCY, {"dependency": "169.254.169.254"}, "dependency", "credentials"),
        (DEPENDENCY, {"dependency": "127.0.0.1"}, "dependency", "sends to itself"),
    ],
)  # fmt: skip
def test_what_would_cut_off_the_agent_or_means_nothing_is_refused_with_its_reason(
    kind: FaultType, inputs: dict[str, Any], path: str, expected_text: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        registry.get_fault(kind).parse(inputs)
    assert [problem.path for problem in caught.value.problems] == [f"parameters.{path}"]
    assert expected_text in caught.value.problems[0].expected


@pytest.mark.parametrize("kind", AGENT_FAULTS)
def test_every_fault_of_an_agent_needs_one_that_is_online_on_linux(kind: FaultType) -> None:
    fault = registry.get_fault(kind)
    offline = instance("i-1", managed=False, platform="Windows")
    answer = prerequisites(fault, workload([offline]), [offline], fault.parse(REQUIRED.get(kind, {})))
    assert {check.name for check in answer if check.outcome is CheckOutcome.FAILED} >= {"systems_manager_online", "linux"}


def serving(protocol: str | None, *ports: int) -> Workload:
    load = workload()
    group = load.target_groups[0].model_copy(update={"protocol": protocol, "ports": ports})
    return load.model_copy(update={"target_groups": (group,)})


@pytest.mark.parametrize(
    ("load", "inputs", "passes", "expected_text"),
    [
        (serving("HTTP", 80), {"port": 80}, True, "registered with a load balancer at tcp 80"),
        (serving("HTTP", 80), {"port": 8080}, False, "gets requests at HTTP 80: nobody would notice the loss of tcp 8080"),
        (serving("HTTP", 80), {"port": 80, "protocol": "udp"}, False, "nobody would notice the loss of udp 80"),
        (serving("TCP_UDP", 53), {"port": 53, "protocol": "udp"}, True, "udp 53"),
        (serving("UDP", 53), {"port": 53}, False, "nobody would notice the loss of tcp 53"),
        (serving("HTTP", 80, 8080), {"port": 8080}, True, "tcp 8080"),
        (serving(None), {"port": 8080}, True, "only the definition"),
        (workload().model_copy(update={"target_groups": ()}), {"port": 8080}, True, "only the definition"),
    ],
)
def test_a_port_nobody_asks_is_refused_as_the_command_would_succeed_all_the_same(
    load: Workload, inputs: dict[str, Any], passes: bool, expected_text: str
) -> None:
    fault = registry.get_fault(BLACKHOLE)
    (prerequisite,) = (
        check for check in prerequisites(fault, load, load.instances[:1], fault.parse(inputs)) if check.name == "port_serves"
    )
    assert (prerequisite.outcome is CheckOutcome.PASSED) is passes, prerequisite.detail
    assert expected_text in prerequisite.detail


@pytest.mark.parametrize(
    ("address", "inputs", "passes"),
    [
        ("10.0.1.7", {"dependency": "10.9.0.0/16,db.example.com,S3"}, True),
        ("10.0.1.7", {"dependency": "10.0.0.0/16"}, False),
        ("10.0.1.7", {"dependency": "10.0.1.7"}, False),
        ("10.0.1.7", {"dependency": "10.0.1.8"}, True),
        (None, {"dependency": "10.0.1.8"}, False),
        (None, {"dependency": "db.example.com"}, True),
        ("10.0.1.7", {"port": 5432}, True),
    ],
)
def test_a_dependency_the_targets_are_part_of_is_refused(address: str | None, inputs: dict[str, Any], passes: bool) -> None:
    fault, target = registry.get_fault(DEPENDENCY), instance("i-1", private_ip=address)
    answer = prerequisites(fault, workload([target]), [target], fault.parse(inputs))
    (apart,) = (entry for entry in answer if entry.name == "dependency_apart")
    assert (apart.outcome is CheckOutcome.PASSED) is passes, apart.detail


def command(kind: FaultType, status: str, id_: str = "i-1") -> CommandState:
    return CommandState("c-1", id_, registry.get_fault(kind).ssm_documents[0], status, requested_at=NOW, started_at=NOW, ended_at=NOW)


def pair() -> Workload:
    return workload([instance("i-1"), instance("i-2")])


def replaced(load: Workload, *, by: list[Instance]) -> Workload:
    """`i-1` terminated; `by` took over, if anybody."""
    gone = load.instances[0].model_copy(update={"state": "terminated", "lifecycle": None})
    return workload([gone, *load.instances[1:], *by], desired=2)


@pytest.mark.parametrize("kind", AGENT_FAULTS)
def test_a_target_that_its_group_replaced_is_recovered_never_restored(kind: FaultType) -> None:
    fault, load = registry.get_fault(kind), pair()
    result = discovery(load, load.instances[:1])
    sent = {"i-1": [command(kind, "InProgress")]}  # what Systems Manager still says of a machine that is gone
    whole = verify(fault, before(result), load, replaced(load, by=[instance("i-3")]), sent, None, NOW)
    assert (whole.outcome, whole.differences, whole.leftovers) == (RollbackOutcome.RECOVERED, (), ())
    short = verify(fault, before(result), load, replaced(load, by=[]), sent, None, NOW)
    assert short.outcome is RollbackOutcome.NOT_RESTORED
    assert "shop has 1 of 2 instances in service" in short.differences


def test_a_target_that_is_gone_for_good_is_not_restored() -> None:
    fault, load = registry.get_fault(MEMORY), workload([instance("i-1", group=None), instance("i-2")])
    served = load.target_groups[0].model_copy(update={"healthy": ("i-1", "i-2")})
    load = load.model_copy(update={"target_groups": (served,)})
    result = discovery(load, load.instances[:1])
    gone = load.model_copy(update={"instances": load.instances[1:]})
    report = verify(fault, before(result), load, gone, {"i-1": [command(MEMORY, "Success")]}, None, NOW)
    assert report.outcome is RollbackOutcome.NOT_RESTORED
    assert report.differences[0] == "i-1 is gone, and nothing replaces it"


@pytest.mark.parametrize("kind", AGENT_FAULTS)
def test_a_silent_instance_is_restored_only_when_it_is_healthy_again_wherever_it_was(kind: FaultType) -> None:
    fault, load = registry.get_fault(kind), pair()
    result = discovery(load, load.instances[:1])
    sent = {"i-1": [command(kind, "Success")]}
    assert verify(fault, before(result), load, load, sent, None, NOW).outcome is RollbackOutcome.RESTORED
    group = TargetGroup.model_validate({**load.target_groups[0].model_dump(), "healthy": ("i-2",), "unhealthy": ("i-1",)})
    sick = load.model_copy(update={"target_groups": (group,)})
    report = verify(fault, before(result), load, sick, sent, None, NOW)
    assert (report.outcome, len(report.differences)) == (RollbackOutcome.NOT_RESTORED, 1)
    stopped = load.model_copy(update={"instances": (load.instances[0].model_copy(update={"state": "stopped"}), load.instances[1])})
    assert verify(fault, before(result), load, stopped, sent, None, NOW).outcome is RollbackOutcome.NOT_RESTORED


@pytest.mark.parametrize("fault", registry.list_faults(), ids=lambda fault: type(fault).__name__)
def test_every_fault_says_all_about_itself(fault: AnyFault) -> None:
    assert registry.get_fault(fault.type, fault.resource_type) is fault
    assert fault.verb
    assert fault.risk in {"low", "medium", "high"}
    assert {*fault.unless_allowed, *fault.unless_listed} <= set(fault.parameters.model_fields)
    assert set(fault.instant_actions) <= set(fault.actions)
    assert fault.grants(), "FIS could not run it"


def test_a_fault_that_leaves_a_fact_out_or_takes_anothers_place_is_not_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(CpuStress):
        pass

    monkeypatch.setattr(registry, "_FAULTS", dict(registry._FAULTS))
    monkeypatch.delattr(CpuStress, "verb")
    with pytest.raises(TypeError, match="Mute does not declare verb"):
        registry.register_fault(Mute())
    with pytest.raises(ValueError, match="MemoryStress already injects memory_stress into aws:ec2:instance"):
        registry.register_fault(MemoryStress())


def test_the_page_on_faults_names_each_with_its_parameters_and_document() -> None:
    page = (Path(__file__).parents[3] / "docs/faults.md").read_text()
    for kind in registry.fault_types(ResourceType.INSTANCE):
        fault = registry.get_fault(kind)
        row = next(line for line in page.splitlines() if line.startswith(f"| `{kind.value}` | "))
        assert f"| {fault.risk} |" in row
        assert [document for document in fault.ssm_documents if document not in row] == []
        assert {name for name in fault.parameters.model_fields if f"`{name}`" not in row} == set()


def test_the_table_on_the_page_is_made_from_what_the_faults_declare() -> None:
    assert faults_page.main(["--check"]) == 0
