"""Calls to several stacks at once, with one deadline: each ends with an outcome of its own, and none raises."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore import exceptions

from cli.aws.errors import DENIED_CODES, error_code, list_causes
from cli.errors import CommandError
from cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_UNREACHABLE = (exceptions.HTTPClientError, exceptions.ConnectionError)
_UNAVAILABLE = frozenset({"ServiceUnavailable", "ServiceUnavailableException"})


class Outcome(StrEnum):
    """How a call to a stack ended."""

    ANSWERED = "answered"
    DENIED = "denied"
    """AWS refused the role, or a call in it."""
    UNREACHABLE = "unreachable"
    LATE = "late"
    """No answer before the deadline: nobody knows here whether what was asked for was done."""
    REFUSED = "refused"
    """Nothing was called: the file, the credentials or the stack are not what is needed."""
    FAILED = "failed"


@dataclass(frozen=True)
class Visit:
    """What became of a call to one stack."""

    outcome: Outcome
    answer: Any = None
    problem: str = ""
    hint: str = ""


def visit_all(names: Iterable[str], call: Callable[[str], Any], seconds: float) -> Mapping[str, Visit]:
    """Calls each name in a thread of its own and returns the outcomes, in the order of the names, after `seconds` at the
    latest. A call that is late goes on without anybody waiting for it, until the process ends."""
    wanted = list(dict.fromkeys(names))
    done: queue.SimpleQueue[tuple[str, Visit]] = queue.SimpleQueue()
    for name in wanted:
        # Daemons, because a process that ends waits for all others.
        threading.Thread(target=lambda name=name: done.put((name, visit_one(name, call))), daemon=True, name=f"visit-{name}").start()
    ended: dict[str, Visit] = {}
    deadline = time.monotonic() + seconds
    while len(ended) < len(wanted):
        try:
            name, visit = done.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        ended[name] = visit
    late = Visit(Outcome.LATE, problem=f"no answer within {seconds:.0f} s")
    return {name: ended.get(name, late) for name in wanted}


def visit_one(name: str, call: Callable[[str], Any]) -> Visit:
    """What becomes of one call, however long it takes. Never raises."""
    try:
        return Visit(Outcome.ANSWERED, call(name))
    except CommandError as error:
        return Visit(_find_outcome(error), problem=error.message, hint=error.hint)
    except Exception as error:  # noqa: BLE001 - one stack must not keep the others from being told
        return Visit(Outcome.FAILED, problem=f"squall itself failed: {type(error).__name__}: {error}")


def _find_outcome(error: CommandError) -> Outcome:
    if error_code(error) in DENIED_CODES:
        return Outcome.DENIED
    if error_code(error) in _UNAVAILABLE or any(isinstance(cause, _UNREACHABLE) for cause in list_causes(error)):
        return Outcome.UNREACHABLE
    return Outcome.REFUSED if error.code == Exit.REFUSED else Outcome.FAILED
