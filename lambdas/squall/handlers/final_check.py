"""FinalCheck: the same checks again, against now and the whole remaining length, with guards, lease and targets as they are."""

from squall.application.safety.checks import check
from squall.application.step import NEXT, Outcome, Step, step
from squall.domain.documents.guards import Guards
from squall.domain.vocabulary import Mode, Status


@step("FinalCheck")
def handler(step: Step) -> Outcome:
    safety = check(step, final=True, guards=step.need(Guards))
    step.put(safety)
    if not safety.passed:
        failed = "; ".join(f"{failure.name}: {failure.detail}" for failure in safety.failures)
        return step.reject(f"right before the fault: {failed}"[:2000])
    if step.definition.mode is Mode.PLAN:
        return step.decide(Status.PLANNED, "everything was prepared; a plan injects nothing")
    step.note("finally_safe", safety.summary)
    return NEXT
