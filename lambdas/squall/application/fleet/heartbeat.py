"""Home tells each member that it is there. A member whose policy asks for it starts nothing when home has been silent for too
long."""

from squall.application.fleet.members import load_members
from squall.application.fleet.visits import visit_members
from squall.domain.run.home import Member
from squall.version import VERSION
from squall.wiring import Wiring

SENT = "sent"


def send_heartbeats(w: Wiring) -> dict[str, str]:
    """Write to every member at the same time. Maps its name to `sent`.

    Raises ExceptionGroup at the end for all members that were not reached.
    """
    text = f"{w.settings.stack} {VERSION} at home wrote this"

    def send(member: Member) -> None:
        w.members.send_heartbeat(member, text)

    members = load_members("contact")
    visit_members(members, send)
    return dict.fromkeys((member.name for member in members), SENT)
