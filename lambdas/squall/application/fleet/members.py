"""The members of the fleet whose home this stack is, as deployed with the code."""

import json
from functools import cache
from pathlib import Path

from squall.domain.run.home import Member

FILE = "fleet.json"
_DEPLOYED = Path(__file__).parents[2] / "deployed"


@cache
def load_members(grant: str, folder: Path = _DEPLOYED) -> tuple[Member, ...]:
    """The members that give home's functions this grant. Raises FileNotFoundError where no fleet is deployed."""
    return tuple(Member(**member) for member in json.loads((folder / FILE).read_text())[grant])
