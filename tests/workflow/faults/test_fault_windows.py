"""Each fault of a scenario has windows, an effect, a detection and a recovery of its own, as far as they can be told apart."""

from __future__ import annotations

from typing import Any

import pytest

from infra.code import UPLOT
from squall.application.admission import deployed
from squall.application.reports.run import collect_facts
from squall.domain.base.vocabulary import CriterionOutcome, Status, Verdict
from squall.domain.documents.result import Result
from squall.reporting import page as page_module
from squall.reporting.markdown import render_markdown
from squall.reporting.story import write_story
from squall.reporting.view import build_page
from tests.fakes.world import FakeWorld
from tests.workflow.endings import GUARD, ended, nothing_is_left, record_of, result_of
from tests.workflow.walk import Walk

FAST, SLOW = 0.05, 4.0


@pytest.fixture
def scenario(experiment: dict[str, Any], known: deployed.DeployedDefinitions) -> dict[str, Any]:
    """Memory for seven minutes; three minutes later latency for seven minutes, on the same instance."""
    known.environments["staging"]["short_faults"] = {"response": "warn", "longest": "10m"}
    candidates = {"target_resources": experiment["target_resources"][:1]}
    shared = {key: value for key, value in experiment.items() if key not in {"type", "target_resources", "duration_minutes"}}
    memory = {"type": "memory_stress", "parameters": {"memory_percent": 50}, **candidates, "duration": "PT7M"}
    latency = {"type": "network_latency", "parameters": {"latency_ms": 300}, **candidates, "duration": "PT7M"}
    return {
        **shared,
        "faults": {"memory": memory, "latency": {**latency, "after": ["memory"], "delay": "PT3M"}},
        "success_criteria": ["Response time < 2 seconds during memory", "Response time < 2 seconds during latency"],
        "abort_conditions": ["System availability < 50%"],
    }


def slow_while(world: FakeWorld, action: str, *, until_seconds_after: int = 0) -> None:
    """Requests take four seconds while FIS runs this action, and so long after it."""

    def value(at: float) -> float:
        for run in world.faults.runs.values():
            for entry in run.experiment.actions:
                if entry.name == action and entry.started_at and entry.started_at.timestamp() <= at:
                    over = entry.ended_at or world.clock.now()
                    return SLOW if at < over.timestamp() + until_seconds_after else FAST
        return FAST

    world.metrics.set("TargetResponseTime", value)


def outcomes(result: Result) -> list[CriterionOutcome]:
    return [criterion.outcome for criterion in result.criteria]


def test_a_sentence_is_judged_in_the_time_of_the_fault_that_it_names(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    slow_while(world, "latency.latency")
    walk.run({"definition": scenario})
    record, result = ended(world, Status.COMPLETED, Verdict.REFUTED, False), result_of(world)
    assert outcomes(result) == [CriterionOutcome.MET, CriterionOutcome.NOT_MET], result.reason
    assert [criterion.window.name for criterion in result.criteria if criterion.window] == ["memory", "latency"]
    memory, latency = result.faults
    assert memory.effect_at is not None
    assert memory.ended_at is not None
    assert latency.effect_at is not None
    assert (memory.ended_at - memory.effect_at).total_seconds() == 7 * 60
    assert (latency.effect_at - memory.ended_at).total_seconds() >= 3 * 60
    first, second = (criterion.window for criterion in result.criteria)
    assert first is not None
    assert second is not None
    assert first.start >= memory.effect_at.timestamp()
    assert first.end <= memory.ended_at.timestamp()
    assert second.start >= latency.effect_at.timestamp()
    assert (
        result.metrics_collected["faults"]["memory"]["response_time"] < 1 < result.metrics_collected["faults"]["latency"]["response_time"]
    )
    assert (memory.proven, latency.proven, memory.beside, latency.beside) == (True, True, (), ())
    assert (memory.to_recover_seconds, memory.doubts) == (0.0, ()), "it had three minutes before latency, and everything held"
    assert record.final
    nothing_is_left(world)


def test_both_sentences_hold_where_nobody_notices(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    walk.run({"definition": scenario})
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert outcomes(result_of(world)) == [CriterionOutcome.MET, CriterionOutcome.MET]


def test_harm_that_outlasts_a_fault_is_not_called_recovered_before_the_next(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    slow_while(world, "memory.memory", until_seconds_after=150)
    walk.run({"definition": scenario})
    memory, latency = result_of(world).faults
    assert memory.recovered_at is None
    assert "it is not known to have recovered in the" in memory.doubts[0]
    assert latency.recovered_at is not None


def test_faults_at_the_same_time_can_not_be_told_apart_and_that_is_said(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    scenario["faults"]["latency"] |= {"after": [], "delay": "PT1M", "type": "disk_fill", "parameters": {}}
    walk.run({"definition": scenario})
    result = result_of(world)
    memory, latency = result.faults
    assert (memory.beside, latency.beside) == (("latency",), ("memory",))
    assert "its recovery can't be told from that of latency, in effect at the same time" in memory.doubts
    assert (memory.recovered_at, latency.recovered_at) == (None, None)
    assert all("was in effect for a part of it, too" in criterion.reason for criterion in result.criteria)


def test_a_guard_is_attributed_to_the_only_fault_that_it_can_have_noticed(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(120, lambda: world.alarms.set_state(GUARD, "ALARM"))
    walk.run({"definition": scenario})
    memory, latency = result_of(world).faults
    assert memory.to_detect_seconds is not None
    assert memory.detected_by == "guard 'System availability < 50%'"
    assert (latency.effect_at, latency.proven, latency.detected_at) == (None, None, None), "it never began"


def test_an_alarm_soon_after_another_fault_may_be_of_both(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    walk.after["StartFault"] = lambda _: world.clock.after(11 * 60 + 30, lambda: world.alarms.set_state(GUARD, "ALARM"))
    walk.run({"definition": scenario})
    memory, latency = result_of(world).faults
    assert (memory.detected_at, latency.detected_at) == (None, None)
    assert any("may be of memory" in doubt for doubt in latency.doubts)


def test_reports_show_each_fault(walk: Walk, world: FakeWorld, scenario: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "VENDOR", UPLOT / "dist")
    walk.run({"definition": scenario})
    facts = collect_facts(world.wiring(), record_of(world))
    page = build_page(facts)
    assert [row[0] for row in page.faults.rows] == ["memory (memory stress)", "latency (network latency)"]
    assert page.measured.columns[-2:] == ("memory", "latency")
    assert "### Faults" in render_markdown(page)
    assert '<h2 id="faults">Faults</h2>' in page_module.render_page(page)
    assert "memory (memory_stress) was in effect from" in write_story(facts)
    assert any("latency (network_latency) was in effect from" in said for said in result_of(world).observations)
    nothing_is_left(world)


def test_a_name_that_no_fault_has_is_refused_with_the_nearest_one(walk: Walk, world: FakeWorld, scenario: dict[str, Any]) -> None:
    scenario["success_criteria"] = ["Response time < 2 seconds during memry"]
    walk.run({"definition": scenario})
    reason = ended(world, Status.REJECTED, None, None).reason
    assert 'there is no fault and no window "memry", did you mean "memory"?' in reason
    assert world.faults.runs == {}


def test_a_fault_that_is_too_short_for_its_sentence_is_refused_with_the_length_that_works(
    walk: Walk, world: FakeWorld, scenario: dict[str, Any]
) -> None:
    scenario["faults"]["latency"]["duration"] = "PT3M"
    walk.run({"definition": scenario})
    reason = ended(world, Status.REJECTED, None, None).reason
    assert "3 min of the fault latency hold 2 whole periods of 60 s, 5 are needed" in reason
    assert "a `duration` of latency of at least 6 min" in reason
