"""People decide: who they are, what they saw, when they said it, and what becomes of the run."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.application.admission import deployed
from squall.domain.approval.votes import Decision, Proof, Vote, VoteProof
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.plan import Plan
from squall.domain.documents.safety import Safety
from squall.domain.run.timeline import EventName
from squall.errors import Refused
from tests.fakes.callers import session, user
from tests.fakes.workload import FakeInstance
from tests.fakes.world import STACK, FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.endings import (
    ID,
    Intercept,
    ended,
    fail,
    is_settled,
    nothing_is_left,
    once,
    record_of,
    result_of,
    unavailable,
)
from tests.workflow.machine import machine
from tests.workflow.voting import ADA, BOB, EVE, ask_people, payload_of, vote, vote_in
from tests.workflow.walk import Walk, Walked, walking

HOUR = 3600.0
INPUT = {"experiment": "seed", "requested_by": "ci"}


@pytest.fixture(autouse=True)
def asked(known: deployed.DeployedDefinitions) -> None:
    ask_people()


def run(walk: Walk) -> Walked:
    done = walk.run(INPUT)
    assert done.status == "SUCCEEDED", done
    return done


def events(world: FakeWorld) -> list[str]:
    return [event.event for event in record_of(world).events]


def requests(world: FakeWorld) -> list[Any]:
    return [message for message in world.notifier.sent if message.attributes["status"] == "awaiting_approval"]


def refused_before_anything(world: FakeWorld, *words: str) -> None:
    record = ended(world, Status.REJECTED, None, None)
    for word in words:
        assert word in record.reason, record.reason
    assert world.faults.runs == {}
    nothing_is_left(world, twice=True)
    is_settled(world)


def final_messages(world: FakeWorld) -> int:
    return sum(message.attributes["status"] not in {"awaiting_approval", "running"} for message in world.notifier.sent)


# the ordinary course


def test_two_people_approve_and_everything_is_looked_at_again(walk: Walk, world: FakeWorld) -> None:
    observed: list[tuple[str, Any]] = []
    world.clock.after(HOUR, lambda: observed.append((record_of(world).status, world.locks.leases.copy())))
    vote_in(walk, world, 2 * HOUR)
    done = run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert observed == [(Status.AWAITING_APPROVAL, {})], "no lock is held while people think"
    assert done.handlers.count("Discover") == done.handlers.count("CheckSafety") == 2
    assert done.states.index("AcquireLock") > done.states.index("ApprovalObserved")
    assert (record_of(world).fault_started_at or world.clock.now()) - record_of(world).started_at < timedelta(hours=2, minutes=10)
    assert next(check.detail for check in result_of(world).safety_checks if check.name == "approved").startswith("approved by")
    assert [vote["arn"] for vote in (result_of(world).approval or pytest.fail("none")).votes] == [ADA.arn, BOB.arn]
    assert final_messages(world) == len(requests(world)) == 1
    nothing_is_left(world, twice=True)


def test_the_message_holds_everything_a_person_needs(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    vote_in(walk, world, 60)
    run(walk)
    (message,) = requests(world)
    record, plan = record_of(world), world.documents.get(ID, Plan)
    assert plan is not None
    assert record.ask is not None
    assert record.ask.plan == plan.hash
    safety = world.documents.get(ID, Safety)
    assert safety is not None
    assert [check.name for check in safety.warnings if check.name not in message.body] == []
    for words in (
        f"{len(safety.checks) - len(safety.warnings)} of {len(safety.checks)} passed",
        experiment["hypothesis"],
        *plan.pinned,
        "single_instance",
        "aws:ec2:terminate-instances",
        "$",
        "System availability < 95%",
        "System availability > 99%",
        experiment["rollback_plan"],
        f'squall approve {ID} --comment "…" --stack Squall --region eu-west-1',
        f"squall reject {ID}",
        plan.hash,
        record.execution_arn,
        "2 different people",
        "ci",
    ):
        assert words in message.body, words
    assert message.attributes["environment"] == "staging"


def test_machines_hear_of_waiting_and_of_going_on(walk: Walk, world: FakeWorld) -> None:
    vote_in(walk, world, 60)
    run(walk)
    heard = [event.status for event, _ in world.lifecycle.events]
    assert heard == [Status.RUNNING, Status.AWAITING_APPROVAL, Status.RUNNING, Status.RUNNING, Status.COMPLETED]


def test_a_plan_asks_nobody_and_says_so(walk: Walk, world: FakeWorld) -> None:
    walk.run({"experiment": "seed", "mode": "plan"})
    ended(world, Status.PLANNED, None, None)
    assert requests(world) == []
    assert any("would need approval" in check.detail for check in result_of(world).safety_checks)


def test_a_policy_that_is_switched_off_asks_nobody(walk: Walk, world: FakeWorld) -> None:
    ask_people(required=False)
    assert "AskApproval" not in run(walk).states


def test_twelve_hours_of_waiting_cost_a_few_transitions(walk: Walk, world: FakeWorld) -> None:
    ask_people(expires_after="PT12H")
    vote_in(walk, world, 11.9 * HOUR)
    done = run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert len(done.states) < 120


def test_the_walker_waits_for_people_as_moto_does(known: deployed.DeployedDefinitions) -> None:
    from tests.workflow.rig import workload  # noqa: PLC0415

    walked_world, run_world = workload(), workload()
    with walking(walked_world) as walk:
        vote_in(walk, walked_world, 120)
        walked = walk.run(INPUT)
    with machine(run_world) as engine:
        vote_in(engine, run_world, 120)
        ran = engine.run(INPUT)
    assert (walked.status, walked.states) == (ran.status, ran.states)


# who


def test_the_requester_who_has_proven_it_needs_one_other(walk: Walk, world: FakeWorld) -> None:
    texts: list[dict[str, Any]] = []

    def answer() -> None:
        texts.append(vote(walk, world, ADA, "request"))
        texts.append(vote(walk, world, ADA, "approve"))
        texts.append(vote(walk, world, BOB, "approve"))

    world.clock.after(60, answer)
    run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert [entry["recorded"] for entry in texts] == [True, False, True]
    assert "somebody else has to approve" in texts[1]["message"]
    assert texts[2]["standing"] == "approved"


def test_one_person_is_not_two(walk: Walk, world: FakeWorld) -> None:
    ask_people(who=["arn:aws:sts::123456789012:assumed-role/Ops/*"])
    ones = [session("Ops", "ada"), session("Ops", "bob"), session("Ops", "carol")]
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.extend(vote(walk, world, entry) for entry in ones))
    run(walk)
    assert [answer["recorded"] for answer in answers] == [True, False, False]
    assert "you have said approve already" in answers[1]["message"]
    refused_before_anything(world, "not approved by", "1 of 2 approvals")


def test_one_identity_center_user_is_one_person_by_whichever_permission_set(walk: Walk, world: FakeWorld) -> None:
    admin, ops = "AWSReservedSSO_Admin_0123456789abcdef", "AWSReservedSSO_Ops_fedcba9876543210"
    answers: list[dict[str, Any]] = []

    def answer() -> None:
        answers.extend(
            vote(walk, world, session(role, name)) for role, name in ((admin, "ada@x.org"), (ops, "Ada@x.org"), (ops, "bob@x.org"))
        )

    world.clock.after(60, answer)
    run(walk)
    assert [entry["recorded"] for entry in answers] == [True, False, True]
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_role_that_the_approver_may_assume_is_no_second_person(walk: Walk, world: FakeWorld) -> None:
    """One user approves and claims as a role: the claim is refused, and the approval stays one of two."""
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.extend([vote(walk, world, session("Nobody", "ada"), "request"), vote(walk, world, ADA)]))
    run(walk)
    assert [answer["recorded"] for answer in answers] == [False, True]
    assert "may not claim to be the requester" in answers[0]["message"]
    refused_before_anything(world, "not approved by", "1 of 2 approvals")


def test_a_claim_counts_only_from_somebody_the_policy_names(walk: Walk, world: FakeWorld) -> None:
    ask_people(who=["arn:aws:iam::123456789012:user/bob"])
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.extend([vote(walk, world, ADA, "request"), vote(walk, world, BOB)]))
    run(walk)
    assert [answer["recorded"] for answer in answers] == [False, True]
    refused_before_anything(world, "not approved by", "1 of 2 approvals")


def test_an_identity_center_user_and_an_iam_user_may_be_one_human_being(walk: Walk, world: FakeWorld) -> None:
    sso = session("AWSReservedSSO_Admin_0123456789abcdef", "ada@x.org")
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.extend([vote(walk, world, sso), vote(walk, world, ADA)]))
    run(walk)
    assert [answer["recorded"] for answer in answers] == [True, True]
    refused_before_anything(world, "1 of 2 approvals", "may be one human being")


@pytest.mark.parametrize("decision", ["approve", "request", "reject"])
def test_squall_s_own_roles_never_take_part(walk: Walk, world: FakeWorld, decision: str) -> None:
    """Not even where a policy names them."""
    names = [f"{STACK}-{name}Role-1A2B3C" for name in ("StartFault", "Abort")]
    ask_people(who=[f"arn:aws:sts::123456789012:assumed-role/{name}/*" for name in names])
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.extend(vote(walk, world, session(name, "x"), decision) for name in names))
    run(walk)
    assert [answer["recorded"] for answer in answers] == [False, False]
    assert f"is a role of {STACK} itself" in answers[0]["message"]
    refused_before_anything(world, "not approved by", "0 of 2 approvals")


STRANGERS = {
    "a role that the policy does not name": (session("Ops", "mallory", "999999999999"), "may not approve"),
    "a user of somebody's own account": (user("mallory", "999999999999"), "may not approve"),
    "the root user": (replace(user("x"), arn="arn:aws:iam::123456789012:root"), "does not identify a person"),
    "a federated user": (replace(user("x"), arn="arn:aws:sts::123456789012:federated-user/ada"), "does not identify a person"),
}


@pytest.mark.parametrize(("who", "words"), STRANGERS.values(), ids=STRANGERS)
def test_strangers_decide_nothing(walk: Walk, world: FakeWorld, who: Any, words: str) -> None:
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.extend(vote(walk, world, who, description) for description in ("approve", "reject", "request")))
    vote_in(walk, world, 120)
    run(walk)
    assert [answer["recorded"] for answer in answers] == [False, False, False]
    assert words in answers[0]["message"]
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_only_those_the_policy_names_approve_and_anybody_of_the_account_may_reject(walk: Walk, world: FakeWorld) -> None:
    ask_people(who=["arn:aws:iam::123456789012:user/sre/*"])
    answers: list[dict[str, Any]] = []
    world.clock.after(
        60, lambda: answers.extend([vote(walk, world, ADA), vote(walk, world, user("sre/bob")), vote(walk, world, ADA, "reject")])
    )
    run(walk)
    assert [answer["recorded"] for answer in answers] == [False, True, True]
    assert "may not approve" in answers[0]["message"]
    refused_before_anything(world, "rejected by", ADA.arn, "fine")


# proof


FORGED: dict[str, dict[str, Any]] = {
    "another decision": {"decision": "request"},
    "another comment": {"comment": "whatever"},
    "of an unknown key": {"proof": "unknown"},
    "an hour old": {"proof": "old"},
    "signed for another host": {"proof": "host"},
    "a signature changed": {"proof": "signature"},
    "no proof": {"proof": None},
    "a proof that is a list": {"proof": ["x"]},
    "another plan": {"plan": "0" * 64},
    "a header more": {"proof": "headers"},
    "a key nobody knows": {"signed_by": "me"},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_what_was_not_signed_is_not_recorded(walk: Walk, world: FakeWorld, changes: dict[str, Any]) -> None:
    answers: list[dict[str, Any]] = []

    def forge() -> None:
        payload = payload_of(world, EVE)
        proof = payload["proof"]
        kind = changes.get("proof")
        if kind == "unknown":
            world.callers.known.clear()
        elif kind == "old":
            world.clock.advance(HOUR)
        elif kind == "host":
            record = record_of(world)
            from squall.domain.approval.identity_proof import Statement  # noqa: PLC0415

            statement = Statement(record.execution_arn, payload["plan"], Decision.APPROVE, "fine")
            signed = world.callers.sign(EVE, statement, world.clock.now(), host="sts.amazonaws.com")
            payload["proof"] = {"authorization": signed.authorization, "date": signed.date}
        elif kind == "signature":
            payload["proof"] = {**proof, "authorization": proof["authorization"][:-1] + ("0" if proof["authorization"][-1] != "0" else "1")}
        elif kind == "headers":
            payload["proof"] = {**proof, "authorization": proof["authorization"].replace("content-type;", "")}
        else:
            payload.update(changes)
        answers.append(walk.invoke("Approve", payload))

    world.clock.after(60, forge)
    run(walk)
    assert [answer["recorded"] for answer in answers] == [False]
    assert answers[0]["message"]
    assert record_of(world).votes == ()
    refused_before_anything(world, "not approved by", "0 of 2")


def test_sts_that_cannot_be_asked_records_nothing_and_is_a_failure(walk: Walk, world: FakeWorld) -> None:
    world.failing["callers.identify"] = unavailable("callers.identify")
    world.clock.after(60, lambda: walk.quietly("Approve", payload_of(world, ADA)))
    run(walk)
    assert "raised:Approve:Unavailable" in world.calls
    assert record_of(world).votes == ()


# one compromised role


def unconfirmed(world: FakeWorld) -> list[str]:
    """What the timeline says of votes that do not count."""
    return [event.detail for event in record_of(world).events if event.event is EventName.VOTE_NOT_CONFIRMED]


def put_votes(world: FakeWorld, *people: Any, **changes: Any) -> None:
    """What the role of Approve may write by itself: votes that nobody gave, and what it likes as their proofs."""
    record = record_of(world)
    assert record.ask is not None
    forged = tuple(Vote(f"user:{who.user_id}", who.arn, Decision.APPROVE, world.clock.now(), "fine", record.ask.plan) for who in people)
    world.records.items[ID] = replace(record, votes=forged, **changes)


def test_votes_that_only_the_role_of_approve_wrote_approve_nothing(walk: Walk, world: FakeWorld) -> None:
    world.clock.after(60, lambda: put_votes(world, ADA, BOB))
    run(walk)
    refused_before_anything(world, "not approved by", "0 of 2 approvals")


def test_a_vote_with_the_proof_of_another_person_or_plan_approves_nothing(walk: Walk, world: FakeWorld) -> None:
    def forge() -> None:
        own, other = payload_of(world, EVE)["proof"], payload_of(world, ADA, plan="0" * 64)["proof"]
        proofs = (VoteProof("user:AIDAADA", Proof(**other)), VoteProof("user:AIDABOB", Proof(**own)))
        put_votes(world, ADA, BOB, proofs=proofs)

    world.clock.after(60, forge)
    run(walk)
    refused_before_anything(world, "not approved by", "0 of 2 approvals")
    refusals = unconfirmed(world)
    assert ["SignatureDoesNotMatch" in refusals[0], f"it was signed by {EVE.arn}" in refusals[1]] == [True, True]
    assert record_of(world).proofs == ()


def test_confirmations_without_votes_approve_nothing(walk: Walk, world: FakeWorld) -> None:
    """The role of ObserveApproval may write confirmations, and no votes."""

    def forge() -> None:
        put_votes(world, ADA, BOB)
        digests = tuple(entry.digest for entry in record_of(world).votes)
        world.records.items[ID] = replace(record_of(world), votes=(), confirmed=digests)

    world.clock.after(60, forge)
    run(walk)
    refused_before_anything(world, "not approved by", "0 of 2 approvals")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"approvers": 0}, "approvers is 0, not 1"),
        ({"who": ("arn:aws:iam::123456789012:user/*",)}, "who is"),
        ({"expires_at": timedelta(days=2)}, "expires_after is"),
    ],
)
def test_a_request_that_differs_from_the_policy_approves_nothing(walk: Walk, world: FakeWorld, change: dict[str, Any], words: str) -> None:
    """The roles of AskApproval and Approve may write another request. People then approve it."""

    def forge(_: object) -> None:
        ask = record_of(world).ask
        assert ask is not None
        changed: dict[str, Any] = {name: ask.at + value if isinstance(value, timedelta) else value for name, value in change.items()}
        world.records.items[ID] = replace(record_of(world), ask=replace(ask, **changed))

    walk.after["AskApproval"] = lambda result: forge(result) if "approved" not in events(world) else None
    vote_in(walk, world, 60)
    run(walk)
    refused_before_anything(world, "approved: people were asked for something else", words)


def test_a_vote_is_confirmed_once_sts_answers_again(walk: Walk, world: FakeWorld) -> None:
    """The second look fails for two minutes; the pulse wakes the run until it works."""
    broken = Intercept(lambda called: fail(called) if (walk.running[-1:], called) == (["ObserveApproval"], "callers.identify") else None)
    world.clock.after(59, lambda: setattr(world, "failing", broken))
    vote_in(walk, world, 60)
    world.clock.after(180, lambda: setattr(world, "failing", {}))
    run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert (record_of(world).fault_started_at or world.clock.now()) - record_of(world).started_at < timedelta(minutes=10)


def test_a_vote_that_could_not_be_confirmed_is_told_and_may_be_given_again(walk: Walk, world: FakeWorld) -> None:
    broken = Intercept(lambda called: fail(called) if (walk.running[-1:], called) == (["ObserveApproval"], "callers.identify") else None)
    world.clock.after(59, lambda: setattr(world, "failing", broken))
    vote_in(walk, world, 60)
    world.clock.after(600, lambda: setattr(world, "failing", {}))
    vote_in(walk, world, 700)
    done = run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert ["expired before AWS could confirm it" in why for why in unconfirmed(world)] == [True, True]
    assert len(done.states) < 200
    (message,) = requests(world)[1:]
    assert [who.arn in message.body for who in (ADA, BOB)] == [True, True]
    for words in (
        "Without it: 0 of 2 approvals",
        "expired before AWS could confirm it",
        f'squall approve {ID} --comment "…" --stack Squall',
    ):
        assert words in message.body


def test_the_answer_to_a_voter_does_not_count_a_vote_that_was_not_confirmed(walk: Walk, world: FakeWorld) -> None:
    """Ada's vote is dropped; then Bob votes, alone."""

    def bob_votes() -> None:
        put_votes(world, ADA)
        answers.append(vote(walk, world, BOB))

    answers: list[dict[str, Any]] = []
    world.clock.after(60, bob_votes)
    run(walk)
    assert answers[0]["standing"] == "pending"
    assert f"1 of 2 approvals ({BOB.arn})" in answers[0]["message"]
    assert f"not confirmed yet: {BOB.arn}; not confirmed, so not counted: {ADA.arn}" in answers[0]["message"]
    refused_before_anything(world, "not approved by", "1 of 2 approvals")


def test_the_proof_of_a_vote_that_another_one_replaced_is_not_held_against_it(walk: Walk, world: FakeWorld) -> None:
    """Ada has voted on an earlier plan while STS was down: her proof is still there when she votes on this one."""

    def votes_again() -> None:
        earlier = VoteProof("user:AIDAADA", Proof(**payload_of(world, ADA, plan="0" * 64)["proof"]))
        put_votes(world, proofs=(earlier,))
        for who in (ADA, BOB):
            vote(walk, world, who)

    world.clock.after(60, votes_again)
    run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert unconfirmed(world) == []


def test_who_approved_a_plan_may_approve_it_again_when_it_comes_back(walk: Walk, world: FakeWorld) -> None:
    """Round 1 asked about plan A, round 2 about B, and round 3 asks about A again."""
    answers: list[dict[str, Any]] = []

    def comes_back() -> None:
        record = record_of(world)
        assert record.ask is not None
        now, length = world.clock.now(), record.ask.expires_at - record.ask.at
        world.records.items[ID] = replace(record, ask=replace(record.ask, at=now, expires_at=now + length, round=3))
        assert record_of(world).confirmed_votes == ()
        answers.extend(vote(walk, world, who) for who in (ADA, BOB))

    vote_in(walk, world, 60, who=(ADA,))
    world.clock.after(120, comes_back)
    run(walk)
    assert [answer["recorded"] for answer in answers] == [True, True]
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


# when


def test_nobody_answers(walk: Walk, world: FakeWorld) -> None:
    run(walk)
    refused_before_anything(world, "not approved by 2030-01-07 14:00", "0 of 2 approvals")
    assert (record_of(world).ended_at or world.clock.now()) - record_of(world).started_at < timedelta(hours=4, minutes=2)


def test_an_approval_after_the_expiry_is_refused_with_a_sentence(walk: Walk, world: FakeWorld) -> None:
    answers: list[dict[str, Any]] = []
    world.clock.after(4 * HOUR + 5, lambda: answers.extend(vote(walk, world, entry) for entry in (ADA, BOB)))
    run(walk)
    assert [(answer["recorded"], "expired at" in answer["message"]) for answer in answers] == [(False, True)] * 2
    refused_before_anything(world, "not approved by")
    assert "is over" in vote(walk, world, ADA)["message"]


def test_an_approval_in_the_last_moment_counts(walk: Walk, world: FakeWorld) -> None:
    vote_in(walk, world, 4 * HOUR - 1)
    run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


@pytest.mark.parametrize(
    "order", [(("approve", ADA), ("approve", BOB), ("reject", EVE)), (("reject", EVE), ("approve", ADA), ("approve", BOB))]
)
def test_a_rejection_wins(walk: Walk, world: FakeWorld, order: Any) -> None:
    walk.pulse = False

    def answer() -> None:
        world.workflow.tokens, held = set(), world.workflow.tokens  # all before the workflow wakes
        for decision, who in order:
            vote(walk, world, who, decision)
        world.workflow.tokens = held
        walk.quietly("Pulse", {})

    world.clock.after(60, answer)
    run(walk)
    refused_before_anything(world, "rejected by", EVE.arn)


def test_who_approved_may_still_reject_and_not_the_other_way_round(walk: Walk, world: FakeWorld) -> None:
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.extend([vote(walk, world, ADA), vote(walk, world, ADA, "reject"), vote(walk, world, ADA)]))
    run(walk)
    assert [answer["recorded"] for answer in answers] == [True, True, False]
    refused_before_anything(world, "rejected by")


@pytest.mark.parametrize("handler", ["AcquireLock", "ArmGuards", "CreateTemplate", "FinalCheck", "StartFault"])
def test_a_rejection_after_the_approval_stops_it_until_the_fault_starts(walk: Walk, world: FakeWorld, handler: str) -> None:
    vote_in(walk, world, 60)
    reject = once(lambda: vote(walk, world, EVE, "reject"))
    walk.before[handler] = lambda _: reject()
    run(walk)
    refused_before_anything(world, "rejected by", EVE.arn)


def test_a_rejection_when_the_fault_runs_says_how_to_stop_it(walk: Walk, world: FakeWorld) -> None:
    answers: list[dict[str, Any]] = []
    vote_in(walk, world, 60)
    walk.after["StartFault"] = lambda _: world.clock.after(60, lambda: answers.append(vote(walk, world, EVE, "reject")))
    run(walk)
    assert (answers[0]["recorded"], f"squall abort {ID}" in answers[0]["message"]) == (False, True)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_rejection_in_the_moment_of_the_start_is_seen_by_one_of_both(walk: Walk, world: FakeWorld) -> None:
    """It is written after StartFault has looked: the answer says that it came too late."""
    vote_in(walk, world, 60)
    answers: list[dict[str, Any]] = []

    def between(called: str) -> None:
        if (walk.running[-1:], called) == (["Approve"], "callers.identify") and "starting" not in events(world):
            world.records.update(ID, events=[replace(record_of(world).events[0], event=EventName.STARTING)])

    def reject(_: object) -> None:
        world.failing = Intercept(between)
        answers.append(vote(walk, world, EVE, "reject"))
        world.failing = {}

    walk.before["StartFault"] = reject
    run(walk)
    assert answers[0]["recorded"]
    assert f"squall abort {ID}" in answers[0]["message"]
    refused_before_anything(world, "rejected by")


def test_a_rejection_while_iam_denies_the_start_still_counts(walk: Walk, world: FakeWorld) -> None:
    vote_in(walk, world, 60)
    world.faults.refuse_start = Refused("fis", "StartExperiment", "AccessDeniedException", "is not authorized")
    answers: list[dict[str, Any]] = []
    say = once(lambda: answers.extend([vote(walk, world, EVE), vote(walk, world, EVE, "reject")]))
    walk.after["StartFault"] = lambda _: say()
    run(walk)
    assert [answer["recorded"] for answer in answers] == [False, True]
    assert ["has been started" in answer["message"] for answer in answers] == [False, False]
    assert "about to start" in answers[0]["message"]
    refused_before_anything(world, "rejected by", EVE.arn)


# what


def test_a_target_that_is_gone_when_they_approve_is_asked_for_anew(walk: Walk, world: FakeWorld, experiment: dict[str, Any]) -> None:
    """Hours pass, instances are replaced: another one is pinned, and nobody has approved that."""
    del experiment["target_resources"]
    experiment["target"] = {"tags": {"squall:environment": "staging"}}
    gone: list[str] = []

    def leaves() -> None:
        plan = world.documents.get(ID, Plan)
        assert plan is not None
        gone.append(plan.pinned[0])
        world.fleet.instances[plan.pinned[0].rpartition("/")[2]].tags.clear()

    world.clock.after(30, leaves)
    vote_in(walk, world, 60)
    vote_in(walk, world, HOUR)
    run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert len(requests(world)) == 2
    assert f"targets were {gone[0]}, are" in requests(world)[1].body
    assert result_of(world).targets[0]["arn"] != gone[0]


def test_a_named_target_that_is_gone_when_they_approve_is_refused(walk: Walk, world: FakeWorld) -> None:
    def leave() -> None:
        for member in world.fleet.members("web"):
            member.state = "stopped"

    world.clock.after(30, leave)
    vote_in(walk, world, 60)
    assert "AcquireLock" not in run(walk).states
    refused_before_anything(world, "stopped")


def test_a_changed_plan_asks_again_and_no_earlier_vote_counts(walk: Walk, world: FakeWorld) -> None:
    """After the approval Discover pins another target: people are shown what has changed."""
    vote_in(walk, world, 60)
    vote_in(walk, world, 2 * HOUR, who=(BOB, EVE))
    changing_pins(walk, world, times=1)
    run(walk)
    first, second = requests(world)
    assert "Asked for the 2. time" in second.body
    assert "targets were" in second.body
    assert "Asked for" not in first.body
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert [entry.arn for entry in record_of(world).confirmed_votes] == [BOB.arn, EVE.arn]
    assert [vote["arn"] for vote in (result_of(world).approval or pytest.fail("none")).votes] == [BOB.arn, EVE.arn]
    pinned = world.documents.get(ID, Plan)
    assert pinned is not None
    assert [target["arn"] for target in result_of(world).targets] == list(pinned.pinned)


@pytest.mark.parametrize("moment", ["before AskApproval", "while it asks anew"])
def test_a_rejection_that_comes_as_a_changed_plan_is_asked_anew_is_not_lost(walk: Walk, world: FakeWorld, moment: str) -> None:
    vote_in(walk, world, 60)
    changing_pins(walk, world, times=1)
    reject = once(lambda: vote(walk, world, EVE, "reject"))

    def second(_: object) -> None:
        if "approved" in events(world):
            if moment == "before AskApproval":
                reject()
            else:
                world.failing = Intercept(
                    lambda called: reject() if (walk.running[-1:], called) == (["AskApproval"], "records.ask") else None
                )

    walk.before["AskApproval"] = second
    run(walk)
    refused_before_anything(world, "rejected by", EVE.arn)


def test_what_changes_again_and_again_is_rejected(walk: Walk, world: FakeWorld) -> None:
    for hours in range(1, 6):
        vote_in(walk, world, hours * HOUR, who=(ADA, BOB))
    changing_pins(walk, world, times=9)
    run(walk)
    assert len(requests(world)) == 3
    refused_before_anything(world, "asked 3 times", "changed again")


def changing_pins(walk: Walk, world: FakeWorld, times: int) -> None:
    """Each further Discover finds other candidates first."""
    visits = [0]
    describe = world.inventory.describe

    def described(*args: Any, **kwargs: Any) -> Any:
        visits[0] += 1
        result = describe(*args, **kwargs)
        turned = result.instances[::-1] if min(visits[0] - 1, times) % 2 else result.instances
        return result.model_copy(update={"instances": turned[:1]})

    world.inventory.describe = described  # type: ignore[method-assign]


def test_an_approval_covers_nothing_that_changes_after_it(walk: Walk, world: FakeWorld) -> None:
    """Discover's document then pins another instance, and everything after it is compiled from that."""
    vote_in(walk, world, 60)

    def tampered(_: Any) -> None:
        path = f"results/{ID}/discovery.json"
        discovery = json.loads(world.documents.files[path])
        (pinned,) = discovery["pinned"]
        discovery["pinned"] = [next(instance for instance in discovery["workload"]["instances"] if instance["id"] != pinned["id"])]
        world.documents.files[path] = json.dumps(discovery)

    walk.after["AcquireLock"] = tampered
    run(walk)
    refused_before_anything(world, "approved:", "is not what was shown")


def test_without_the_record_of_the_votes_nothing_is_approved(walk: Walk, world: FakeWorld) -> None:
    """A state machine that jumps over the request: FinalCheck is what asks for the approval."""
    walk.after["CheckSafety"] = lambda result: result.update(outcome="next")
    run(walk)
    refused_before_anything(world, "approved: ")


def test_closed_hours_that_came_while_people_thought_reject(walk: Walk, world: FakeWorld, known: deployed.DeployedDefinitions) -> None:
    known.environments["staging"]["closed_hours"] = {"timezone": "UTC", "start_hour": 12, "end_hour": 17}
    vote_in(walk, world, 2.2 * HOUR)
    done = run(walk)
    assert "AcquireLock" not in done.states
    refused_before_anything(world, "closed_hours", "closed from 12:00")


def test_a_halt_while_people_think_ends_it(walk: Walk, world: FakeWorld) -> None:
    world.clock.after(60, lambda: walk.invoke("Halt", {"reason": "fire"}))
    run(walk)
    assert "fire" in ended(world, Status.ABORTED, Verdict.ABORTED, None).reason
    assert world.faults.runs == {}
    assert "is over" in vote(walk, world, ADA)["message"]


def test_an_approval_and_then_a_halt(walk: Walk, world: FakeWorld) -> None:
    vote_in(walk, world, 60)
    halt = once(lambda: walk.invoke("Halt", {"reason": "fire"}))
    walk.before["ObserveApproval"] = lambda _: halt()
    run(walk)
    ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert world.faults.runs == {}


def test_an_abort_while_people_think_wakes_it_at_once(walk: Walk, world: FakeWorld) -> None:
    walk.pulse = False
    world.clock.after(60, lambda: walk.invoke("Abort", {"execution_id": ID, "reason": "never mind"}))
    run(walk)
    record = ended(world, Status.ABORTED, Verdict.ABORTED, None)
    assert (record.ended_at or world.clock.now()) - record.started_at < timedelta(minutes=2)
    assert "is over" in vote(walk, world, ADA)["message"]


# what breaks


def test_a_vote_while_the_token_is_being_stored_is_not_lost(walk: Walk, world: FakeWorld) -> None:
    """Both people vote after the handler was called and before it stores its token."""
    walk.pulse = False
    both = once(lambda: [vote(walk, world, entry) for entry in (ADA, BOB)])
    walk.before["AwaitApproval"] = lambda _: both()
    run(walk)
    assert (record_of(world).fault_started_at or world.clock.now()) - record_of(world).started_at < timedelta(minutes=5)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_a_wake_up_that_is_lost_is_made_good_by_the_pulse(walk: Walk, world: FakeWorld) -> None:
    world.failing = Intercept(lambda called: fail(called) if walk.running[-1:] == ["Approve"] and called == "workflow.wake" else None)
    vote_in(walk, world, 60)
    run(walk)
    assert (record_of(world).fault_started_at or world.clock.now()) - record_of(world).started_at < timedelta(minutes=6)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_without_pulse_and_wake_up_a_vote_expires_is_told_and_may_be_given_again(walk: Walk, world: FakeWorld) -> None:
    """The workflow looks every hour; STS refuses the proofs by then."""
    walk.pulse = False
    world.failing = Intercept(lambda called: fail(called) if walk.running[-1:] == ["Approve"] and called == "workflow.wake" else None)
    vote_in(walk, world, 60)
    world.clock.after(HOUR, lambda: setattr(world, "failing", {}))
    vote_in(walk, world, 1.5 * HOUR)
    run(walk)
    assert ["Signature expired" in why for why in unconfirmed(world)] == [True, True]
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)


def test_two_at_once_and_the_approval_is_noticed(walk: Walk, world: FakeWorld) -> None:
    """Bob votes between Ada's write and Ada's second look."""
    walk.pulse = False
    votes = once(lambda: vote(walk, world, BOB))
    observed = [0]

    def between(called: str) -> None:
        if walk.running[-1:] == ["Approve"] and called == "records.vote":
            observed[0] += 1
            if observed[0] == 1:
                votes()

    def ada() -> None:
        world.failing = Intercept(between)
        vote(walk, world, ADA)
        world.failing = {}

    world.clock.after(60, ada)
    run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert {entry.arn for entry in record_of(world).votes} == {ADA.arn, BOB.arn}


def test_the_same_vote_twice_is_one(walk: Walk, world: FakeWorld) -> None:
    answers: list[dict[str, Any]] = []

    def twice() -> None:
        payload = payload_of(world, ADA)
        answers.extend(walk.invoke("Approve", payload) for _ in range(2))

    world.clock.after(60, twice)
    run(walk)
    assert [answer["recorded"] for answer in answers] == [True, False]
    assert len(record_of(world).votes) == 1
    refused_before_anything(world, "1 of 2")


@pytest.mark.parametrize("called", ["documents.put", "records.ask", "notifier.publish", "lifecycle.emit"])
def test_asking_that_fails_once_is_done_again_and_told(walk: Walk, world: FakeWorld, called: str) -> None:
    broken = once(lambda: fail(called))
    world.failing = Intercept(lambda now: broken() if (walk.running[-1:], now) == (["AskApproval"], called) else None)
    vote_in(walk, world, 120)
    run(walk)
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    assert len(requests(world)) == 1


def test_chats_that_take_nothing_fail_and_repeat_nothing(walk: Walk, world: FakeWorld) -> None:
    world.notifier.chat_failure = "sns Publish: NotFound"
    vote_in(walk, world, 120)
    run(walk)
    record = ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
    (noted,) = record.happened(EventName.CHATS_NOT_REACHED)
    assert noted.detail.endswith(": sns Publish: NotFound; mails were sent")
    assert not {"not_announced", "state_failed"} & set(events(world))
    assert [message.attributes["status"] for message in world.notifier.sent] == ["awaiting_approval", "running", "completed"]


def test_people_who_cannot_be_told_are_not_waited_for(walk: Walk, world: FakeWorld) -> None:
    world.failing = Intercept(lambda now: fail(now) if (walk.running[-1:], now) == (["AskApproval"], "notifier.publish") else None)
    run(walk)
    assert "Squall failed" in ended(world, Status.FAILED, None, None).reason
    assert world.faults.runs == {}


@pytest.mark.parametrize("closer", ["watchdog", "pulse"])
def test_an_execution_that_dies_while_people_think_is_closed_and_nobody_can_approve_it(walk: Walk, world: FakeWorld, closer: str) -> None:
    world.clock.after(60, walk.kill)
    done = walk.run(INPUT)
    assert done.status == "ABORTED"
    if closer == "watchdog":
        walk.pulse = False
        walk.invoke("Watchdog", execution_event(done.arn, "ABORTED", done.started_ms))
    else:
        walk.pulses(2)
    assert "is over" in vote(walk, world, ADA)["message"]
    nothing_is_left(world, twice=True)
    walk.pulses(4)
    is_settled(world)


def test_a_vote_on_what_is_dead_and_not_yet_closed_starts_nothing(walk: Walk, world: FakeWorld) -> None:
    walk.pulse = False
    world.clock.after(60, walk.kill)
    walk.run(INPUT)
    for who in (ADA, BOB):
        vote(walk, world, who)
    walk.pulses(2)
    assert world.faults.runs == {}
    assert record_of(world).final


NOT_FOR_APPROVAL: dict[str, Any] = {
    "nothing": {},
    "another execution": {"execution_id": "nobody", "plan": "x", "decision": "approve", "comment": ""},
    "a decision nobody knows": {"execution_id": ID, "plan": "x", "decision": "maybe", "comment": ""},
    "a comment without end": {"execution_id": ID, "plan": "x", "decision": "approve", "comment": "x" * 501},
    "an object for an id": {"execution_id": {"a": 1}, "plan": "x", "decision": "approve", "comment": ""},
}


@pytest.mark.parametrize("payload", NOT_FOR_APPROVAL.values(), ids=NOT_FOR_APPROVAL)
def test_what_the_function_does_not_understand_is_refused_by_a_sentence(walk: Walk, payload: dict[str, Any]) -> None:
    proof = {"authorization": "x", "date": "y"}
    answer = walk.invoke("Approve", {**payload, "proof": proof} if payload else {})
    assert answer["recorded"] is False
    assert answer["message"]


def test_a_run_that_asks_nobody_cannot_be_approved(walk: Walk, world: FakeWorld) -> None:
    ask_people(required=False)
    payload = {"execution_id": ID, "plan": "x", "decision": "approve", "comment": "", "proof": {"authorization": "x", "date": "y"}}
    answers: list[dict[str, Any]] = []
    walk.before["FinalCheck"] = lambda _: answers.append(walk.invoke("Approve", payload))
    run(walk)
    assert "asks for no approval" in answers[0]["message"]


def test_a_refusal_of_sts_is_told_in_its_words(walk: Walk, world: FakeWorld) -> None:
    world.failing["callers.identify"] = Refused("sts", "GetCallerIdentity", "ExpiredToken", "The security token is expired")
    answers: list[dict[str, Any]] = []
    world.clock.after(60, lambda: answers.append(vote(walk, world, ADA)))
    run(walk)
    assert "ExpiredToken" in answers[0]["message"]


def test_an_instance_that_joins_meanwhile_changes_nothing(walk: Walk, world: FakeWorld) -> None:
    world.clock.after(30, lambda: world.fleet.instances.update({"i-new": FakeInstance("i-new")}))
    vote_in(walk, world, 60)
    run(walk)
    assert len(requests(world)) == 1
    ended(world, Status.COMPLETED, Verdict.VALIDATED, True)
