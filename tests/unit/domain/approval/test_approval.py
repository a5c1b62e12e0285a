"""The decision, by truth table and by properties; who is a person; who may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from squall.domain.approval.people import Caller, Kind, identify_person, is_own_role, may_reject, may_take_part
from squall.domain.approval.standing import GRACE, Standing, check_approval, count_needed, find_requester, find_standing
from squall.domain.approval.votes import Ask, Decision, Vote
from squall.domain.policy.environment import Approval

NOW = datetime(2030, 1, 7, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACCOUNT = "123456789012"
ASK = Ask(plan="p" * 64, at=NOW, expires_at=NOW + 4 * HOUR, approvers=1)
A, R, Q = Decision.APPROVE, Decision.REJECT, Decision.REQUEST


def said(*decisions: tuple[str, Decision], at: datetime = NOW + HOUR) -> tuple[Vote, ...]:
    return tuple(Vote(f"user:{person}", f"arn:{person}", decision, at) for person, decision in decisions)


TABLE = [
    ((), 1, Standing.PENDING),
    ((("ada", A),), 1, Standing.PENDING),
    ((("ada", A), ("bob", A)), 1, Standing.APPROVED),
    ((("ada", Q), ("bob", A)), 1, Standing.APPROVED),
    ((("ada", Q),), 1, Standing.PENDING),
    ((("ada", Q), ("bob", Q)), 1, Standing.PENDING),
    ((("ada", Q), ("bob", Q), ("eve", A)), 1, Standing.APPROVED),
    ((("ada", A), ("bob", A)), 2, Standing.PENDING),
    ((("ada", A), ("bob", A), ("eve", A)), 2, Standing.APPROVED),
    ((("ada", Q), ("bob", A), ("eve", A)), 2, Standing.APPROVED),
    ((("ada", R),), 1, Standing.REJECTED),
    ((("ada", A), ("bob", A), ("eve", R)), 1, Standing.REJECTED),
    ((("ada", Q), ("bob", A), ("eve", R)), 1, Standing.REJECTED),
]


@pytest.mark.parametrize(("votes", "approvers", "expected"), TABLE)
def test_the_table(votes: tuple[tuple[str, Decision], ...], approvers: int, expected: Standing) -> None:
    asked = replace(ASK, approvers=approvers)
    for order in permutations(said(*votes)):
        assert find_standing(asked, order, NOW + HOUR)[0] is expected, order


@pytest.mark.parametrize(("votes", "approvers", "expected"), TABLE)
def test_after_the_expiry_what_is_pending_has_expired_and_the_rest_stands(
    votes: tuple[tuple[str, Decision], ...], approvers: int, expected: Standing
) -> None:
    asked, late = replace(ASK, approvers=approvers), ASK.expires_at + GRACE
    assert find_standing(asked, said(*votes), late)[0] is (Standing.EXPIRED if expected is Standing.PENDING else expected)
    assert find_standing(asked, said(*votes), late - timedelta(seconds=1))[0] is expected, "somebody may still be writing"


@pytest.mark.parametrize(("at", "counts"), [(NOW, True), (ASK.expires_at, True), (ASK.expires_at + GRACE, False), (NOW - HOUR, False)])
def test_an_approval_counts_in_its_time_alone(at: datetime, counts: bool) -> None:
    votes = (*said(("ada", A)), *said(("bob", A), at=at))
    assert (find_standing(ASK, votes, NOW + HOUR)[0] is Standing.APPROVED) is counts


VOTES = st.lists(
    st.builds(
        lambda person, decision, minutes: Vote(f"user:{person}", f"arn:{person}", decision, NOW + timedelta(minutes=minutes)),
        st.sampled_from("abcdef"),
        st.sampled_from(Decision),
        st.integers(-10, 300),
    ),
    unique_by=lambda vote: vote.person,
    max_size=6,
)


@given(VOTES, st.integers(1, 5), st.integers(-10, 400))
def test_approved_means_enough_people_who_did_not_ask_for_it(votes: list[Vote], approvers: int, minutes: int) -> None:
    asked, now = replace(ASK, approvers=approvers), NOW + timedelta(minutes=minutes)
    stands, _ = find_standing(asked, votes, now)
    first = find_requester(asked, votes)
    approving = {vote.person for vote in votes if vote.decision is A}
    if stands is Standing.APPROVED:
        assert len(approving - ({first.person} if first else set())) >= approvers
        assert len(approving | ({first.person} if first else set())) >= approvers + 1, "one person alone never is enough"
    if any(vote.decision is R for vote in votes):
        assert stands is Standing.REJECTED
    assert stands is find_standing(asked, votes[::-1], now)[0]


@given(VOTES, st.integers(1, 5))
def test_an_approval_more_never_takes_one_away_and_a_rejection_always_does(votes: list[Vote], approvers: int) -> None:
    asked, now = replace(ASK, approvers=approvers), NOW + HOUR
    before = find_standing(asked, votes, now)[0]
    more = [*votes, Vote("user:new", "arn:new", A, now)]
    if before is Standing.APPROVED:
        assert find_standing(asked, more, now)[0] is Standing.APPROVED
    assert find_standing(asked, [*more, Vote("user:no", "arn:no", R, now)], now)[0] is Standing.REJECTED


def test_who_has_not_proven_to_be_the_requester_makes_one_more_needed() -> None:
    claimed = said(("ada", Q))
    assert (count_needed(ASK, (), Kind.USER), count_needed(ASK, claimed, Kind.USER), count_needed(ASK, claimed, Kind.SSO)) == (2, 1, 2)


@pytest.mark.parametrize(
    ("ask", "votes", "plan", "passed"),
    [
        (ASK, said(("a", A), ("b", A)), ASK.plan, True),
        (ASK, said(("a", A), ("b", A)), "q" * 64, False),
        (ASK, said(("a", A)), ASK.plan, False),
        (ASK, said(("a", A), ("b", A), ("c", R)), ASK.plan, False),
        (None, (), ASK.plan, False),
        (None, (), None, None),
        (ASK, said(("a", A), ("b", A)), None, None),
    ],
)
def test_an_approval_covers_what_was_shown(ask: Ask | None, votes: tuple[Vote, ...], plan: str | None, passed: bool | None) -> None:
    assert check_approval(ask, votes, plan, NOW + HOUR)[0] is passed


def caller(arn: str, user_id: str = "AIDA1", account: str = ACCOUNT) -> Caller:
    return Caller(account, arn, user_id)


RESERVED = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_"
SSO = f"{RESERVED}Admin_0123456789abcdef"


@pytest.mark.parametrize(
    ("who", "person"),
    [
        (caller(f"arn:aws:iam::{ACCOUNT}:user/ada"), "user:AIDA1"),
        (caller(f"arn:aws:iam::{ACCOUNT}:user/sre/ada"), "user:AIDA1"),
        (caller(f"arn:aws-us-gov:iam::{ACCOUNT}:user/ada"), "user:AIDA1"),
        (caller(f"{SSO}/Ada@x.org", "AROA1:Ada@x.org"), "sso:ada@x.org"),
        (caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_mine/ada", "AROA2:ada"), "role:AROA2"),
        (caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/MyAWSReservedSSO_Admin_0123456789abcdef/ada", "AROA3:ada"), "role:AROA3"),
        (caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/ada", "AROA4:ada"), "role:AROA4"),
        (caller(f"arn:aws:iam::{ACCOUNT}:root"), ""),
        (caller(f"arn:aws:sts::{ACCOUNT}:federated-user/ada"), ""),
        (caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops"), ""),
        (caller(f"arn:aws:iam::{ACCOUNT}:user/"), ""),
        (caller("nonsense"), ""),
    ],
)
def test_who_is_a_person(who: Caller, person: str) -> None:
    result, why = identify_person(who)
    assert result == person
    assert bool(why) is not bool(person)


OPS = f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops"


@pytest.mark.parametrize(
    ("patterns", "arn", "account", "may"),
    [
        ((), f"arn:aws:iam::{ACCOUNT}:user/ada", ACCOUNT, True),
        ((), f"{SSO}/ada@x.org", ACCOUNT, True),
        ((), f"{OPS}/ada", ACCOUNT, False),
        ((), "arn:aws:iam::999999999999:user/ada", "999999999999", False),
        ((), f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, False),
        (("arn:aws:iam::999999999999:user/ada",), "arn:aws:iam::999999999999:user/ada", "999999999999", True),
        ((f"arn:aws:iam::{ACCOUNT}:user/sre/*",), f"arn:aws:iam::{ACCOUNT}:user/sre/ada", ACCOUNT, True),
        ((f"arn:aws:iam::{ACCOUNT}:user/sre/*",), f"arn:aws:iam::{ACCOUNT}:user/ada", ACCOUNT, False),
        ((f"arn:aws:iam::{ACCOUNT}:user/sre/*",), f"{OPS}/ada", ACCOUNT, False),
        ((f"arn:aws:iam::{ACCOUNT}:user/a.a",), f"arn:aws:iam::{ACCOUNT}:user/ada", ACCOUNT, False),
        ((f"{SSO}/*@x.org",), f"{SSO}/ada@x.org", ACCOUNT, True),
        ((f"{SSO}/*@x.org",), f"{SSO}/ada@y.org", ACCOUNT, False),
        ((f"{OPS}/*",), f"{OPS}/ada", ACCOUNT, True),
        ((f"{OPS}/*",), f"{OPS}Other/ada", ACCOUNT, False),
        # A permission set, and another one whose name begins alike.
        ((f"{RESERVED}Admin_*/*@x.org",), f"{SSO}/ada@x.org", ACCOUNT, True),
        ((f"{RESERVED}Admin_*/*@x.org",), f"{RESERVED}Admin_ReadOnly_0123456789abcdef/ada@x.org", ACCOUNT, False),
        ((f"{RESERVED}*/*",), f"{RESERVED}Admin_ReadOnly_0123456789abcdef/ada@x.org", ACCOUNT, True),
        ((f"{RESERVED}*_ReadOnly_*/*",), f"{RESERVED}Admin_ReadOnly_0123456789abcdef/ada@x.org", ACCOUNT, True),
        # An ordinary role named almost like one of Identity Center's, which a pattern for Identity Center users would fit.
        (
            (f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_*/*@x.org",),
            f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_mine/ada@x.org",
            ACCOUNT,
            False,
        ),
    ],
)
def test_who_may_approve_and_claim(patterns: tuple[str, ...], arn: str, account: str, may: bool) -> None:
    who = caller(arn, user_id="ID1:session", account=account)
    assert may_take_part(who, patterns, ACCOUNT) is may
    assert may_reject(who, patterns, ACCOUNT) is (may or account == ACCOUNT)


@pytest.mark.parametrize(
    ("role", "stack", "own"),
    [
        ("Squall-StartFaultRole1A2B3C4D-xyz", "Squall", True),
        ("Squall-FisRoleStaging-xyz", "Squall", True),
        ("Squall2-StartFaultRole-xyz", "Squall", False),
        ("Operators", "Squall", False),
        ("A-very-long-stack-name-o-StartFaultRole", "A-very-long-stack-name-of-somebody", True),
    ],
)
def test_the_stack_knows_its_own_roles(role: str, stack: str, own: bool) -> None:
    assert is_own_role(caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session", "AROA1:session"), stack) is own
    assert is_own_role(caller(f"arn:aws:iam::{ACCOUNT}:user/{role}"), stack) is False


IDENTITIES = {
    "user": caller(f"arn:aws:iam::{ACCOUNT}:user/ada", "AIDA1"),
    "other user": caller(f"arn:aws:iam::{ACCOUNT}:user/bob", "AIDA2"),
    "sso": caller(f"{SSO}/ada@x.org", "AROASSO:ada@x.org"),
    "other sso": caller(f"{SSO}/bob@x.org", "AROASSO:bob@x.org"),
    "sso by another permission set": caller(
        f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Ops_fedcba9876543210/Ada@x.org", "AROASSO2:Ada@x.org"
    ),
    "role": caller(f"{OPS}/ada", "AROAOPS:ada"),
    "another session of the role": caller(f"{OPS}/bob", "AROAOPS:bob"),
    "other role": caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/ada", "AROADEV:ada"),
    "root": caller(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT),
    "federated user": caller(f"arn:aws:sts::{ACCOUNT}:federated-user/ada", f"{ACCOUNT}:ada"),
    "user of another account": caller("arn:aws:iam::999999999999:user/ada", "AIDA9", "999999999999"),
}
NAMED = (
    f"arn:aws:iam::{ACCOUNT}:user/*",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_*/*",
    f"{OPS}/*",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/Dev/*",
)
TWO_PEOPLE: dict[tuple[str, ...], set[frozenset[str]]] = {
    (): {frozenset({"user", "other user"}), frozenset({"sso", "other sso"}), frozenset({"other sso", "sso by another permission set"})},
}
TWO_PEOPLE[NAMED] = TWO_PEOPLE[()] | {frozenset({"role", "other role"}), frozenset({"another session of the role", "other role"})}


@pytest.mark.parametrize("who", [(), NAMED], ids=["the policy names nobody", "the policy names users and roles"])
@pytest.mark.parametrize("pair", list(product(IDENTITIES, repeat=2)), ids=" and ".join)
@pytest.mark.parametrize("first_says", [A, Q])
def test_every_pair_of_identities(pair: tuple[str, str], who: tuple[str, ...], first_says: Decision) -> None:
    """The table of docs/approval.md: whether the two together are two people, one approving or claiming and the other approving."""
    asked, votes = replace(ASK, who=who), dict[str, Vote]()
    for name, decision in zip(pair, (first_says, A), strict=True):
        person, _ = identify_person(IDENTITIES[name])
        if may_take_part(IDENTITIES[name], who, ACCOUNT):
            votes.setdefault(person, Vote(person, IDENTITIES[name].arn, decision, NOW + HOUR))
    approved = find_standing(asked, tuple(votes.values()), NOW + HOUR)[0] is Standing.APPROVED
    assert approved is (frozenset(pair) in TWO_PEOPLE[who])


@pytest.mark.parametrize("decision", [A, Q])
def test_a_vote_on_the_record_of_somebody_the_policy_does_not_name_counts_for_nothing(decision: Decision) -> None:
    role = Vote("role:AROAOPS", f"{OPS}/ada", decision, NOW + HOUR)
    assert find_standing(ASK, (*said(("ada", A)), role), NOW + HOUR)[0] is Standing.PENDING
    user = Vote("user:AIDA2", f"arn:aws:iam::{ACCOUNT}:user/bob", decision, NOW + HOUR)
    asked = replace(ASK, who=("arn:ada",))
    assert find_standing(asked, (*said(("ada", A)), user), NOW + HOUR)[0] is Standing.PENDING


def test_who_counts_together_is_said() -> None:
    sso = Vote("sso:ada", f"{SSO}/ada", A, NOW + HOUR)
    assert "1 of 2 approvals" in find_standing(ASK, (*said(("ada", A)), sso), NOW + HOUR)[1]
    assert "may be one human being" in find_standing(ASK, (*said(("ada", A)), sso), NOW + HOUR)[1]
    assert "may be one human being" not in find_standing(ASK, said(("ada", A)), NOW + HOUR)[1]


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "arn:aws:iam::*:user/ada",
        f"arn:aws:iam::{ACCOUNT}:root",
        f"arn:aws:iam::{ACCOUNT}:role/Ops",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/ada",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/ada*",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/*/*",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops*/*",
    ],
)
def test_a_pattern_that_would_promise_what_nobody_keeps_is_refused(pattern: str) -> None:
    """The name of an ordinary role's session is chosen by whoever assumes it."""
    with pytest.raises(ValidationError):
        Approval(who=(pattern,))
    assert Approval(who=(f"arn:aws:sts::{ACCOUNT}:assumed-role/Ops/*", f"{SSO}/ada@x.org", f"arn:aws:iam::{ACCOUNT}:user/*")).approvers == 1


@pytest.mark.parametrize("changes", [{"approvers": 0}, {"approvers": 6}, {"expires_after": "PT13H"}, {"expires_after": 5}, {"colour": 1}])
def test_a_policy_that_is_none_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Approval.model_validate(changes)
