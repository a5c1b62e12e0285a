"""CheckSafety: every check is evaluated and recorded; one that fails or can't be evaluated refuses the run.

`wait` is for people: the environment asks for approval.
"""

from squall.application.approval.request import is_asked
from squall.application.safety.checks import check
from squall.application.step import NEXT, Outcome, Step, step, wait
from squall.domain.documents.refusal import Refusal


@step("CheckSafety")
def handler(step: Step) -> Outcome:
    safety = check(step, final=False)
    step.put(safety)
    refusal = step.find(Refusal)
    problems = refusal.problems if refusal else ()
    if safety.passed and not problems:
        step.note("safety_checked", safety.summary)
        return wait(1) if is_asked(step.definition) else NEXT
    failed = [f"{failure.name}: {failure.detail}" for failure in safety.failures]
    return step.reject("; ".join((*failed, *(str(problem) for problem in problems)))[:2000])
