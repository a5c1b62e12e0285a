"""What decides when an alarm fires, and whether CloudWatch holds what a guard has to be."""

from collections.abc import Mapping
from typing import Any

from squall.domain.documents.guards import AlarmMetric, GuardSpec, StopGuard


def alarm_settings(guard: GuardSpec | StopGuard) -> dict[str, Any]:
    """What decides when a guard fires, as arguments of PutMetricAlarm or PutCompositeAlarm."""
    if isinstance(guard, StopGuard):
        return {"AlarmRule": guard.rule}
    return {
        "Metrics": [_metric_argument(member) for member in guard.metrics],
        "ComparisonOperator": guard.comparison,
        "Threshold": guard.threshold,
        "DatapointsToAlarm": guard.datapoints_to_alarm,
        "EvaluationPeriods": guard.evaluation_periods,
        "TreatMissingData": guard.treat_missing_data,
    }


def _metric_argument(member: AlarmMetric) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": member.id, "ReturnData": member.return_data}
    if member.expression is not None:
        return {**entry, "Expression": member.expression, "Period": member.period_seconds}
    dimensions = [{"Name": name, "Value": value} for name, value in member.dimensions]
    metric = {"Namespace": member.namespace, "MetricName": member.metric_name, "Dimensions": dimensions}
    return {**entry, "MetricStat": {"Metric": metric, "Period": member.period_seconds, "Stat": member.statistic}}


def find_alarm_changes(guard: GuardSpec | StopGuard, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """A phrase for each setting of the alarm that is not as the guard has to have it. `settings` are the alarm's, as
    DescribeAlarms returns them."""
    expected, actual = _list_settings(alarm_settings(guard)), _list_settings(settings)
    names = sorted(name for name in {*expected, *actual} if expected.get(name) != actual.get(name))
    return tuple(f"{name} is {actual.get(name, 'nothing')}, has to be {expected.get(name, 'nothing')}" for name in names)


def _list_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """The settings as texts that can be compared: numbers as numbers, what is left out as its default."""
    if "AlarmRule" in settings:
        return {"AlarmRule": settings["AlarmRule"]}
    if not settings:
        return {}
    periods = settings.get("EvaluationPeriods", 0)
    plain = {
        "ComparisonOperator": settings.get("ComparisonOperator", ""),
        "Threshold": f"{float(settings.get('Threshold', 0)):.15g}",
        "EvaluationPeriods": f"{periods:g}",
        "DatapointsToAlarm": f"{settings.get('DatapointsToAlarm', periods):g}",
        "TreatMissingData": settings.get("TreatMissingData", "missing"),
    }
    return {**plain, **{f"metric {metric['Id']}": _describe_metric(metric) for metric in settings.get("Metrics", ())}}


def _describe_metric(metric: Mapping[str, Any]) -> str:
    shown = "" if metric.get("ReturnData", True) else "hidden "
    if "MetricStat" not in metric:
        return f"{shown}{metric.get('Expression', '')}"
    stat = metric["MetricStat"]
    dimensions = sorted(f"{entry['Name']}={entry['Value']}" for entry in stat["Metric"].get("Dimensions", ()))
    place = " ".join([stat["Metric"].get("Namespace", ""), stat["Metric"].get("MetricName", ""), *dimensions])
    return f"{shown}{stat['Stat']} of {place} every {stat['Period']} s"
