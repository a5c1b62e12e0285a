"""Two faults of a scenario that hit the same resource: which of them may, and which may not."""

from collections.abc import Sequence
from dataclasses import dataclass

from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.resources.base import Resource


@dataclass(frozen=True)
class Hit:
    """A fault, and what it hits."""

    fault: PlannedFault
    traits: FaultTraits
    targets: Sequence[Resource]

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(target.id for target in self.targets)

    @property
    def touched(self) -> frozenset[str]:
        """The targets, and everything that is hit together with them."""
        return self.ids | {part for target in self.targets for part in target.hit}


def explain_conflict(first: Hit, second: Hit) -> str:
    """Why the two faults can't hit these targets in one scenario; empty if they can."""
    if sentence := _explain_same(first, second):
        return sentence
    for one, other in ((first, second), (second, first)):
        for explain in (_explain_loss, _explain_claim, _explain_noise, _explain_unknown_cause):
            if sentence := explain(one, other):
                return sentence
    return ""


def _explain_loss(leaving: Hit, other: Hit) -> str:
    """A target that is taken away can't be hit by a fault that has not ended before."""
    lost = sorted(leaving.touched & other.ids) if leaving.traits.targets_leave_at_once else []
    if not lost or leaving.fault.follows(other.fault):
        return ""
    return f"{leaving.fault.words} takes {lost[0]} away, and {other.fault.words} may hit it at the same time or later"


def _explain_claim(holding: Hit, other: Hit) -> str:
    shared = sorted(holding.touched & other.touched)
    claimed = sorted(holding.traits.takes & (other.traits.takes | other.traits.needs))
    if not shared or not claimed or not holding.fault.can_overlap(other.fault):
        return ""
    what = _name_part(claimed[0])
    return f"{holding.fault.words} and {other.fault.words} both use the {what} of {shared[0]}, and neither waits for the other"


def _explain_noise(loud: Hit, told: Hit) -> str:
    """A fault that did nothing looks as if it did, if another one moves what would tell."""
    shared = sorted(loud.touched & told.touched)
    stirred = sorted(loud.traits.stirs & told.traits.told_by)
    if not shared or not stirred or not loud.fault.can_overlap(told.fault):
        return ""
    what = _name_part(stirred[0])
    return (
        f"{loud.fault.words} uses the {what} of {shared[0]}, too, which is to tell whether {told.fault.words} did anything, and neither "
        "waits for the other"
    )


def _explain_unknown_cause(losing: Hit, earlier: Hit) -> str:
    """A target that an earlier fault made unhealthy may have been replaced before the fault that is to take it away."""
    shared = sorted(losing.ids & earlier.touched) if losing.traits.loss_has_any_cause else []
    if not shared or earlier.fault.start >= losing.fault.start:
        return ""
    return (
        f"{losing.fault.words} takes {shared[0]} away after {earlier.fault.words} hit it: nothing would tell which of the two, or a "
        "health check, ended it"
    )


def _explain_same(first: Hit, second: Hit) -> str:
    shared = sorted(first.ids & second.ids)
    if not shared:
        return ""
    if first.fault.type is second.fault.type and first.fault.can_overlap(second.fault):
        return f"{first.fault.words} and {second.fault.words} are the same fault on {shared[0]}, and neither waits for the other"
    if first.traits.proven_by_state and second.traits.proven_by_state:
        return f"{first.fault.words} and {second.fault.words} are both proven by the state of {shared[0]}: one would prove both"
    return ""


def _name_part(part: str) -> str:
    return part.upper() if part == "cpu" else part
