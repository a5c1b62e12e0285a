"""The sentinel function probes the workload's URL while its run is measured. CaptureBaseline starts it, the pulse
restarts it.

It is not a state of the workflow: nothing that stops or undoes a fault waits for it. It ends when the run is over or no
longer measured, its execution is dead, another function has taken the lease, or its time is over. Only the pulse starts
a successor; the function never calls itself. So a chain of functions can't outlive its run, and Lambda's recursion
detection has nothing to stop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from squall.application.admission.definitions import find_definition_if_admitted
from squall.application.step import Step
from squall.domain.run.execution_state import has_ended
from squall.domain.run.record import Event, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.domain.sentinel.probes import (
    CHECK_EVERY,
    LEASE,
    STATES_WITHOUT_PROBING,
    Datum,
    Lease,
    Sample,
    build_data,
    commonest_failures,
    why_start_probe,
)
from squall.errors import Unavailable
from squall.wiring import Wiring

TO_FINISH = timedelta(seconds=20)
"""The part of the function's own time that is reserved for running probes and the last metrics."""
GIVE_UP_AFTER = timedelta(seconds=60)
"""How long AWS may refuse data or answers before the function fails, which an alarm of the stack reports."""
_REPLACED = "another function probes"
PUT_DELAY = timedelta(milliseconds=200)
"""How long after the end of a period its samples are put to CloudWatch, so that probes which ended late in it are
included."""


def start_probing(step: Step) -> None:
    """Start the run's sentinel function, if it has a sentinel and no function is probing.

    The record says so first, so that the pulse keeps the probing going, and starts a function that is not ready now.
    """
    if step.definition.experiment.sentinel is None:
        return
    if not step.record.sentinel:
        step.note(EventName.SENTINEL_STARTED, step.definition.experiment.sentinel.url, sentinel=True)
    if why_start_probe(step.w.sentinels.get(step.run.id), step.now):
        step.w.probes.start(step.run.id)


def keep_probing(w: Wiring, record: ExecutionRecord) -> None:
    """Start another sentinel function if the last one died or its time is nearly over. The pulse calls this."""
    if not record.sentinel or record.final or record.phase in STATES_WITHOUT_PROBING:
        return
    lease, now = w.sentinels.get(record.id), w.clock.now()
    why = why_start_probe(lease, now)
    starting = lease is None and record.phase == "CaptureBaseline" and now - (record.phase_since or now) < LEASE
    if not why or starting:  # CaptureBaseline has just started the first one, which takes a moment
        return
    if w.probes.start(record.id) and (lease is None or lease.until <= now):
        w.records.append(record.id, [Event(now, EventName.SENTINEL_RESTARTED, why)])


@dataclass
class _ProbeRun:
    """The work of one sentinel function, and the samples that it has not written to CloudWatch yet."""

    w: Wiring
    execution_id: str
    lease: Lease
    period: int
    dimensions: dict[str, str]
    waiting: list[Datum] = field(default_factory=list)
    """Data that CloudWatch has not taken yet."""
    put_fails_since: datetime | None = None
    question_fails_since: datetime | None = None
    next_check_at: datetime | None = None

    def put(self, samples: Sequence[Sample]) -> None:
        """Put the samples to CloudWatch. Samples that it does not take are put again with the next ones. Raises
        Unavailable after a minute of failures.
        """
        self.waiting += build_data(samples, self.period)
        if failures := commonest_failures(samples):
            self.w.logger.info("sentinel", extra={"execution_id": self.execution_id, "failures": dict(failures), "probes": len(samples)})
        if not self.waiting:
            return
        try:
            self.w.sentinel_metrics.put(self.dimensions, self.waiting)
        except Unavailable as error:
            self.put_fails_since = self._failing_since(self.put_fails_since, error)
            return
        self.waiting, self.put_fails_since = [], None

    def why_over(self) -> str:
        """The reason to stop probing; empty to go on. If AWS can't be asked, it is asked again. Raises Unavailable
        after a minute of failures."""
        now = self.w.clock.now()
        if now >= self.lease.ends_at:
            return "no time left"
        if self.next_check_at and now < self.next_check_at:
            return ""
        self.next_check_at = now + CHECK_EVERY
        try:
            why = why_not_probing(self.w, self.w.records.get(self.execution_id))
            if not why and not self.w.sentinels.renew(self.execution_id, self.lease.owner, now + LEASE):
                why = _REPLACED
        except Unavailable as error:
            self.question_fails_since = self._failing_since(self.question_fails_since, error)
            return ""
        self.question_fails_since = None
        return why

    def _failing_since(self, since: datetime | None, error: Unavailable) -> datetime:
        since = since or self.w.clock.now()
        if self.w.clock.now() - since > GIVE_UP_AFTER:
            raise error
        return since

    def until_next_period(self) -> float:
        """Seconds until the samples of the current period can be put."""
        now = self.w.clock.now().timestamp()
        return self.period - now % self.period + PUT_DELAY.total_seconds()


NO_RUN = "the run does not exist"


def why_not_probing(w: Wiring, record: ExecutionRecord | None) -> str:
    """The reason why a run is not probed; empty while it has to be probed."""
    if record is None:
        return NO_RUN
    if record.final:
        return f"the run is {record.status.value}"
    if record.phase in STATES_WITHOUT_PROBING:
        return f"nothing is measured in {record.phase}"
    status = w.workflow.status(record.execution_arn)
    return f"the execution is {status or 'unknown'}" if has_ended(status, record.started_at, w.clock.now()) else ""


def run_sentinel(w: Wiring, execution_id: str, owner: str, milliseconds_left: int) -> dict[str, str]:
    """Probe for as long as the run is measured and this invocation has time. Returns what ended the probing."""
    ends_at = w.clock.now() + timedelta(milliseconds=milliseconds_left) - TO_FINISH
    return {"execution_id": execution_id, "ended": run_probe(w, execution_id, owner, ends_at)}


def run_probe(w: Wiring, execution_id: str, owner: str, ends_at: datetime) -> str:
    """Probe until something ends it, and return what. Raises Unavailable if AWS can't be asked, or takes no data, for a
    minute.
    """
    record = w.records.get(execution_id)
    if record is None or (why := why_not_probing(w, record)):
        return why if record else NO_RUN
    definition = find_definition_if_admitted(w, record)
    if definition is None or definition.experiment.sentinel is None:
        return "the experiment has no sentinel"
    sentinel, policy = definition.experiment.sentinel, definition.environment.sentinel
    if policy is None or not policy.allows(sentinel.host):
        return f"{definition.environment.name} does not let {sentinel.host} be probed"
    lease = Lease(owner, w.clock.now() + LEASE, ends_at)
    w.sentinels.take(execution_id, lease)
    timing = definition.environment.timing
    run = _ProbeRun(w, execution_id, lease, timing.sentinel_period_seconds, sentinel_dimensions(w.settings.stack, execution_id))
    run.next_check_at = w.clock.now() + CHECK_EVERY
    with w.prober.probing(sentinel) as probes:
        while not (why := run.why_over()):
            w.clock.sleep(run.until_next_period())
            run.put(probes.drain())
    if why != _REPLACED:
        w.sentinels.release(execution_id, owner)
    return why


def sentinel_dimensions(stack: str, execution_id: str) -> dict[str, str]:
    """The dimensions of the metrics of a run, which no other run has."""
    return {"Stack": stack, "Execution": execution_id}
