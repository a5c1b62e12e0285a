"""Aborts the steps of a campaign that run in members of the fleet: each member's own Abort function does it. Imports nothing heavy,
because the abort function loads it."""

from collections.abc import Iterable, Sequence
from typing import Any

from squall.application.fleet.members import find_place, require_place
from squall.application.fleet.visits import ask_at_once
from squall.domain.campaign.record import StepRun
from squall.domain.run.commands import shell_command
from squall.domain.run.home import Member
from squall.errors import Unavailable
from squall.wiring import Wiring


def abort_in_members(w: Wiring, runs: Sequence[StepRun], reason: str, by: str) -> list[dict[str, Any]]:
    """Ask each member to abort its run. The answer of one that was not reached has the `error`, and the `command` that does it by hand
    with credentials of the member's account."""

    def ask(run: StepRun) -> dict[str, Any]:
        said = {"execution_id": run.execution_id, "member": run.member}
        try:
            w.member_runs.abort(require_place(run), run.arn, reason, by)
        except Unavailable as error:
            w.logger.exception("a member was not reached", extra=said)
            return {**said, "asked": False, "error": str(error), "command": make_command(run, find_place(run))}
        return {**said, "asked": True}

    return ask_at_once(ask, runs)


def make_command(run: StepRun, member: Member | None) -> str:
    """The command that aborts the run, with credentials of the member's account."""
    place = ("--stack", member.stack, "--region", member.region) if member else ("--region", run.arn.split(":")[3])
    return shell_command("squall", *place, "abort", run.execution_id)


def require_reached(answers: Iterable[dict[str, Any]]) -> None:
    """Raises Unavailable, with the commands that do it by hand, if a member was not reached."""
    missed = [answer for answer in answers if answer.get("asked") is False]
    if missed:
        told = "; ".join(f"{each['execution_id']} in {each['member']}: {each['error']}; by hand: {each['command']}" for each in missed)
        raise Unavailable("fleet", "Abort", "NotReached", told, retryable=True)
