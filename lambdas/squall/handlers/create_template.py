"""CreateTemplate creates the execution's own FIS template and ties the guards to it."""

from squall.application.fault.template import create_template
from squall.application.step import Outcome, Step, step


@step("CreateTemplate")
def handler(step: Step) -> Outcome:
    return create_template(step)
