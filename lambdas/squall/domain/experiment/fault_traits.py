"""What the domain has to know about a fault. The fault's module declares it, and callers pass it in, because the domain
cannot import faults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from squall.domain.base.vocabulary import FaultType


@dataclass(frozen=True)
class FaultTraits:
    """The defaults are those of a fault that this version does not know."""

    ends_at_once: bool = False
    """Whether the fault is over as soon as it has taken effect. Other faults last until they are stopped."""
    targets_are_replaced: bool = False
    """Whether the fault removes its targets for good, so that the workload has recovered only once others replace them."""
    targets_leave_at_once: bool = False
    """Whether the fault takes its targets out of service as soon as it takes effect, also where they come back."""
    improvements_on_loss: tuple[str, ...] = ()
    """Recommendations for a finding that users noticed the fault, in addition to those of the finding's kind."""
    takes: frozenset[str] = frozenset()
    """What the fault holds on each target while it lasts. Another fault that takes or needs the same on the same target
    can't run at that time."""
    needs: frozenset[str] = frozenset()
    """What a target must have left for the fault to begin and to end there."""
    stirs: frozenset[str] = frozenset()
    """What the fault uses of each target besides what it is named after: `cpu`, `memory`."""
    told_by: frozenset[str] = frozenset()
    """What of each target tells whether the fault did anything. Another fault that stirs it would hide an idle one."""
    proven_by_state: bool = False
    """Whether the state of a target after the run is the proof. It does not say which of two faults caused it."""
    loss_has_any_cause: bool = False
    """Whether the proof is that the target is gone, whatever ended it."""
    counts_as: tuple[FaultType, Mapping[str, Any]] | None = None
    """As which fault, with which parameters, it takes something from its targets. None: as itself."""
