"""What the workload's report about its web instances says of the group as a whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

SIZE = 3
"""How many instances the sample's group has, in its two zones."""
ZONES = 2


def is_whole(webs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether every instance of the group is there, in service and healthy."""
    return [(web["lifecycle_state"], web["target_state"]) for web in webs] == [("InService", "healthy")] * SIZE


def is_even(webs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the zones have as many instances as they can have evenly: the group won't balance them."""
    return sorted(Counter(web["zone"] for web in webs).values()) == [SIZE // ZONES, SIZE - SIZE // ZONES]
