"""Record: write the result document, then make the record final, once."""

from squall.application.result.record import agreed_result, decision_of, write_result
from squall.application.step import NEXT, Outcome, Step, step
from squall.domain.documents.judgement import Judgement


@step("Record", closing=True)
def handler(step: Step) -> Outcome:
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
        events=[step.event("recorded", f"{decision.status} {decision.verdict or ''}".strip())],
    )
    closed = None if recorded else step.w.records.get(step.run.id)
    if closed:
        agreed_result(step.w, closed)  # somebody closed the run while its result was being written
    return NEXT
