"""The documents a run leaves in S3, one per state, each written once and read by later states.

All times are ISO 8601 in UTC (`datetime`) unless a name says otherwise.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from squall.domain.cuts import Cut
from squall.domain.environment import Environment
from squall.domain.experiment import Experiment
from squall.domain.findings import Finding
from squall.domain.metrics import MetricBinding, Series, Window
from squall.domain.model import Model, digest
from squall.domain.problems import Problem
from squall.domain.resource import R, Resource
from squall.domain.resources import AnyResource, Instance, OtherResource
from squall.domain.signals import SignalReading
from squall.domain.statistics import MeasuredSeries, MetricStatistics, Times
from squall.domain.vocabulary import (
    CheckOutcome,
    CriterionOutcome,
    Mode,
    RollbackOutcome,
    Status,
    Verdict,
)

PAYLOAD_VERSION = 1
"""Of what travels between states. An execution that began before a deployment goes on with the new handlers, so they understand the
version before theirs: raise this when `Run` changes, and keep reading what it was."""


class Run(Model):
    """What travels through the workflow: everything else is read from the table and S3."""

    v: Annotated[int, Field(ge=PAYLOAD_VERSION - 1, le=PAYLOAD_VERSION)] = PAYLOAD_VERSION
    id: str
    execution_arn: str
    started_at: datetime


class Definition(Model):
    """`definition.json`, by Admit: what runs, after overrides, and the policy it runs under."""

    experiment: Experiment
    environment: Environment
    mode: Mode
    definition_hash: str
    promotion_hash: str = ""
    """What of it is the same in every environment: `hashes.promotion_hash`. Empty in documents of earlier versions."""
    requested_by: str | None = None
    trigger: str | None = None
    account: str
    region: str
    partition: str = "aws"


_GROUPS = {
    "auto_scaling": ("Auto Scaling group", "instances"),
    "ecs": ("ECS service", "tasks"),
    "eks": ("Kubernetes workload", "pods"),
}


class Group(Model):
    """What replaces targets that are lost: an Auto Scaling group, an ECS service, or what controls pods of an EKS cluster."""

    kind: Literal["auto_scaling", "ecs", "eks"] = "auto_scaling"
    name: str
    """Of an ECS service `cluster/service`, of what controls pods `cluster/namespace/kind/name`."""
    desired: int
    minimum: int
    in_service: tuple[str, ...]
    """Ids of instances InService and healthy, of tasks that run and are not unhealthy, or of pods that are ready."""
    suspended: tuple[str, ...] = ()
    rolling_out: bool = False
    """Whether an ECS service, or what controls pods, is being deployed: it stops and starts them itself."""
    target_groups: tuple[str, ...] = ()
    """Target group ARNs."""

    @property
    def domain(self) -> str:
        """The failure domain it is."""
        return f"{'asg' if self.kind == 'auto_scaling' else self.kind}/{self.name}"

    @property
    def words(self) -> str:
        return f"{_GROUPS[self.kind][0]} {self.name}"

    @property
    def members(self) -> str:
        """What it consists of, in words."""
        return _GROUPS[self.kind][1]


class TargetGroup(Model):
    arn: str
    load_balancer: str | None
    """ARN of the load balancer."""
    load_balancer_groups: int | None = None
    """How many target groups the load balancer serves, this one among them; None: not known."""
    protocol: str | None = None
    """HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP …"""
    ports: tuple[int, ...] = ()
    """At which its targets are registered."""
    health_ports: tuple[int, ...] = ()
    """At which they are asked whether they are healthy."""
    unhealthy_after_seconds: int | None = None
    """How long a target must be silent to be called unhealthy, at most; None: not known."""
    healthy: tuple[str, ...]
    unhealthy: tuple[str, ...]

    @property
    def registered(self) -> frozenset[str]:
        return frozenset({*self.healthy, *self.unhealthy})


class Workload(Model):
    """The account's own description of what the candidates belong to, at one moment."""

    at: datetime
    instances: tuple[Instance, ...]
    others: tuple[OtherResource, ...] = ()
    """Candidates that are no instances."""
    groups: tuple[Group, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    missing: tuple[str, ...] = ()
    """Targets asked for that the account does not know."""
    unreadable: tuple[str, ...] = ()
    """Where targets were asked for and nobody lets Squall look, each a sentence."""
    service: str | None = None
    """ARN of the target group whose traffic the sentences speak of, where the targets themselves are registered in none."""

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All of them, whatever their type."""
        return (*self.instances, *self.others)

    def names_of(self, resource: Resource) -> frozenset[str]:
        """How target groups know it: by its own name, or by those of what lives in it and is registered somewhere."""
        if not resource.contains:
            return frozenset({resource.registered_as} if resource.registered_as else ())
        return resource.contains & {name for group in self.target_groups for name in group.registered}

    def now(self, resource: R) -> R | None:
        """The same resource as this workload has it; None if it doesn't."""
        return next((one for one in self.resources if one.id == resource.id and isinstance(one, type(resource))), None)


class Discovery(Model):
    """`discovery.json`, by Discover: what was found, what is pinned and how it is measured."""

    workload: Workload
    pinned: tuple[AnyResource, ...]
    seed: str
    """The seed of the choice among candidates, so that it can be repeated."""
    failure_domains: tuple[str, ...]
    """Lock keys: `asg/<name>`, `ecs/<cluster>/<service>`, `tg/<arn suffix>`, else the resource's own (`instance/<id>` …); sorted."""
    bindings: tuple[MetricBinding, ...]


class SafetyCheck(Model):
    name: str
    outcome: CheckOutcome
    detail: str
    """A sentence with the values that decided."""


class Safety(Model):
    """`safety.json` and `final_check.json`: every check, always."""

    at: datetime
    checks: tuple[SafetyCheck, ...]

    @property
    def passed(self) -> bool:
        return bool(self.checks) and not self.failures

    @property
    def failures(self) -> tuple[SafetyCheck, ...]:
        return tuple(check for check in self.checks if check.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED})

    @property
    def summary(self) -> str:
        """How many passed, and what warned."""
        warned = "".join(f"; {check.name} warned: {check.detail}" for check in self.warnings)
        return f"{len(self.checks) - len(self.warnings) - len(self.failures)} checks passed{warned}"

    @property
    def warnings(self) -> tuple[SafetyCheck, ...]:
        return tuple(check for check in self.checks if check.outcome is CheckOutcome.WARNED)


class AlarmMetric(Model):
    """A member of an alarm's metric list: a query or an expression over the others."""

    id: str
    expression: str | None = None
    namespace: str | None = None
    metric_name: str | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str | None = None
    period_seconds: int
    return_data: bool


class GuardSpec(Model):
    """A guard alarm before it exists; `squall-<stack>-<execution>-<n>`."""

    name: str
    condition: str
    """The abort condition's sentence."""
    metric: str
    metrics: tuple[AlarmMetric, ...]
    comparison: str
    """CloudWatch ComparisonOperator under which the alarm fires."""
    threshold: float
    datapoints_to_alarm: int
    evaluation_periods: int
    treat_missing_data: str
    reaction_seconds: int
    """Period × M + lag + evaluation: from breach to alarm, at most as far as CloudWatch keeps its word."""


class StopGuard(Model):
    """A composite alarm of ours on the experiment's stop alarms: they act on FIS alone, this one aborts by our own paths."""

    name: str
    """Among the guards' names, the last."""
    alarms: tuple[str, ...]
    rule: str


class Plan(Model):
    """`plan.json`, by AskApproval: everything an approval covers. Anything of it that changes is another plan."""

    execution_arn: str
    started_at: datetime
    definition_hash: str
    environment: Environment
    """The policy it runs under."""
    pinned: tuple[str, ...]
    """ARNs of the pinned targets."""
    targets: dict[str, Any]
    actions: dict[str, Any]
    """Targets and actions of the FIS template."""
    guards: tuple[GuardSpec, ...]

    @property
    def hash(self) -> str:
        """SHA-256 of the plan as canonical JSON."""
        return digest(self.model_dump(mode="json"))


class Approvals(Model):
    """What people were asked and said, as the result keeps it."""

    plan: str
    asked_at: datetime
    expires_at: datetime
    votes: tuple[dict[str, str], ...]
    """arn, decision, comment, at."""


class Guards(Model):
    """`guards.json`, by ArmGuards."""

    guards: tuple[GuardSpec, ...]
    stop: StopGuard | None = None
    """None: the experiment names no stop alarm."""

    @property
    def names(self) -> tuple[str, ...]:
        return (*(guard.name for guard in self.guards), *([self.stop.name] if self.stop else []))

    @property
    def words(self) -> dict[str, str]:
        """Name of each alarm to what its firing means."""
        conditions = {guard.name: f"guard {guard.condition!r}" for guard in self.guards}
        return {**conditions, **({self.stop.name: f"guard of the stop alarms ({', '.join(self.stop.alarms)})"} if self.stop else {})}


class Baseline(Model):
    """`baseline.json`: history before the fault, and whether the steady state held."""

    window: Window
    finer: tuple[Window, ...] = ()
    """The same in the periods of metrics that have their own."""
    cut: tuple[Cut, ...] = ()
    """What of the history is left out because of other experiments on the same failure domains."""
    series: dict[str, tuple[Series, ...]]
    """Metric name to the series of its queries."""
    measurements: dict[str, float | None]
    steady: bool
    violations: tuple[str, ...] = ()
    requests_per_second: float | None = None

    def of_period(self, seconds: int | None) -> Window | None:
        """The window in periods of that length; None: the environment's, which there always is."""
        if seconds is None:
            return self.window
        return next((window for window in self.finer if window.period_seconds == seconds), None)


class TargetBefore(Model):
    """The pre-state of a pinned target, compared afterwards."""

    resource: AnyResource
    healthy_in: tuple[str, ...]
    """Target group ARNs in which it was healthy."""


class FaultTemplate(Model):
    """`template.json`: the FIS template as created, and the pre-state."""

    body: dict[str, Any]
    """Arguments of CreateExperimentTemplate without the client token."""
    before: tuple[TargetBefore, ...]
    guards: tuple[GuardSpec, ...]


class Proof(Model):
    """Whether the fault provably happened to a target, and by what evidence."""

    target: str
    proven: bool
    kind: str
    """state, mechanism or signal."""
    detail: str
    at: datetime | None = None
    """By a mechanism: when it took effect on the target. By state: when that was seen."""
    until: datetime | None = None
    """When the mechanism ended; None: it lasts, it has none, or nothing tells."""


class AutomationRun(Model):
    """`automation.json`, written before it starts: the Automation execution of the experiment's rollback document."""

    rollback: str
    """Its name in the environment's policy."""
    document: str
    version: str
    parameters: dict[str, tuple[str, ...]]
    timeout_seconds: int
    execution_id: str | None = None
    status: str = "Starting"
    """Systems Manager's word; or Starting, Refused, Unknown."""
    detail: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def succeeded(self) -> bool:
        return self.over and self.status in {"Success", "CompletedWithSuccess"}


class RollbackReport(Model):
    """`rollback.json`, by VerifyRollback: proof of fault and what became of each target."""

    at: datetime
    proofs: tuple[Proof, ...]
    outcome: RollbackOutcome
    differences: tuple[str, ...]
    leftovers: tuple[str, ...] = ()
    could_have_lasted_until: datetime | None = None
    """Until when the fault would have lasted had nobody been able to stop it; None: it ended in the moment, or never began."""
    automation: AutomationRun | None = None
    """The experiment's own rollback document; None: it declares none."""


class Recovery(Model):
    """`recovery.json`, by WatchRecovery."""

    recovered: bool
    recovered_at: datetime | None = None
    seconds_to_recover: float | None = None
    """From the fault's effect to the first moment after which everything held."""
    replacement_ids: tuple[str, ...] = ()
    replaced_at: datetime | None = None
    """When the last replacement needed came into service: Auto Scaling's own time, else the first look that saw it."""
    replaced_after: datetime | None = None
    """Set where `replaced_at` is only an upper bound: it was not before this."""
    recovered_after: datetime | None = None
    """The same for `recovered_at`."""
    looked_at: datetime | None = None
    detail: str = ""
    held_since: dict[str, datetime] = {}
    """Metric to since when its absolute thresholds hold without interruption; absent: they don't."""
    observed_until: datetime | None = None
    """End of the newest complete period that was looked at: the end of the recovery window."""


class CriterionResult(Model):
    text: str
    kind: str
    """threshold, alarm, recovery or replacement."""
    critical: bool
    outcome: CriterionOutcome
    measured: float | None = None
    threshold: float | None = None
    comparator: str | None = None
    unit: str = "none"
    metric: str | None = None
    """Name of the binding it was measured by."""
    low: float | None = None
    """Of the interval a criterion relative to the baseline is decided by, in `unit`."""
    high: float | None = None
    window: Window | None = None
    points: tuple[tuple[int, float], ...] = ()
    """(start of period in epoch seconds, value in `unit`)."""
    expected_points: int = 0
    reason: str


class Refusal(Model):
    """`refusal.json`, by Admit or Discover: everything that was wrong with what was asked."""

    at: datetime
    problems: tuple[Problem, ...]


class FaultReport(Model):
    """`fault.json`, by StopFault: how the FIS experiment ended."""

    experiment_id: str
    status: str
    reason: str = ""
    error_code: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    actions: tuple[dict[str, str], ...] = ()


class Judgement(Model):
    """`judgement.json`, by Judge."""

    at: datetime
    criteria: tuple[CriterionResult, ...]
    status: Status
    verdict: Verdict | None
    hypothesis_validated: bool | None
    reason: str
    values: dict[str, dict[str, float | None]] = {}
    """Window name to metric to value."""
    times: Times = Times()
    signals: tuple[SignalReading, ...] = ()
    """What the metrics of the mechanism said of its word."""


class SeriesDocument(Model):
    """`series.json`, by Compare: the raw series everything is judged on, by window and metric."""

    windows: tuple[Window, ...]
    finer: tuple[Window, ...] = ()
    """Baseline, fault and recovery in the periods of metrics that have their own."""
    series: dict[str, dict[str, tuple[Series, ...]]]
    values: dict[str, dict[str, float | None]] = {}
    """Window name to metric to its value over the whole window."""
    measured: tuple[MeasuredSeries, ...] = ()
    """Each metric in its own unit from the beginning of the baseline to the end of the recovery, also between the windows."""


class StatisticsDocument(Model):
    """`statistics.json`, by Compare."""

    at: datetime
    statistics: tuple[MetricStatistics, ...]
    cut: tuple[Cut, ...] = ()
    """What of the same hour of earlier days is left out because of other experiments."""


class TimelineEvent(Model):
    at: datetime
    event: str
    """snake_case word: admitted, guards_armed, fault_started, alarm, stop_requested, fis_stopped, instance_replaced …"""
    detail: str = ""


class Result(Model):
    """`result.json`: the seed's keys, and what Squall adds."""

    execution_id: str
    experiment_name: str
    status: Status
    start_time: datetime
    end_time: datetime | None
    hypothesis_validated: bool | None
    observations: tuple[str, ...]
    issues_discovered: tuple[str, ...]
    improvements_identified: tuple[str, ...]
    metrics_collected: dict[str, Any]

    verdict: Verdict | None
    reason: str
    """Why, in one sentence."""
    criteria: tuple[CriterionResult, ...] = ()
    safety_checks: tuple[SafetyCheck, ...] = ()
    problems: tuple[Problem, ...] = ()
    targets: tuple[dict[str, Any], ...] = ()
    statistics: tuple[MetricStatistics, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Those this run saw; then, `closed`, those it proved fixed."""
    times: Times = Times()
    timeline: tuple[TimelineEvent, ...] = ()
    recovery: Recovery | None = None
    rollback: RollbackReport | None = None
    signals: tuple[SignalReading, ...] = ()
    """Whether metrics of the mechanism bear out what it reports; empty where the targets' own state is the proof."""
    cost: dict[str, float] = {}
    environment: str | None = None
    experiment_type: str | None = None
    definition_hash: str | None = None
    requested_by: str | None = None
    approval: Approvals | None = None
