"""What a run costs: FIS's action-minutes dominate, alarms are added for honesty."""

from typing import Any
from collections.abc import Mapping
from datetime import timedelta


def of_template(body: Mapping[str, Any], elapsed: timedelta | None = None) -> dict[str, float]:
    """Keys: action_minutes, fis_usd, alarms_usd, total_usd. `elapsed` bounds each action (None: the full length, the preflight)."""
    raise NotImplementedError
