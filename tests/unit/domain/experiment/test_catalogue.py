"""The catalogue's runs: every experiment has one, what is unexpected is said, and the tables keep what was not run again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.account import Run
from bench.cases import CASES, FRAGILE_CASES, INVALID_CASES, RESILIENT_CASES, Case
from bench.catalogue import PLACE, Outcome, make_tables, rows_of
from local.workload.settings import RESILIENT, WORKLOADS
from squall.domain.base.vocabulary import FaultType
from squall.faults import registry

ROOT = Path(__file__).resolve().parents[4]
LOCAL = {file.stem: yaml.safe_load(file.read_text()) for file in (ROOT / "local" / "experiments").glob("*.yaml")}


def types_of(experiment: dict[str, Any]) -> list[str]:
    return [fault["type"] for fault in experiment["faults"].values()] if "faults" in experiment else [experiment["type"]]


def test_every_experiment_of_the_catalogue_can_be_run_locally() -> None:
    """In one Region; those for several run in the Regions of a local account (`tests/local/regions/`)."""
    shipped = {file.stem: yaml.safe_load(file.read_text()) for file in (ROOT / "experiments").glob("*.yaml")}
    several = {name for name, experiment in shipped.items() if "regions" in experiment}
    assert shipped.keys() - several <= set(LOCAL)
    assert several <= {file.stem for file in (ROOT / "tests" / "local" / "regions" / "experiments").glob("*.yaml")}


def test_every_local_experiment_runs_once_as_it_is_and_every_type_once_against_a_fragile_workload() -> None:
    assert [case.experiment for case in RESILIENT_CASES if case.workload == RESILIENT] == [case.experiment for case in RESILIENT_CASES]
    assert sorted(case.experiment for case in RESILIENT_CASES) == sorted(LOCAL)
    types = [kind for case in FRAGILE_CASES for kind in types_of(LOCAL[case.experiment])]
    own = {kind.value for kind in registry.list_types()}
    assert own <= set(types) <= own | {kind.value for kind in FaultType if kind.is_fis_action}
    fragile = [(case.experiment, case.workload) for case in FRAGILE_CASES]
    assert len(fragile) == len(set(fragile))


def test_a_scenario_of_the_catalogue_has_the_same_faults_here_but_those_that_the_local_workload_can_not_repeat() -> None:
    shipped = yaml.safe_load((ROOT / "experiments" / "zone-loss.yaml").read_text())["faults"]
    local = LOCAL["zone-loss"]["faults"]
    assert {name: fault["type"] for name, fault in local.items()} == {
        name: fault["type"] for name, fault in shipped.items() if name != "database"
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_names_a_workload_and_a_criterion_that_exist(case: Case) -> None:
    criteria = [criterion["text"] if isinstance(criterion, dict) else criterion for criterion in LOCAL[case.experiment]["success_criteria"]]
    assert case.workload in WORKLOADS
    assert (case.verdict == "refuted") == (case in FRAGILE_CASES)
    assert (case.verdict == "invalid") == (case in INVALID_CASES)
    assert case.verdict != "refuted" or any(text.startswith(case.unmet) for text in criteria)


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    def make(case: Case, verdict: str, left: tuple[str, ...] = (), unmet: str = "System availability >= 99 %") -> Outcome:
        criteria: list[dict[str, Any]] = [
            {"text": unmet, "outcome": "not_met", "reason": "measured 80 percent"},
            {"text": "System recovers within 1 minute", "outcome": "not_met", "reason": "it did not"},
        ]
        result = {
            "verdict": verdict, "status": "completed", "reason": "because | so", "experiment_type": "cpu_stress", "criteria": criteria,
            "recovery": {"recovered": True, "seconds_to_recover": 12.4}, "rollback": {"outcome": "restored"},
        }  # fmt: skip
        return Outcome(case, Run("bench-1", 0.0, 90.0, result), ("AWSFIS-Run-CPU-Stress",), (2.91, 78.123), left, 3.2)

    return make


def test_an_ending_as_expected_is_no_surprise(outcome: Callable[..., Outcome]) -> None:
    assert outcome(RESILIENT_CASES[0], "validated").surprises == []
    assert outcome(FRAGILE_CASES[2], "refuted").surprises == []


def test_another_verdict_another_criterion_and_what_is_left_are_surprises(outcome: Callable[..., Outcome]) -> None:
    assert outcome(INVALID_CASES[0], "validated").surprises == ["expected invalid, is validated: because | so"]
    assert "System recovers" not in outcome(FRAGILE_CASES[2], "refuted").unmet
    (surprise,) = outcome(FRAGILE_CASES[2], "refuted", unmet="Response time < 250 ms").surprises
    assert "Response time < 250 ms: measured 80 percent" in surprise
    assert outcome(RESILIENT_CASES[0], "validated", ("LOCK#asg/web",)).surprises == ["left behind: LOCK#asg/web"]


def test_rows_of_cases_not_run_again_stay_and_others_are_replaced(outcome: Callable[..., Outcome]) -> None:
    first = [outcome(RESILIENT_CASES[0], "validated"), outcome(FRAGILE_CASES[2], "refuted"), outcome(INVALID_CASES[0], "invalid")]
    document = f"# Faults\n{PLACE.begin}\n{PLACE.end}\nmore\n"
    once = PLACE.insert_tables(document, make_tables(first, rows_of(document)))
    assert (once.partition(PLACE.begin)[0], once.partition(PLACE.end)[2]) == ("# Faults\n", "\nmore\n")
    assert rows_of(once) == {entry.case.name: entry.cells for entry in first}
    assert PLACE.insert_tables(once, make_tables([], rows_of(once))) == once
    again = rows_of(PLACE.insert_tables(once, make_tables([outcome(RESILIENT_CASES[0], "inconclusive")], rows_of(once))))
    assert again[RESILIENT_CASES[0].name][4] == "inconclusive"
    assert again[FRAGILE_CASES[2].name] == first[1].cells
    assert "| CPUUtilization of the target 2.91 % → 78.1 % |" in once
    assert "because \\| so" in once


def test_the_documentation_has_a_place_for_the_tables() -> None:
    text = (ROOT / "docs" / "faults.md").read_text()
    assert text.count(PLACE.begin) == text.count(PLACE.end) == 1
