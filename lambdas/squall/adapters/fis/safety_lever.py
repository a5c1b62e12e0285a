"""FIS's safety lever. There is one in each account and Region, for everybody's experiments."""

from __future__ import annotations

from typing import Any

from squall.adapters.aws import call
from squall.domain.run.halt import Lever

IDENTIFIER = "default"


class FisSafetyLever:
    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self) -> Lever:
        state = call(self._client, "get_safety_lever", id=IDENTIFIER)["safetyLever"]["state"]
        return Lever(engaged=state["status"] != "disengaged", reason=state.get("reason", ""))

    def set(self, lever: Lever) -> bool:
        # FIS refuses a state that the lever has already, as a conflict.
        state = {"status": "engaged" if lever.engaged else "disengaged", "reason": lever.reason}
        return call(self._client, "update_safety_lever_state", absent={"ConflictException"}, id=IDENTIFIER, state=state) is not None
