"""`squall fleet halt`: stops everything in every stack of a fleet at once. `squall fleet resume`: allows new runs again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import output
from cli.aws.visits import Outcome
from cli.commands.fleet.places import begin_round, find_exit, make_documents, squall_command, write_outcomes
from cli.commands.halt import REASON_CHARACTERS, check_reason
from cli.errors import CommandError
from cli.text import clean_line
from infra.account.fleet import HOME
from squall.domain.run.halt import put_flag_command

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.aws.stack import Deployment
    from cli.session import Options
    from infra.account.fleet import Fleet, Grant
    from squall.domain.policy.places import Place


def halt_fleet(options: Options, file: str, only: Sequence[str], reason: str, seconds: float, *, engage: bool) -> int:
    """Returns 0 if it was done everywhere; 5 if it was not, with the commands that do it by hand. Asks for no confirmation: a
    halt is urgent."""
    if engage:  # in an emergency nobody has to think of a reason
        reason = clean_line(reason, REASON_CHARACTERS).strip() or "no reason given"
    reason = check_reason(reason)
    taken = begin_round(file, only, seconds, urgent=engage)

    def call(deployment: Deployment) -> Any:
        answer = deployment.halt(reason, taken.caller, engage=engage)
        if not isinstance(answer, dict) or "engaged" not in answer:
            message = f"The function gave an unexpected answer: {clean_line(answer, 200)}"
            raise CommandError(message, "`squall fleet status` shows whether the stack is halted.")
        return answer

    def by_hand(place: Place) -> list[str]:
        return list_commands(place, reason, engage=engage)

    visits = taken.visit(lambda name: _choose_grant(taken.fleet, name) if engage else "resume", call)
    if options.json:
        output.write_json(make_documents(taken, visits, by_hand))
    else:
        columns: dict[str, Callable[[Any], str]] = {"State": _describe_state}
        if engage:
            columns |= {"Faults": _describe_faults, "Aborted": lambda answer: ", ".join(answer.get("aborted", ()))}
        write_outcomes(taken, visits, f"{'Halt' if engage else 'Resume'} of the fleet {taken.fleet.name}", columns, by_hand)
        for name, visit in visits.items():
            for failure in visit.answer.get("failed", ()) if visit.outcome is Outcome.ANSWERED else ():
                output.write_note(f"NOT DONE: {name}: {failure['what']} ({failure['error']})")
                output.write_note(f"  by hand, with credentials of account {taken.place(name).account}: {failure['command']}")
    return find_exit(visits, lambda answer: bool(answer["engaged"]) is engage and not answer.get("failed"))


def list_commands(place: Place, reason: str, *, engage: bool) -> list[str]:
    """The commands that do in one stack what could not be done from home. Without Squall, the flag keeps new runs from
    starting, and docs/by-hand.md has the rest."""
    commands = [squall_command(place, "halt" if engage else "resume", "--reason", reason)]
    # A resume has to clear the flag's copy in the table, too, which the function does.
    return [*commands, f"{put_flag_command(place.stack, engaged=True)} --region {place.region}"] if engage else commands


def _choose_grant(fleet: Fleet, name: str) -> Grant:
    """The role that halts: an operator's does, too."""
    grants = () if name == HOME else fleet.members[name].grants
    return "operator" if "operator" in grants and "halt" not in grants else "halt"


def _describe_state(answer: dict[str, Any]) -> str:
    return "HALTED" if answer["engaged"] else "not halted"


def _describe_faults(answer: dict[str, Any]) -> str:
    """`stopped` only if FIS says so; FIS takes about half a minute."""
    faults = answer.get("stopped", ())
    return ", ".join(f"{fault['experiment']} {fault.get('status', 'unknown')}" for fault in faults) or "none"
