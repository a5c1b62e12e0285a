"""What the application needs from the world, one small Protocol per need. Adapters and the tests' fakes implement them.

Every method raises `squall.errors.Unavailable` (chaining the SDK's error) when AWS cannot be asked or refuses for a technical reason.
An expected "no" is a return value, stated below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:  # the abort path imports this module: keep pydantic out of it
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from squall.domain.approval.votes import Ask, Caller, Vote
    from squall.domain.documents.document import Document
    from squall.domain.documents.finding import Finding, StoredFinding
    from squall.domain.documents.guards import GuardSpec, StopGuard
    from squall.domain.documents.metric_models import MetricQuery, Series
    from squall.domain.history.summary import RunSummary
    from squall.domain.messages.message import Message
    from squall.domain.resources.workload import Workload
    from squall.domain.run.aws_state import AlarmState, AutomationState, CalendarState, CommandState, FisExperiment, FisTemplate, Held
    from squall.domain.run.halt import Halt, Lever
    from squall.domain.run.orphans import Sightings
    from squall.domain.run.queue import Line
    from squall.domain.run.record import Abort, Event, ExecutionRecord
    from squall.domain.sentinel.config import Sentinel
    from squall.domain.sentinel.probes import Datum, Lease, Sample
    from squall.domain.vocabulary import ResourceType, Status

D = TypeVar("D", bound="Document")


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, UTC, aware."""

    def sleep(self, seconds: float) -> None:
        """Wait inside a function: only the watchdog does, some seconds, for FIS to finish stopping."""


class Records(Protocol):
    """Execution records. Writes are conditional: a final record never changes status again."""

    def create(self, record: ExecutionRecord) -> bool:
        """False if a record of this id exists (whoever's it is)."""

    def get(self, execution_id: str) -> ExecutionRecord | None:
        """Strongly consistent."""

    def update(self, execution_id: str, *, events: Sequence[Event] = (), **changes: Any) -> bool:
        """Set attributes of ExecutionRecord by name and append events, unless the record is final (then False, nothing written).

        `phase=` also sets `phase_since` (keyword `now=` not needed: pass `phase_since=` explicitly)."""

    def request_abort(self, execution_id: str, abort: Abort) -> bool:
        """Write the abort reason if none is there and the record isn't final. False otherwise."""

    def ask(self, execution_id: str, ask: Ask, votes: Sequence[Vote]) -> bool:
        """Ask people, or ask anew and forget these votes on the request of the round before; the record then awaits approval. False,
        nothing written: the record is final, somebody asked meanwhile, or the votes there are other ones."""

    def vote(self, execution_id: str, plan: str, vote: Vote, events: Sequence[Event] = ()) -> bool:
        """Write what a person says to the request for this plan. False, nothing written: that is not what is asked, the run is decided or
        final, or the person has said something already (a rejection replaces anything but a rejection)."""

    def store_token(self, execution_id: str, token: str) -> int | None:
        """Store the watcher's task token, return its generation; None if the record is final."""

    def clear_token(self, execution_id: str, generation: int) -> None:
        """Forget the token if it still is that generation."""

    def finish(self, execution_id: str, *, status: Status, events: Sequence[Event] = (), **changes: Any) -> bool:
        """Make the record final, once. False if it already was. The record stays in the `open` index until `settle`."""

    def append(self, execution_id: str, events: Sequence[Event]) -> None:
        """Append to the timeline, also of a final record."""

    def settle(self, execution_id: str) -> None:
        """Take a final record out of the `open` index: nothing of it is left anywhere."""

    def open_ids(self) -> Sequence[str]:
        """Ids in the `open` index, whether or not the record can be understood: one that can't must not hide the others."""

    def open(self) -> Sequence[ExecutionRecord]:
        """Records in the `open` index: a hint; decide on `get`."""

    def validated(self, experiment: str, environment: str, since: datetime) -> Sequence[ExecutionRecord]:
        """Executions of the experiment started there since then whose hypothesis held, newest first, some fifty at most. From an
        index: the newest may not be seen yet, but what is seen is final."""

    def faulted(self, domains: Sequence[str], since: datetime, until: datetime, *, most: int = 3) -> Sequence[ExecutionRecord]:
        """The newest executions started in that time which injected a fault on one of these failure domains (at least one of them), at
        most so many. Found by an index, then read consistently; the index may lag by seconds, in which locks stand."""

    def claim_trigger(self, schedule_arn: str, scheduled_time: str, execution_id: str, expires_at: datetime) -> bool:
        """False if this firing was claimed by another execution."""


class History(Protocol):
    """Runs in short, by period and by experiment: eventually consistent, for reports and people, never for a decision that guards."""

    def summarise(self, summary: RunSummary) -> None:
        """Write what the record itself does not know (workload, owner, recovery, findings); silent where there is no such record."""

    def of_period(self, start: datetime, end: datetime) -> Iterator[RunSummary]:
        """Runs begun from `start` until before `end`, oldest first, a page at a time."""

    def of_experiment(self, name: str, limit: int) -> Sequence[RunSummary]:
        """The newest runs of an experiment, newest first, at most `limit` (1 to 1000)."""


class Findings(Protocol):
    """What runs of an experiment have found out, over all its runs."""

    def of(self, experiment: str) -> Sequence[StoredFinding]:
        """Every finding there ever was, open or closed; by Query, consistent."""

    def save(self, experiment: str, finding: Finding, execution_id: str, started_at: datetime) -> bool:
        """How it stands after this execution; False where a run that started later has already said how."""


class Locks(Protocol):
    """Leases on failure domains, and FIS slots."""

    def acquire(self, keys: Sequence[str], holder: str, until: datetime, now: datetime) -> Held | None:
        """Take all keys in one transaction, or none. None: taken (also when already ours). Held: who has it, until when.

        An expired lease of another holder is not taken over silently: Held with `expired=True`; the caller closes the old
        holder's run first, then calls `release` for it and tries again."""

    def renew(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        """False if any key is no longer ours."""

    def holds(self, keys: Sequence[str], holder: str, until: datetime) -> bool:
        """Whether all keys are ours with a lease at least until then (consistent)."""

    def holders(self, keys: Sequence[str], now: datetime) -> Mapping[str, Held | None]:
        """Who holds each key (consistent); None where nobody does, `expired=True` where the lease has run out."""

    def release(self, keys: Sequence[str], holder: str) -> None:
        """Release what is ours; silent about the rest."""

    def all(self, now: datetime) -> Sequence[Held]:
        """Every lease on a failure domain, by an index: a hint."""

    def acquire_slot(self, holder: str, until: datetime, now: datetime, limit: int) -> int | None:
        """Take the first free or expired slot, if fewer than `limit` are taken in all (idempotent for a holder); else None."""

    def renew_slot(self, slot: int, holder: str, until: datetime) -> bool: ...

    def release_slot(self, slot: int, holder: str) -> None: ...

    def join(self, holder: str, since: datetime, until: datetime) -> None:
        """Wait in the queue for a slot since then; the same again renews the ticket."""

    def leave(self, holder: str, since: datetime) -> None:
        """Give the ticket back; silent if there is none."""

    def line(self) -> Line:
        """Slots and queue (consistent), what has run out included."""


class HaltFlag(Protocol):
    """Whether the stack is halted. Parameter Store holds the flag, the table its copy: engaged if either is."""

    def get(self) -> Halt:
        """Not engaged if it was never set. Raises `Unavailable` also when it can't be understood: the caller counts that as halted."""

    def engage(self, reason: str, by: str, at: datetime) -> None: ...

    def release(self, reason: str, by: str, at: datetime) -> None: ...


class SafetyLever(Protocol):
    """FIS's safety lever of the account and Region: it stops and cancels everybody's experiments."""

    def get(self) -> Lever: ...

    def set(self, lever: Lever) -> bool:
        """False if it stood so already, whoever moved it."""


class SeenBySweep(Protocol):
    def get(self) -> Sightings: ...

    def put(self, sightings: Sightings) -> None: ...


class Callers(Protocol):
    """AWS's own word on who signed a request."""

    @property
    def host(self) -> str:
        """The STS endpoint of this Region, as it has to be signed."""

    @property
    def region(self) -> str: ...

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Send GetCallerIdentity with these headers, signature included. Raises `Refused` when STS does not accept them."""


class Documents(Protocol):
    def put(self, execution_id: str, document: Document) -> None:
        """Write the document at the key of its name, over what is there."""

    def get(self, execution_id: str, model: type[D]) -> D | None:
        """The document of this kind; None if it was never written. Raises ValueError if the model does not accept what is there."""

    def publish(self, key: str, body: str, content_type: str) -> str:
        """Write a file that belongs to no single run: `analytics/…` or `reports/…`; returns the key."""

    def write(self, execution_id: str, file_name: str, body: str, content_type: str) -> str:
        """Write `results/<execution_id>/<file_name>` as it stands; returns that key."""


class Faults(Protocol):
    """AWS FIS."""

    def create_template(self, body: Mapping[str, Any], client_token: str) -> str:
        """Returns the template id. Idempotent by client token. Raises `Refused` when FIS refuses it (validation, access, quota)."""

    def template(self, template_id: str) -> Mapping[str, Any] | None:
        """A template as FIS describes it, anyone's; None if there is none."""

    def start(self, template_id: str, client_token: str, tags: Mapping[str, str]) -> FisExperiment:
        """Run for real. Raises `Refused` (code, message) if FIS refuses: template gone, quota, access."""

    def get(self, experiment_id: str) -> FisExperiment | None: ...

    def of_template(self, template_id: str) -> Sequence[FisExperiment]:
        """Experiments started from a template, also a deleted one."""

    def active(self) -> Sequence[FisExperiment]:
        """Non-terminal experiments of the account in this Region, anyone's."""

    def stop(self, experiment_id: str) -> bool:
        """Ask FIS to stop. False if it had already ended."""

    def delete_template(self, template_id: str) -> bool:
        """False if it was gone."""

    def own_templates(self, stack: str) -> Sequence[FisTemplate]:
        """This stack's templates."""

    def templates_tagged(self, stack: str) -> Mapping[str, str]:
        """Template id to execution id, of this stack's templates."""


class Metrics(Protocol):
    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        """Per-period values by query key (epoch seconds, end exclusive), GetMetricData with paging."""

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        """One value of the statistic over the whole span (GetMetricStatistics, one period); None without data, or where CloudWatch
        divides the span and parts make no whole (percentiles)."""

    def distribution(self, query: MetricQuery, start: int, end: int) -> Mapping[str, float]:
        """Of the metric's samples over the whole span, whatever the query's statistic: Average, Minimum, Maximum, SampleCount, p50, p95 and
        p99; the percentiles are absent where CloudWatch can't tell them, all is where it has no data."""

    def published(self, namespace: str, metric_name: str, dimensions: Sequence[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], ...]]:
        """The dimensions of every metric of this name that has at least these, as published in the last two weeks; one that is new may be
        missing for a quarter of an hour."""


class Sentinels(Protocol):
    """Which function probes for a run: a lease of its own, which no other part of Squall depends on."""

    def take(self, execution_id: str, lease: Lease) -> None:
        """Whoever had it has it no longer."""

    def renew(self, execution_id: str, owner: str, until: datetime) -> bool:
        """False if it is somebody else's now."""

    def get(self, execution_id: str) -> Lease | None:
        """Consistent; one that has run out included."""

    def release(self, execution_id: str, owner: str) -> None:
        """Silent about what is not its own."""


class Probes(Protocol):
    def start(self, execution_id: str) -> None:
        """Start the sentinel's function for a run, without waiting for it."""


class Samples(Protocol):
    def drain(self) -> Sequence[Sample]:
        """What has ended since the last time."""


class Prober(Protocol):
    def probing(self, sentinel: Sentinel) -> AbstractContextManager[Samples]:
        """Probes at the sentinel's pace until left; never an address that domain.sentinel refuses."""


class SentinelMetrics(Protocol):
    def put(self, dimensions: Mapping[str, str], data: Sequence[Datum]) -> None:
        """Add to the metrics of these dimensions, at high resolution."""


class Alarms(Protocol):
    def put(self, guard: GuardSpec, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        """Create or update. Raises `Refused` if the name belongs to somebody else (not tagged as this stack's)."""

    def put_composite(self, guard: StopGuard, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        """The same of a composite alarm. Raises `Refused` also if an alarm it is made of is not there."""

    def states(self, names: Sequence[str]) -> dict[str, AlarmState]:
        """Existing metric and composite alarms by name; absent ones are left out."""

    def firing(self) -> Sequence[AlarmState]:
        """Every alarm in ALARM, anyone's. `Unavailable` also where there are more than can be looked at."""

    def fired_since(self, name: str, since: datetime) -> datetime | None:
        """First time the alarm entered ALARM since then, from its history (finds a flap); None if never."""

    def delete(self, names: Sequence[str]) -> None:
        """Silent about absent ones."""

    def with_prefix(self, prefix: str) -> Sequence[AlarmState]: ...

    def tags(self, name: str) -> Mapping[str, str]:
        """Of an existing alarm; empty for one that is gone."""


class Inventory(Protocol):
    """What can be hit and what it belongs to, read only."""

    def describe(
        self,
        targets: Sequence[str],
        tags: Mapping[str, str],
        filters: Mapping[str, Sequence[str]],
        at: datetime,
        *,
        resource_type: ResourceType = ...,
        service: str | None = None,
    ) -> Workload:
        """The candidates (ids or ARNs, or by tags and filters), their groups with all members' ids, and target groups; of other types
        than instances also the target group `service`, if there is one of that ARN."""

    def refresh(self, workload: Workload, at: datetime) -> Workload:
        """The same groups, target groups and resources (plus new members of the groups) now."""


class Commands(Protocol):
    def on(self, instance_id: str, documents: Sequence[str], since: datetime) -> Sequence[CommandState]:
        """Invocations of any of the documents on the instance requested at or after `since`, newest first."""


class Automations(Protocol):
    """Systems Manager Automation: rollback documents."""

    def start(self, document: str, version: str, parameters: Mapping[str, Sequence[str]], client_token: str) -> str:
        """Returns the Automation execution's id. Idempotent by client token. Raises `Refused` for a document, role or parameter that
        Systems Manager does not take."""

    def get(self, execution_id: str) -> AutomationState | None: ...


class Calendars(Protocol):
    """Systems Manager Change Calendars."""

    def state(self, names: Sequence[str], at: datetime) -> CalendarState:
        """Of all of them together: open only if every one is."""


class Deployments(Protocol):
    """What is being rolled out."""

    def in_progress(self, groups: Sequence[str], pipelines: Sequence[str], deployment_groups: Sequence[str]) -> Sequence[str]:
        """A sentence for each: instance refreshes of the Auto Scaling groups, stages of the CodePipeline pipelines, deployments of the
        CodeDeploy groups (`application/group`). `Unavailable` also for one that is not there."""


class Notifier(Protocol):
    def publish(self, message: Message) -> None:
        """Send to the topic. The adapter lays the message out and makes every text in it one printable line."""


class Lifecycle(Protocol):
    def emit(self, record: ExecutionRecord, reason: str = "") -> None:
        """Put a `Squall Execution State Change` event on the bus."""


class Workflow(Protocol):
    def status(self, execution_arn: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE; None if unknown to Step Functions."""

    def wake(self, task_token: str) -> bool:
        """Complete the task. False if the token was already used or timed out."""
