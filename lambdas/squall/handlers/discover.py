"""Discover finds the targets, pins some of them, and finds their metrics."""

from squall.application.step import Outcome, Step, step
from squall.application.targets.discover import discover_targets


@step("Discover")
def handler(step: Step) -> Outcome:
    return discover_targets(step)
