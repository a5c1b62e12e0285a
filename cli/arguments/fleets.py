"""The fleet that a command is about: `fleet.yaml`, or the file that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.arguments import definitions
from cli.errors import CommandError
from cli.exits import Exit
from infra.account.fleet import Fleet, parse_fleet
from squall.domain.base.problems import InvalidInput

if TYPE_CHECKING:
    from infra.account.fleet import Member

FILE = "fleet.yaml"
_OWN_KEYS = frozenset({"home", "members"})


def is_fleet(raw: object) -> bool:
    """Whether a file means to be a fleet: no other definition has a home or members."""
    return isinstance(raw, dict) and bool(_OWN_KEYS & raw.keys())


def read_fleet(file: str) -> Fleet:
    """The fleet of a file. Raises CommandError with every problem."""
    try:
        return parse_fleet(definitions.read_source(file).raw)
    except definitions.UnreadableError as error:
        raise CommandError(f"{file}: {error.message}.", "Name the fleet's file with `--file`.", code=Exit.REFUSED) from error
    except InvalidInput as invalid:
        problems = "; ".join(str(problem) for problem in invalid.problems)
        raise CommandError(f"{file} is not valid: {problems}", f"`squall validate {file}` shows each place.", code=Exit.REFUSED) from None


def find_member(fleet: Fleet, name: str) -> Member:
    """The member of a name. Raises CommandError."""
    if name not in fleet.members:
        message = f"The fleet {fleet.name} has no member {name!r}."
        raise CommandError(message, f"Its members: {', '.join(sorted(fleet.members))}.", code=Exit.REFUSED)
    return fleet.members[name]
