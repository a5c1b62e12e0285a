"""Home tells each member that it is there. A member whose policy asks for it starts nothing when home has been silent for too
long."""

from squall.application.fleet.members import load_members
from squall.application.fleet.visits import visit_members
from squall.domain.run.home import Member
from squall.version import VERSION
from squall.wiring import Wiring

GREETED = "greeted"


def greet_members(w: Wiring) -> dict[str, str]:
    """Write to every member at the same time. Maps its name to `greeted`.

    Raises ExceptionGroup at the end for all members that were not reached.
    """
    text = f"{w.settings.stack} {VERSION} at home wrote this"

    def greet(member: Member) -> None:
        w.members.greet(member, text)

    members = load_members("presence")
    visit_members(members, greet)
    return dict.fromkeys((member.name for member in members), GREETED)
