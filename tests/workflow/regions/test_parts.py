"""The parts of a run over two Regions: they start together or not at all, and one that stops stops the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.regions.barrier import PEERS_START_WITHIN, SILENT_FOR, START_WITHIN, UNREADABLE_FOR
from squall.domain.regions.definition import split_definition
from squall.domain.run.part import name_part
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Refused, Unavailable
from tests.workflow.driver import execution_event
from tests.workflow.endings import nothing_runs, once
from tests.workflow.regions.rig import AWAY, HOME, RUN, Stack, Together, breach

INTO_THE_FAULT = 125
PULSE = timedelta(seconds=60)
NOT_STARTED = (Status.REJECTED, None, None)
STOPPED = (Status.ABORTED, Verdict.ABORTED, None)
BY_GUARD = (Status.ABORTED, Verdict.ABORTED, False)
VALIDATED = (Status.COMPLETED, Verdict.VALIDATED, True)
LONGEST_STOP = timedelta(seconds=30)
"""How long FIS of these tests takes to stop, and a little more."""


def ending(stack: Stack) -> tuple[Any, ...]:
    record = stack.record()
    return record.status, record.verdict, record.hypothesis_validated


def lasted(record: ExecutionRecord) -> timedelta:
    assert record.fault_started_at
    assert record.fault_ended_at
    return record.fault_ended_at - record.fault_started_at


def in_the_fault(stack: Stack, act: Any, seconds: int = INTO_THE_FAULT) -> None:
    hook = once(lambda: stack.world.clock.after(seconds, act))
    stack.after["StartFault"] = lambda _: hook()


def is_quiet(*stacks: Stack) -> None:
    """Nothing of Squall is left, and people were told how the run ended."""
    for stack in stacks:
        record = stack.record()
        assert record.final, record
        nothing_runs(stack.world, record.id)
        assert record.happened(EventName.NOTIFIED), f"nobody was told in {stack.region}"


def test_both_faults_start_together_and_both_are_validated(two: Together) -> None:
    two.begin()
    two.run()
    assert two.decision
    assert two.decision.start
    for stack in two.stacks:
        record = stack.record()
        assert ending(stack) == VALIDATED, record.reason
        assert record.fault_started_at
        assert two.decision.until - START_WITHIN <= record.fault_started_at < two.decision.until
        assert record.peers_read_at
        assert record.peers_read_at > record.fault_started_at, "the pulse reads the peers while the fault runs"
        assert not record.happened(EventName.PEERS_TOLD)
    is_quiet(*two.stacks)


def test_a_part_waits_at_the_barrier_without_being_looked_at(two: Together) -> None:
    """Its peer is late by twenty minutes; it enters no state meanwhile."""
    two.away.before["FinalCheck"] = lambda_once(lambda: two.turns.sleep(1200))
    two.begin()
    two.run()
    assert [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED]
    assert two.home.ended[name_part(RUN, HOME)].states.count("AwaitPeers") == 1
    assert two.home.ended[name_part(RUN, HOME)].states.count("FinalCheck") == 2


def lambda_once(act: Any) -> Any:
    hook = once(act)
    return lambda _: hook()


def test_a_guard_in_one_region_stops_both_within_seconds(two: Together) -> None:
    two.begin()
    in_the_fault(two.away, lambda: breach(two.away.world))
    two.run()
    assert ending(two.away) == BY_GUARD
    assert ending(two.home) == STOPPED, two.home.record().reason
    abort, cause = two.home.record().abort, two.away.record().abort
    assert abort
    assert cause
    assert (abort.source, abort.by) == (AbortSource.PEER, AWAY)
    assert abort.at - cause.at <= timedelta(seconds=10)
    is_quiet(*two.stacks)


def test_a_guard_in_one_region_stops_both_within_two_minutes_if_every_message_is_lost(two: Together) -> None:
    two.begin()
    two.away.world.failing["regions.abort_part"] = Unavailable("test", "Invoke", "Timeout", "lost", retryable=True)
    in_the_fault(two.away, lambda: breach(two.away.world))
    two.run()
    assert ending(two.away) == BY_GUARD
    assert ending(two.home) == STOPPED
    abort, cause = two.home.record().abort, two.away.record().abort
    assert abort
    assert cause
    assert (abort.source, abort.by) == (AbortSource.PEER, "pulse")
    assert "eu-central-1 has ended" in abort.reason
    assert abort.at - cause.at <= 2 * PULSE
    assert any("not told: eu-west-1" in event.detail for event in two.away.record().happened(EventName.PEERS_TOLD))
    is_quiet(*two.stacks)


def test_nobody_starts_if_one_region_refuses(two: Together) -> None:
    for member in two.away.world.fleet.members("web"):
        member.tags["squall:environment"] = "production"
    two.begin()
    two.run()
    assert [ending(stack) for stack in two.stacks] == [NOT_STARTED, NOT_STARTED]
    assert two.decision
    assert not two.decision.start
    assert "eu-central-1 has ended: rejected" in two.home.record().reason
    assert not two.home.faults()
    assert not two.away.faults()
    is_quiet(*two.stacks)


def test_nobody_starts_if_one_region_is_not_ready_in_time(two: Together) -> None:
    two.away.before["ArmGuards"] = lambda_once(lambda: two.turns.sleep(900))
    two.begin("10m")
    two.run()
    assert [ending(stack) for stack in two.stacks] == [NOT_STARTED, NOT_STARTED]
    assert "not every Region was ready by 10:10:00 UTC: eu-central-1 is not ready" in two.home.record().reason
    assert not two.home.faults()
    assert not two.away.faults()
    is_quiet(*two.stacks)


def test_nobody_starts_if_home_dies_before_its_decision(two: Together) -> None:
    """Home's Region is gone, with home's part."""
    two.home.before["AwaitPeers"] = lambda _: two.home.leave()
    two.away.before["FinalCheck"] = lambda_once(lambda: two.turns.sleep(60))
    two.begin()
    two.run()
    assert two.decision is None
    assert ending(two.away) == NOT_STARTED
    assert "home's decision could not be read in time" in two.away.record().reason
    assert not two.home.faults()
    assert not two.away.faults()
    is_quiet(two.away)


def test_each_region_ends_alone_if_home_is_gone_in_the_fault(two: Together) -> None:
    two.begin()
    in_the_fault(two.away, two.home.leave)
    two.run()
    assert ending(two.away) == STOPPED
    record = two.away.record()
    assert record.abort
    assert record.fault_started_at
    assert "eu-west-1 could not be read" in record.reason
    gone = record.fault_started_at + timedelta(seconds=INTO_THE_FAULT)
    assert record.abort.at - gone <= UNREADABLE_FOR + PULSE
    assert not two.home.world.faults.active(), "FIS there ends the fault by its duration"
    is_quiet(two.away)


def test_the_faults_go_on_if_only_homes_execution_dies(two: Together) -> None:
    """Its decision is in the table, and home's part is a run like every other. (Who stops home's execution aborts the run:
    that is told by the campaign's own close.)"""
    two.begin()
    in_the_fault(two.away, two.home.world.campaigns.items.clear)
    two.run()
    assert [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED]


def test_a_peer_that_can_t_be_read_once_is_borne(two: Together) -> None:
    def lose() -> None:
        two.home.world.regions.unreachable.add(AWAY)
        two.turns.clock.after(50, two.home.world.regions.unreachable.clear)

    two.begin()
    in_the_fault(two.home, lose)
    two.run()
    assert [ending(stack) for stack in two.stacks] == [VALIDATED, VALIDATED]


def test_a_peer_that_can_t_be_read_for_longer_stops_both(two: Together) -> None:
    two.begin()
    in_the_fault(two.home, lambda: two.home.world.regions.unreachable.add(AWAY))
    two.run()
    assert [ending(stack) for stack in two.stacks] == [STOPPED, STOPPED]
    assert "eu-central-1 could not be read" in two.home.record().reason
    assert lasted(two.home.record()) <= timedelta(seconds=INTO_THE_FAULT) + UNREADABLE_FOR + PULSE + LONGEST_STOP
    is_quiet(*two.stacks)


def test_a_peer_whose_pulse_is_dead_stops_the_other(two: Together) -> None:
    def die() -> None:
        two.away.pulse = False

    two.begin()
    in_the_fault(two.away, die)
    two.run()
    assert ending(two.home) == STOPPED
    assert "eu-central-1 has looked after nothing for" in two.home.record().reason
    assert lasted(two.home.record()) <= timedelta(seconds=INTO_THE_FAULT) + SILENT_FOR + PULSE + LONGEST_STOP
    assert ending(two.away) == STOPPED, "its peer told it"


def test_a_part_asks_again_right_before_its_fault(two: Together) -> None:
    """The peer is aborted after the part's last check, and before it calls FIS."""

    def end_away() -> None:
        two.away.world.records.request_abort(name_part(RUN, AWAY), Abort(AbortSource.OPERATOR, "enough", two.turns.clock.now(), "ada"))

    two.begin()
    two.away.before["StartFault"] = lambda _: two.turns.sleep(5)
    two.home.before["StartFault"] = lambda_once(end_away)
    two.run()
    assert ending(two.home) == NOT_STARTED
    assert "eu-central-1 has ended: enough" in two.home.record().reason
    assert not two.home.faults()
    assert not two.away.faults()
    is_quiet(*two.stacks)


def test_a_part_whose_fis_is_full_waits_for_no_slot_and_stops_its_peer(two: Together) -> None:
    two.begin()
    full = Refused("fis", "StartExperiment", "ServiceQuotaExceededException", "no free experiment")
    two.away.world.failing["faults.start"] = full
    two.run()
    assert two.away.record().status is Status.FAILED
    assert ending(two.home) in {STOPPED, NOT_STARTED}
    for record in [two.home.record()]:
        assert record.fault_started_at is None or lasted(record) <= PEERS_START_WITHIN
    is_quiet(*two.stacks)


def test_a_part_that_is_woken_by_nobody_is_woken_by_the_pulse(two: Together) -> None:
    """The wake-up after the decision is lost in both Regions. The pulse comes too late for the fault, and not at the deadline."""
    lost = Unavailable("test", "SendTaskSuccess", "Timeout", "lost", retryable=True)
    two.home.world.failing["regions.wake_part"] = lost
    two.begin()
    two.run()
    assert two.decision
    assert two.decision.start
    for stack in two.stacks:
        record = stack.record()
        assert ending(stack) in {NOT_STARTED, STOPPED}, "its 30 seconds are over"
        assert record.ended_at
        assert record.ended_at - two.decision.until <= 2 * PULSE
    is_quiet(*two.stacks)


def test_whoever_closes_a_dead_part_tells_the_peers(two: Together) -> None:
    def die() -> None:
        record = two.away.record()
        two.away.kill(record.id)
        started = int(record.started_at.timestamp() * 1000)
        two.away.host.quietly("Watchdog", execution_event(record.execution_arn, "ABORTED", started))

    two.begin()
    in_the_fault(two.away, die)
    two.run()
    abort, ended_at = two.home.record().abort, two.away.record().ended_at
    assert abort
    assert ended_at
    assert abort.by == AWAY, "by its message, not by a pulse that read the record"
    assert abort.at - ended_at <= timedelta(seconds=10)
    is_quiet(*two.stacks)


def test_home_decides_against_a_run_that_was_aborted(two: Together) -> None:
    """The abort of the run has been written, and has not reached the parts, which are all ready."""
    two.home.before["Decide"] = lambda_once(
        lambda: two.home.world.campaigns.request_abort(RUN, Abort(AbortSource.OPERATOR, "enough", two.turns.clock.now(), "ada"))
    )
    two.begin()
    two.run()
    assert two.decision
    assert not two.decision.start
    assert two.decision.reason == "enough"
    assert not two.home.faults()
    assert not two.away.faults()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("another", {}, "another is not the part of shop"),
        (name_part(RUN, AWAY), {"home": "us-east-1"}, "us-east-1 is no Region of the run"),
        (name_part(RUN, AWAY), {"start_by": "2029-01-01T00:00:00+00:00"}, "it is too late to start with the other Regions"),
        (name_part(RUN, AWAY), {"definition_hash": "x"}, "home has admitted another experiment for eu-central-1"),
        (name_part(RUN, AWAY), {"regions": ["eu-central-1", "us-east-1"]}, "the experiment names eu-west-1, eu-central-1"),
        (name_part(RUN, AWAY), {"regions": ["eu-central-1"]}, "part.regions"),
    ],
)
def test_what_is_no_part_of_a_run_is_refused(two: Together, name: str, changes: dict[str, Any], message: str) -> None:
    documents, _ = split_definition(two.experiment)
    deadline = two.turns.clock.now() + timedelta(minutes=30)
    two.away.start(name, two.make_input(AWAY, documents, deadline, **changes))
    two.turns.run()
    record = two.away.world.records.items[name]
    assert record.status is Status.REJECTED
    assert message in record.reason


def test_a_policy_that_allows_no_run_over_several_regions_runs_no_part_of_one(two: Together) -> None:
    """The part by itself hits one Region, which the policy allows."""
    two.policies["staging"]["allowed_blast_radius"] = ["single_instance", "single_az", "multiple_az", "single_region"]
    documents, _ = split_definition(two.experiment)
    name = name_part(RUN, AWAY)
    two.away.start(name, two.make_input(AWAY, documents, two.turns.clock.now() + timedelta(minutes=30)))
    two.begin()
    two.run()
    assert two.whole.status is Status.REJECTED
    for reason in (two.whole.reason, two.away.record().reason):
        assert "staging allows single_instance, single_az, multiple_az, single_region; the run is multiple_region" in reason


def test_a_stack_without_peer_regions_runs_no_part(two: Together) -> None:
    two.away.wiring = two.away.world.wiring(**{**two.away.settings, "SQUALL_PEER_REGIONS": ""})
    two.begin()
    two.run()
    assert [ending(stack) for stack in two.stacks] == [NOT_STARTED, NOT_STARTED]
    assert "this stack acts with no stack in eu-west-1" in two.away.record().reason


def test_an_experiment_over_several_regions_runs_in_no_other_way(two: Together) -> None:
    two.home.start("run-1", {"experiment": "shop"})
    two.turns.run()
    record = two.home.world.records.items["run-1"]
    assert record.status is Status.REJECTED
    assert "regions" in record.reason
