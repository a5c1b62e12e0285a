"""With any input no function raises, only an experiment starts a fault, and the record is final."""

from __future__ import annotations

import pytest

from tests.chaos import fuzz
from tests.chaos.fuzz import Input, attempt, bases, inputs, is_valid, summary

SEED = 20300107
SOME, ALL, SHARDS = 100, 20_000, 8


def test_some_inputs() -> None:
    tried = [attempt(item) for item in inputs(SOME, SEED)]
    assert [outcome for outcome in tried if outcome.wrong] == [], summary(tried)
    assert {outcome.became for outcome in tried} >= {"rejected", "completed"}, "nothing but noise"
    assert any(not outcome.valid for outcome in tried)


def test_what_is_changed_was_right() -> None:
    assert all(is_valid(base) for base in bases())
    assert {attempt(Input(base, "run-1", 0)).became for base in bases()[: fuzz.OF_TESTS]} == {"completed", "planned"}


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_twenty_thousand_inputs(shard: int) -> None:
    tried = [attempt(item) for item in inputs(ALL // SHARDS, SEED + 1 + shard)]
    assert [outcome for outcome in tried if outcome.wrong] == [], summary(tried)
