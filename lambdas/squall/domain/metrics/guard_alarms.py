"""Guard alarms: the metric math has data when there are no errors, and breaches when there is no traffic."""

from collections.abc import Mapping, Sequence

from squall.domain.documents.guards import AlarmMetric, GuardSpec, StopGuard
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery
from squall.domain.documents.metrics.statistics import MissingPolicy
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.bindings import binding_of
from squall.domain.metrics.periods import count_datapoints, pace_timing, reaction_seconds
from squall.domain.metrics.series import missing_policy
from squall.domain.policy.environment import Timing

LONGEST_NAME = 255
MAXIMUM_METRICS = 10
"""The most metrics that CloudWatch takes in one alarm."""
_COMPARISONS = {
    "<": "LessThanThreshold",
    "<=": "LessThanOrEqualToThreshold",
    ">": "GreaterThanThreshold",
    ">=": "GreaterThanOrEqualToThreshold",
}
_TREATED: Mapping[MissingPolicy, str] = {"breaching": "breaching", "zero": "notBreaching", "ignore": "missing"}
"""CloudWatch's word for each meaning of a period without data. `missing`: an alarm without any data goes to
INSUFFICIENT_DATA."""


class UnguardableError(ValueError):
    """An abort condition that no CloudWatch alarm can watch. Admit and Discover refuse it before a guard is built."""


def guard_name(run_id: str, stack: str, number: int) -> str:
    """`squall-<stack>-<run id>-<n>`, cut to 255 characters before the number. The abort rule matches the prefix."""
    end = f"-{number}"
    return f"squall-{stack}-{run_id}"[: LONGEST_NAME - len(end)] + end


def guard_specs(
    run_id: str, stack: str, thresholds: Sequence[Threshold], bindings: Sequence[MetricBinding], timing: Timing
) -> tuple[GuardSpec, ...]:
    """One alarm for each abort condition. Raises UnguardableError for a condition without a binding, or with `==` or
    `!=`."""
    return tuple(_build_guard(guard_name(run_id, stack, i), threshold, bindings, timing) for i, threshold in enumerate(thresholds, start=1))


def stop_guard(name: str, alarms: Sequence[str]) -> StopGuard | None:
    """A composite alarm that fires when any of the named alarms does; None without any."""
    if not alarms:
        return None
    return StopGuard(name=name, alarms=tuple(alarms), rule=" OR ".join(f"ALARM({_quote_name(alarm)})" for alarm in alarms))


def _quote_name(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _build_guard(name: str, threshold: Threshold, bindings: Sequence[MetricBinding], timing: Timing) -> GuardSpec:
    binding = binding_of(bindings, threshold)
    if binding is None:
        raise UnguardableError(f"{threshold.text!r}: {threshold.metric} is not measured for this workload")
    if threshold.comparator not in _COMPARISONS or threshold.relative is not None:
        raise UnguardableError(f"{threshold.text!r}: an alarm compares an absolute value with <, <=, > or >=")
    timing = pace_timing(timing, binding.period_seconds)
    metrics = _build_metrics(binding, timing.metric_period_seconds)
    if len(metrics) > MAXIMUM_METRICS:
        raise UnguardableError(f"{threshold.text!r}: {len(metrics)} metrics, an alarm takes {MAXIMUM_METRICS}")
    breaching, evaluated = count_datapoints(threshold, timing)
    return GuardSpec(
        name=name,
        condition=threshold.text,
        metric=binding.name,
        metrics=metrics,
        comparison=_COMPARISONS[threshold.comparator],
        threshold=threshold.value,
        datapoints_to_alarm=breaching,
        evaluation_periods=evaluated,
        treat_missing_data=_TREATED[missing_policy(binding)],
        reaction_seconds=reaction_seconds(timing, binding.lag_seconds, threshold),
    )


def _build_metrics(binding: MetricBinding, period: int) -> tuple[AlarmMetric, ...]:
    ids = [f"m{i}" for i in range(1, len(binding.queries) + 1)]
    expression = _build_expression(binding, ids, period)
    members = tuple(
        _build_member(id_, query, period, return_data=expression is None) for id_, query in zip(ids, binding.queries, strict=True)
    )
    if expression is None:
        return members
    return (AlarmMetric(id="value", expression=expression, period_seconds=period, return_data=True), *members)


def _build_expression(binding: MetricBinding, ids: Sequence[str], period: int) -> str | None:
    """The value as metric math, in the binding's unit; None if a single metric is the value."""
    terms = [f"FILL({id_},0)" if query.published == "nonzero" else id_ for id_, query in zip(ids, binding.queries, strict=True)]
    match binding.kind:
        case "ratio_good":
            return f"100*(1-{_share_expression(binding, terms)})"
        case "ratio_bad":
            return f"100*{_share_expression(binding, terms)}"
        case "mean":
            return f"{terms[0]}/{terms[1]}{_scale_expression(binding.scale)}"
        case "rate":
            return f"{terms[0]}/{period}"
        case "gauge":
            if binding.scale != 1:
                return f"({'+'.join(terms)}){_scale_expression(binding.scale)}"
            return None if terms == list(ids) and len(ids) == 1 else "+".join(terms)


def _share_expression(binding: MetricBinding, terms: Sequence[str]) -> str:
    """The share of bad events in the total, counted as in `value_over`."""
    counted = [(query.counted, term) for query, term in zip(binding.queries[:-1], terms, strict=False)]
    events = "+".join(term for how, term in counted if how != "total_only")
    signs = {"outside_total": "+", "total_only": "-"}
    total = terms[-1] + "".join(f"{signs[how]}{term}" for how, term in counted if how in signs)
    return f"({events})/{total}" if total == terms[-1] else f"({events})/({total})"


def _scale_expression(scale: float) -> str:
    """The value times the binding's factor. A factor of one over a whole number becomes a division, so that 9 ms are
    exactly 0.009 s."""
    divisor = round(1 / scale) if 0 < scale < 1 else 1
    if scale == 1:
        return ""
    return f"/{divisor}" if divisor > 1 and 1 / divisor == scale else f"*{scale!r}"


def _build_member(id_: str, query: MetricQuery, period: int, *, return_data: bool) -> AlarmMetric:
    return AlarmMetric(
        id=id_,
        namespace=query.namespace,
        metric_name=query.metric_name,
        dimensions=query.dimensions,
        statistic=query.statistic,
        period_seconds=period,
        return_data=return_data,
    )
