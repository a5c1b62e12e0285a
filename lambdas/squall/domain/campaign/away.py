"""A step of a campaign that runs in a member of the fleet: what home asks for there, and until when.

The member's own stack admits the run, guards it and ends it. It refuses one that begins later than home has said, so a start that
arrives late, or twice, changes nothing once home has given it up. No pydantic: the abort path imports this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from squall.domain.campaign.record import StepRun

START_WITHIN = timedelta(minutes=10)
"""How long home tries to start a step, counted from when it was chosen."""
LONGEST_RUN = timedelta(days=3)
"""After this time Step Functions ends an execution of the experiment machine (`TimeoutSeconds`)."""
CLOSED_WITHIN = timedelta(minutes=30)
"""How long the member's own watchdog and pulse may take to close a run whose execution has ended."""


@dataclass(frozen=True)
class AwayExecution:
    """What Step Functions in a member says of an execution."""

    payload: object
    """The input with which it was started."""
    ended_at: datetime | None
    """None while it runs."""


def find_last_start(run: StepRun) -> datetime:
    """Until when the step may begin in the member."""
    return run.begun_at + START_WITHIN


def find_over_by(run: StepRun) -> datetime:
    """When the run has ended by itself at the latest, also if home can't reach the member any more."""
    return find_last_start(run) + LONGEST_RUN + CLOSED_WITHIN


def make_input(experiment: str, overrides: Mapping[str, Any], run: StepRun, campaign_id: str, requested_by: str) -> dict[str, Any]:
    """The input of the execution in the member. It is the same each time, so that a repeated start finds the first one."""
    return {
        "experiment": experiment,
        **({"overrides": dict(overrides)} if overrides else {}),
        "requested_by": requested_by,
        "fleet": {"campaign": campaign_id, "number": run.number, "start_by": find_last_start(run).isoformat()},
    }


def is_asked(payload: object, experiment: str, overrides: Mapping[str, Any], run: StepRun) -> bool:
    """Whether an execution with this input is the one that home asked for. Who asked is a label, and tells nothing."""
    named = payload.get("fleet") if isinstance(payload, Mapping) else None
    if not isinstance(payload, Mapping) or not isinstance(named, Mapping):
        return False
    asked = make_input(experiment, overrides, run, str(named.get("campaign")), str(payload.get("requested_by")))
    return dict(payload) == asked
