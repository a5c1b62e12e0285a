"""Home tells each member that it is there. A member whose policy asks for it starts nothing when home has been silent for too
long."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from squall.application.fleet.members import load_members
from squall.domain.run.home import Member
from squall.version import VERSION
from squall.wiring import Wiring

GREETED = "greeted"
MOST_AT_ONCE = 50
"""As many as a fleet has members: one that does not answer delays no other."""


def greet_members(w: Wiring) -> dict[str, str]:
    """Write to every member at the same time. Maps its name to `greeted`.

    Raises ExceptionGroup at the end for all members that were not reached, so that the alarm on this function's errors
    tells people of them.
    """
    text = f"{w.settings.stack} {VERSION} at home wrote this"

    def greet(member: Member) -> None:
        w.members.greet(member, text)

    members = load_members("presence")
    failures = visit_members(members, greet)
    if failures:
        raise ExceptionGroup(f"{len(failures)} members were not reached: {', '.join(sorted(failures))}", list(failures.values()))
    return dict.fromkeys((member.name for member in members), GREETED)


def visit_members(members: tuple[Member, ...], visit: Callable[[Member], None]) -> dict[str, Exception]:
    """Visit all members at the same time. Returns what went wrong, by the name of the member."""
    if not members:
        return {}
    with ThreadPoolExecutor(max_workers=MOST_AT_ONCE) as pool:
        visits = {member.name: pool.submit(_attempt, visit, member) for member in members}
    return {name: error for name, done in visits.items() if (error := done.result()) is not None}


def _attempt(visit: Callable[[Member], None], member: Member) -> Exception | None:
    try:
        visit(member)
    except Exception as error:  # noqa: BLE001 - one member must not keep the others from being visited
        error.add_note(f"member {member.name}")
        return error
    return None
