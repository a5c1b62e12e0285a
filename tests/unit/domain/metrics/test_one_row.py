"""A metric is one row: a toy row, added here and nowhere else, is parsed, measured, timed, guarded, judged, reported and made a finding."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import CheckOutcome, CriterionOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.evidence import Evidence
from squall.domain.documents.judgement import CriterionResult, Judgement
from squall.domain.documents.metrics.metric_models import MetricBinding
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.judging.criteria import judge_criteria
from squall.domain.judging.judge_input import JudgeInput
from squall.domain.judging.verdict import Decision
from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_table import METRICS, KnownMetric, Part, Source
from squall.domain.language.parse import parse_condition, parse_criterion
from squall.domain.language.sentences import Threshold, render_sentence
from squall.domain.metrics.guard_alarms import guard_specs
from squall.domain.metrics.periods import lag_of, lag_table, reaction_seconds
from squall.domain.metrics.timing_problems import minimum_duration
from squall.domain.policy.environment import Timing
from squall.domain.result.finding_rules import inspect_run
from squall.domain.run.alarm_state import Watched
from squall.faults.plan import traits_of
from squall.reporting.charts import metric_title
from tests.unit.builders import (
    HEALTHY,
    NOW,
    REL12,
    baseline,
    bindings,
    definition,
    discovery,
    experiment,
    healthy_series,
    record,
    series,
    window,
)
from tests.unit.domain.safety.test_gates import STOPPING, check, stop_alarm, under

TOY = KnownMetric(
    name="abandoned_carts",
    title="Abandoned carts",
    unit="count",
    kind="gauge",
    aliases=("carts left behind",),
    statistic="Sum",
    statistics=("Maximum",),
    least=0,
    sources=(Source("Shop", "target_group", (Part("value", "AbandonedCarts", published="nonzero"),)),),
    lag_seconds=240,
    measured="if_named",
    felt=True,
    shows="errors",
    alarmed_as=(("Shop", "AbandonedCarts"),),
)
CRITERION, CONDITION = "Abandoned carts < 5", "Maximum carts left behind > 20"
EXPERIMENT = experiment(success_criteria=[CRITERION], abort_conditions=[CONDITION])
FAULT = window("fault", NOW, 10)


@pytest.fixture(autouse=True)
def _toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, TOY.name, TOY)


def toy_binding(discovered: Discovery) -> MetricBinding:
    return next(binding for binding in discovered.bindings if binding.name == TOY.name)


def judged(values: list[float | None], total: float | None) -> CriterionResult:
    result = discovery(exp=EXPERIMENT)
    return judge_criteria(
        JudgeInput(
            definition=definition(EXPERIMENT),
            discovery=result,
            traits=traits_of(definition(EXPERIMENT)),
            baseline=baseline(),
            effect_at=NOW,
            fault_end=NOW + timedelta(minutes=10),
            windows={"fault": FAULT},
            series={
                "fault": {**healthy_series(result.bindings, FAULT), TOY.name: series(toy_binding(result), FAULT, {"value": values})},
            },
            values={"fault": {**HEALTHY, TOY.name: total}},
            alarms_fired={},
            recovery=None,
        )
    )[0]


def test_its_title_aliases_statistics_and_bounds_are_the_languages() -> None:
    criterion = parse_criterion("carts_left_behind < 5 count")
    assert isinstance(criterion, Threshold)
    assert (criterion.metric, criterion.statistic, criterion.value) == ("abandoned_carts", None, 5.0)
    condition = parse_condition(CONDITION)
    assert (condition.metric, condition.statistic, condition.unit) == ("abandoned_carts", "Maximum", "count")
    assert render_sentence(condition) == "Maximum Abandoned carts > 20 count"
    with pytest.raises(SentenceError, match='did you mean "Abandoned carts"'):
        parse_criterion("Abandonned carts < 5")
    with pytest.raises(SentenceError, match="has no statistic"):
        parse_criterion("p99 abandoned carts < 5")
    with pytest.raises(SentenceError, match="always true"):
        parse_criterion("Abandoned carts >= 0")


def test_it_is_bound_to_the_target_group_of_what_is_hit() -> None:
    results = {binding.name: binding for binding in bindings(EXPERIMENT)}
    assert {"abandoned_carts", "abandoned_carts:Maximum"} <= results.keys()
    (query,) = results["abandoned_carts"].queries
    assert (query.namespace, query.metric_name, query.statistic, query.published) == ("Shop", "AbandonedCarts", "Sum", "nonzero")
    assert dict(query.dimensions).keys() == {"TargetGroup", "LoadBalancer"}
    assert (results["abandoned_carts"].unit, results["abandoned_carts"].lag_seconds) == ("count", 240)
    assert "abandoned_carts" not in {binding.name for binding in bindings()}, "only where a sentence names it"


def test_its_lag_decides_how_late_a_guard_reacts_and_how_long_the_fault_must_be() -> None:
    timing = Timing()
    assert lag_of(TOY.name, timing) == 240
    ((_, condition),) = parse_sentences(EXPERIMENT).conditions
    assert reaction_seconds(timing, lag_of(TOY.name, timing), condition) == 120 + 240 + 60
    late = minimum_duration([("abort_conditions[0]", condition)], timing, lag_table(timing, {}))
    assert late == timedelta(minutes=9), "twice the typical reaction: 2 × (120 + 80 + 60) s in whole minutes"


def test_a_guard_on_it_takes_silence_for_zero() -> None:
    conditions = [threshold for _, threshold in parse_sentences(EXPERIMENT).conditions]
    (guard,) = guard_specs("run-1", "Squall", conditions, bindings(EXPERIMENT), Timing())
    assert (guard.metric, guard.threshold, guard.comparison) == ("abandoned_carts:Maximum", 20.0, "GreaterThanThreshold")
    assert (guard.treat_missing_data, guard.reaction_seconds) == ("notBreaching", 420)
    assert [(metric.expression, metric.metric_name, metric.statistic) for metric in guard.metrics] == [
        ("FILL(m1,0)", None, None), (None, "AbandonedCarts", "Maximum"),
    ]  # fmt: skip


def test_a_stop_alarm_on_it_may_be_silent_but_not_on_what_the_fault_moves_by_design() -> None:
    alarm = stop_alarm(watches=(Watched("Shop", "AbandonedCarts"),), missing_data="notBreaching")
    value = under({}, STOPPING, named_alarms={"pager": alarm})
    assert check(value, "guards_hear_silence").outcome is CheckOutcome.PASSED
    assert check(value, "guards_watch_workload").outcome is CheckOutcome.PASSED
    moved = check(replace(value, moves_metrics=("abandoned_carts",)), "guards_watch_workload")
    assert (moved.outcome, "pager watches AbandonedCarts" in moved.detail) == (CheckOutcome.FAILED, True)


def test_a_condition_on_it_is_measured_on_the_targets() -> None:
    value = under({}, EXPERIMENT, discovery=discovery(exp=EXPERIMENT))
    assert check(value, "guards_measure_targets").outcome is CheckOutcome.PASSED
    assert check(value, "measurable").outcome is CheckOutcome.PASSED


def test_what_users_feel_is_no_proof_of_a_fault() -> None:
    signal = {"namespace": "Shop", "metric_name": "AbandonedCarts", "dimensions": {"Instance": "$target"}, "by": 1}
    with pytest.raises(InvalidInput, match=r"users feel it \(abandoned_carts\)"):
        parse_experiment({**REL12, "fault_signal": signal})


@pytest.mark.parametrize(
    ("values", "total", "outcome"),
    [
        ([None] * 10, None, CriterionOutcome.MET),
        ([1.0, None, 2.0], 3.0, CriterionOutcome.MET),
        ([4.0, 4.0], 8.0, CriterionOutcome.NOT_MET),
    ],
    ids=["silence is zero", "few", "many"],
)
def test_a_criterion_on_it_is_judged(values: list[float | None], total: float | None, outcome: CriterionOutcome) -> None:
    result = judged(values, total)
    assert (result.outcome, result.metric, result.unit, len(result.points)) == (outcome, "abandoned_carts", "count", 10)


def test_a_criterion_that_is_not_met_is_a_finding_of_what_the_metric_shows() -> None:
    decision = Decision(status=Status.COMPLETED, verdict=Verdict.REFUTED, hypothesis_validated=False, reason="r")
    judgement = Judgement(
        at=NOW, criteria=(judged([9.0], 9.0),), status=decision.status, verdict=decision.verdict, hypothesis_validated=False, reason="r"
    )
    evidence = Evidence(definition=definition(EXPERIMENT), discovery=discovery(exp=EXPERIMENT), judgement=judgement)
    wrong = {inspection.kind for inspection in inspect_run(record(), decision, evidence) if inspection.wrong}
    assert wrong == {"availability_lost"}


def test_a_report_calls_it_by_its_title() -> None:
    assert metric_title("abandoned_carts") == "Abandoned carts"
    assert metric_title("abandoned_carts:Maximum") == "Abandoned carts, Maximum"


def test_the_whole_experiment_is_admitted() -> None:
    raw = {**REL12, "success_criteria": [CRITERION], "abort_conditions": [CONDITION]}
    parsed = parse_sentences(parse_experiment(raw))
    assert [threshold.metric for _, threshold in parsed.thresholds] == ["abandoned_carts", "abandoned_carts"]


def test_every_row_but_the_toy_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[4] / "docs" / "language.md").read_text(encoding="utf-8")
    table = manual[manual.index("| metric |") :].partition("\n\n")[0]
    assert [row.title for row in METRICS.values() if row.title not in table] == [TOY.title]
