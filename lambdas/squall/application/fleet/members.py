"""The members of the fleet whose home this stack is, as deployed with the code."""

import json
from functools import cache
from pathlib import Path

from squall.domain.campaign.record import StepRun
from squall.domain.run.home import Member
from squall.errors import Unavailable

FILE = "fleet.json"
CAMPAIGN = "campaign"
"""The grant for the steps of home's campaigns."""
_DEPLOYED = Path(__file__).parents[2] / "deployed"


@cache
def load_members(grant: str, folder: Path = _DEPLOYED) -> tuple[Member, ...]:
    """The members that give home's functions this grant. Raises FileNotFoundError where no fleet is deployed."""
    return tuple(Member(**member) for member in json.loads((folder / FILE).read_text())[grant])


def find_member(name: str) -> Member | None:
    """The member in which home's campaigns run steps; None if the fleet has none of this name that lets them."""
    try:
        return next((member for member in load_members(CAMPAIGN) if member.name == name), None)
    except FileNotFoundError:
        return None


def require_member(name: str) -> Member:
    """The member in which home's campaigns run steps. Raises Unavailable if the fleet has none of this name that lets them, or none
    any more."""
    member = find_member(name)
    if member is None:
        message = f"the fleet has no member {name} any more that lets home's campaigns run there"
        raise Unavailable("fleet.yaml", "FindMember", "NoMember", message, retryable=False)
    return member


def find_place(run: StepRun) -> Member | None:
    """The member in which a step runs. None if the fleet has none of this name any more that lets home's campaigns run there, or if the
    name is another account's or Region's by now."""
    member = find_member(run.member)
    return member if member is None or not run.arn or run.arn.split(":")[3:5] == [member.region, member.account] else None


def require_place(run: StepRun) -> Member:
    """The same. Raises Unavailable if there is none: nobody there knows the run."""
    member = require_member(run.member)
    if find_place(run) is None:
        region, account = run.arn.split(":")[3:5]
        now = f"the fleet's member {run.member} is {member.account} {member.region} now, and the run is in {account} {region}"
        raise Unavailable("fleet.yaml", "FindMember", "Moved", now, retryable=False)
    return member


def list_members() -> dict[str, bool]:
    """The members in which home's campaigns may run steps; empty where no fleet is deployed."""
    try:
        return dict.fromkeys((member.name for member in load_members(CAMPAIGN)), True)
    except FileNotFoundError:
        return {}
