"""Leases on failure domains and FIS slots: the same promises from the fake and from DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from squall.adapters.dynamodb.locks import DynamoLocks
from squall.domain.targets.locking import MOST_DOMAINS
from squall.errors import Unavailable
from tests.adapters.conftest import MINUTES, NOW, client_of
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from datetime import datetime

    from squall.ports.locks import Locks

UNTIL = NOW + 5 * MINUTES


def test_all_keys_or_none(locks: Locks) -> None:
    assert locks.acquire(["asg/b"], "other", UNTIL, NOW) is None
    held = locks.acquire(["asg/a", "asg/b", "asg/c"], "me", UNTIL, NOW)
    assert held is not None
    assert (held.key, held.holder, held.expired) == ("asg/b", "other", False)
    assert abs(held.until - UNTIL).total_seconds() < 0.001
    assert locks.holders(["asg/a", "asg/c"], NOW) == {"asg/a": None, "asg/c": None}


@pytest.mark.parametrize("count", [99, 100])
def test_as_many_failure_domains_as_a_run_may_have_are_locked_together(locks: Locks, count: int) -> None:
    keys = [f"asg/{number}" for number in range(count)]
    assert locks.acquire(keys, "me", UNTIL, NOW) is None
    assert locks.renew(keys, "me", UNTIL + MINUTES)
    assert locks.holds(keys, "me", UNTIL + MINUTES)
    assert count <= MOST_DOMAINS


def test_more_are_never_locked_in_part(locks: Locks) -> None:
    keys = [f"asg/{number}" for number in range(MOST_DOMAINS + 1)]
    with pytest.raises(Unavailable):
        locks.acquire(keys, "me", UNTIL, NOW)
    assert not any(locks.holders(keys, NOW).values())


def test_acquiring_again_is_no_conflict_and_extends(locks: Locks) -> None:
    locks.acquire(["asg/a", "asg/b"], "me", UNTIL, NOW)
    assert locks.acquire(["asg/b", "asg/a", "asg/a"], "me", UNTIL + MINUTES, NOW) is None
    assert locks.holds(["asg/a", "asg/b"], "me", UNTIL + MINUTES)


def test_an_expired_lease_of_another_is_told_not_taken(locks: Locks) -> None:
    locks.acquire(["asg/a"], "dead", NOW + MINUTES, NOW)
    held = locks.acquire(["asg/a"], "me", UNTIL, NOW + 2 * MINUTES)
    assert held is not None
    assert (held.holder, held.expired) == ("dead", True)
    locks.release(["asg/a"], "dead")
    assert locks.acquire(["asg/a"], "me", UNTIL, NOW + 2 * MINUTES) is None


def test_a_living_holder_is_told_before_an_expired_one(locks: Locks) -> None:
    locks.acquire(["asg/a"], "dead", NOW, NOW)
    locks.acquire(["asg/b"], "alive", UNTIL, NOW)
    held = locks.acquire(["asg/a", "asg/b"], "me", UNTIL, NOW)
    assert held is not None
    assert held.holder == "alive"


def test_renewing_needs_every_key(locks: Locks) -> None:
    locks.acquire(["asg/a"], "me", UNTIL, NOW)
    assert locks.renew(["asg/a"], "me", UNTIL + MINUTES)
    assert not locks.renew(["asg/a", "asg/b"], "me", UNTIL + 2 * MINUTES)
    assert not locks.renew(["asg/a"], "other", UNTIL)
    assert not locks.holds(["asg/a"], "me", UNTIL + 2 * MINUTES), "nothing is renewed when one is lost"
    assert locks.renew([], "me", UNTIL)


def test_holding_means_long_enough(locks: Locks) -> None:
    locks.acquire(["asg/a"], "me", UNTIL, NOW)
    assert locks.holds(["asg/a"], "me", UNTIL)
    assert not locks.holds(["asg/a"], "me", UNTIL + MINUTES)
    assert not locks.holds(["asg/a"], "other", NOW)
    assert not locks.holds(["asg/a", "asg/b"], "me", NOW)


def test_holders_says_whose_and_whether_it_ran_out(locks: Locks) -> None:
    locks.acquire(["asg/a"], "me", NOW + MINUTES, NOW)
    holders = locks.holders(["asg/a", "asg/b"], NOW + MINUTES)
    assert holders["asg/b"] is None
    assert holders["asg/a"] is not None
    assert (holders["asg/a"].holder, holders["asg/a"].expired) == ("me", True)


def test_only_what_is_ours_is_released(locks: Locks) -> None:
    locks.acquire(["asg/a"], "other", UNTIL, NOW)
    locks.acquire(["asg/b"], "me", UNTIL, NOW)
    locks.release(["asg/a", "asg/b", "asg/c"], "me")
    assert locks.holds(["asg/a"], "other", UNTIL)
    assert locks.holders(["asg/b"], NOW) == {"asg/b": None}


def test_every_lease_is_listed_with_what_has_run_out(locks: Locks) -> None:
    locks.acquire(["asg/a", "tg/b"], "me", UNTIL, NOW)
    locks.acquire(["asg/c"], "dead", NOW, NOW)
    locks.acquire_slot("me", UNTIL, NOW, 5)
    locks.renew(["asg/a"], "me", UNTIL + MINUTES)
    results = {held.key: (held.holder, held.expired) for held in locks.all(NOW + MINUTES)}
    assert results == {"asg/a": ("me", False), "asg/c": ("dead", True), "tg/b": ("me", False)}
    locks.release(["asg/a", "asg/c", "tg/b"], "me")
    assert [held.key for held in locks.all(NOW)] == ["asg/c"]


def test_slots_are_few_and_given_back(locks: Locks) -> None:
    assert [locks.acquire_slot(holder, UNTIL, NOW, 2) for holder in ("a", "b", "c")] == [0, 1, None]
    assert locks.acquire_slot("a", UNTIL, NOW, 2) == 0, "the same again for a holder"
    locks.release_slot(0, "b")
    assert locks.line().holders(NOW) == {0: "a", 1: "b"}
    locks.release_slot(0, "a")
    assert locks.acquire_slot("c", UNTIL, NOW, 2) == 0


def test_an_expired_slot_is_free(locks: Locks) -> None:
    locks.acquire_slot("dead", NOW + MINUTES, NOW, 1)
    assert locks.line().holders(NOW + MINUTES) == {}
    assert locks.acquire_slot("me", UNTIL, NOW + MINUTES, 1) == 0
    assert not locks.renew_slot(0, "dead", UNTIL)
    assert locks.renew_slot(0, "me", UNTIL + MINUTES)
    assert locks.line().holders(UNTIL) == {0: "me"}


def test_the_limit_is_a_number_of_slots_not_of_the_last_one(locks: Locks) -> None:
    """Others took two of five while ours held 0 to 4; two of ours have ended since."""
    for holder in "abcde":
        locks.acquire_slot(holder, UNTIL, NOW, 5)
    for slot, holder in ((0, "a"), (1, "b")):
        locks.release_slot(slot, holder)
    assert locks.acquire_slot("f", UNTIL, NOW, 3) is None
    assert locks.acquire_slot("f", UNTIL, NOW, 4) == 0


def test_the_queue_is_in_order_of_arrival(locks: Locks) -> None:
    locks.join("second", NOW + MINUTES, UNTIL)
    locks.join("first", NOW, UNTIL)
    locks.join("twin", NOW + MINUTES, UNTIL)
    locks.acquire_slot("holder", UNTIL, NOW, 5)
    line = locks.line()
    assert line.waiting(NOW) == ("first", "second", "twin")
    assert [(ticket.since, abs(ticket.until - UNTIL) < MINUTES) for ticket in line.tickets][:2] == [(NOW, True), (NOW + MINUTES, True)]
    assert line.ahead_of("twin", NOW) == ("first", "second")
    assert line.ahead_of("nobody", NOW) == ("first", "second", "twin")


def test_a_ticket_is_renewed_runs_out_and_is_given_back(locks: Locks) -> None:
    locks.join("dead", NOW, NOW + MINUTES)
    locks.join("alive", NOW, NOW + MINUTES)
    locks.join("alive", NOW, UNTIL)
    assert locks.line().waiting(NOW + MINUTES) == ("alive",)
    assert len(locks.line().tickets) == 2
    locks.leave("alive", NOW)
    locks.leave("alive", NOW)
    assert locks.line().waiting(NOW) == ("dead",)


def test_who_has_a_slot_waits_no_more(locks: Locks) -> None:
    locks.join("a", NOW, UNTIL)
    locks.join("b", NOW, UNTIL)
    locks.acquire_slot("a", UNTIL, NOW, 5)
    assert locks.line().ahead_of("b", NOW) == ()


class Racing(DynamoLocks):
    """Somebody else takes the slot that was seen free, right before this one does."""

    def __init__(self, table: str) -> None:
        super().__init__(client_of("dynamodb"), table)
        self.others = ["b", "c"]

    def _take_slot(self, slot: int, holder: str, until: datetime, now: datetime) -> bool:
        if holder == "me" and self.others:
            super()._take_slot(slot, self.others.pop(0), until, now)
        return super()._take_slot(slot, holder, until, now)


@pytest.mark.parametrize(("limit", "taken"), [(2, None), (3, 2), (5, 2)])
def test_a_lost_race_looks_again_and_never_takes_one_too_many(table: str, limit: int, taken: int | None) -> None:
    locks = Racing(table)
    assert locks.acquire_slot("me", UNTIL, NOW, limit) == taken
    assert len(locks.line().holders(NOW)) == min(limit, 3)


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
