"""What real AWS does between a fault and its evidence: neighbours, delays, late looks. Each ends with the verdict the evidence supports."""

from __future__ import annotations

from typing import Any

import pytest

from squall.domain.base.vocabulary import CriterionOutcome, RollbackOutcome, Status, Verdict
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.result import Result
from tests.fakes.workload import ACCOUNT, REGION, FakeGroup
from tests.fakes.world import FakeWorld
from tests.workflow.endings import nothing_is_left, result_of
from tests.workflow.walk import Walk

PAY = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/pay/0123456789abcdef"
PAY_BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/pay/fedcba9876543210"


def add_neighbour(world: FakeWorld, balancer: str = PAY_BALANCER) -> list[str]:
    """A smaller workload of the same environment, beside `web`; its instances."""
    group = FakeGroup("pay", desired=2, target_groups=(PAY,), tags={"squall:environment": "staging"})
    return [entry.id for entry in world.fleet.add_group(group, balancer)]


def test_what_is_measured_is_what_is_hit(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    pay = add_neighbour(world)
    web = [member.id for member in world.fleet.members("web")]
    results: dict[bool, set[str]] = {}
    for name in ("a", "b", "c", "d", "e", "f"):  # the choice among candidates hangs on the name
        walk.run({"definition": {**experiment, "target_resources": [*web, *pay]}, "mode": "plan"}, name)
        discovery = world.documents.get(name, Discovery)
        assert discovery is not None
        groups = {value for b in discovery.bindings for q in b.queries for key, value in q.dimensions if key == "TargetGroup"}
        results.setdefault(discovery.pinned[0].id in pay, set()).update(groups)
        assert result_of(world, name).status is Status.PLANNED
    assert results == {True: {"targetgroup/pay/0123456789abcdef"}, False: {"targetgroup/web/0123456789abcdef"}}


def test_targets_that_share_no_target_group_are_refused(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    hit = [world.fleet.members("web")[0].id, add_neighbour(world)[0]]
    walk.run({"definition": {**experiment, "target_resources": hit, "blast_radius": "single_region"}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert any("serve in 2 target groups" in problem.message for problem in result.problems)
    assert world.faults.runs == {}


@pytest.mark.parametrize(
    ("replaces_after", "is_told", "outcome", "verdict"),
    [
        (90, True, CriterionOutcome.MET, Verdict.VALIDATED),
        (250, True, CriterionOutcome.NOT_MET, Verdict.REFUTED),
        (90, False, CriterionOutcome.CANNOT_TELL, Verdict.INCONCLUSIVE),
    ],
)
def test_a_replacement_is_in_time_by_auto_scalings_clock_not_by_the_first_look(
    walk: Walk,
    world: FakeWorld,
    experiment: dict[str, Any],
    replaces_after: float,
    is_told: bool,
    outcome: CriterionOutcome,
    verdict: Verdict,
) -> None:
    world.fleet.groups["web"].replaces_after = replaces_after
    world.fleet.tells_activities = is_told
    criteria = ["Auto Scaling launches replacement instance within 3 minutes", "recovers within 3 minutes"]
    walk.run({"definition": {**experiment, "success_criteria": criteria}})
    result = result_of(world)
    assert [criterion.outcome for criterion in result.criteria] == [outcome] * 2, [c.reason for c in result.criteria]
    assert result.verdict is verdict, result.reason


LATENCY: dict[str, Any] = {
    "name": "Slow network",
    "type": "network_latency",
    "parameters": {"latency_ms": 200},
    "success_criteria": ["System availability > 99%", "Response time < 2 seconds"],
}


def run_with_recovery(walk: Walk, world: FakeWorld, experiment: dict[str, Any], recovery: str) -> Result:
    """A run whose response time is bad for 40 minutes from the start of a fault of 10, and which has to recover within 35 minutes."""
    started: list[float] = []

    def note_start(_: Any) -> None:
        started[:] = started or [world.clock.now().timestamp()]

    walk.after["StartFault"] = note_start
    world.metrics.set("TargetResponseTime", lambda at: 3.0 if started and started[0] <= at < started[0] + 2400 else 0.05)
    criteria = ["System availability > 99%", "Response time recovers within 35 minutes"]
    steady = ["Response time < 2 seconds"]
    walk.run({"definition": {**experiment, **LATENCY, "success_criteria": criteria, "steady_state": steady, "recovery": recovery}})
    return result_of(world)


def test_recovery_is_watched_as_long_as_the_experiment_says(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    result = run_with_recovery(walk, world, experiment, "PT40M")
    reasons = [criterion.reason for criterion in result.criteria]
    assert [criterion.outcome for criterion in result.criteria] == [CriterionOutcome.MET, CriterionOutcome.MET], reasons
    assert result.verdict is Verdict.VALIDATED, result.reason


def test_a_recovery_that_is_not_watched_long_enough_is_refused_before_the_fault(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any]
) -> None:
    result = run_with_recovery(walk, world, experiment, "PT20M")
    assert result.status is Status.REJECTED
    assert "Response time recovers within 35 minutes" in (result.reason or ""), result.reason
    assert world.faults.runs == {}, "a fault was injected"


@pytest.mark.parametrize("start_seconds", [0, 10, 30])
def test_a_latency_fault_that_starts_late_is_judged_while_it_was_in_effect(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], start_seconds: float
) -> None:
    world.faults.start_seconds, world.commands.dispatch_seconds = start_seconds, 55
    delayed = world.commands.invocations

    def response_time(at: int) -> float:
        command = delayed[0] if delayed else None
        if command is None or command.started_at is None:
            return 0.05
        ended = command.ended_at.timestamp() if command.ended_at else float("inf")
        share = (min(ended, at + 60) - max(command.started_at.timestamp(), at)) / 60
        return 0.05 + max(0.0, share)

    world.metrics.set("TargetResponseTime", response_time)
    criteria = ["Response time < 2 seconds", "recovers within 5 minutes"]
    walk.run({"definition": {**experiment, **LATENCY, "success_criteria": criteria}})
    result = result_of(world)
    assert (result.status, result.verdict) == (Status.COMPLETED, Verdict.VALIDATED), result.reason
    (command,) = delayed
    window = result.criteria[0].window
    assert window is not None
    assert command.started_at is not None
    assert command.ended_at is not None
    assert command.started_at.timestamp() <= window.start < window.end <= command.ended_at.timestamp()
    assert window.periods == 9
    assert all(value >= 1 for _, value in result.criteria[0].points), "the delay was whole in every period"
    nothing_is_left(world)


def test_a_fault_whose_command_never_ends_is_said_to_last_and_nothing_recovers_from_it(
    walk: Walk, world: FakeWorld, experiment: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.commands, "end", lambda *_: None)
    criteria = [*LATENCY["success_criteria"], "recovers within 5 minutes"]
    walk.run({"definition": {**experiment, **LATENCY, "success_criteria": criteria}})
    result = result_of(world)
    assert [criterion.outcome for criterion in result.criteria] == ["met", "met", "cannot_tell"]
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.rollback is not None
    assert result.rollback.outcome is RollbackOutcome.NOT_RESTORED
    assert result.recovery is not None
    assert (result.recovery.recovered, result.recovery.seconds_to_recover) == (False, None)
    assert "not restored: command" in result.reason
    assert any(issue.startswith("Rollback failed: command") for issue in result.issues_discovered)


def test_a_vpc_whose_addresses_would_not_be_delayed_is_refused(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    for member in world.fleet.members("web"):
        member.private_ip = "100.64.7.9"
    walk.run({"definition": {**experiment, **LATENCY}})
    result = result_of(world)
    assert result.status is Status.REJECTED
    assert "at 100.64.7.9 is in none of 10.0.0.0/8" in result.reason
    widened = {**LATENCY, "parameters": {"latency_ms": 200, "sources": "100.64.0.0/10"}}
    walk.run({"definition": {**experiment, **widened}}, "widened")
    assert result_of(world, "widened").verdict is Verdict.VALIDATED
