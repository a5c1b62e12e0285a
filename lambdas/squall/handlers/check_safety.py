"""CheckSafety: every check is evaluated and recorded; one that fails or can't be evaluated refuses the run."""

from squall.application.checking import check
from squall.application.step import NEXT, Outcome, Step, step
from squall.domain.documents import Refusal


@step("CheckSafety")
def handler(step: Step) -> Outcome:
    safety = check(step, final=False)
    step.put("safety", safety)
    refusal = step.find("refusal", Refusal)
    problems = refusal.problems if refusal else ()
    if safety.passed and not problems:
        step.note("safety_checked", safety.summary)
        return NEXT
    failed = [f"{failure.name}: {failure.detail}" for failure in safety.failures]
    return step.reject("; ".join((*failed, *(str(problem) for problem in problems)))[:2000])
