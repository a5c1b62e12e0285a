"""Reports tell no untruth: every sentence of the story, every tile and every line of the message is held against the numbers beside it.

The runs are generated: metrics that fall silent, aborts at every moment, faults that end early, guards that fire. A sentence that no
rule below knows fails the test, so that a new sentence brings its rule.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from tests.workflow.reports.generated_runs import Scene, play, scenes
from tests.workflow.reports.truths import find_untruths

QUICK, LONG = 5, 1500


def check(scene: Scene) -> None:
    outcome = play(scene)
    assert find_untruths(outcome) == [], scene


@settings(max_examples=QUICK, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(scene=scenes())
def test_no_sentence_says_anything_else_than_its_numbers(scene: Scene) -> None:
    check(scene)


def test_a_run_that_is_aborted_as_its_fault_has_lasted_as_long_as_planned() -> None:
    """The abort is recorded after StopFault has read the record: only the whole record says why FIS was asked to stop."""
    check(
        Scene(
            fault="latency",
            criteria=("System availability > 99%",),
            ending="operator",
            ending_seconds=686,
            abort_in="",
            silences=(),
            factors=(),
            start_seconds=30,
            dispatch_seconds=55,
            replaces_after=30,
            lag_seconds=0,
        )
    )


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=LONG, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scene=scenes())
def test_no_sentence_of_many_runs_says_anything_else_than_its_numbers(scene: Scene) -> None:
    check(scene)
