"""Prerequisites of faults as safety checks."""

from collections.abc import Sequence

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.documents.safety import SafetyCheck


def make_check(name: str, ok: bool, detail: str) -> SafetyCheck:
    """A prerequisite as a safety check that passed or failed."""
    return SafetyCheck(name=name, outcome=CheckOutcome.PASSED if ok else CheckOutcome.FAILED, detail=detail)


def check_targets(name: str, targets: Sequence[object], wrong: Sequence[object], refusal: str, confirmation: str) -> SafetyCheck:
    """A prerequisite of every target. It holds if there are targets and nothing is wrong with any of them."""
    return make_check(name, bool(targets) and not wrong, refusal if wrong else confirmation)
