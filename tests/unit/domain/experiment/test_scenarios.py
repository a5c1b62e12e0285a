"""What a scenario says: several faults with names, an order and lengths, and what can't be one."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.experiment.hashes import definition_hash, promotion_hash
from squall.domain.messages.scenario import describe_faults
from tests.unit.builders import REL12, discovery

SHARED = {key: value for key, value in REL12.items() if key not in {"type", "target_resources"}}
ONE = {"type": "cpu_stress", "target_resources": ["i-1234567890abcdef0"]}
TWO = {**ONE, "target_resources": ["i-1234567890abcdef0", "i-0987654321fedcba0"]}


def scenario(faults: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**SHARED, "faults": faults, **changes}


def problems(raw: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse_experiment(raw)
    return {problem.path: problem.message for problem in caught.value.problems}


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_faults_begin_after_those_they_wait_for_and_the_length_is_that_of_all() -> None:
    faults = {
        "c": {**TWO, "after": ["a", "b"], "delay": "2m"},
        "a": {**TWO, "duration": "5m"},
        "b": {**TWO, "duration": "7m", "delay": "1m"},
    }
    parsed = parse_experiment(scenario(faults))
    assert [(fault.name, fault.start, fault.length) for fault in parsed.plan] == [
        ("a", minutes(0), minutes(5)),
        ("b", minutes(1), minutes(7)),
        ("c", minutes(10), minutes(10)),
    ]
    assert parsed.length == minutes(20)
    assert (parsed.kind, parsed.words) == ("scenario", "scenario of a (cpu_stress), b (cpu_stress), c (cpu_stress)")


def test_an_experiment_with_one_fault_is_a_plan_with_one_entry_and_writes_no_faults() -> None:
    parsed = parse_experiment(REL12)
    (only,) = parsed.plan
    assert (only.name, only.type, only.length, only.start) == ("", parsed.type, parsed.length, minutes(0))
    assert "faults" not in parsed.model_dump(mode="json")


@pytest.mark.parametrize(
    ("faults", "path", "said"),
    [
        ({"a": ONE, "b": {**ONE, "after": ["A"]}}, "faults.b.after[0]", 'there is no fault "A", did you mean "a"?'),
        ({"a": ONE, "b": {**ONE, "after": ["c"]}, "c": {**ONE, "after": ["b"]}}, "faults.b.after", "b waits for c waits for b"),
        ({"a": ONE, "b": {**ONE, "after": ["b"]}}, "faults.b.after", "b waits for b"),
        ({"a b": ONE}, "faults.a b", "is no name for a fault"),
        ({"fault": ONE}, "faults.fault", "is the name of a window"),
        ({"a": ONE, "A": ONE}, "faults.A", 'is the same name as "a"'),
        ({"a": {**ONE, "delay": "1m"}}, "faults", "no fault begins with the scenario"),
        ({"a": {"type": "cpu_stress"}}, "faults.a.target_resources", "no target is named"),
        ({"a": {**ONE, "parameters": {"speed": 1}}}, "faults.a.parameters.speed", "there is no such parameter"),
        ({"a": {**ONE, "type": "flood"}}, "faults.a.type", '"flood" is unknown'),
        ({"a": {**ONE, "colour": "red"}}, "faults.a.colour", 'unknown key "colour"'),
        ({"a": {**ONE, "type": "database_failure"}}, "faults.a.type", "can't be injected into"),
        ({f"a{number}": TWO for number in range(11)}, "faults.a0", "11 faults run at once"),
        ({f"a{number}": TWO for number in range(21)}, "faults", "has 21 entries"),
    ],
)
def test_what_is_no_scenario_is_refused_at_its_path(faults: dict[str, Any], path: str, said: str) -> None:
    assert said in problems(scenario(faults))[path]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ({"type": "cpu_stress"}, "are the same fault on i-1234567890abcdef0, and neither waits for the other"),
        ({"type": "instance_termination"}, "takes i-1234567890abcdef0 away, and a (cpu_stress) may hit it at the same time or later"),
        ({"type": "instance_termination", "after": ["a"]}, "nothing would tell which of the two, or a health check, ended it"),
    ],
)
def test_faults_that_name_the_same_resource_and_can_not_meet_are_refused_before_aws_is_asked(second: dict[str, Any], said: str) -> None:
    assert said in problems(scenario({"a": ONE, "b": {**ONE, **second}}))["faults.b"]


def test_faults_in_a_network_s_way_are_named() -> None:
    slow, gone = {**ONE, "type": "network_latency"}, {**ONE, "type": "service_unavailable", "parameters": {"port": 80}}
    said = "both use the network of i-1234567890abcdef0, and neither waits for the other"
    assert said in problems(scenario({"slow": slow, "gone": gone}))["faults.gone"]
    later = {**gone, "delay": "10m"}
    assert said in problems(scenario({"slow": slow, "gone": later}))["faults.gone"], "an agent may end the first one late"
    assert parse_experiment(scenario({"slow": slow, "gone": {**gone, "after": ["slow"]}})).length == minutes(20)


@pytest.mark.parametrize("order", [("cpu", "memory"), ("memory", "cpu")])
def test_a_fault_that_would_hide_that_another_one_did_nothing_waits_for_it(order: tuple[str, str]) -> None:
    faults: dict[str, dict[str, Any]] = {
        "cpu": {**ONE, "type": "cpu_stress"},
        "memory": {**ONE, "type": "memory_stress", "parameters": {"memory_percent": 50}},
    }
    first, second = order
    told = problems(scenario({name: faults[name] for name in order}))[f"faults.{second}"]
    assert "memory (memory_stress) uses the CPU of i-1234567890abcdef0, too, which is to tell whether cpu (cpu_stress) did" in told
    in_turn = {first: faults[first], second: {**faults[second], "after": [first]}}
    assert len(parse_experiment(scenario(in_turn)).plan) == 2


def test_what_waits_for_a_fault_waits_for_those_before_it() -> None:
    slow, gone = {**ONE, "type": "network_latency"}, {**ONE, "type": "service_unavailable", "parameters": {"port": 80}}
    between = {**TWO, "type": "memory_stress", "parameters": {"memory_percent": 50}, "after": ["slow"]}
    parsed = parse_experiment(scenario({"slow": slow, "between": between, "gone": {**gone, "after": ["between"]}}))
    assert [fault.name for fault in parsed.plan] == ["slow", "between", "gone"]


def test_two_types_that_one_state_would_prove_do_not_hit_one_subnet() -> None:
    subnet = {"target_resources": ["subnet-0123456789abcdef0"]}
    cut = {**subnet, "type": "service_unavailable", "parameters": {"scope": "availability-zone"}}
    apart = {**subnet, "type": "dependency_timeout", "parameters": {"scope": "s3"}, "after": ["cut"]}
    said = "both proven by the state of subnet-0123456789abcdef0: one would prove both"
    assert said in problems(scenario({"cut": cut, "apart": apart}))["faults.apart"]


@pytest.mark.parametrize("field", ["type", "target_resources"])
def test_a_scenario_says_nothing_twice(field: str) -> None:
    assert "is said twice" in problems(scenario({"a": ONE}, **{field: REL12[field]}))[field]


def test_a_fault_without_a_length_needs_the_scenario_s() -> None:
    raw = scenario({"a": TWO, "b": {**TWO, "duration": "5m"}})
    del raw["duration_minutes"]
    assert list(problems(raw)) == ["faults.a.duration"]


def test_waits_count_as_actions_of_fis() -> None:
    faults: dict[str, Any] = {"a0": ONE} | {f"a{number}": {**ONE, "after": [f"a{number - 1}"], "delay": "1m"} for number in range(1, 12)}
    assert "at least 23 actions of FIS" in problems(scenario(faults))["faults"]


def test_other_targets_are_the_same_scenario_elsewhere() -> None:
    here, there = ONE, {**ONE, "target_resources": ["i-0aaaaaaaaaaaaaaaa"]}
    one, other = (parse_experiment(scenario({"a": target})) for target in (here, there))
    assert promotion_hash(one) == promotion_hash(other)
    assert definition_hash(one) != definition_hash(other)
    assert promotion_hash(one) != promotion_hash(parse_experiment(scenario({"b": ONE})))


def test_people_read_which_fault_hits_what_and_when() -> None:
    exp = parse_experiment(scenario({"slow": {**TWO, "duration": "5m"}, "gone": {**TWO, "after": ["slow"], "delay": "2m"}}))
    found = discovery()
    (target,) = found.pinned
    found = found.model_copy(update={"faults": {"slow": found.pinned, "gone": found.pinned}})
    assert describe_faults(exp, found) == [
        f"slow (cpu_stress) on {target.id}, from the beginning, for 5 min",
        f"gone (cpu_stress) on {target.id}, 7 min after the beginning, for 10 min",
    ]
    assert describe_faults(parse_experiment(REL12), discovery()) == []
