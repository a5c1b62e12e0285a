"""An observation that is longer than the fault: what is judged and guarded over which of the two lengths."""

from datetime import timedelta
from typing import Any

import pytest

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import FaultType
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.hashes import definition_hash, promotion_hash
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.sentences import Recovers
from squall.domain.metrics.periods import lag_table
from squall.domain.metrics.short_faults import find_short_fault
from squall.domain.metrics.timing_problems import find_event_problems, find_timing_problems
from squall.domain.metrics.windows import fault_window, observation_window
from squall.domain.policy.environment import Environment, Timing
from squall.faults import registry
from tests.unit.builders import NOW, REL12, environment, experiment, instance
from tests.unit.faults.asking import injection

AWS = Timing()
MINUTE, TEN = timedelta(minutes=1), timedelta(minutes=10)
STRESS = {"type": "cpu_stress", "success_criteria": ["System availability > 99%"]}


def short(**changes: Any) -> Experiment:
    return experiment(**{**STRESS, "duration": "1m", "observation": "10m", **changes})


def problems(changes: dict[str, Any]) -> dict[str, Problem]:
    try:
        parse_experiment({**REL12, **changes})
    except InvalidInput as invalid:
        return {problem.path: problem for problem in invalid.problems}
    return {}


def timing_problems(own: Experiment, **changes: Any) -> list[Problem]:
    parsed = parse_sentences(own)
    thresholds = (*parsed.threshold_criteria, *parsed.conditions)
    return find_timing_problems(own.length, thresholds, AWS, lag_table(AWS, {}), observation=own.observation, **changes)


@pytest.mark.parametrize("others", [{}, {"blast_radius": "huge"}], ids=["alone", "beside_another_problem"])
def test_an_observation_shorter_than_the_fault_is_an_error_at_its_path(others: dict[str, Any]) -> None:
    found = problems({"observation": "PT5M", **others})["observation"]
    assert "the observation of 300 s is shorter than the fault, which lasts 600 s" in found.message
    assert "at least 600 s" in found.expected


def test_a_longer_observation_is_another_experiment_and_none_is_the_same_as_before() -> None:
    own, equal = experiment(), experiment(observation="10m")
    assert (own.observed_length, own.observes_longer, equal.observes_longer) == (TEN, False, False)
    assert definition_hash(own) != definition_hash(experiment(observation="PT11M"))
    assert promotion_hash(own) == promotion_hash(equal) != promotion_hash(experiment(observation="PT11M"))


def test_sentences_without_a_window_are_judged_over_the_observation_and_only_there_is_a_choice() -> None:
    sentences = ["System availability > 99%", "System availability > 90% during the fault", "Error rate < 1 % during recovery"]
    windows = [threshold.window for _, threshold in parse_sentences(short(success_criteria=sentences)).threshold_criteria]
    assert windows == ["observation", "fault", "recovery"]
    windows = [threshold.window for _, threshold in parse_sentences(experiment(success_criteria=sentences)).threshold_criteria]
    assert windows == ["fault", "fault", "recovery"]


def test_a_guard_can_t_be_narrowed_to_the_fault() -> None:
    guards = ["System availability < 95% during the fault", "Response time > 5 seconds"]
    assert problems({"abort_conditions": guards}) == {}
    found = problems({"abort_conditions": guards, "observation": "PT20M"})["abort_conditions[0]"]
    assert "watches the whole observation" in found.message
    assert "System availability < 95 %" in found.expected


def test_one_minute_is_refused_with_the_observation_as_a_way_out_and_admitted_with_it() -> None:
    refused = timing_problems(experiment(**{**STRESS, "duration": "1m"}))
    assert refused
    assert all("or an `observation` of at least 8 min: the fault itself may be shorter" in problem.expected for problem in refused)
    assert timing_problems(short()) == []
    too_short = timing_problems(short(observation="5m"))
    assert {problem.expected for problem in too_short} == {
        "an observation of at least 8 min, or 110 s with metrics of a `sentinel`, whose periods are 10 s"
    }
    assert all("observation" in problem.message for problem in too_short)


def test_what_is_judged_during_the_fault_needs_a_fault_that_is_long_enough() -> None:
    (problem,) = timing_problems(short(success_criteria=["System availability > 90% during the fault"]))
    assert problem.path == "success_criteria[0]"
    assert "60 s of fault hold 0 whole periods" in problem.message
    assert "a fault of at least 6 min" in problem.expected
    assert "without `during the fault`" in problem.expected


def test_recovery_is_watched_from_the_end_of_the_fault_to_the_end_of_the_observation_at_least() -> None:
    events = [("success_criteria[0]", Recovers(text="System recovers within 8 minutes", within_seconds=480))]
    assert find_event_problems(events, MINUTE, AWS, recovery=timedelta(minutes=2)) != []
    assert find_event_problems(events, MINUTE, AWS, recovery=timedelta(minutes=2), observation=TEN) == []
    own = short(success_criteria=["System availability > 99% during recovery"], recovery="PT1M")
    assert timing_problems(own, recovery=own.recovery) == []


def find_short(own: Experiment, policy: Environment, *, ends_at_once: bool = False) -> Any:
    conditions = [threshold for _, threshold in parse_sentences(own).conditions]
    lasting = {} if ends_at_once else {fault.name: fault.length for fault in own.plan}
    return find_short_fault(own, conditions, policy, lasting=lasting)


def test_a_fault_that_no_guard_can_end_in_time_is_the_policy_s_decision() -> None:
    found = find_short(short(), environment())
    assert "its harm can last 60 s by itself" in found.detail
    assert "usually reacts in 240 s" in found.detail
    assert not found.allowed
    assert find_short(short(), environment(short_faults="warn")).allowed
    assert not find_short(short(duration="6m"), environment(short_faults="warn")).allowed, "longer than such harm may last"
    assert find_short(short(duration="6m"), environment(short_faults={"response": "warn", "longest": "6m"})).allowed


@pytest.mark.parametrize("observation", [None, "30m"])
def test_each_fault_of_a_scenario_may_be_short_however_long_all_of_them_last(observation: str | None) -> None:
    def scenario(*lengths: str) -> Experiment:
        faults = {
            f"f{number}": {
                "type": "cpu_stress",
                "target_resources": ["i-1"],
                "duration": length,
                "after": [f"f{number - 1}"] if number else [],
            }
            for number, length in enumerate(lengths)
        }
        return short(type=None, target_resources=[], faults=faults, observation=observation)

    found = find_short(scenario("10m", "2m", "3m"), environment(short_faults="warn"))
    assert (found.name, found.length, found.allowed) == ("f2", timedelta(minutes=3), True)
    assert "f2 is over before a guard could end it: its harm can last 3 min by itself" in found.detail
    assert not find_short(scenario("10m", "2m", "3m"), environment()).allowed
    assert find_short(scenario("10m", "8m"), environment()) is None


@pytest.mark.parametrize(
    ("changes", "ends_at_once"),
    [
        ({"duration": "8m"}, False),
        ({"abort_conditions": ["System availability < 95%", "Sentinel availability < 90 %"], "duration": "2m"}, False),
        ({}, True),
        ({"duration": "10m"}, False),
    ],
    ids=["long_enough", "one_quick_guard", "over_at_once", "observed_as_long_as_it_lasts"],
)
def test_a_fault_is_not_short_if_a_guard_can_end_it_or_nothing_could(changes: dict[str, Any], *, ends_at_once: bool) -> None:
    assert find_short(short(**changes), environment(), ends_at_once=ends_at_once) is None


def test_the_windows_begin_with_the_effect_and_end_with_what_they_are_of() -> None:
    fault, observation = fault_window(NOW, MINUTE, AWS), observation_window(NOW, TEN, AWS)
    assert (fault.periods, observation.periods, observation.name) == (1, 10, "observation")
    assert observation.start == fault.start
    assert observation_window(NOW, TEN, AWS, ended_at=NOW + timedelta(minutes=4)).periods == 4, "nothing is guarded after the stop"


def compiled(kind: FaultType, parameters: dict[str, Any], observation: timedelta | None) -> dict[str, Any]:
    fault = registry.get_fault(kind)
    asked = injection(fault.parse(parameters), [instance("i-1")], length=MINUTE, observation=observation)
    return {name: action.get("parameters", {}).get("duration") for name, action in fault.compile(asked)[1].items()}


def test_a_parallel_wait_keeps_the_stop_conditions_until_the_observation_ends() -> None:
    assert compiled(FaultType.CPU_STRESS, {}, None) == {"cpu": "PT2M"}
    assert compiled(FaultType.CPU_STRESS, {}, TEN) == {"cpu": "PT2M", "observe": "PT11M"}, "an agent may begin a minute late"
    assert compiled(FaultType.CPU_STRESS, {}, MINUTE) == {"cpu": "PT2M"}
    assert compiled(FaultType.INSTANCE_TERMINATION, {}, None) == {"terminate": None, "observe": "PT1M"}
    assert compiled(FaultType.INSTANCE_TERMINATION, {}, TEN) == {"terminate": None, "observe": "PT10M"}
    assert compiled(FaultType.INSTANCE_TERMINATION, {"mode": "stop_and_start"}, TEN)["observe"] == "PT10M"
    assert compiled(FaultType.CPU_STRESS, {}, timedelta(hours=12))["observe"] == "PT12H", "FIS takes no more"
