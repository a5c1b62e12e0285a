"""Every metric the language knows, one row each: its names, where CloudWatch has it, and what a period without data
means.

A new metric is a new row. The parser, the bindings, the timing rules, guards, judging and reports read the row. They
name no metric themselves, except those that other numbers depend on (`request_rate`, `healthy_hosts`), and
`availability` and `response_time`, which a note compares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from squall.domain.language.units import Unit

Kind = Literal["gauge", "ratio_good", "ratio_bad", "rate", "mean"]
"""How the parts make the value: `gauge` their sum; `ratio_good` and `ratio_bad` in percent, the last part is the total
and all before it count bad events; `rate` the sum per second; `mean` the first part over the second."""
Published = Literal["always", "nonzero", "with_traffic"]
"""What a period without a data point means.

`always`: nothing is known about it. `nonzero`: the count was zero (load balancers publish error counts only when there
are errors). `with_traffic`: no request was counted; the period is never filled in, and it breaches.
"""
Counted = Literal["inside_total", "outside_total", "total_only"]
"""Whether the total of a ratio already counts its bad events.

`inside_total`: yes (errors of a target). `outside_total`: no (errors that the load balancer answers itself), so they
are added to the total. `total_only`: the part of the `outside_total` events that the total counts nevertheless (a
target was chosen, then failed). This part is subtracted from the total again. The `outside_total` events already
include it, so it is not counted as bad a second time.
"""
Scope = Literal["target_group", "compute", "ecs_service", "database", "sentinel"]
"""What the dimensions of a metric name. `squall.domain.metrics.scopes` finds them for the pinned targets."""
Shows = Literal["errors", "capacity", "performance"]

LOAD_BALANCER_LAG_SECONDS = 180
"""A finished minute of a load balancer metric is complete at most this long after its end."""
_EC2_LAG_SECONDS = 120
"""The same with detailed monitoring."""
_RDS_LAG_SECONDS = 180
"""AWS documents no lag for RDS. This is the load balancers', the longest that AWS documents for any of these metrics.
"""
_SENTINEL_LAG_SECONDS = 15
"""The sentinel puts a finished period at once; CloudWatch shows it some seconds later."""

EVERY_STATISTIC = ("Average", "Maximum", "Minimum", "Sum", "SampleCount", "p")

SENTINEL_NAMESPACE = "Squall/Sentinel"
ATTEMPTS: Final = "Attempts"
FAILURES: Final = "Failures"
RESPONSE_TIME: Final = "ResponseTime"


@dataclass(frozen=True)
class Part:
    """One CloudWatch metric that a value is made of."""

    name: str
    """Distinguishes the parts in the keys of their queries."""
    metric_name: str
    statistic: str | None = None
    """The statistic. None: the metric's natural one, or the one that a sentence asks for."""
    published: Published = "always"
    counted: Counted = "inside_total"
    whole_balancer: bool = False
    """Whether it is published only for the load balancer as a whole. It is left out if the load balancer serves other
    target groups too."""


@dataclass(frozen=True)
class Source:
    """Where CloudWatch has a metric for one kind of target."""

    namespace: str
    scope: Scope
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """What the language knows about a metric, whether it is a row of the table or declared by an experiment."""

    name: str
    """Canonical name."""
    title: str
    """The metric's name as people write it."""
    unit: Unit
    kind: Kind
    aliases: tuple[str, ...] = ()
    statistic: str = "Average"
    """The natural statistic, used when a sentence names none."""
    statistics: tuple[str, ...] = ()
    """Statistics a sentence may ask for besides the natural one; `p` stands for every percentile."""
    better: Literal["higher", "lower"] | None = None
    """The direction that everybody wants; None if that depends on the workload."""
    least: float | None = None
    greatest: float | None = None
    """The smallest and greatest value it can have: a comparison that they make always or never true is refused."""


@dataclass(frozen=True, kw_only=True)
class KnownMetric(Metric):
    """A row of the table."""

    sources: tuple[Source, ...]
    """Where CloudWatch has the metric. The first source whose scope fits the pinned targets is measured."""
    lag_seconds: int
    """How long after its end a finished period is complete in CloudWatch."""
    measured: Literal["if_named", "always"] = "if_named"
    """`always`: measured in every run that has a source for it, because other numbers mean nothing without it. While no
    host is healthy, or none is registered, unanswered requests show only as missing periods."""
    felt: bool = False
    """Whether users feel it. If so, it shows what a fault does to them, but never whether there was a fault."""
    shows: Shows = "performance"
    """What it says about the workload that a criterion on it is not met."""
    alarmed_as: tuple[tuple[str, str], ...] = ()
    """Namespace and name of the CloudWatch metrics by which an alarm of the user's own watches this metric. A fault
    that moves this metric by design sets such an alarm off by itself, so the alarm can't be a stop alarm of that
    fault."""


LOAD_BALANCER = "AWS/ApplicationELB"
"""The namespace of application load balancers."""
_ALB, _NLB, _EC2, _RDS = LOAD_BALANCER, "AWS/NetworkELB", "AWS/EC2", "AWS/RDS"
_TARGET_5XX = Part("target_5xx", "HTTPCode_Target_5XX_Count", "Sum", "nonzero")
_BALANCER_5XX = Part("elb_5xx", "HTTPCode_ELB_5XX_Count", "Sum", "nonzero", "outside_total", whole_balancer=True)
_ROUTED = (  # of the errors that the load balancer answers itself, RequestCount counts only these: a target was chosen, then failed
    Part("elb_502", "HTTPCode_ELB_502_Count", "Sum", "nonzero", "total_only", whole_balancer=True),
    Part("elb_504", "HTTPCode_ELB_504_Count", "Sum", "nonzero", "total_only", whole_balancer=True),
)
_REQUESTS = Part("requests", "RequestCount", "Sum", "with_traffic")


def _balancer_sources(*parts: Part) -> tuple[Source, ...]:
    return (Source(_ALB, "target_group", parts),)


def _database_source(metric_name: str) -> Source:
    return Source(_RDS, "database", (Part("value", metric_name),))


def _sentinel_sources(*parts: Part) -> tuple[Source, ...]:
    return (Source(SENTINEL_NAMESPACE, "sentinel", parts),)


_ROWS = (
    KnownMetric(
        name="availability", title="System availability", unit="percent", kind="ratio_good",
        aliases=("availability", "success rate", "uptime"), better="higher", least=0, greatest=100,
        sources=_balancer_sources(_TARGET_5XX, _BALANCER_5XX, *_ROUTED, _REQUESTS), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        measured="always", felt=True, shows="errors",
    ),
    KnownMetric(
        name="response_time", title="Response time", unit="seconds", kind="gauge",
        aliases=("latency", "response times", "response latency", "target response time"), statistics=EVERY_STATISTIC,
        better="lower", least=0,
        sources=_balancer_sources(Part("value", "TargetResponseTime", published="with_traffic")), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        felt=True,
    ),
    KnownMetric(
        name="error_rate", title="Error rate", unit="percent", kind="ratio_bad",
        aliases=("failure rate", "5xx rate", "5xx error rate", "server error rate"), better="lower", least=0, greatest=100,
        sources=_balancer_sources(_TARGET_5XX, _BALANCER_5XX, *_ROUTED, _REQUESTS), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        felt=True, shows="errors",
    ),
    KnownMetric(
        name="request_rate", title="Request rate", unit="per_second", kind="rate",
        aliases=("throughput", "requests", "requests per second"), least=0,
        sources=_balancer_sources(_REQUESTS), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        measured="always", felt=True,
    ),
    KnownMetric(
        name="error_count", title="Error count", unit="count", kind="gauge",
        aliases=("errors", "5xx", "5xx errors", "5xx count", "5xx error count", "server errors"), statistic="Sum", better="lower", least=0,
        sources=_balancer_sources(_TARGET_5XX, _BALANCER_5XX), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        felt=True, shows="errors",
    ),
    KnownMetric(
        name="target_error_count", title="Target error count", unit="count", kind="gauge",
        aliases=("HTTPCode_Target_5XX_Count", "target errors", "target 5xx errors"), statistic="Sum", better="lower", least=0,
        sources=_balancer_sources(_TARGET_5XX), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        felt=True, shows="errors",
    ),
    KnownMetric(  # what the load balancer answers itself: it is measured only where the load balancer serves one target group
        name="load_balancer_error_count", title="Load balancer error count", unit="count", kind="gauge",
        aliases=("HTTPCode_ELB_5XX_Count", "load balancer errors", "ELB 5xx errors", "ALB 5xx errors"),
        statistic="Sum", better="lower", least=0,
        sources=_balancer_sources(_BALANCER_5XX), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        felt=True, shows="errors",
    ),
    KnownMetric(
        name="healthy_hosts", title="Healthy hosts", unit="count", kind="gauge",
        aliases=("healthy host count", "healthy instances", "healthy targets"), statistics=("Maximum", "Minimum"), better="higher", least=0,
        sources=_balancer_sources(Part("value", "HealthyHostCount", published="with_traffic")), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        measured="always", shows="capacity",
        alarmed_as=((_ALB, "HealthyHostCount"), (_NLB, "HealthyHostCount"), ("AWS/AutoScaling", "GroupInServiceInstances")),
    ),
    KnownMetric(
        name="unhealthy_hosts", title="Unhealthy hosts", unit="count", kind="gauge",
        aliases=("unhealthy host count", "unhealthy instances", "unhealthy targets"),
        statistics=("Maximum", "Minimum"), better="lower", least=0,
        sources=_balancer_sources(Part("value", "UnHealthyHostCount")), lag_seconds=LOAD_BALANCER_LAG_SECONDS,
        shows="capacity",
        alarmed_as=((_ALB, "UnHealthyHostCount"), (_NLB, "UnHealthyHostCount"), ("AWS/AutoScaling", "GroupTerminatingInstances")),
    ),
    KnownMetric(  # of ECS in percent of what the service's tasks reserve
        name="cpu_utilization", title="CPU utilization", unit="percent", kind="gauge",
        aliases=("cpu", "cpu utilisation", "cpu usage"), statistics=("Maximum", "Minimum", "p"), least=0, greatest=100,
        sources=(
            _database_source("CPUUtilization"),
            Source("AWS/ECS", "ecs_service", (Part("value", "CPUUtilization"),)),
            Source(_EC2, "compute", (Part("value", "CPUUtilization"),)),
        ),
        lag_seconds=_EC2_LAG_SECONDS,
        alarmed_as=((_EC2, "CPUUtilization"),),
    ),
    KnownMetric(
        name="database_connections", title="Database connections", unit="count", kind="gauge",
        statistics=("Maximum", "Minimum", "Sum"), least=0,
        sources=(_database_source("DatabaseConnections"),), lag_seconds=_RDS_LAG_SECONDS,
        alarmed_as=((_RDS, "DatabaseConnections"),),
    ),
    KnownMetric(  # of writes to the volume, in seconds, for every engine
        name="database_write_latency", title="Database write latency", unit="seconds", kind="gauge",
        aliases=("write latency",), statistics=("Maximum", "Minimum", "p"), better="lower", least=0,
        sources=(_database_source("WriteLatency"),), lag_seconds=_RDS_LAG_SECONDS,
    ),
    KnownMetric(  # a sentinel that falls silent is never taken for good: `with_traffic`, like requests
        name="sentinel_availability", title="Sentinel availability", unit="percent", kind="ratio_good",
        aliases=("sentinel success rate",), better="higher", least=0, greatest=100,
        sources=_sentinel_sources(Part("failures", FAILURES, "Sum", "with_traffic"), Part("attempts", ATTEMPTS, "Sum", "with_traffic")),
        lag_seconds=_SENTINEL_LAG_SECONDS, measured="always",
    ),
    KnownMetric(  # no percentiles: CloudWatch has them for whole minutes only, and the sentinel's periods are shorter
        name="sentinel_response_time", title="Sentinel response time", unit="seconds", kind="mean",
        aliases=("sentinel latency",), statistics=("Maximum", "Minimum"), better="lower", least=0,
        sources=_sentinel_sources(
            Part("sum", RESPONSE_TIME, "Sum", "with_traffic"), Part("count", RESPONSE_TIME, "SampleCount", "with_traffic"),
        ),
        lag_seconds=_SENTINEL_LAG_SECONDS, measured="always",
    ),
)  # fmt: skip

METRICS: Mapping[str, KnownMetric] = {row.name: row for row in _ROWS}
"""The table, by canonical name."""


def measured_by_sentinel(name: str) -> bool:
    """Whether the sentinel publishes the known metric of that name."""
    return name in METRICS and any(source.scope == "sentinel" for source in METRICS[name].sources)


def watched_by_alarm(namespace: str, metric_name: str) -> frozenset[str]:
    """Canonical names of the metrics that an alarm on this CloudWatch metric watches."""
    return frozenset(row.name for row in METRICS.values() if (namespace, metric_name) in row.alarmed_as)


def published_when_nonzero(namespace: str, metric_name: str) -> bool:
    """Whether a row of the table says that this CloudWatch metric has no data point while the count is zero."""
    named = ((source.namespace, part) for row in METRICS.values() for source in row.sources for part in source.parts)
    return any((place, part.metric_name, part.published) == (namespace, metric_name, "nonzero") for place, part in named)
