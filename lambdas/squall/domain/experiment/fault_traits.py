"""What the domain has to know about a fault. The faults' own modules declare it; the domain cannot import them, so it is passed in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FaultTraits:
    """The defaults are those of a fault that this version does not know."""

    ends_at_once: bool = False
    """The fault is over as soon as it has taken effect; else it lasts, and ends when it is stopped."""
    targets_are_replaced: bool = False
    """The fault takes its targets away for good: the workload is back only when others stand in their place."""
    improvements_on_loss: tuple[str, ...] = ()
    """What a finding recommends, beside its own kind's advice, when users noticed the fault."""
