"""A fleet as people write it in `fleet.yaml`: the stacks of several accounts and Regions, and where they are reached from.

Home's stack makes policies of it, and the command finds the members by it. Home's functions get of it what `list_deployed`
returns.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from squall.admission.json_limits import find_json_problems, make_type_problem
from squall.domain.base.model import Model
from squall.domain.base.problems import (
    ENVIRONMENT_NAME,
    WHOLE,
    InvalidInput,
    Problem,
    extend_path,
    list_validation_problems,
    show_value,
)
from squall.domain.campaign.definition import MemberName
from squall.domain.experiment.experiment import Name
from squall.domain.policy.places import ExternalId, Place

HOME = "home"
"""What the stack that a fleet is commanded from is called among its members."""
MOST_MEMBERS = 50
"""One CDK app and one command reach that many; more are several fleets."""

CAMPAIGN: Literal["campaign"] = "campaign"
"""The grant for the steps of home's campaigns."""
Grant = Literal["viewer", "halt", "operator", "resume", "contact", "results", "campaign"]
"""What a member lets home do: see runs; halt; start, abort and halt; end a halt; write home's heartbeat; copy how runs
ended; run the steps of home's campaigns. Each is a role of its own in the member."""
PEOPLE_GRANTS: tuple[Grant, ...] = ("viewer", "halt", "operator", "resume")
"""The grants for people at home."""
FUNCTION_GRANTS: tuple[Grant, ...] = ("contact", "results", CAMPAIGN)
"""The grants for home's functions."""
GRANTS: tuple[Grant, ...] = (*PEOPLE_GRANTS, *FUNCTION_GRANTS)


class Member(Place):
    """A stack that home reaches by roles in its account."""

    external_id: ExternalId
    """The id that the member's roles ask for, as its setting `fleet_external_id` has it: it proves that home means this
    fleet. It is no secret."""
    environments: Annotated[tuple[Annotated[str, ENVIRONMENT_NAME], ...], Field(max_length=50)] = ()
    """The environments that the stack serves, for people who read the file."""
    owner: Name
    """The team that owns the account, and is asked when home can't reach it."""
    grants: Annotated[tuple[Grant, ...], Field(min_length=1, max_length=len(GRANTS))] = ("viewer", "halt")
    """What the member lets home do, as its setting `fleet_grants` has it. The member's own stack decides."""

    def role_arn(self, grant: Grant) -> str:
        """The ARN of the role in the member's account that is for one grant."""
        return self.name_role_arn(grant)


class Fleet(Model):
    name: Name
    """The fleet's name."""
    home: Place
    """The stack whose account the fleet is commanded from."""
    members: Annotated[dict[MemberName, Member], Field(min_length=1, max_length=MOST_MEMBERS)]
    """The other stacks, by the name that people call them."""

    def list_roles(self, grant: Grant) -> tuple[str, ...]:
        """The ARNs of the members' roles for a grant, of those members that give it."""
        return tuple(member.role_arn(grant) for _, member in sorted(self.members.items()) if grant in member.grants)

    def list_deployed(self) -> dict[str, list[dict[str, str | None]]]:
        """What home's functions know of the members: those that give each of their grants."""
        return {
            grant: [
                {
                    "name": name,
                    "region": member.region,
                    "stack": member.stack,
                    "role_arn": member.role_arn(grant),
                    "external_id": member.external_id,
                    "endpoint_url": member.endpoint_url,
                }
                for name, member in sorted(self.members.items())
                if grant in member.grants
            ]
            for grant in FUNCTION_GRANTS
        }


def parse_fleet(raw: object) -> Fleet:
    """The fleet. Raises InvalidInput with every problem."""
    json_problems = find_json_problems(raw)
    if json_problems or not isinstance(raw, Mapping):
        raise InvalidInput(json_problems or [make_type_problem(raw, "a fleet")])
    problems = [*_find_second_home(raw), *_find_repetitions(raw)]
    try:
        fleet = Fleet.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput([*list_validation_problems(error, raw, WHOLE, Fleet), *problems]) from None
    if problems:
        raise InvalidInput(problems)
    return fleet


def _find_second_home(raw: Mapping[object, object]) -> Iterator[Problem]:
    """A member with home's name: commands would take one for the other, and halt only one of the two."""
    members = raw.get("members")
    if isinstance(members, Mapping) and HOME in members:
        yield Problem(path=extend_path("members", HOME), message="is what home's own stack is called", expected="another name")


def _find_repetitions(raw: Mapping[object, object]) -> Iterator[Problem]:
    """Stacks that are named twice, home included, and grants that are. Reads raw values: another field's problem hides
    none of these."""
    seen: dict[tuple[str, str, str], str] = {}
    members = raw.get("members")
    home = raw.get("home")
    if isinstance(home, Mapping):
        seen[_read_key(home)] = HOME
    for name, member in members.items() if isinstance(members, Mapping) else ():
        if not isinstance(member, Mapping):
            continue
        path, key = extend_path("members", str(name)), _read_key(member)
        if all(key) and key in seen:
            message = f"is the stack of {seen[key]}: {' '.join(key)}"
            yield Problem(path=path, message=message, expected="an account, Region and stack that nothing else names")
        seen.setdefault(key, path)
        given = member.get("grants")
        grants = [str(grant) for grant in given] if isinstance(given, list) else []
        for grant in dict.fromkeys(grants):
            if grants.count(grant) > 1:
                yield Problem(path=extend_path(path, "grants"), message=f"{show_value(grant)} is given twice", expected="each once")


def _read_key(place: Mapping[object, object]) -> tuple[str, str, str]:
    return str(place.get("account") or ""), str(place.get("region") or ""), str(place.get("stack") or "Squall")
