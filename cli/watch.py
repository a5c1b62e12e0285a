"""Looks at a running execution again and again: its record decides, documents and metrics explain."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import ValidationError

from cli.errors import CommandError
from cli.exits import Exit
from cli.readings import Reading, read
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.result import Result
from squall.domain.documents.safety import FinalCheck, Safety

if TYPE_CHECKING:
    from cli.aws import Machine
    from squall.domain.documents.document import Document
    from squall.domain.model import Model
    from squall.domain.run.record import Event, ExecutionRecord
    from squall.ports import Metrics

    D = TypeVar("D", bound=Document)
    M = TypeVar("M", bound=Model)

STATES = (
    "Admit", "Discover", "CheckSafety", "AskApproval", "AwaitApproval", "ObserveApproval", "AcquireLock", "AcquireSlot",
    "CaptureBaseline", "ArmGuards", "CreateTemplate", "FinalCheck", "StartFault", "WatchFault", "ObserveFault", "StopFault",
    "VerifyRollback", "WatchRecovery", "Compare", "Judge", "Record", "Notify", "Release",
)  # fmt: skip
"""The workflow in its usual order."""
APPROVAL = ("AskApproval", "AwaitApproval", "ObserveApproval")
"""Left out where nobody is asked."""
_MEASURED = frozenset(STATES[STATES.index("CaptureBaseline") : STATES.index("Judge")])
_NO_RECORD = timedelta(seconds=15)
_CLOSING = timedelta(seconds=180)
"""An execution that dies outside the workflow is closed by the watchdog in seconds, by the pulse in two minutes."""
_RELEASE = timedelta(seconds=60)
_BLIND = timedelta(seconds=90)


class Watched(Protocol):
    """What the watcher needs of a deployment."""

    @property
    def metrics(self) -> Metrics: ...

    def record(self, execution_id: str) -> ExecutionRecord | None: ...

    def machine(self, execution_id: str) -> Machine | None: ...

    def document(self, execution_id: str, name: str) -> Any | None: ...


@dataclass
class Snapshot:
    """What is known of an execution now, and what is new since the last look."""

    execution_id: str
    now: datetime
    record: ExecutionRecord | None = None
    machine: Machine | None = None
    definition: Definition | None = None
    discovery: Discovery | None = None
    safety: Safety | None = None
    final_check: Safety | None = None
    baseline: Baseline | None = None
    readings: tuple[Reading, ...] = ()
    new_events: tuple[Event, ...] = ()
    result: Any | None = None
    """`result.json` as written, once the record is final."""
    trouble: str = ""
    """Why the last look failed."""
    over: bool = False


@dataclass
class Watcher:
    """One execution's state between looks."""

    source: Watched
    execution_id: str
    seen: int = 0
    _last: Snapshot | None = None
    _since: dict[str, datetime] = field(default_factory=dict)

    def look(self, now: datetime) -> Snapshot:
        """Raises CommandError when nothing could be read for a while, or the execution ended without a record."""
        known = self._last or Snapshot(self.execution_id, now)
        known.now, known.new_events, known.trouble = now, (), ""
        self._last = known
        try:
            self._read(known)
        except CommandError as error:
            if now - self._since.setdefault("blind", now) > _BLIND or known.record is None:
                raise
            known.trouble = error.message
            return known
        self._since.pop("blind", None)
        known.over = self._over(known)
        return known

    def _read(self, known: Snapshot) -> None:
        known.record = self.source.record(self.execution_id) or known.record
        record = known.record
        if record is not None:
            known.new_events, self.seen = record.events[self.seen :], max(self.seen, len(record.events))
        if record is None or record.final or self._due("machine", known.now, 5):
            known.machine = self.source.machine(self.execution_id) or known.machine
        if record is None:
            return
        if self._due(f"documents {record.phase}", known.now, 5):
            self._documents(known)
        if record.phase in _MEASURED and not record.final:
            self._metrics(known)
        if record.final and known.result is None:
            known.result = self.source.document(self.execution_id, "result")

    def _documents(self, known: Snapshot) -> None:
        known.definition = known.definition or self._document(Definition)
        known.discovery = known.discovery or self._document(Discovery)
        known.safety = known.safety or self._document(Safety)
        known.baseline = known.baseline or self._document(Baseline)
        known.final_check = known.final_check or self._document(FinalCheck)

    def _document(self, model: type[D]) -> D | None:
        raw = self.source.document(self.execution_id, model.NAME)
        return None if raw is None else lenient(raw, model)

    def _metrics(self, known: Snapshot) -> None:
        if known.definition is None or known.discovery is None:
            return
        period = known.definition.environment.timing.metric_period_seconds
        if self._due("metrics", known.now, min(15.0, max(1.0, period / 4))):
            known.readings = read(self.source.metrics, known.definition, known.discovery, known.baseline, known.now)

    def _due(self, what: str, now: datetime, seconds: float) -> bool:
        last = self._since.get(what)
        if last is not None and now - last < timedelta(seconds=seconds):
            return False
        self._since[what] = now
        return True

    def _over(self, known: Snapshot) -> bool:
        record, machine = known.record, known.machine
        stopped = machine is not None and machine.over
        if record is not None and record.final:
            # Notify and Release follow the final record: the next run must find the locks free.
            return stopped or known.now - self._since.setdefault("final", known.now) > _RELEASE
        waited = known.now - self._since.setdefault("stopped" if stopped else "unknown", known.now)
        if stopped and waited > (_NO_RECORD if record is None else _CLOSING):
            raise _unrecorded(known)
        if machine is None and record is None and waited > _NO_RECORD:
            raise CommandError(f"There is no execution {self.execution_id}.", "`squall status` lists what is running.", code=Exit.REFUSED)
        return False


def lenient(raw: Any, model: type[M]) -> M | None:
    """A document of another version of Squall may not fit: showing less is better than failing."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


def parsed_result(raw: Any) -> Result | None:
    """`result.json` as a model; None if there is none, or it is of another version."""
    return None if raw is None else lenient(raw, Result)


def _unrecorded(known: Snapshot) -> CommandError:
    machine = known.machine
    said = " ".join(part for part in (machine.error, machine.cause) if part) if machine else ""
    ended = machine.status if machine else "UNKNOWN"
    return CommandError(
        f"{known.execution_id} ended {ended} in Step Functions and its outcome is not recorded. {said}".strip(),
        "The pulse closes what died: `squall status` again in two minutes, then look at the execution in the Step Functions console.",
        code=Exit.ABORTED if ended == "ABORTED" else Exit.FAILED,
    )
