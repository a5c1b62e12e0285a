"""CloudWatch alarms and Application Signals SLOs."""

from collections.abc import Iterator
from typing import Any

from discovery.things.base import Account, Thing
from squall.domain.base.model import Model


class Watch(Model):
    """A metric that an alarm or an SLO watches."""

    namespace: str
    metric: str
    dimensions: dict[str, str]


class Alarm(Thing):
    state: str
    watches: tuple[Watch, ...]
    actions: bool
    """Whether it tells anybody: it has actions for ALARM, and they are enabled."""
    missing_data: str
    window_seconds: int
    """The length of the data that it evaluates."""


class Objective(Thing):
    """A service level objective."""

    service: str
    """The name of the service, from the key attributes."""
    goal_percent: float | None
    metric: Watch | None
    """The metric of the indicator, where it is a single metric with a threshold."""
    statistic: str = ""
    threshold: float | None = None
    comparison: str = ""
    """`LessThan`, `GreaterThanOrEqualTo` and so on, as Application Signals spells them."""
    kind: str = ""
    """`LATENCY` or `AVAILABILITY`; empty for a metric of its own."""


def read_alarms(account: Account) -> Iterator[Alarm]:
    """Every metric alarm. A composite alarm watches no metric of its own, so its members speak for it."""
    for entry in account.items("cloudwatch", "describe_alarms", "MetricAlarms", AlarmTypes=["MetricAlarm"]):
        stats = [query["MetricStat"] for query in entry.get("Metrics", []) if "MetricStat" in query]
        period = entry.get("Period") or max((stat["Period"] for stat in stats), default=60)
        watches = [_read_watch(stat["Metric"]) for stat in stats] or ([_read_watch(entry)] if entry.get("MetricName") else [])
        yield Alarm(
            id=entry["AlarmArn"],
            name=entry["AlarmName"],
            state=entry.get("StateValue", ""),
            watches=tuple(watches),
            actions=bool(entry.get("ActionsEnabled") and entry.get("AlarmActions")),
            missing_data=entry.get("TreatMissingData", "missing"),
            window_seconds=period * entry.get("EvaluationPeriods", 1),
        )


def _read_watch(entry: dict[str, Any]) -> Watch:
    dimensions = {pair["Name"]: pair["Value"] for pair in entry.get("Dimensions", [])}
    return Watch(namespace=entry.get("Namespace", ""), metric=entry["MetricName"], dimensions=dimensions)


def read_objectives(account: Account) -> Iterator[Objective]:
    """Every SLO."""
    for summary in account.items("application-signals", "list_service_level_objectives", "SloSummaries"):
        known = account.resumed(Objective, summary["Arn"])
        yield known or _read_objective(account.ask("application-signals", "get_service_level_objective", Id=summary["Arn"]), summary)


def _read_objective(answer: dict[str, Any], summary: dict[str, Any]) -> Objective:
    slo = answer.get("Slo", {})
    sli = slo.get("Sli", {})
    indicator = sli.get("SliMetric", {})
    queries = [query["MetricStat"] for query in indicator.get("MetricDataQueries", []) if "MetricStat" in query]
    single = queries[0] if len(queries) == 1 and len(indicator["MetricDataQueries"]) == 1 else None
    attributes = indicator.get("KeyAttributes") or summary.get("KeyAttributes") or {}
    return Objective(
        id=summary["Arn"],
        name=summary["Name"],
        service=attributes.get("Name", ""),
        goal_percent=slo.get("Goal", {}).get("AttainmentGoal"),
        metric=_read_watch(single["Metric"]) if single else None,
        statistic=single["Stat"] if single else "",
        threshold=sli.get("MetricThreshold"),
        comparison=sli.get("ComparisonOperator", ""),
        kind=indicator.get("MetricType", ""),
    )
