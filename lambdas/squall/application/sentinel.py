"""The sentinel at work: a function that probes while its run lives, started by CaptureBaseline and looked after by the pulse.

It is no state of the workflow: nothing that stops a fault or undoes one waits for it. Several things end it, each alone: the record says
that the run is over or past its measuring, its execution is dead, another has taken its lease, its function has no time left. Nobody but
a living pulse starts a successor, so a probe can't chain itself through the night, and Lambda's recursion detection has nothing to find.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from squall.application.step import Step
from squall.domain.documents.definition import Definition
from squall.domain.run.execution_state import has_ended
from squall.domain.run.record import Event, ExecutionRecord
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

IN_VAIN_FOR = timedelta(seconds=60)
"""How long nothing can be put or asked before the function fails, which the stack's own alarm tells."""
ENDED_PROBES = timedelta(milliseconds=200)
"""After a period's end, so that what ended in it is put at once."""


def start_probing(step: Step) -> None:
    """Start the run's sentinel, if it has one and none works; what must be looked after is on the record first."""
    if step.definition.experiment.sentinel is None:
        return
    if not step.record.sentinel:
        step.note("sentinel_started", step.definition.experiment.sentinel.url, sentinel=True)
    if why_start_probe(step.w.sentinels.get(step.run.id), step.now):
        step.w.probes.start(step.run.id)


def keep_probing(w: Wiring, record: ExecutionRecord) -> None:
    """The pulse's part: a sentinel that died is started anew, and one whose time is nearly up has its successor."""
    if not record.sentinel or record.final or record.phase in STATES_WITHOUT_PROBING:
        return
    lease, now = w.sentinels.get(record.id), w.clock.now()
    why = why_start_probe(lease, now)
    beginning = lease is None and record.phase == "CaptureBaseline" and now - (record.phase_since or now) < LEASE
    if not why or beginning:  # the first is on its way: a function takes a moment to begin
        return
    w.probes.start(record.id)
    if lease is None or lease.until <= now:
        w.records.append(record.id, [Event(now, "sentinel_restarted", why)])


@dataclass
class _Probed:
    """What one function sees to."""

    w: Wiring
    execution_id: str
    lease: Lease
    period: int
    dimensions: dict[str, str]
    waiting: list[Datum] = field(default_factory=list)
    """Not put yet."""
    unput_since: datetime | None = None
    unasked_since: datetime | None = None
    looks_at: datetime | None = None

    def put(self, samples: Sequence[Sample]) -> None:
        """To CloudWatch; what it does not take is put again with the next. Raises Unavailable after a minute in vain."""
        self.waiting += build_data(samples, self.period)
        if said := commonest_failures(samples):
            self.w.logger.info("sentinel", extra={"execution_id": self.execution_id, "failures": dict(said), "probes": len(samples)})
        if not self.waiting:
            return
        try:
            self.w.sentinel_metrics.put(self.dimensions, self.waiting)
        except Unavailable as error:
            self.unput_since = self._in_vain(self.unput_since, error)
            return
        self.waiting, self.unput_since = [], None

    def why_over(self) -> str:
        """Why to stop; empty: go on. What can't be asked is asked again; raises Unavailable after a minute in vain."""
        now = self.w.clock.now()
        if now >= self.lease.ends_at:
            return "no time left"
        if self.looks_at and now < self.looks_at:
            return ""
        self.looks_at = now + CHECK_EVERY
        try:
            why = why_not_probing(self.w, self.w.records.get(self.execution_id))
            if not why and not self.w.sentinels.renew(self.execution_id, self.lease.owner, now + LEASE):
                why = "another probes"
        except Unavailable as error:
            self.unasked_since = self._in_vain(self.unasked_since, error)
            return ""
        self.unasked_since = None
        return why

    def _in_vain(self, since: datetime | None, error: Unavailable) -> datetime:
        since = since or self.w.clock.now()
        if self.w.clock.now() - since > IN_VAIN_FOR:
            raise error
        return since

    def until_next_period(self) -> float:
        """Seconds."""
        now = self.w.clock.now().timestamp()
        return self.period - now % self.period + ENDED_PROBES.total_seconds()


def why_not_probing(w: Wiring, record: ExecutionRecord | None) -> str:
    """Why nothing is to be probed for a run; empty while it is."""
    if record is None:
        return "there is no such run"
    if record.final:
        return f"the run is {record.status.value}"
    if record.phase in STATES_WITHOUT_PROBING:
        return "everything is measured"
    status = w.workflow.status(record.execution_arn)
    return f"the execution is {status or 'unknown'}" if has_ended(status, record.started_at, w.clock.now()) else ""


def run_probe(w: Wiring, execution_id: str, owner: str, ends_at: datetime) -> str:
    """Probe until something ends it; says what. Raises Unavailable when nothing could be put or asked for a minute."""
    if why := why_not_probing(w, w.records.get(execution_id)):
        return why
    definition = w.documents.get(execution_id, Definition)
    if definition is None or definition.experiment.sentinel is None:
        return "the experiment has no sentinel"
    sentinel, policy = definition.experiment.sentinel, definition.environment.sentinel
    if policy is None or not policy.allows(sentinel.host):
        return f"{definition.environment.name} does not let {sentinel.host} be probed"
    lease = Lease(owner, w.clock.now() + LEASE, ends_at)
    w.sentinels.take(execution_id, lease)
    timing = definition.environment.timing
    mine = _Probed(w, execution_id, lease, timing.sentinel_period_seconds, sentinel_dimensions(w.settings.stack, execution_id))
    mine.looks_at = w.clock.now() + CHECK_EVERY
    with w.prober.probing(sentinel) as probes:
        while not (why := mine.why_over()):
            w.clock.sleep(mine.until_next_period())
            mine.put(probes.drain())
    if why != "another probes":
        w.sentinels.release(execution_id, owner)
    return why


def sentinel_dimensions(stack: str, execution_id: str) -> dict[str, str]:
    """Of a run's own metrics: no other run is in them."""
    return {"Stack": stack, "Execution": execution_id}
