"""What a halt and a resume share: who asked for it and why, the flag and its copy, and what could not be done. Imports
nothing heavy.
"""

from collections.abc import Callable
from datetime import datetime

from squall.application.messages import send_message
from squall.application.stopping.cleanup import Cleanup
from squall.application.stopping.halt_request import HaltRequest
from squall.domain.messages.halted import HaltChange, make_message
from squall.wiring import Wiring

FLAG, COPY = "the flag in Parameter Store", "the flag's copy in the table"
LEVER = "FIS's safety lever"
LEVER_REASON_CHARACTERS = 256
NOT_ASKED = "not asked for"


class FlagChange(Cleanup):
    """One halt or one resume. Goes on after any exception, so that one broken part does not keep the rest undone."""

    def __init__(self, w: Wiring, request: HaltRequest) -> None:
        super().__init__(w, survives=(Exception,))
        self._request = request
        self._now = w.clock.now()

    @property
    def origin(self) -> dict[str, str]:
        return {"reason": self._request.reason, "by": self._request.by, "at": self._now.isoformat()}

    @property
    def failed(self) -> list[dict[str, str]]:
        return [{"what": left.label, "error": left.reason, "command": left.command} for left in self.leftovers]

    def set_flag(self, label: str, command: str, change: Callable[[str, str, datetime], None]) -> bool:
        self.attempt(label, command, change, self._request.reason, self._request.by, self._now)
        return not self.has_failed(label)

    def notify(self, change: HaltChange) -> None:
        self.attempt("the message to people", "tell people yourself", send_message, self.w, make_message(change))
