"""The metrics every workload has, the names people give them, and the statistics that mean something for each."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Literal

from squall.domain.language.units import Unit
from squall.domain.model import Model

Kind = Literal["gauge", "ratio_good", "ratio_bad", "rate", "mean"]

_PERCENTILE = re.compile(r"p(\d{1,2}(\.\d{1,2})?|100)")
_STATISTICS = {
    "Average": ("average", "mean", "avg"),
    "Maximum": ("maximum", "max"),
    "Minimum": ("minimum", "min"),
    "Sum": ("sum", "total"),
    "SampleCount": ("count", "samplecount"),
    "p50": ("median",),
}
_SPELLED = {word: statistic for statistic, words in _STATISTICS.items() for word in words}


class Metric(Model):
    """A metric the language knows by itself, or one the experiment declares."""

    name: str
    """Canonical name."""
    title: str
    """As people write it."""
    unit: Unit
    kind: Kind
    aliases: tuple[str, ...] = ()
    statistic: str = "Average"
    """Its natural statistic."""
    statistics: tuple[str, ...] = ()
    """Statistics a sentence may ask for, besides the natural one; `p` stands for every percentile."""
    least: float | None = None
    greatest: float | None = None
    """Bounds of what it can be: a comparison that is always or never true by them is a mistake."""


_ANY = ("Average", "Maximum", "Minimum", "Sum", "SampleCount", "p")
_KNOWN = (
    Metric(
        name="availability", title="System availability", unit="percent", kind="ratio_good",
        aliases=("availability", "service availability", "success rate"), least=0, greatest=100,
    ),
    Metric(
        name="response_time", title="Response time", unit="seconds", kind="gauge",
        aliases=("latency", "response latency", "target response time"), statistics=_ANY, least=0,
    ),
    Metric(name="error_rate", title="Error rate", unit="percent", kind="ratio_bad", aliases=("failure rate",), least=0, greatest=100),
    Metric(name="request_rate", title="Request rate", unit="per_second", kind="rate", aliases=("throughput", "requests"), least=0),
    Metric(name="error_count", title="Error count", unit="count", kind="gauge", aliases=("errors",), statistic="Sum", least=0),
    Metric(
        name="healthy_hosts", title="Healthy hosts", unit="count", kind="gauge",
        aliases=("healthy host count", "healthy instances", "healthy targets"), statistics=("Maximum", "Minimum"), least=0,
    ),
    Metric(
        name="unhealthy_hosts", title="Unhealthy hosts", unit="count", kind="gauge",
        aliases=("unhealthy host count", "unhealthy instances", "unhealthy targets"), statistics=("Maximum", "Minimum"), least=0,
    ),
    Metric(
        name="cpu_utilization", title="CPU utilization", unit="percent", kind="gauge",
        aliases=("cpu", "cpu utilisation", "cpu usage"), statistics=("Maximum", "Minimum", "p"), least=0, greatest=100,
    ),
    Metric(
        name="database_connections", title="Database connections", unit="count", kind="gauge",
        statistics=("Maximum", "Minimum", "Sum"), least=0,
    ),
    Metric(
        name="database_write_latency", title="Database write latency", unit="seconds", kind="gauge",
        aliases=("write latency",), statistics=("Maximum", "Minimum", "p"), least=0,
    ),
    Metric(
        name="sentinel_availability", title="Sentinel availability", unit="percent", kind="ratio_good",
        aliases=("sentinel success rate",), least=0, greatest=100,
    ),
    Metric(  # no percentiles: CloudWatch tells them of whole minutes only, and the sentinel's windows are finer
        name="sentinel_response_time", title="Sentinel response time", unit="seconds", kind="mean",
        aliases=("sentinel latency",), statistics=("Maximum", "Minimum"), least=0,
    ),
)  # fmt: skip

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _KNOWN}


def normal(name: str) -> str:
    """The name without case, spaces, underscores and hyphens: names that are equal so are the same name."""
    return re.sub(r"[\s_-]+", "", name).casefold()


_BY_ALIAS = {normal(alias): metric.name for metric in _KNOWN for alias in (metric.name, metric.title, *metric.aliases)}


def canonical_metric(name: str) -> str | None:
    """The known metric of that name or alias."""
    return _BY_ALIAS.get(normal(name))


def statistic_named(word: str) -> str | None:
    """CloudWatch's spelling of a statistic: `mean` is Average, `P99.90` is p99.9."""
    known = _SPELLED.get(word.casefold())
    if known is not None:
        return known
    match = _PERCENTILE.fullmatch(word.casefold())
    return f"p{float(match[1]):g}" if match else None


def allows(metric: Metric, statistic: str) -> bool:
    """Whether the statistic means something for the metric."""
    asked = "p" if statistic.startswith("p") else statistic
    return statistic == metric.statistic or asked in metric.statistics


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """The choice most like the name, if any is at all."""
    by_normal = {normal(choice): choice for choice in choices}
    found = difflib.get_close_matches(normal(name), list(by_normal), n=1, cutoff=0.6)
    return by_normal[found[0]] if found else None
