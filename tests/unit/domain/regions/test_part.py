"""What a record tells the other Regions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.regions.barrier import PartState, Sight
from squall.domain.regions.part import EARLY, FaultElsewhere, see_fault, see_part
from squall.domain.run.part import LONGEST_NAME, Part, name_part
from squall.domain.run.record import Abort, ExecutionRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERE, RUN = "eu-west-1", "checkout-7"
PART = Part(RUN, HERE, HERE, (HERE, "eu-central-1", "us-east-1"), NOW + timedelta(minutes=30))
PREPARING = ExecutionRecord(
    id="checkout-7-eu-west-1", execution_arn="arn", started_at=NOW, status=Status.RUNNING, phase="FinalCheck", part=PART
)
RECORD = replace(PREPARING, ready_at=NOW)
STARTED = replace(RECORD, fis_experiment_id="EXP1", fault_started_at=NOW, fault_seconds=600, peers_read_at=NOW)
ABORT = Abort(AbortSource.GUARD, "errors above 5 %", NOW)
TIMES = st.none() | st.integers(0, 1200).map(lambda seconds: NOW + timedelta(seconds=seconds))
RECORDS = st.builds(
    replace,
    st.just(RECORD),
    status=st.sampled_from(Status),
    decided_status=st.none() | st.sampled_from(Status),
    abort=st.none() | st.just(ABORT),
    fault_started_at=TIMES,
    fault_ended_at=TIMES,
    fault_seconds=st.sampled_from([0, 600]),
)


def see(record: ExecutionRecord | None) -> Sight:
    return see_part(HERE, RUN, record)


def test_the_states_of_a_part_that_goes_as_planned() -> None:
    assert see(None).state is PartState.PREPARING
    assert see(PREPARING).state is PartState.PREPARING
    assert see(RECORD) == Sight(HERE, PartState.READY)
    assert see(STARTED) == Sight(HERE, PartState.RUNNING, peers_read_at=NOW)
    ended = replace(STARTED, fault_ended_at=NOW + timedelta(seconds=600))
    assert see(ended) == Sight(HERE, PartState.DONE)
    assert see(replace(ended, status=Status.COMPLETED, verdict=Verdict.VALIDATED)).state is PartState.DONE
    assert see(replace(ended, status=Status.FAILED)).state is PartState.DONE, "Squall failed after the fault"


@pytest.mark.parametrize("part", [None, replace(PART, run="checkout-6"), replace(PART, region="eu-central-1")])
def test_a_record_of_another_run_is_not_believed(part: Part | None) -> None:
    assert see(replace(RECORD, part=part)) == Sight(HERE, None, "checkout-7-eu-west-1 is no part of this run")


def test_an_abort_counts_before_the_fault_has_ended_and_after_it() -> None:
    for record in (RECORD, STARTED, replace(STARTED, fault_ended_at=NOW + timedelta(seconds=600))):
        assert see(replace(record, abort=ABORT)) == Sight(HERE, PartState.ENDED, "errors above 5 %")


def test_a_fault_that_ended_early_is_told_before_anybody_wrote_why() -> None:
    early = replace(STARTED, fault_ended_at=NOW + timedelta(seconds=589))
    assert see(early) == Sight(HERE, PartState.ENDED, "its fault lasted 589 s of 600 s")
    assert see(replace(early, fault_ended_at=NOW + timedelta(seconds=600) - EARLY)).state is PartState.DONE
    assert see(replace(early, fault_seconds=0)).state is PartState.ENDED, "nobody knows how long it was to last"


def test_a_part_whose_ending_is_decided_will_not_start() -> None:
    decided = replace(RECORD, decided_status=Status.REJECTED, reason="no target is healthy")
    assert see(decided) == Sight(HERE, PartState.ENDED, "rejected: no target is healthy")
    assert see(replace(RECORD, status=Status.FAILED)) == Sight(HERE, PartState.ENDED, "failed")
    assert see(replace(RECORD, status=Status.PLANNED)).state is PartState.ENDED


@given(RECORDS, st.sampled_from([None, NOW]))
def test_what_is_over_is_never_seen_as_ready_or_running(record: ExecutionRecord, ready_at: datetime | None) -> None:
    state = see(replace(record, ready_at=ready_at)).state
    if record.final or record.abort or record.decided_status or record.fault_ended_at:
        assert state in {PartState.ENDED, PartState.DONE}
    if state is PartState.DONE:
        assert record.abort is None
        assert record.fault_started_at is not None
        assert record.fault_ended_at is not None
        assert record.fault_ended_at - record.fault_started_at >= timedelta(seconds=600) - EARLY
    if state is PartState.RUNNING:
        assert record.fault_started_at is not None


def test_the_name_of_a_part_follows_from_the_run_and_the_region_and_is_a_legal_one() -> None:
    assert name_part(RUN, HERE) == "checkout-7-eu-west-1"
    assert PART.peers == ("eu-central-1", "us-east-1")
    long = [name_part(f"{'x' * 79}{letter}", "ap-southeast-1") for letter in "ab"]
    assert len(set(long)) == 2
    assert all(len(name) <= LONGEST_NAME for name in long)
    assert all(name.endswith("-ap-southeast-1") for name in long)


FAULT = replace(STARTED, fault_type="network_latency")


def test_a_region_that_carries_the_load_reads_when_a_peer_had_its_fault() -> None:
    early, late = NOW + timedelta(seconds=580), NOW + timedelta(seconds=660)
    assert see_fault(HERE, RUN, replace(FAULT, fault_ended_at=early)) == FaultElsewhere(HERE, NOW, early)
    planned = NOW + timedelta(seconds=FAULT.fault_seconds)
    assert see_fault(HERE, RUN, replace(FAULT, fault_ended_at=late)) == FaultElsewhere(HERE, NOW, planned), "then it was only observed"


def test_a_peer_without_a_fault_of_its_own_has_none_to_read() -> None:
    assert see_fault(HERE, RUN, replace(FAULT, fault_type="no_fault", fault_ended_at=NOW)) is None


@pytest.mark.parametrize(
    ("record", "doubt"),
    [
        (None, "it has no record of this run"),
        (replace(FAULT, part=None), "it has no record of this run"),
        (replace(FAULT, part=replace(PART, run="another")), "it has no record of this run"),
        (replace(FAULT, fault_started_at=None), "its fault has not started"),
        (FAULT, "its fault had not ended when this Region was measured"),
    ],
)
def test_a_fault_whose_times_are_not_known_is_in_doubt(record: ExecutionRecord | None, doubt: str) -> None:
    seen = see_fault(HERE, RUN, record)
    assert seen is not None
    assert (seen.doubt, seen.ended_at) == (doubt, None)
