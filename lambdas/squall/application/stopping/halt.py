"""Halting the stack: the flag first, so that nothing starts any more; then every fault is stopped; then it is written and told.

Nothing here needs the table, the workflow or the topic: each that is broken is named in the answer, and the rest goes on.
Imports nothing heavy, as the abort path.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from squall.application.stopping.abort import note_abort, wake
from squall.domain.messages.halted import HaltChange, message
from squall.domain.run.aws_state import FisExperiment
from squall.domain.run.commands import list_experiments_command, shell_command, stop_experiment_command
from squall.domain.run.halt import Halt, Lever, by_hand, copy_by_hand, effective, lever_by_hand, lever_mark
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.vocabulary import AbortSource
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

R = TypeVar("R")

LOOKS = 3
LOOK_SECONDS = 2
RECORDING = timedelta(seconds=50)
"""What the table is given of the function's time."""
LEVER = "FIS's safety lever"
LEVER_REASON = 256
NOT_ASKED = "not asked for"
LIST_EXPERIMENTS = "aws fis list-experiments --query \"experiments[?state.status=='running' || state.status=='initiating'].[id,tags]\""


class Action(StrEnum):
    HALT = "halt"
    RESUME = "resume"


class NotAHaltError(ValueError):
    """The event is none this function understands."""


@dataclass(frozen=True)
class HaltRequest:
    action: Action
    reason: str
    by: str


def parse(event: Mapping[str, Any]) -> HaltRequest:
    """`{}` halts: in an emergency nobody should have to look up a payload. Resuming has to be said, with a reason."""
    action = event.get("action", Action.HALT.value)
    if action not in list(Action):
        raise NotAHaltError(f"action is {action!r}; expected halt or resume")
    reason = str(event.get("reason") or "")[:500]
    if action == Action.RESUME and not reason:
        raise NotAHaltError("to resume, give a reason")
    by = str(event.get("requested_by") or "someone who called the Halt function")[:256]
    return HaltRequest(Action(action), reason or "no reason given", by)


def read(w: Wiring) -> Halt:
    """Whether the stack is halted. Raises Unavailable when that can't be read, which counts as halted."""
    return effective(w.halt_flag.get(), w.halt_copy.get())


def refusal(w: Wiring) -> str:
    """Why nothing may start, or nothing. What can't be read counts as halted."""
    try:
        halted = read(w)
    except (Unavailable, Refused) as error:
        return f"whether the stack is halted could not be read, so it counts as halted ({error})"
    return f"the stack is {halted}" if halted.engaged else ""


@dataclass(frozen=True)
class Failure:
    """Something that could not be done, and the command that does it by hand."""

    what: str
    error: str
    command: str


@dataclass
class _Work:
    """What was done and what could not be, while going on."""

    since: datetime
    failures: dict[str, Failure] = field(default_factory=dict)
    """By what was tried: what fails first and works later has not failed."""

    def attempt(self, what: str, command: str, act: Callable[..., R], *given: object) -> R | None:
        try:
            done = act(*given)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one thing must not keep the others from being stopped
            self.failures[what] = Failure(what, f"{type(error).__name__}: {error}"[:500], command)
            return None
        self.failures.pop(what, None)
        return done

    @property
    def failed(self) -> list[dict[str, str]]:
        return [{"what": one.what, "error": one.error, "command": one.command} for one in self.failures.values()]


def halt(w: Wiring, request: HaltRequest) -> dict[str, Any]:
    """Engage, stop, record, wake, tell. Never raises: the answer says what could not be done."""
    now = w.clock.now()
    work = _Work(now)
    by_command = by_hand(w.settings.stack, engaged=True)
    engaged = _set(work, w.halt_flag.engage, request, now, "the flag in Parameter Store", by_command)
    lever = _engage_lever(w, work, request) if w.settings.safety_lever else NOT_ASKED
    stopped: dict[str, str] = {}
    _stop_listed(w, work, stopped)  # by FIS's own word: the table may be the part that hangs
    engaged |= _set(work, w.halt_copy.engage, request, now, "the flag's copy in the table", by_command)
    records = _open(w, work)
    _stop_known(w, work, records, stopped)
    told: dict[str, bool] = {}
    _abort_all(w, work, request, stopped, records, told)  # before anybody can find a stopped fault without a reason
    _stop_late(w, work, stopped)
    _abort_all(w, work, request, stopped, records, told)
    done = {
        "engaged": engaged,
        "reason": request.reason,
        "by": request.by,
        "at": now.isoformat(),
        "lever": lever,
        "stopped": [{"experiment": one, "execution_id": execution} for one, execution in stopped.items()],
        "aborted": [one for one, recorded in told.items() if recorded],
    }
    _tell(w, work, "HALTED" if engaged else "NOT HALTED", done)
    return {**done, "failed": work.failed}


def resume(w: Wiring, request: HaltRequest) -> dict[str, Any]:
    """Release the flag and its copy, both, or it stays halted; and the safety lever, if it was a halt of this stack that engaged it."""
    now = w.clock.now()
    work = _Work(now)
    before = work.attempt("what was halted", "", read, w)
    work.failures.clear()  # it is only for the message
    flags = [
        _set(work, w.halt_flag.release, request, now, "the flag in Parameter Store", by_hand(w.settings.stack, engaged=False)),
        _set(work, w.halt_copy.release, request, now, "the flag's copy in the table", copy_by_hand(w.settings.table)),
    ]
    lever = _disengage_lever(w, work, request) if w.settings.safety_lever else NOT_ASKED
    done = {
        "engaged": not all(flags),
        "lever": lever,
        "reason": request.reason,
        "by": request.by,
        "at": now.isoformat(),
        "before": str(before) if before else "could not be read",
    }
    _tell(w, work, "RESUMED" if all(flags) else "NOT RESUMED", done)
    return {**done, "failed": work.failed}


def _engage_lever(w: Wiring, work: _Work, request: HaltRequest) -> str:
    reason = f"{lever_mark(w.settings.stack)} by {request.by}: {request.reason}"[:LEVER_REASON]
    command = lever_by_hand(reason, engaged=True)
    moved = work.attempt(LEVER, command, w.lever.set, Lever(True, reason))
    if moved is None:
        return "could not be engaged"
    return "engaged" if moved else "was engaged before"


def _disengage_lever(w: Wiring, work: _Work, request: HaltRequest) -> str:
    """What somebody else engaged is theirs to disengage."""
    mark = lever_mark(w.settings.stack)
    reason = f"Squall {w.settings.stack} resumed by {request.by}: {request.reason}"[:LEVER_REASON]
    command = lever_by_hand(reason, engaged=False)
    before = work.attempt(LEVER, command, w.lever.get)
    if before is None:
        return "could not be read"
    if not before.engaged:
        return "was not engaged"
    if not before.reason.startswith(mark):
        return f"left engaged, it is not ours: {before.reason[:200]}"
    return "could not be disengaged" if work.attempt(LEVER, command, w.lever.set, Lever(False, reason)) is None else "disengaged"


def _set(work: _Work, change: Callable[[str, str, datetime], None], request: HaltRequest, now: datetime, what: str, command: str) -> bool:
    work.attempt(what, command, change, request.reason, request.by, now)
    return what not in work.failures


def _stop_late(w: Wiring, work: _Work, stopped: dict[str, str]) -> None:
    """Look again, until a look finds nothing new: FIS may list late what started in the same moment, and what failed may work now."""
    for _ in range(LOOKS):
        w.clock.sleep(LOOK_SECONDS)
        before = len(stopped)
        _stop_listed(w, work, stopped)
        if len(stopped) == before and not work.failures:
            return


def _stop_listed(w: Wiring, work: _Work, stopped: dict[str, str]) -> None:
    for fis in _running(w, work):
        _stop(w, work, fis.id, fis.tags.get("squall:execution", ""), stopped)


def _stop_known(w: Wiring, work: _Work, records: Sequence[ExecutionRecord], stopped: dict[str, str]) -> None:
    """What the table knows: FIS's listing may have failed, or lag."""
    for record in records:
        if record.fis_experiment_id and record.fis_experiment_id not in stopped:
            fis = work.attempt(f"FIS experiment {record.fis_experiment_id}", "", w.faults.get, record.fis_experiment_id)
            if fis is None or not (fis.terminal or fis.status == "stopping"):
                _stop(w, work, record.fis_experiment_id, record.id, stopped)


def _open(w: Wiring, work: _Work) -> list[ExecutionRecord]:
    """Runs of the open index whose fault is not over; none if the table is the broken part."""
    found = work.attempt("the list of open executions", "squall status", w.records.open_ids) or ()
    records = [work.attempt(f"execution {one}", shell_command("squall", "status", one), w.records.get, one) for one in found]
    return [record for record in records if record is not None and not record.final and record.fault_ended_at is None]


def _running(w: Wiring, work: _Work) -> list[FisExperiment]:
    """This stack's experiments by FIS's own word: by our templates, which are few, then among everything that is active."""
    stack = w.settings.stack
    tagged = work.attempt("the list of FIS templates", "aws fis list-experiment-templates", w.faults.templates_tagged, stack) or {}
    found: dict[str, FisExperiment] = {}
    for template_id in tagged:
        command = list_experiments_command(template_id)
        of_template = work.attempt(f"experiments of {template_id}", command, w.faults.of_template, template_id)
        found |= {fis.id: fis for fis in of_template or ()}
    active: Sequence[FisExperiment] = work.attempt("the list of FIS experiments", LIST_EXPERIMENTS, w.faults.active) or ()
    found |= {fis.id: fis for fis in active if fis.tags.get("squall:stack") == stack}
    return [fis for fis in found.values() if not fis.terminal and fis.status != "stopping"]


def _stop(w: Wiring, work: _Work, experiment_id: str, execution_id: str, stopped: dict[str, str]) -> None:
    if experiment_id in stopped:
        return
    command = stop_experiment_command(experiment_id)
    if work.attempt(f"FIS experiment {experiment_id}", command, w.faults.stop, experiment_id):
        stopped[experiment_id] = execution_id


def _abort_all(
    w: Wiring,
    work: _Work,
    request: HaltRequest,
    stopped: Mapping[str, str],
    records: Sequence[ExecutionRecord],
    told: dict[str, bool],
) -> None:
    """Say why they end to those that were stopped, and to those that have not come to their fault yet."""
    for one in dict.fromkeys([*(one for one in stopped.values() if one), *(record.id for record in records)]):
        if one not in told:
            recorded = work.attempt(f"the record of {one}", shell_command("squall", "abort", one), _abort, w, work, request, one, stopped)
            if recorded is not None:
                told[one] = recorded


def _abort(w: Wiring, work: _Work, request: HaltRequest, execution_id: str, stopped: Mapping[str, str]) -> bool:
    now = w.clock.now()
    if now - work.since > RECORDING:
        raise TimeoutError("the table is too slow: what is left of the time is for telling people")
    experiments = [one for one, execution in stopped.items() if execution == execution_id]
    why = Abort(AbortSource.HALT, f"halted by {request.by}: {request.reason}", now, request.by)
    recorded = note_abort(w, execution_id, why, experiments, now)
    wake(w, execution_id)
    return recorded


def _tell(w: Wiring, work: _Work, word: str, done: Mapping[str, Any]) -> None:
    change = HaltChange(
        outcome=word,
        stack=w.settings.stack,
        by=done["by"],
        reason=done["reason"],
        lever=done["lever"] if done["lever"] != NOT_ASKED else "",
        stopped={one["experiment"]: one["execution_id"] for one in done.get("stopped", ())},
        aborted=done.get("aborted", ()),
        not_done=[f"{one.what} ({one.error}): {one.command}" for one in work.failures.values()],
    )
    work.attempt("the message to people", "tell people yourself", w.notifier.publish, message(change))
