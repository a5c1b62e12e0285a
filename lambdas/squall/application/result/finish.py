"""The ordinary end of a run: the result is written, the record becomes final, and people and machines are notified."""

from squall.application.regions.barrier import ask_home
from squall.application.result.record import agreed_result, announce_result, decision_of, write_result
from squall.application.step import NEXT, Outcome, Step
from squall.domain.documents.judgement import Judgement
from squall.domain.run.timeline import EventName


def record_result(step: Step) -> Outcome:
    """Write the result document, then make the record final, once."""
    if step.record.final:
        return NEXT  # repeated, or closed by the watchdog
    decision = decision_of(step.record, step.find(Judgement), step.failure)
    ended_at = step.w.clock.now()
    write_result(step.w, step.record, decision, ended_at)
    recorded = step.w.records.finish(
        step.run.id,
        status=decision.status,
        verdict=decision.verdict,
        hypothesis_validated=decision.hypothesis_validated,
        reason=decision.reason,
        ended_at=ended_at,
        events=[step.event(EventName.RECORDED, f"{decision.status} {decision.verdict or ''}".strip())],
    )
    closed = None if recorded else step.w.records.get(step.run.id)
    if closed:
        agreed_result(step.w, closed)  # somebody closed the run while its result was being written
    return NEXT


def tell_ending(step: Step) -> Outcome:
    """Notify people and machines how the run ended; of a part also home, which waits for the ends of all."""
    try:
        if not step.record.closed_by:
            announce_result(step.w, step.record)
    finally:  # home does not wait because people could not be told
        if step.record.part is not None:
            ask_home(step.w, step.record.part)
    return NEXT
