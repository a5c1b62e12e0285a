"""A misspelt key is one problem; what is wrong independently of it is reported, too, and nothing wrong passes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from squall.admission.environment import parse_environment
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from tests.documentation.mistakes import EXPERIMENT

RICH: dict[str, Any] = {
    **EXPERIMENT,
    "target_resources": [],
    "target": {"tags": {"app": "shop"}, "select": {"count": 1}},
    "owner": "shop",
    "recovery": "PT10M",
}


def refuse(raw: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        parse_experiment(raw)
    return {problem.path: problem.message for problem in refused.value.problems}


def swap_letters(key: str) -> str:
    return key[:-2] + key[-1] + key[-2]


@pytest.mark.parametrize("key", sorted(RICH))
def test_a_key_with_two_letters_swapped_is_one_problem(key: str) -> None:
    raw = copy.deepcopy(RICH)
    raw[swap_letters(key)] = raw.pop(key)
    assert list(refuse(raw)) == [swap_letters(key)]


@pytest.mark.parametrize("key", sorted(RICH))
def test_a_key_with_a_letter_too_few_is_one_problem(key: str) -> None:
    raw = copy.deepcopy(RICH)
    raw[key[:2] + key[3:]] = raw.pop(key)
    assert list(refuse(raw)) == [key[:2] + key[3:]]


def test_what_is_wrong_with_the_value_of_a_misspelt_key_is_reported_where_it_is_written() -> None:
    raw = {**EXPERIMENT, "duratoin_minutes": -5, "sucess_criteria": ["System availability > 99 bananas"]}
    del raw["duration_minutes"], raw["success_criteria"]
    with pytest.raises(InvalidInput) as refused:
        parse_experiment(raw)
    assert sorted(problem.path for problem in refused.value.problems) == [
        "duratoin_minutes", "duratoin_minutes", "sucess_criteria", "sucess_criteria[0]",
    ]  # fmt: skip


def test_a_slip_within_a_slip() -> None:
    raw = {**EXPERIMENT, "targte": {"tasg": {"app": "shop"}, "slect": {"cuont": 0}}}
    del raw["target_resources"]
    assert set(refuse(raw)) == {"targte", "targte.tasg", "targte.slect", "targte.slect.cuont"}


def test_a_key_beside_the_one_that_it_resembles_is_no_slip_of_it() -> None:
    assert refuse({**EXPERIMENT, "duration_minute": -3}) == {
        "duration_minute": 'unknown key "duration_minute", did you mean "duration_minutes"?'
    }


def test_two_slips_of_one_key_do_not_hide_each_other() -> None:
    raw = {**EXPERIMENT, "hypothesi": "a", "hypotheses": "b"}
    del raw["hypothesis"]
    assert set(refuse(raw)) == {"hypothesi", "hypotheses"}


def test_a_key_that_resembles_nothing_hides_nothing() -> None:
    raw = {**EXPERIMENT, "banana": 1}
    del raw["hypothesis"]
    assert set(refuse(raw)) == {"banana", "hypothesis"}


def test_a_policy_with_a_misspelt_key_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_environment({"name": "staging", "alowed_types": ["cpu_stress"], "minimum_healthy_percent": 150})
    assert sorted(problem.path for problem in refused.value.problems) == ["alowed_types", "minimum_healthy_percent"]
