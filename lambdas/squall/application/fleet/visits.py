"""Visits all members of a fleet at the same time. Imports nothing heavy, because the abort function loads it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from squall.domain.run.home import Member

T = TypeVar("T")
R = TypeVar("R")
MOST_AT_ONCE = 50
"""As many as a fleet has members: one that does not answer delays no other."""


def visit_members(members: tuple[Member, ...], visit: Callable[[Member], None]) -> None:
    """Visit every member, whatever becomes of the others. Raises ExceptionGroup at the end for those that were not reached:
    the alarm on the function's errors tells people of them."""
    if not members:
        return
    with ThreadPoolExecutor(max_workers=MOST_AT_ONCE) as pool:
        visits = {member.name: pool.submit(_attempt, visit, member) for member in members}
    failures = {name: error for name, done in visits.items() if (error := done.result()) is not None}
    if failures:
        raise ExceptionGroup(f"{len(failures)} members were not reached: {', '.join(sorted(failures))}", list(failures.values()))


def ask_at_once(ask: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The answers for all items, in their order, asked at the same time: one that is waited for delays no other. Raises what `ask`
    raised for the first of those for which it did."""
    asked = list(items)
    if len(asked) < 2:
        return [ask(item) for item in asked]
    with ThreadPoolExecutor(max_workers=MOST_AT_ONCE) as pool:
        return list(pool.map(ask, asked))


def _attempt(visit: Callable[[Member], None], member: Member) -> Exception | None:
    try:
        visit(member)
    except Exception as error:  # noqa: BLE001 - one member must not keep the others from being visited
        error.add_note(f"member {member.name}")
        return error
    return None
