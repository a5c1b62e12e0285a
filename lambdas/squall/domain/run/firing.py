"""Why an alarm fired: because of what it measured, or because it had no data and missing data counts as a breach.

No pydantic: the abort path imports this module.
"""

import re

from squall.domain.base.vocabulary import AbortSource

_MISSING_COUNTED = re.compile(r"missing datapoints? (?:was|were) treated as \[breaching\]", re.IGNORECASE)
_NOTHING_BREACHED = re.compile(r"no datapoints were received|\b0 out of the last|datapoints? \[[^\]]*\] (?:was|were) not ", re.IGNORECASE)
"""What CloudWatch writes in StateReason, for example `Threshold Crossed: no datapoints were received for 3 periods and
3 missing datapoints were treated as [Breaching].`"""


def explain_firing(alarm: str, state_reason: str) -> tuple[AbortSource, str]:
    """Who aborts, and why, if `alarm` (`guard X`) is in ALARM for this StateReason.

    A guard that fired on missing data alone has seen no failure of the workload, and says nothing about the hypothesis.
    """
    if not _MISSING_COUNTED.search(state_reason):
        return AbortSource.GUARD, f"{alarm} fired"
    if _NOTHING_BREACHED.search(state_reason):
        return (
            AbortSource.BLIND_GUARD,
            f"{alarm} fired because its metric had no data, which counts as a breach; nothing that it measured breached",
        )
    return AbortSource.GUARD, f"{alarm} fired; some of its periods had no data, which counts as a breach"
