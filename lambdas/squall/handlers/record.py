"""Record writes the result document and makes the record final."""

from squall.application.result.finish import record_result
from squall.application.step import Outcome, Step, step


@step("Record", closing=True)
def handler(step: Step) -> Outcome:
    return record_result(step)
