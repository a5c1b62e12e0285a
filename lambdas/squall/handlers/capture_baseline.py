"""CaptureBaseline: read the history that is already there, wait only for what is missing; the steady state must hold."""

from datetime import timedelta

from squall.application.metrics.baseline import assess_history, read_history
from squall.application.sentinel import start_probing
from squall.application.step import NEXT, Outcome, Step, step, wait


@step("CaptureBaseline")
def handler(step: Step) -> Outcome:
    bound = step.definition.environment.timing.baseline_wait_seconds
    start_probing(step)
    found = read_history(step)
    missing = found.missing_seconds(step)
    if missing and step.elapsed < timedelta(seconds=bound):
        return wait(min(missing, bound))
    baseline = assess_history(step, found)
    step.put(baseline)
    if not baseline.steady:
        return step.invalid("the steady state does not hold before the fault: " + "; ".join(baseline.violations))
    window = baseline.window
    said = [f"{window.periods} periods of {window.period_seconds} s", *(cut.said for cut in baseline.cut)]
    step.note("baseline_captured", "; ".join(said))
    return NEXT
