"""The two safety gates: before anything is made, and right before the fault. A check that fails or can't be evaluated
refuses the run."""

from squall.application.approval.request import needs_approval
from squall.application.fault.template import TAG_SECONDS, mark_template_checked, may_be_allowed_soon
from squall.application.regions.barrier import pass_barrier
from squall.application.safety.checks import read_forecasts, run_checks
from squall.application.step import NEXT, Outcome, Step, wait_for
from squall.domain.base.vocabulary import Mode, Status
from squall.domain.documents.refusal import Refusal
from squall.domain.documents.safety import Safety
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable

REASON_CHARACTERS = 2000


def check_safety(step: Step) -> Outcome:
    """Evaluate and record every check. `wait` sends the run to people, where the environment asks for approval."""
    safety = run_checks(step, final=False, false_aborts=read_forecasts(step))
    step.put(safety)
    refusal = step.find(Refusal)
    problems = refusal.problems if refusal else ()
    if safety.passed and not problems:
        step.note(EventName.SAFETY_CHECKED, safety.summary)
        return wait_for(1) if needs_approval(step.definition) else NEXT
    failed = [f"{failure.name}: {failure.detail}" for failure in safety.failures]
    return step.reject("; ".join((*(str(problem) for problem in problems), *failed))[:REASON_CHARACTERS])


def check_before_fault(step: Step) -> Outcome:
    """Evaluate every check again, now and for the whole remaining length, with guards, lease and targets as they
    are. `wait` repeats all of it, while IAM may not know the template's tags yet; `ready` does so when a part of a run over
    several Regions has waited for the others."""
    try:
        return _check_and_mark(step)
    except Unavailable as error:
        if not may_be_allowed_soon(error, step.elapsed):
            raise
        return wait_for(TAG_SECONDS)


def _check_and_mark(step: Step) -> Outcome:
    safety = run_checks(step, final=True, false_aborts=step.need(Safety).false_aborts)
    step.put(safety)
    if not safety.passed:
        failed = "; ".join(f"{failure.name}: {failure.detail}" for failure in safety.failures)
        return step.reject(f"right before the fault: {failed}"[:REASON_CHARACTERS])
    if step.definition.mode is Mode.PLAN:
        return step.decide(Status.PLANNED, "everything was prepared; a plan injects nothing")
    mark_template_checked(step)
    step.note(EventName.FINALLY_SAFE, safety.summary)
    return pass_barrier(step, step.record.part) if step.record.part else NEXT
