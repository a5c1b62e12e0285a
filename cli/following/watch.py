"""Reads the state of a running execution repeatedly: from its record, and for details from its documents and
metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import ValidationError

from cli.errors import CommandError
from cli.exits import Exit
from cli.following.readings import Reading, read_metrics
from squall.domain.documents.baseline import Baseline
from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.documents.result import Result
from squall.domain.documents.safety import FinalCheck, Safety

if TYPE_CHECKING:
    from cli.aws.stack import Machine
    from squall.domain.base.model import Model
    from squall.domain.documents.document import Document
    from squall.domain.run.record import Event, ExecutionRecord
    from squall.ports.metrics import Metrics

    M = TypeVar("M", bound=Model)
    D = TypeVar("D", bound=Document)

STATES = (
    "Admit", "Discover", "CheckSafety", "AskApproval", "AwaitApproval", "ObserveApproval", "AcquireLock", "AcquireSlot",
    "CaptureBaseline", "ArmGuards", "CreateTemplate", "FinalCheck", "AwaitPeers", "StartFault", "WatchFault", "ObserveFault", "StopFault",
    "VerifyRollback", "WatchRecovery", "Compare", "Judge", "Record", "Notify", "Release",
)  # fmt: skip
"""The states of the workflow in their usual order."""
APPROVAL_STATES = ("AskApproval", "AwaitApproval", "ObserveApproval")
"""The states that a run skips if it needs no approval."""
PEER_STATES = ("AwaitPeers",)
"""The states that only a part of a run over several Regions has."""
_WITHOUT_FAULT = {
    "StopFault": "no fault was started: removes what was prepared",
    "Compare": "no fault was started: nothing to compare",
    "Judge": "no fault was started: says why, judges nothing",
}
"""What states that every run passes do in a run that injected nothing."""
_MEASURED = frozenset(STATES[STATES.index("CaptureBaseline") : STATES.index("Judge")])
_NO_RECORD = timedelta(seconds=15)
"""How long to wait for a record before the execution counts as unknown, or as ended without one."""
_CLOSING = timedelta(seconds=180)
"""How long to wait for the final record of an execution that has ended: the watchdog closes it in seconds, the pulse in
two minutes."""
_RELEASE = timedelta(seconds=60)
"""How long to wait for Notify and Release after the final record."""
_BLIND = timedelta(seconds=90)
"""How long AWS may be unreadable before watching fails."""


def describe_state(record: ExecutionRecord) -> str:
    """The state that the run is in. A state that is named after the fault says so if there was none."""
    meaning = "" if record.may_have_started else _WITHOUT_FAULT.get(record.phase, "")
    return f"{record.phase} ({meaning})" if meaning else record.phase


class Watched(Protocol):
    """The parts of a deployment that the watcher needs."""

    @property
    def metrics(self) -> Metrics: ...

    def record(self, execution_id: str) -> ExecutionRecord | None: ...

    def machine(self, execution_id: str) -> Machine | None: ...

    def document(self, execution_id: str, name: str) -> Any | None: ...


@dataclass
class Snapshot:
    """What is known about an execution now, and which events are new since the last look."""

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
    """The reason why the last look failed; empty if it did not."""
    over: bool = False


@dataclass
class Watcher:
    """The state of one execution between looks."""

    source: Watched
    execution_id: str
    event_count: int = 0
    """How many events the earlier looks have read."""
    _last: Snapshot | None = None
    _since: dict[str, datetime] = field(default_factory=dict)

    def look(self, now: datetime) -> Snapshot:
        """Reads what is new. Raises CommandError if AWS could not be read for 90 s or if the execution ended without a
        record."""
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
        known.over = self._is_over(known)
        return known

    def _read(self, known: Snapshot) -> None:
        known.record = self.source.record(self.execution_id) or known.record
        record = known.record
        if record is not None:
            known.new_events = record.events[self.event_count :]
            self.event_count = max(self.event_count, len(record.events))
        if record is None or record.final or self._is_due("machine", known.now, 5):
            known.machine = self.source.machine(self.execution_id) or known.machine
        if record is None:
            return
        if self._is_due(f"documents {record.phase}", known.now, 5):
            self._read_documents(known)
        if record.phase in _MEASURED and not record.final:
            self._read_metrics(known)
        if record.final and known.result is None:
            known.result = self.source.document(self.execution_id, "result")

    def _read_documents(self, known: Snapshot) -> None:
        known.definition = known.definition or self._read_document(Definition)
        known.discovery = known.discovery or self._read_document(Discovery)
        known.safety = known.safety or self._read_document(Safety)
        known.baseline = known.baseline or self._read_document(Baseline)
        known.final_check = known.final_check or self._read_document(FinalCheck)

    def _read_document(self, model: type[D]) -> D | None:
        raw = self.source.document(self.execution_id, model.NAME)
        return None if raw is None else parse_leniently(raw, model)

    def _read_metrics(self, known: Snapshot) -> None:
        if known.definition is None or known.discovery is None:
            return
        period = known.definition.environment.timing.metric_period_seconds
        if self._is_due("metrics", known.now, min(15.0, max(1.0, period / 4))):
            known.readings = read_metrics(self.source.metrics, known.definition, known.discovery, known.baseline, known.now)

    def _is_due(self, reading: str, now: datetime, seconds: float) -> bool:
        last = self._since.get(reading)
        if last is not None and now - last < timedelta(seconds=seconds):
            return False
        self._since[reading] = now
        return True

    def _is_over(self, known: Snapshot) -> bool:
        record, machine = known.record, known.machine
        stopped = machine is not None and machine.over
        if record is not None and record.final:
            # Notify and Release follow the final record; the locks are free for the next run only after them.
            return stopped or known.now - self._since.setdefault("final", known.now) > _RELEASE
        waited = known.now - self._since.setdefault("stopped" if stopped else "unknown", known.now)
        if stopped and waited > (_NO_RECORD if record is None else _CLOSING):
            raise _explain_missing_record(known)
        if machine is None and record is None and waited > _NO_RECORD:
            raise CommandError(f"There is no execution {self.execution_id}.", "`squall status` lists what is running.", code=Exit.REFUSED)
        return False


def parse_leniently(raw: Any, model: type[M]) -> M | None:
    """The document as a model; None if it does not fit, because another version of Squall wrote it."""
    try:
        return model.model_validate(raw)
    except ValidationError:
        return None


def parse_result(raw: Any) -> Result | None:
    """`result.json` as a model; None if there is none, or if another version of Squall wrote it."""
    return None if raw is None else parse_leniently(raw, Result)


def _explain_missing_record(known: Snapshot) -> CommandError:
    machine = known.machine
    cause = " ".join(part for part in (machine.error, machine.cause) if part) if machine else ""
    status = machine.status if machine else "UNKNOWN"
    return CommandError(
        f"{known.execution_id} ended {status} in Step Functions and its outcome is not recorded. {cause}".strip(),
        "The pulse closes dead executions: try `squall status` in two minutes, then look at the execution in the Step Functions console.",
        code=Exit.ABORTED if status == "ABORTED" else Exit.FAILED,
    )
