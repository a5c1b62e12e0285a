"""The two states of a campaign that wait with a task token: for people, and for a step that runs in a member of the fleet."""

from collections.abc import Mapping
from typing import Any

from squall.application.campaign.away import run_in_member
from squall.application.campaign.people import wait_for_answer
from squall.wiring import Wiring


def wait_with_token(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """Store the token of the state that waits. `step` in the event is the number of a step; without it the state waits for people."""
    return run_in_member(w, event) if "step" in event else wait_for_answer(w, event)
