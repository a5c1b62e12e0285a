"""What the domain has to know about a fault. The fault's module declares it, and callers pass it in, because the domain
cannot import faults."""

from dataclasses import dataclass


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
