"""GetMetricData with expressions, GetMetricStatistics from StartTime on, and PutMetricAlarm with ``Metrics``."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import importlib
import math
import time
import uuid
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core.iam_actions import access_denied_response
from ministack.services import cloudwatch

from local.account import iam
from local.account.metrics import series
from local.account.metrics.expressions import ExpressionError, parse_expression
from local.account.metrics.series import MetricStat, Query, Window
from local.account.patching import replace_function, require_names

Data = dict[str, Any]
EVICTION_SECONDS = 60.0
BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
COMPARISONS = (
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
)  # fmt: skip


class RefusedError(ValueError):
    """A request CloudWatch answers with a validation error."""


def install_patches() -> None:
    """Patch the metric and alarm operations."""
    require_names(cloudwatch, "_metric_bucket", "_calc_stats", "_stat_value", "_is_percentile_stat", "_dims_key")
    require_names(cloudwatch, "_parse_ts", "_error", "_cbor_ok", "_json_ok", "_cbor_datapoint", "_cbor_metric_data_result")
    parameters = "params cbor_data is_cbor is_json"
    replace_function(cloudwatch, "_store_datum", "namespace name dims ts unit value values counts stat_values", _with_arrivals)
    replace_function(cloudwatch, "_get_metric_data", parameters, _with_protocols(get_metric_data))
    replace_function(cloudwatch, "_get_metric_statistics", parameters, _with_protocols(get_metric_statistics))
    replace_function(cloudwatch, "_put_metric_alarm", parameters, _put_metric_alarm)
    replace_function(cloudwatch, "handle_request", "method path headers body query_params", _checked_on_every_alarm)
    replace_function(cloudwatch, "_evict_old_metrics", "", _evict_seldom)
    require_names(app, "SERVICE_HANDLERS")
    app.SERVICE_HANDLERS["cloudformation"] = _patched_when_first_used(app.SERVICE_HANDLERS["cloudformation"])


def _patched_when_first_used(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Patch CloudFormation's alarms at its first call: importing CloudFormation takes seconds."""
    pending = [True]

    async def handle_request(*arguments: Any) -> Any:
        if pending:
            provisioners = importlib.import_module("ministack.services.cloudformation.provisioners")
            replace_function(provisioners, "_cw_metric_alarm_record", "name props", _template_alarm)
            pending.clear()
        return await handle(*arguments)

    return handle_request


def _checked_on_every_alarm(handle: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Data) -> Any:
        denied = iam.check_other_alarms(headers, query_params, body) if b"AlarmNames" in body else None
        if denied:
            return access_denied_response("monitoring", denied.action, denied.principal, str(uuid.uuid4()), headers=headers)
        return await handle(method, path, headers, body, query_params)

    return handle_request


def _evict_seldom(evict: Callable[[], None]) -> Callable[[], None]:
    """Evict old points once a minute. To forget points after two weeks, ministack copies every stored point at every
    call."""
    last = [0.0]

    def evict_old_metrics() -> None:
        if time.monotonic() - last[0] > EVICTION_SECONDS:
            last[0] = time.monotonic()
            evict()

    return evict_old_metrics


def _with_arrivals(store: Callable[..., None]) -> Callable[..., None]:
    def store_datum(namespace: str, name: str, dims: Data, *rest: Any) -> None:
        store(namespace, name, dims, *rest)
        series.stamp_arrivals(cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dims))))

    return store_datum


def _with_protocols(answer: Callable[[Data], Data]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Serve the JSON and CBOR protocols, which every current SDK uses. ministack itself serves the old query
    protocol."""

    def make_handler(fallback: Callable[..., Any]) -> Callable[..., Any]:
        def handle_call(params: Data, cbor_data: Data, is_cbor: bool, is_json: bool = False) -> Any:
            if not (is_cbor or is_json):
                return fallback(params, cbor_data, is_cbor, is_json)
            try:
                result = answer(cbor_data)
            except (RefusedError, ExpressionError) as error:
                return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
            if is_json:
                return cloudwatch._json_ok(result)
            for key, convert in (
                ("MetricDataResults", cloudwatch._cbor_metric_data_result),
                ("Datapoints", cloudwatch._cbor_datapoint),
            ):
                if key in result:
                    result[key] = [convert(item) for item in result[key]]
            return cloudwatch._cbor_ok(result)

        return handle_call

    return make_handler


def _read_window(data: Data) -> Window:
    start, end = cloudwatch._parse_ts(data.get("StartTime")), cloudwatch._parse_ts(data.get("EndTime"))
    if start is None or end is None:
        raise RefusedError("The parameters StartTime and EndTime are required.")
    if start >= end:
        raise RefusedError("The parameter StartTime must be less than the parameter EndTime.")
    return Window(start, end, time.time())


def get_metric_data(data: Data) -> Data:
    """Results newest first unless asked otherwise, as on AWS; the period in progress is included."""
    queries = [series.parse_query(q) for q in data.get("MetricDataQueries") or []]
    if not queries:
        raise RefusedError("The collection MetricDataQueries must not be empty.")
    if len(queries) > 500:
        raise RefusedError("The collection MetricDataQueries must not have more than 500 members.")
    _check_queries(queries)
    window = _read_window(data)
    longest = series.common_period(queries)
    values = series.resolve_queries(queries, Window(math.floor(window.start / longest) * longest, window.end, window.now))
    ascending = data.get("ScanBy") == "TimestampAscending"
    results = []
    for query in queries:
        if query.return_data:
            times = sorted(values.get(query.id, {}), reverse=not ascending)
            results.append(
                {
                    "Id": query.id,
                    "Label": query.label or (query.metric.name if query.metric else query.id),
                    "Timestamps": [float(t) for t in times],
                    "Values": [values[query.id][t] for t in times],
                    "StatusCode": "Complete",
                }
            )
    return {"MetricDataResults": results, "Messages": []}


def _check_queries(queries: list[Query]) -> None:
    ids = [q.id for q in queries]
    if len(set(ids)) != len(ids):
        raise RefusedError("The values for parameter id in MetricDataQueries are not unique.")
    for query in queries:
        if (query.metric is None) == (query.expression is None):
            raise RefusedError(f"Query {query.id} must have either MetricStat or Expression.")
        if query.expression:
            parse_expression(query.expression)


MINUTE_SECONDS = 5
"""What GetMetricStatistics does by the minute on AWS, it does by the workload's metric period here: a window of whole
periods is one point."""


def get_metric_statistics(data: Data) -> Data:
    """Periods begin at StartTime, itself rounded down to a whole minute of the account (or period below it)."""
    window = _read_window(data)
    period = int(data.get("Period") or 60)
    grain = min(MINUTE_SECONDS, period)
    start = math.floor(window.start / grain) * grain
    basic, extended = data.get("Statistics") or [], data.get("ExtendedStatistics") or []
    if not basic and not extended:
        raise RefusedError("Must specify either Statistics or ExtendedStatistics")
    name = str(data.get("MetricName"))
    selected = Window(start, window.end, window.now)
    points: dict[int, Data] = {}
    dims = series.read_dimensions(data.get("Dimensions"))
    for stat in [*basic, *extended]:
        metric = MetricStat(str(data.get("Namespace")), name, dims, period, str(stat))
        unit = next((p["Unit"] for p in series.visible_points(metric, selected)), "None")
        for begin, value in series.metric_series(metric, selected, origin=start).items():
            point = points.setdefault(begin, {"Timestamp": float(begin), "Unit": unit})
            if stat in BASIC:
                point[stat] = value
            else:
                point.setdefault("ExtendedStatistics", {})[stat] = value
    return {"Label": name, "Datapoints": [points[begin] for begin in sorted(points)]}


# --- alarms -------------------------------------------------------------------------------------------------------


def _put_metric_alarm(put: Callable[..., Any]) -> Callable[..., Any]:
    def put_metric_alarm(params: Data, cbor_data: Data, is_cbor: bool, is_json: bool = False) -> Any:
        if not (is_cbor or is_json):
            return put(params, cbor_data, is_cbor, is_json)
        try:
            check_alarm(cbor_data)
        except (RefusedError, ExpressionError) as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        name = cbor_data["AlarmName"]
        before = cloudwatch._alarms.get(name)
        answer = put(params, cbor_data, is_cbor, is_json)
        after = cloudwatch._alarms.get(name)
        if answer[0] < 300 and after is not None:
            complete_alarm(after, before, cbor_data)
        return answer

    return put_metric_alarm


def check_alarm(data: Data) -> None:
    """Refuse what PutMetricAlarm refuses."""
    if not data.get("AlarmName"):
        raise RefusedError("AlarmName is required")
    if data.get("ComparisonOperator") not in COMPARISONS:
        raise RefusedError(f"ComparisonOperator must be one of {', '.join(COMPARISONS)}")
    if data.get("Threshold") is None:
        raise RefusedError("Threshold is required")
    _check_evaluation(data)
    if len(data.get("AlarmDescription") or "") > 1024:
        raise RefusedError("AlarmDescription must have at most 1024 characters")
    if data.get("Metrics"):
        _check_metrics(data)
    else:
        _check_plain_metric(data)


def _check_evaluation(data: Data) -> None:
    periods = int(data.get("EvaluationPeriods") or 0)
    if periods < 1:
        raise RefusedError("EvaluationPeriods must be at least 1")
    if int(data.get("DatapointsToAlarm") or periods) > periods:
        raise RefusedError("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    if data.get("TreatMissingData", "missing") not in ("breaching", "notBreaching", "ignore", "missing"):
        raise RefusedError("TreatMissingData must be breaching, notBreaching, ignore or missing")


def _check_plain_metric(data: Data) -> None:
    if not data.get("MetricName") or not data.get("Namespace"):
        raise RefusedError("MetricName and Namespace are required unless Metrics is given")
    if bool(data.get("Statistic")) == bool(data.get("ExtendedStatistic")):
        raise RefusedError("exactly one of Statistic and ExtendedStatistic is required")
    _check_period(int(data.get("Period") or 0))


def _check_period(period: int) -> None:
    # AWS allows 1 and 5 s for high-resolution metrics, but 10 s at least for alarms. The local account allows them for both.
    if period not in (1, 5, 10, 20, 30) and (period < 60 or period % 60):
        raise RefusedError("Period must be 10, 20, 30 or a multiple of 60")


def _check_metrics(data: Data) -> None:
    if data.get("MetricName") or data.get("Statistic") or data.get("ExtendedStatistic") or data.get("Period"):
        raise RefusedError("Metrics excludes MetricName, Statistic, ExtendedStatistic and Period")
    queries = [series.parse_query(q) for q in data["Metrics"]]
    if len(queries) > 20 or sum(1 for q in queries if q.metric) > 10:
        raise RefusedError("an alarm has at most 10 metrics and 20 queries")
    _check_queries(queries)
    if sum(1 for q in queries if q.return_data) != 1:
        raise RefusedError("exactly one of Metrics must have ReturnData true")
    for query in queries:
        if query.metric:
            _check_period(query.metric.period)


def complete_alarm(alarm: Data, before: Data | None, request: Data) -> None:
    """Keep what ministack leaves out of the stored alarm: ``Metrics``, and the state's data across an update."""
    if request.get("Metrics"):
        alarm["Metrics"] = request["Metrics"]
        for key in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
            alarm.pop(key, None)
    elif request.get("ExtendedStatistic"):
        alarm.pop("Statistic", None)
    alarm["StateUpdatedTimestamp"] = (before or {}).get("StateUpdatedTimestamp", time.time())
    alarm["StateTransitionedTimestamp"] = (before or {}).get("StateTransitionedTimestamp", time.time())
    if before and before.get("StateReasonData"):
        alarm["StateReasonData"] = before["StateReasonData"]


def _template_alarm(make: Callable[..., Data]) -> Callable[..., Data]:
    """Create CloudFormation alarms over metric math, which ministack refuses."""

    def record_alarm(name: str, props: Data) -> Data:
        metrics = props.get("Metrics")
        plain = {**props, "Metrics": None, "MetricName": "-", "Namespace": "-"} if metrics else props
        alarm = make(name, plain)
        request: Data = {"Metrics": [_template_query(m) for m in metrics]} if metrics else dict(props)
        complete_alarm(alarm, cloudwatch._alarms.get(name), request)
        return alarm

    return record_alarm


def _template_query(query: Data) -> Data:
    """Convert values that a template may write as strings."""
    result = dict(query)
    if isinstance(result.get("ReturnData"), str):
        result["ReturnData"] = result["ReturnData"].lower() == "true"
    if stat := result.get("MetricStat"):
        result["MetricStat"] = {**stat, "Period": int(stat.get("Period", 60))}
    return result
