"""Errors of a shared load balancer. It can't be told whose users got them, so a criterion that they could fail is not
met."""

from collections.abc import Sequence

from squall.domain.documents.metrics.metric_models import MetricBinding, Series, Window
from squall.domain.language.sentences import Threshold
from squall.domain.metrics.series import value_over


def explain_unattributed(threshold: Threshold, binding: MetricBinding, series: Sequence[Series], window: Window) -> str:
    """The reason why a threshold that holds may not hold for the users of the target group, as a sentence.

    Empty if it holds even if every error that the load balancer answered itself in the window was theirs. `series`:
    those of the binding in the window.
    """
    if not binding.unattributed or threshold.relative is not None:
        return ""
    totals: dict[str, float | None] = {}
    for query_series in series:
        values = [point.value for point in query_series.points if window.start <= point.at < window.end]
        totals[query_series.key] = sum(values) if values else None
    errors = sum(totals.get(query.key) or 0 for query in binding.unattributed if query.counted == "outside_total")
    worst = value_over(_count_all(binding), totals, window.end - window.start) if errors else None
    if worst is None or threshold.holds(worst):
        return ""
    return (
        f"; but the load balancer answered {errors:g} requests with errors of its own, for all of its target groups together: "
        f"with all of them it would be {worst:.4g} {threshold.unit}"
    )


def _count_all(binding: MetricBinding) -> MetricBinding:
    """The binding as if the load balancer served its target group alone."""
    if binding.kind == "gauge":
        return binding.model_copy(update={"queries": (*binding.queries, *binding.unattributed)})
    *parts, total = binding.queries
    return binding.model_copy(update={"queries": (*parts, *binding.unattributed, total)})
