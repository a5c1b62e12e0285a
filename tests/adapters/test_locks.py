"""Leases on failure domains and FIS slots: the same promises from the fake and from DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squall.adapters.locks import DynamoLocks
from squall.errors import Unavailable
from tests.adapters.conftest import MINUTES, NOW
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from squall import ports

UNTIL = NOW + 5 * MINUTES


def test_all_keys_or_none(locks: ports.Locks) -> None:
    assert locks.acquire(["asg/b"], "other", UNTIL, NOW) is None
    held = locks.acquire(["asg/a", "asg/b", "asg/c"], "me", UNTIL, NOW)
    assert held is not None
    assert (held.key, held.holder, held.expired) == ("asg/b", "other", False)
    assert abs(held.until - UNTIL).total_seconds() < 0.001
    assert locks.holders(["asg/a", "asg/c"], NOW) == {"asg/a": None, "asg/c": None}


def test_acquiring_again_is_no_conflict_and_extends(locks: ports.Locks) -> None:
    locks.acquire(["asg/a", "asg/b"], "me", UNTIL, NOW)
    assert locks.acquire(["asg/b", "asg/a", "asg/a"], "me", UNTIL + MINUTES, NOW) is None
    assert locks.holds(["asg/a", "asg/b"], "me", UNTIL + MINUTES)


def test_an_expired_lease_of_another_is_told_not_taken(locks: ports.Locks) -> None:
    locks.acquire(["asg/a"], "dead", NOW + MINUTES, NOW)
    held = locks.acquire(["asg/a"], "me", UNTIL, NOW + 2 * MINUTES)
    assert held is not None
    assert (held.holder, held.expired) == ("dead", True)
    locks.release(["asg/a"], "dead")
    assert locks.acquire(["asg/a"], "me", UNTIL, NOW + 2 * MINUTES) is None


def test_a_living_holder_is_told_before_an_expired_one(locks: ports.Locks) -> None:
    locks.acquire(["asg/a"], "dead", NOW, NOW)
    locks.acquire(["asg/b"], "alive", UNTIL, NOW)
    held = locks.acquire(["asg/a", "asg/b"], "me", UNTIL, NOW)
    assert held is not None
    assert held.holder == "alive"


def test_renewing_needs_every_key(locks: ports.Locks) -> None:
    locks.acquire(["asg/a"], "me", UNTIL, NOW)
    assert locks.renew(["asg/a"], "me", UNTIL + MINUTES)
    assert not locks.renew(["asg/a", "asg/b"], "me", UNTIL + 2 * MINUTES)
    assert not locks.renew(["asg/a"], "other", UNTIL)
    assert not locks.holds(["asg/a"], "me", UNTIL + 2 * MINUTES), "nothing is renewed when one is lost"
    assert locks.renew([], "me", UNTIL)


def test_holding_means_long_enough(locks: ports.Locks) -> None:
    locks.acquire(["asg/a"], "me", UNTIL, NOW)
    assert locks.holds(["asg/a"], "me", UNTIL)
    assert not locks.holds(["asg/a"], "me", UNTIL + MINUTES)
    assert not locks.holds(["asg/a"], "other", NOW)
    assert not locks.holds(["asg/a", "asg/b"], "me", NOW)


def test_holders_says_whose_and_whether_it_ran_out(locks: ports.Locks) -> None:
    locks.acquire(["asg/a"], "me", NOW + MINUTES, NOW)
    holders = locks.holders(["asg/a", "asg/b"], NOW + MINUTES)
    assert holders["asg/b"] is None
    assert holders["asg/a"] is not None
    assert (holders["asg/a"].holder, holders["asg/a"].expired) == ("me", True)


def test_only_what_is_ours_is_released(locks: ports.Locks) -> None:
    locks.acquire(["asg/a"], "other", UNTIL, NOW)
    locks.acquire(["asg/b"], "me", UNTIL, NOW)
    locks.release(["asg/a", "asg/b", "asg/c"], "me")
    assert locks.holds(["asg/a"], "other", UNTIL)
    assert locks.holders(["asg/b"], NOW) == {"asg/b": None}


def test_slots_are_few_and_given_back(locks: ports.Locks) -> None:
    assert [locks.acquire_slot(holder, UNTIL, NOW, 2) for holder in ("a", "b", "c")] == [0, 1, None]
    assert locks.acquire_slot("a", UNTIL, NOW, 2) == 0, "the same again for a holder"
    locks.release_slot(0, "b")
    assert locks.slots(NOW) == {0: "a", 1: "b"}
    locks.release_slot(0, "a")
    assert locks.acquire_slot("c", UNTIL, NOW, 2) == 0


def test_an_expired_slot_is_free(locks: ports.Locks) -> None:
    locks.acquire_slot("dead", NOW + MINUTES, NOW, 1)
    assert locks.slots(NOW + MINUTES) == {}
    assert locks.acquire_slot("me", UNTIL, NOW + MINUTES, 1) == 0
    assert not locks.renew_slot(0, "dead", UNTIL)
    assert locks.renew_slot(0, "me", UNTIL + MINUTES)
    assert locks.slots(UNTIL) == {0: "me"}


def test_a_transaction_that_met_another_is_worth_a_retry() -> None:
    cancelled = error("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}])
    locks = DynamoLocks(Scripted("dynamodb", transact_write_items=[cancelled]), "table")
    with pytest.raises(Unavailable) as caught:
        locks.acquire(["asg/a", "asg/b"], "me", UNTIL, NOW)
    assert caught.value.retryable


def test_a_refusal_without_its_item_is_never_taken_for_success() -> None:
    cancelled = error("TransactionCanceledException", CancellationReasons=[{"Code": "ConditionalCheckFailed"}])
    locks = DynamoLocks(Scripted("dynamodb", transact_write_items=[cancelled]), "table")
    with pytest.raises(Unavailable):
        locks.acquire(["asg/a"], "me", UNTIL, NOW)
