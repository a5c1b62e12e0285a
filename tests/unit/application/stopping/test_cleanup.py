"""The clean-up object attempts every step, goes on past one that fails, and keeps it with the command that does it by hand."""

from __future__ import annotations

import pytest

from squall.application.stopping.cleanup import Cleanup
from squall.errors import Unavailable
from tests.fakes.world import FakeWorld

DOWN = Unavailable("fis", "StopExperiment", "InternalError", "down", retryable=True)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def fail(error: Exception) -> None:
    raise error


def test_a_step_that_fails_is_kept_with_its_command_and_the_next_is_attempted(world: FakeWorld) -> None:
    cleanup = Cleanup(world.wiring())
    assert cleanup.attempt("the first", "aws first", fail, DOWN) is None
    assert cleanup.attempt("the second", "aws second", lambda: "done") == "done"
    assert [str(left) for left in cleanup.leftovers] == [f"the first ({DOWN}): aws first"]
    assert cleanup.failures == [DOWN]


def test_a_step_that_fails_first_and_works_later_has_not_failed(world: FakeWorld) -> None:
    cleanup = Cleanup(world.wiring())
    cleanup.attempt("the step", "aws step", fail, DOWN)
    assert cleanup.has_failed("the step")
    cleanup.attempt("the step", "aws step", lambda: True)
    assert not cleanup.has_failed("the step")
    assert cleanup.leftovers == ()


def test_what_is_still_there_is_a_leftover_without_a_failure(world: FakeWorld) -> None:
    cleanup = Cleanup(world.wiring())
    cleanup.leave("a fault", "aws fis stop-experiment --id EXP1", "it is stopping")
    assert [str(left) for left in cleanup.leftovers] == ["a fault (it is stopping): aws fis stop-experiment --id EXP1"]
    assert cleanup.failures == []
    cleanup.forget()
    assert cleanup.leftovers == ()


def test_an_error_that_is_not_expected_is_raised(world: FakeWorld) -> None:
    with pytest.raises(KeyError):
        Cleanup(world.wiring()).attempt("the step", "aws step", fail, KeyError("bug"))


def test_a_halt_survives_every_error_and_says_its_type(world: FakeWorld) -> None:
    cleanup = Cleanup(world.wiring(), survives=(Exception,))
    cleanup.attempt("the step", "aws step", fail, KeyError("bug"))
    assert cleanup.leftovers[0].reason == "KeyError: 'bug'"


def test_listings_that_fail_are_empty_and_named(world: FakeWorld) -> None:
    for called in ("faults.own_templates", "faults.active", "faults.of_template"):
        world.failing[called] = DOWN
    cleanup = Cleanup(world.wiring())
    assert not [*cleanup.list_templates(), *cleanup.list_active_experiments(), *cleanup.list_experiments_of("EXT1")]
    assert len(cleanup.leftovers) == 3
