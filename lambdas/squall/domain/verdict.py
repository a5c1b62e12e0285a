"""One pure function from evidence to verdict, and the table of what each outcome means outside."""

from collections.abc import Sequence
from dataclasses import dataclass

from squall.domain.documents import CriterionResult
from squall.domain.record import Abort
from squall.domain.vocabulary import Status, Verdict


@dataclass(frozen=True)
class Decision:
    status: Status
    verdict: Verdict | None
    hypothesis_validated: bool | None
    reason: str


def decide(
    *,
    criteria: Sequence[CriterionResult],
    abort: Abort | None,
    injected: bool,
    proven: bool,
    invalid_reason: str = "",
) -> Decision:
    """Priority: invalid > aborted > refuted > inconclusive > validated."""
    raise NotImplementedError


def hypothesis_validated(verdict: Verdict | None, abort: Abort | None) -> bool | None:
    raise NotImplementedError


def exit_code(status: Status, verdict: Verdict | None) -> int:
    """What `squall run` exits with."""
    raise NotImplementedError
