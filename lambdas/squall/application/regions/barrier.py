"""The barrier of a part: it waits until every Region is ready, asks again right before FIS is called, and never starts when
home has decided against it, a peer has ended, or it can't be told.

Home's decision is read first, then the peers, then the clock: that order was explored (`tests/chaos/together/barrier.py`).
"""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from squall.application.regions.peers import find_decision, see_peers
from squall.application.step import END, NEXT, Outcome, Step, wait_for
from squall.application.stopping.abort import note_abort, wake_execution
from squall.domain.base.vocabulary import AbortSource
from squall.domain.regions.barrier import Decision, Move, await_start, last_start
from squall.domain.run.part import Part
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from squall.wiring import Wiring

REASON_CHARACTERS = 2000
RETRY_SECONDS = 3
"""Home has decided, and a peer can't be seen: how long until the part looks again, in the 30 seconds it has."""


@dataclass(frozen=True)
class Answer:
    """What the barrier says to a part now."""

    move: Move
    reason: str
    decision: Decision | None
    at: datetime
    """When the last peer had been read."""


def ask_barrier(w: Wiring, part: Part) -> Answer:
    """Read home's decision and the peers, and say what the part does. What can't be read starts nothing."""
    decision = find_decision(w, part)
    peers = see_peers(w, part)
    now = w.clock.now()
    return Answer(*await_start(decision, peers, now, part.start_by), decision, now)


def pass_barrier(step: Step, part: Part) -> Outcome:
    """After FinalCheck has passed: `next` to start the fault, `ready` to wait for the peers, at most `seconds`, `wait` to
    look again soon, or `end`.

    The part says that it is ready before it asks home to decide, so that the last part to get ready brings the decision
    about.
    """
    if step.record.ready_at is None and not step.note(
        EventName.PART_READY, f"last start {last_start(part.start_by):%H:%M:%S} UTC", ready_at=step.now
    ):
        return END
    answer = ask_barrier(step.w, part)
    if answer.move is Move.START:
        return NEXT
    if answer.move is Move.STOP:
        return step.reject(answer.reason[:REASON_CHARACTERS])
    if answer.decision is not None:
        return wait_for(RETRY_SECONDS)
    ask_home(step.w, part)
    left = (last_start(part.start_by) - step.w.clock.now()).total_seconds()
    return {"outcome": "ready", "seconds": max(1, ceil(left) + 1)}


def await_peers(step: Step) -> Outcome:
    """Store the task token, then look for the decision once. Must not raise after it completed its own token.

    Home writes its decision, then reads the tokens of the parts. This function writes the token, then reads the decision.
    Whatever the order, at least one of the two sees the other. If both were lost, the pulse asks home once a minute, and
    the state has an end of its own: then FinalCheck says that it is too late.
    """
    if step.w.records.store_token(step.run.id, step.task_token) is None:
        step.w.workflow.wake(step.task_token)
        return END
    record = step.w.records.get(step.run.id)
    if record is None or record.abort or record.part is None or find_decision(step.w, record.part) is not None:
        step.w.workflow.wake(step.task_token)
    return NEXT


def refuse_to_start(step: Step, part: Part) -> Outcome | None:
    """Asked right before FIS is called: None if the fault may start; otherwise what StartFault answers.

    A part that may have called FIS before, in an attempt that died, is aborted rather than rejected: its fault may run.
    """
    answer = ask_barrier(step.w, part)
    if answer.move is Move.START:
        return None
    if answer.move is Move.WAIT:
        return wait_for(RETRY_SECONDS)
    reason = answer.reason[:REASON_CHARACTERS]
    if not step.record.may_have_started:
        return step.reject(reason)
    now = step.w.clock.now()
    note_abort(step.w, step.run.id, Abort(AbortSource.PEER, reason, now), [], now)
    return END


def ask_home(w: Wiring, part: Part) -> None:
    """Ask home to look now: before its decision, to take it, and once the part is over, to end the run with it. If that is lost, home's
    pulse looks, and nobody starts without a decision."""
    try:
        w.regions.ask_to_decide(part.home, part.run)
    except Unavailable:
        w.logger.exception("home could not be asked to look", extra={"run": part.run, "home": part.home})


def look_after_waiting_part(w: Wiring, record: ExecutionRecord, part: Part) -> str:
    """Wake a part that waits at the barrier when there is something to act on, in case the first attempt to wake it was
    lost. Returns what was done."""
    decision = find_decision(w, part)
    if decision is not None or w.clock.now() >= last_start(part.start_by):
        wake_execution(w, record.id)
        return "woken: home has decided, or it is too late to start"
    ask_home(w, part)
    return "waits for the other Regions"
