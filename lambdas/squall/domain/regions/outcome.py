"""One ending of a run over several Regions, from the ending of each Region's part.

It is `validated` only if every part is. What is not known of a part is never taken for the better.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from squall.domain.base.vocabulary import Status, Verdict


@dataclass(frozen=True)
class PartEnd:
    """How the part in one Region ended."""

    region: str
    status: Status | None
    """None if it is not known: the record could not be read, or is not final."""
    verdict: Verdict | None = None
    hypothesis_validated: bool | None = None
    reason: str = ""

    @property
    def words(self) -> str:
        """The ending for people: the verdict, or the status where there is none."""
        word = self.verdict or self.status or "unknown"
        return f"{self.region}: {word.replace('_', ' ')}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True)
class WholeEnd:
    """How the whole run ended."""

    status: Status
    verdict: Verdict | None
    hypothesis_validated: bool | None
    reason: str
    """The ending of each Region, in the order in which the experiment names them."""


_VALIDATED = (Status.COMPLETED, Verdict.VALIDATED, True)
_REFUTED = (Status.COMPLETED, Verdict.REFUTED, False)
_INCONCLUSIVE = (Status.COMPLETED, Verdict.INCONCLUSIVE, None)
_INVALID = (Status.COMPLETED, Verdict.INVALID, None)
_GUARD = (Status.ABORTED, Verdict.ABORTED, False)
_STOPPED = (Status.ABORTED, Verdict.ABORTED, None)
_REJECTED = (Status.REJECTED, None, None)
_PLANNED = (Status.PLANNED, None, None)
_FAILED = (Status.FAILED, None, None)
Ending = tuple[Status, Verdict | None, bool | None]
ENDINGS: tuple[Ending, ...] = (_GUARD, _REFUTED, _FAILED, _STOPPED, _REJECTED, _INVALID, _INCONCLUSIVE, _PLANNED, _VALIDATED)
"""Every way in which a run can end, by what decides first. A Region that shows the hypothesis false decides: it is false
whatever happened elsewhere. Then comes what leaves the answer open, and `validated` is what is left."""


def combine_ends(parts: Sequence[PartEnd]) -> WholeEnd:
    """The ending of the run. Raises ValueError if there are no parts: nobody may then say anything about the run."""
    if not parts:
        raise ValueError("a run over several Regions has parts")
    endings = {_read_ending(part) for part in parts}
    return WholeEnd(*_choose_ending(endings), reason="; ".join(part.words for part in parts))


def _read_ending(part: PartEnd) -> Ending:
    """The part's ending. A combination that no run has counts as failed, as does an unknown ending."""
    ending = (part.status, part.verdict, part.hypothesis_validated)
    return next((known for known in ENDINGS if known == ending), _FAILED)


def _choose_ending(endings: set[Ending]) -> Ending:
    first = next(known for known in ENDINGS if known in endings)
    if first == _REJECTED and endings - {_REJECTED, _PLANNED}:
        return _INVALID  # the experiment was not carried out in every Region
    if _PLANNED in endings and first in {_INCONCLUSIVE, _PLANNED} and endings != {_PLANNED}:
        return _FAILED  # a plan injects nothing anywhere
    return first
