"""Binds the language's metrics to CloudWatch: the queries that measure each for this workload, or why it can't be
measured."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from squall.domain.base.problems import Problem
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery
from squall.domain.experiment.experiment import MetricDefinition
from squall.domain.language.metric_names import allows_statistic
from squall.domain.language.metric_table import METRICS, Kind, KnownMetric, Part, Source
from squall.domain.language.sentences import Threshold
from squall.domain.language.units import find_declared_unit
from squall.domain.metrics.periods import SlowMetric, lag_of
from squall.domain.metrics.scopes import (
    Dimensions,
    Place,
    SentinelSource,
    balancer_dimensions,
    load_balancer_dimension,
    locate,
    measured_group,
)
from squall.domain.metrics.settings import explain_unpublished, find_slow_publication
from squall.domain.policy.environment import Timing
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload


def binding_name(metric: str, statistic: str | None) -> str:
    """`response_time`, or `response_time:p99` if a sentence names another statistic than the natural one."""
    natural = METRICS[metric].statistic if metric in METRICS else None
    return metric if statistic in {None, natural} else f"{metric}:{statistic}"


def binding_of(bindings: Sequence[MetricBinding], threshold: Threshold) -> MetricBinding | None:
    """The binding that a sentence is measured by; None if the workload has none for it."""
    name = binding_name(threshold.metric, threshold.statistic)
    exact = next((binding for binding in bindings if binding.name == name), None)
    if exact is not None:
        return exact
    plain = next((binding for binding in bindings if binding.name == threshold.metric), None)
    asked = threshold.statistic
    return plain if plain is not None and any(query.statistic == asked for query in plain.queries) else None


def bind_metrics(
    metrics_needed: Iterable[str],
    statistics: Mapping[str, Collection[str]],
    declared: Mapping[str, MetricDefinition],
    workload: Workload,
    timing: Timing,
    *,
    pinned: Sequence[Resource],
    paths: Mapping[str, str] | None = None,
    sentinel: SentinelSource | None = None,
) -> tuple[tuple[MetricBinding, ...], list[Problem]]:
    """One binding for each metric, one more for each statistic asked for by name, and a problem for each metric that
    can't be measured.

    Besides `metrics_needed`, the metrics that the table measures in every run are bound wherever they can be.
    `declared` are the experiment's own metrics; `paths` says which sentence needs a metric, for the problems.
    """
    place = Place(pinned, workload, measured_group(workload, pinned), sentinel)
    bindings: list[MetricBinding] = []
    problems: list[Problem] = []
    for metric in dict.fromkeys([*metrics_needed, *_measured_always(place)]):
        bound = explain_unpublished(metric, declared, place) or _bind_metric(metric, sorted(statistics.get(metric, ())), declared, place)
        if isinstance(bound, str):
            problems.append(Problem(path=(paths or {}).get(metric, f"metrics.{metric}"), message=f"{metric} can't be measured: {bound}"))
        else:
            lag = lag_of(metric, timing, declared)
            slow = find_slow_publication(metric, declared, place)
            period = {"period_seconds": slow.period_seconds} if slow and slow.period_seconds > timing.metric_period_seconds else {}
            bindings += [binding.model_copy(update={"lag_seconds": lag, **period}) for binding in bound]
    return tuple(bindings), problems


def list_slow_metrics(
    bindings: Iterable[MetricBinding],
    declared: Mapping[str, MetricDefinition],
    workload: Workload,
    pinned: Sequence[Resource],
    timing: Timing,
) -> dict[str, SlowMetric]:
    """The bound metrics that CloudWatch has less often than the environment's period, by their name."""
    place = Place(pinned, workload, measured_group(workload, pinned))
    metrics = {binding.name.partition(":")[0] for binding in bindings if (binding.period_seconds or 0) > timing.metric_period_seconds}
    found = {metric: find_slow_publication(metric, declared, place) for metric in sorted(metrics)}
    return {metric: slow for metric, slow in found.items() if slow is not None}


def published_as(metric: str, declared: Mapping[str, MetricDefinition]) -> frozenset[tuple[str, str]]:
    """Namespace and name of every CloudWatch metric by which a metric of the language may be measured."""
    if metric in declared:
        return frozenset({(declared[metric].namespace, declared[metric].metric_name)})
    sources = METRICS[metric].sources if metric in METRICS else ()
    return frozenset((source.namespace, part.metric_name) for source in sources for part in source.parts)


def query_key(name: str, part: str) -> str:
    """A legal id of a CloudWatch query, unique among all bindings of a run."""
    return re.sub(r"\W", "_", f"q_{name}_{part}".lower(), flags=re.ASCII)[:255]


def _measured_always(place: Place) -> list[str]:
    """Metrics that are measured although no sentence names them."""
    return [row.name for row in METRICS.values() if row.measured == "always" and not isinstance(locate(row, place), str)]


def _bind_metric(
    metric: str, statistics: Sequence[str], declared: Mapping[str, MetricDefinition], place: Place
) -> list[MetricBinding] | str:
    """The bindings of one metric, or the reason why there are none."""
    if metric in declared:
        return _bind_declared(metric, declared[metric], statistics)
    if metric not in METRICS:
        return "it is neither a metric Squall knows nor declared in metrics"
    return _bind_known(METRICS[metric], statistics, place)


def _bind_known(row: KnownMetric, statistics: Sequence[str], place: Place) -> list[MetricBinding] | str:
    located = locate(row, place)
    if isinstance(located, str):
        return located
    source, dimensions = located
    whole = balancer_dimensions(place)
    period = place.sentinel.period_seconds if place.sentinel and source.scope == "sentinel" else None
    parts = [(part, whole if part.whole_balancer else dimensions) for part in source.parts]
    present = [(part, of) for part, of in parts if of is not None]
    if not present:
        return "its load balancer serves other target groups too, and CloudWatch counts its errors for all of them together"
    queries = tuple(_make_query(row.name, source.namespace, part, of, part.statistic or row.statistic) for part, of in present)
    natural = _make_binding(row, row.statistic, row.kind, queries, period)
    bindings = [natural.model_copy(update={"unattributed": _list_unattributed(row, source, place)})]
    for statistic in statistics:
        if statistic != row.statistic and allows_statistic(row, statistic):
            part, of = present[0]
            query = _make_query(binding_name(row.name, statistic), source.namespace, replace(part, name="value"), of, statistic)
            bindings.append(_make_binding(row, statistic, "gauge", (query,), period))
    return bindings


def _list_unattributed(row: KnownMetric, source: Source, place: Place) -> tuple[MetricQuery, ...]:
    """The errors that a load balancer answers itself, where it serves other target groups too."""
    if isinstance(place.group, str) or balancer_dimensions(place) is not None:
        return ()
    whole = (("LoadBalancer", load_balancer_dimension(place.group.load_balancer or "")),)
    shared = [part for part in source.parts if part.whole_balancer]
    return tuple(_make_query(row.name, source.namespace, part, whole, part.statistic or row.statistic) for part in shared)


def _make_query(name: str, namespace: str, part: Part, dimensions: Dimensions, statistic: str) -> MetricQuery:
    return MetricQuery(
        key=query_key(name, part.name),
        namespace=namespace,
        metric_name=part.metric_name,
        dimensions=dimensions,
        statistic=statistic,
        published=part.published,
        counted=part.counted,
    )


def _make_binding(
    row: KnownMetric, statistic: str, kind: Kind, queries: tuple[MetricQuery, ...], period_seconds: int | None
) -> MetricBinding:
    name = binding_name(row.name, statistic)
    return MetricBinding(name=name, kind=kind, unit=row.unit, queries=queries, period_seconds=period_seconds, lag_seconds=row.lag_seconds)


def _bind_declared(metric: str, definition: MetricDefinition, statistics: Sequence[str]) -> list[MetricBinding] | str:
    unit = find_declared_unit(definition.unit)
    if unit is None:
        return f"its unit {definition.unit!r} is not one of the language's"
    bindings = []
    for statistic in dict.fromkeys([definition.statistic, *statistics]):
        name = metric if statistic == definition.statistic else binding_name(metric, statistic)
        query = MetricQuery(
            key=query_key(name, "value"),
            namespace=definition.namespace,
            metric_name=definition.metric_name,
            dimensions=tuple(sorted(definition.dimensions.items())),
            statistic=statistic,
            published=definition.published,
        )
        binding = MetricBinding(
            name=name, kind="gauge", unit=unit.unit, scale=float(unit.factor), queries=(query,), lag_seconds=definition.lag_seconds
        )
        bindings.append(binding)
    return bindings
