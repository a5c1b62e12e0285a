"""Patterns that several rewrites share."""

import re
from collections.abc import Callable

Replacement = str | Callable[[re.Match[str]], str]
COMPARE = r"(?:>=|<=|>|<|=|≥|≤|above|below|under|over|exceeds|at least|at most|no more than|more than|less than|fewer than)"
NUMBER = r"\d+(?:\.\d+)?"
TIME = r"(?:ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)"
REQUESTS = r"(?:(?:all|the|our|http|api|user|client|incoming) )*requests?"
NOT = r"(?:(?:should|must|shall|will|would|may|can|does|do|did|is|are|has to|have to|needs to) ?)?(?:never|not|n['’]t)(?: ever)?"
AT_MOST = rf"(?:no more than|at most|less than) ({NUMBER} ?(?:%|percent))"
BACK = r"(?:(?:is|are|drops?|falls?|rises?|goes|gets|comes|returns?|recovers?) )?(?:back )?(?:to )?"
MEMBERS = r"(instances?|tasks?|pods?)"
MANY = r"(\d+|a|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
REPLACED = r"Auto Scaling launches replacement instance"
FAULT = (
    r"(?:fault|chaos|experiment|injection|outage|attack|test|fail-?over|reboot|restart|drain|interruption|brown-?out|"
    r"zonal shift|zone (?:loss|outage|failure)|spot storm|packet loss|game ?day)"
)
Row = tuple[str | Replacement, ...]
"""A pattern, and what stands in its place: several things where it may mean several."""
