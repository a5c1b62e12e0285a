"""People who are asked, and what they say, through the Approve function as deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.application.admission import admit
from squall.domain.approval.identity_proof import Statement
from squall.domain.approval.people import Caller
from squall.domain.approval.votes import Decision
from tests.fakes.callers import user
from tests.workflow.endings import ID, record_of

if TYPE_CHECKING:
    from tests.fakes.world import FakeWorld
    from tests.workflow.driver import Driver

ADA, BOB, EVE = user("ada"), user("bob"), user("eve")
POLICY: dict[str, Any] = {"approvers": 1, "expires_after": "PT4H"}
OF_APPROVAL = frozenset({"AskApproval", "Asked", "AwaitApproval", "ObserveApproval", "ApprovalObserved", "Approve"})
"""States and functions that nobody visits unless people are asked."""


def ask_people(**policy: Any) -> None:
    """Make staging ask for approval."""
    staging = admit.load_deployed().environments["staging"]  # type: ignore[attr-defined]
    staging["approval"] = {**POLICY, **policy}


def approval_for(name: str, walk: Driver, world: FakeWorld) -> None:
    """For the states and functions of approval: people are asked, and approve after ten minutes."""
    if name in OF_APPROVAL:
        ask_people()
        vote_in(walk, world, 600)


def payload_of(world: FakeWorld, who: Caller, decision: str = "approve", comment: str = "fine", **changes: Any) -> dict[str, Any]:
    """What `squall approve` sends: signed over the plan that is asked now, unless `changes` say otherwise."""
    record = record_of(world)
    assert record.ask is not None
    answer = {"plan": record.ask.plan, "decision": decision, "comment": comment, **changes}
    statement = Statement(record.execution_arn, answer["plan"], Decision(answer["decision"]), answer["comment"])
    signed = world.callers.sign(who, statement, world.clock.now())
    return {"execution_id": ID, **answer, "proof": {"authorization": signed.authorization, "date": signed.date}}


def vote(walk: Driver, world: FakeWorld, who: Caller, decision: str = "approve", **changes: Any) -> dict[str, Any]:
    """Say it; returns what the function answered."""
    answer: dict[str, Any] = walk.invoke("Approve", payload_of(world, who, decision, **changes))
    return answer


def vote_in(walk: Driver, world: FakeWorld, seconds: float, *, who: tuple[Caller, ...] = (ADA, BOB), decision: str = "approve") -> None:
    """People answer so many seconds from now, if they are asked then."""

    def answer() -> None:
        if walk.alive() and record_of(world).ask:
            for entry in who:
                walk.quietly("Approve", payload_of(world, entry, decision))

    world.clock.after(seconds, answer)
