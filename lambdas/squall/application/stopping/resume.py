"""Resumes a halted stack: experiments can start again.

Halting must be easy and resuming must not, so this is its own function with its own permission. Imports nothing heavy:
like a halt, it works without the layer.
"""

from typing import Any

from squall.application.stopping.flag_change import COPY, FLAG, LEVER, LEVER_REASON_CHARACTERS, NOT_ASKED, FlagChange
from squall.application.stopping.halt_flag import read_halt
from squall.application.stopping.halt_request import HaltRequest
from squall.domain.messages.halted import HaltChange
from squall.domain.run.halt import Lever, delete_copy_command, lever_mark, move_lever_command, put_flag_command
from squall.wiring import Wiring


def resume_stack(w: Wiring, request: HaltRequest) -> dict[str, Any]:
    """Release the flag and its copy, because the halt ends only when both are released. Disengage the safety lever if a
    halt engaged it. Never raises: the answer says what could not be done.
    """
    work = _Resume(w, request)
    before = work.attempt("what was halted", "", read_halt, w)
    work.forget()  # it is only for the answer
    released = [
        work.set_flag(FLAG, put_flag_command(w.settings.stack, engaged=False), w.halt_flag.release),
        work.set_flag(COPY, delete_copy_command(w.settings.table), w.halt_copy.release),
    ]
    lever = work.disengage_lever() if w.settings.safety_lever else NOT_ASKED
    work.notify_people("RESUMED" if all(released) else "NOT RESUMED", lever)
    known = str(before) if before else "could not be read"
    return {"engaged": not all(released), "lever": lever, **work.origin, "before": known, "failed": work.failed}


class _Resume(FlagChange):
    def disengage_lever(self) -> str:
        """Disengage the lever only if a halt of this stack engaged it. If somebody else engaged it, they have to
        disengage it.
        """
        stack = self.w.settings.stack
        reason = f"Squall {stack} resumed by {self._request.by}: {self._request.reason}"[:LEVER_REASON_CHARACTERS]
        command = move_lever_command(reason, engaged=False)
        before = self.attempt(LEVER, command, self.w.lever.get)
        if before is None:
            return "could not be read"
        if not before.engaged:
            return "was not engaged"
        if not before.reason.startswith(lever_mark(stack)):
            return f"left engaged, it is not ours: {before.reason[:200]}"
        moved = self.attempt(LEVER, command, self.w.lever.set, Lever(False, reason))
        return "could not be disengaged" if moved is None else "disengaged"

    def notify_people(self, outcome: str, lever: str) -> None:
        stack, request = self.w.settings.stack, self._request
        self.notify(
            HaltChange(
                outcome=outcome,
                stack=stack,
                by=request.by,
                reason=request.reason,
                lever=lever if lever != NOT_ASKED else "",
                not_done=map(str, self.leftovers),
            )
        )
