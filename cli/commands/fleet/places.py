"""What the commands on a fleet share: whom they visit, and how they tell what became of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments.fleets import find_member, read_fleet
from cli.aws.members import FleetDoor, list_places
from cli.aws.visits import Outcome, Visit, visit_all
from cli.errors import CommandError
from cli.exits import Exit
from cli.render import make_table
from cli.text import clean_line, safe_text
from infra.account.fleet import HOME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cli.aws.stack import Deployment
    from infra.account.fleet import Fleet, Grant
    from squall.domain.policy.places import Place

UNKNOWN_CALLER = "someone at the squall command"
NOT_REACHED = {
    Outcome.DENIED: "DENIED",
    Outcome.UNREACHABLE: "NOT REACHED",
    Outcome.LATE: "NO ANSWER YET",
    Outcome.REFUSED: "REFUSED",
    Outcome.FAILED: "FAILED",
}


@dataclass(frozen=True)
class Round:
    """A fleet, the stacks of it that a command is about, and who asks."""

    fleet: Fleet
    door: FleetDoor
    caller: str
    names: Sequence[str]
    seconds: float

    def visit(self, grant: Callable[[str], Grant], call: Callable[[Deployment], Any]) -> Mapping[str, Visit]:
        """Calls each stack in the role of its grant."""
        return visit_all(self.names, lambda name: call(self.door.enter(name, grant(name), self.caller)), self.seconds)

    def place(self, name: str) -> Place:
        return list_places(self.fleet)[name]


def begin_round(file: str, only: Sequence[str], seconds: float, *, urgent: bool = False) -> Round:
    """Reads the fleet and finds out who calls. `urgent`: an STS that does not answer prevents nothing. Raises CommandError."""
    fleet = read_fleet(file)
    for name in only:
        if name != HOME:
            find_member(fleet, name)
    door = FleetDoor(fleet)
    try:
        caller = door.caller()
    except CommandError:
        if not urgent:
            raise
        caller = UNKNOWN_CALLER
    return Round(fleet, door, caller, only or list(list_places(fleet)), seconds)


def write_outcomes(
    taken: Round,
    visits: Mapping[str, Visit],
    title: str,
    columns: Mapping[str, Callable[[Any], str]],
    commands: Callable[[Place], Sequence[str]] = lambda _: (),
) -> None:
    """Shows one row for each stack, and below the problems, each with the commands that do the same by hand."""
    table = make_table(title, "Stack of", "Account", "Region", *columns)
    for name, visit in visits.items():
        place = taken.place(name)
        if visit.outcome is Outcome.ANSWERED:
            cells = [column(visit.answer) for column in columns.values()]
        else:
            cells = [NOT_REACHED[visit.outcome], *([""] * (len(columns) - 1))]
        table.add_row(*(safe_text(cell) for cell in (name, place.account, place.region, *cells)))
    output.make_console().print(table)
    for name, visit in visits.items():
        if visit.outcome is not Outcome.ANSWERED:
            write_problem(name, taken.place(name), visit, commands(taken.place(name)))


def write_problem(name: str, place: Place, visit: Visit, commands: Sequence[str]) -> None:
    """Says on stderr what was not done, and how to do it by hand."""
    output.write_note(f"{NOT_REACHED[visit.outcome]}: {name}: {clean_line(visit.problem, 600)}")
    if visit.hint:
        output.write_note(f"  → {clean_line(visit.hint, 600)}")
    if commands:
        output.write_note(f"  by hand, with credentials of account {place.account}:")
        for command in commands:
            output.write_note(f"    {command}")


def make_documents(taken: Round, visits: Mapping[str, Visit], commands: Callable[[Place], Sequence[str]] = lambda _: ()) -> dict[str, Any]:
    """The outcomes as `--json` shows them."""
    return {
        "fleet": taken.fleet.name,
        "requested_by": taken.caller,
        "stacks": [
            {
                "name": name,
                **taken.place(name).model_dump(mode="json", include={"account", "region", "stack"}),
                "outcome": visit.outcome.value,
                "problem": visit.problem,
                "answer": visit.answer,
                "by_hand": [] if visit.outcome is Outcome.ANSWERED else list(commands(taken.place(name))),
            }
            for name, visit in visits.items()
        ],
    }


def find_exit(visits: Mapping[str, Visit], is_done: Callable[[Any], bool] = lambda _: True) -> Exit:
    """0 if every stack answered, and did what was asked for; otherwise 5."""
    done = all(visit.outcome is Outcome.ANSWERED and is_done(visit.answer) for visit in visits.values())
    return Exit.VALIDATED if done else Exit.FAILED


def squall_command(place: Place, *words: str) -> str:
    """A command line of `squall` for a stack, for a shell."""
    return shlex.join(["squall", "--stack", place.stack, "--region", place.region, *words])
