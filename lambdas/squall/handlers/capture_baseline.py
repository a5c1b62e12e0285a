"""CaptureBaseline reads the metrics before the fault. The steady state must hold."""

from squall.application.metrics.baseline import capture_baseline
from squall.application.step import Outcome, Step, step


@step("CaptureBaseline")
def handler(step: Step) -> Outcome:
    return capture_baseline(step)
