"""`safety.json` and `final_check.json`: each safety check with its outcome."""

from datetime import datetime

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import (
    CheckOutcome,
)
from squall.domain.documents.document import Document
from squall.domain.documents.false_aborts import FalseAborts


class SafetyCheck(Model):
    name: str
    outcome: CheckOutcome
    detail: str
    """A sentence with the values that decided the outcome."""


class Safety(Document):
    """`safety.json`, by CheckSafety: every check with its outcome."""

    NAME = "safety"

    at: datetime
    checks: tuple[SafetyCheck, ...]
    false_aborts: tuple[FalseAborts, ...] = ()
    """How often each guard would have aborted healthy runs, as CheckSafety counted it. Empty in documents of earlier versions."""

    @property
    def passed(self) -> bool:
        return bool(self.checks) and not self.failures

    @property
    def failures(self) -> tuple[SafetyCheck, ...]:
        return tuple(check for check in self.checks if check.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED})

    @property
    def summary(self) -> str:
        """The number of checks that passed, and the warnings."""
        warned = "".join(f"; {check.name} warned: {check.detail}" for check in self.warnings)
        return f"{len(self.checks) - len(self.warnings) - len(self.failures)} checks passed{warned}"

    @property
    def warnings(self) -> tuple[SafetyCheck, ...]:
        return tuple(check for check in self.checks if check.outcome is CheckOutcome.WARNED)


class FinalCheck(Safety):
    """`final_check.json`, by FinalCheck: the safety checks, evaluated again right before the fault."""

    NAME = "final_check"
