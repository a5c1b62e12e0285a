"""Alarms: evaluated every second over whole elapsed periods, published as CloudWatch publishes them."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch

from local.account.events import events
from local.account.metrics import series
from local.account.metrics.evaluation import Decision, Rule, decide_state
from local.account.metrics.expressions import ExpressionError
from local.account.metrics.series import MetricStat, Query, Window
from local.account.patching import replace_function, require_names
from local.account.profile import holder

logger = logging.getLogger("squall.alarms")

Alarm = dict[str, Any]
ACTION_SERVICE = "lambda.alarms.cloudwatch.amazonaws.com"
ACTION_FIELDS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
TICK_SECONDS = 1.0
# CloudWatch looks further back than the evaluation periods, for points that came late.
EXTRA_PERIODS = 2

_last_states: dict[str, dict[str, Any]] = {}
_rounds = {"done": 0}
_lock = threading.RLock()


def install_patches() -> None:
    """Patch evaluation, history and publication."""
    require_names(cloudwatch, "_alarms", "_history_entries", "_evaluate_parent_alarms", "_set_alarm_state")
    replace_function(cloudwatch, "_evaluate_alarm", "alarm", lambda _original: lambda _alarm: None)
    replace_function(cloudwatch, "_evaluate_all_alarms", "", lambda _original: lambda: None)
    replace_function(
        cloudwatch, "_record_history", "alarm_name old_state new_state reason alarm_type reason_data",
        lambda _original: record_history,
    )  # fmt: skip
    replace_function(cloudwatch, "_dispatch_alarm_actions", "alarm old_state new_state reason", _with_publication)


def evaluator_rounds() -> int:
    """How often all alarms have been evaluated."""
    return _rounds["done"]


def start_evaluator() -> None:
    """Evaluate all alarms every second from now on."""
    threading.Thread(target=_evaluate_forever, name="squall-alarms", daemon=True).start()


def _evaluate_forever() -> None:
    while True:
        began = time.monotonic()
        try:
            evaluate_all()
        except Exception:
            logger.exception("alarm evaluation")
        _rounds["done"] += 1
        time.sleep(max(0.05, TICK_SECONDS - (time.monotonic() - began)))


def evaluate_all() -> None:
    """Evaluate every alarm of every account and Region once."""
    for (account, region, name), alarm in list(cloudwatch._alarms._data.items()):
        with request_scope(account, region):
            try:
                evaluate_alarm(alarm)
            except ExpressionError as error:
                logger.warning("alarm %s: %s", name, error)


# --- evaluation ---------------------------------------------------------------------------------------------------


def parse_queries(alarm: Alarm) -> list[Query]:
    """The alarm's metrics; a plain alarm is one query."""
    if alarm.get("Metrics"):
        return [series.parse_query(q) for q in alarm["Metrics"]]
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average"
    metric = MetricStat(
        alarm["Namespace"], alarm["MetricName"], series.read_dimensions(alarm.get("Dimensions")),
        int(alarm.get("Period", 60)), stat,
    )  # fmt: skip
    return [Query("m1", metric, None, None, True, None)]


def read_rule(alarm: Alarm) -> Rule:
    """The alarm's condition."""
    periods = int(alarm.get("EvaluationPeriods", 1))
    return Rule(
        comparison=alarm["ComparisonOperator"],
        threshold=float(alarm["Threshold"]),
        periods=periods,
        datapoints=int(alarm.get("DatapointsToAlarm") or periods),
        missing=alarm.get("TreatMissingData") or "missing",
    )


def evaluate_alarm(alarm: Alarm, now: float | None = None) -> None:
    """Bring one alarm's state up to date."""
    now = time.time() if now is None else now
    asked = parse_queries(alarm)
    period = series.common_period(asked)
    conditions = read_rule(alarm)
    extra = max(EXTRA_PERIODS, math.ceil(holder.current.metric_lag_seconds / period))
    end = math.floor(now / period) * period
    start = end - (conditions.periods + extra) * period
    series_by_id = series.resolve_queries(asked, Window(start, end, now))
    watched = next(q for q in asked if q.return_data)
    values = series_by_id.get(watched.id, {})
    points = [values.get(begin) for begin in range(start, end, period)]
    decision = decide_state(conditions, points, alarm["StateValue"])
    with _lock:
        if decision.state != alarm["StateValue"] and _still_there(alarm):
            stamps = [begin for begin in range(start, end, period) if begin in values]
            _change_state(alarm, decision, _reason_data(alarm, decision, period, stamps, now))


def _still_there(alarm: Alarm) -> bool:
    return cloudwatch._alarms.get(alarm["AlarmName"]) is alarm


def _reason_data(alarm: Alarm, decision: Decision, period: int, stamps: list[int], now: float) -> str:
    data: dict[str, Any] = {
        "version": "1.0",
        "queryDate": format_timestamp(now),
        "startDate": format_timestamp(stamps[0] if stamps else now),
        "period": period,
        "recentDatapoints": decision.recent,
        "threshold": float(alarm["Threshold"]),
    }
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    if statistic:
        data["statistic"] = statistic
    return json.dumps(data)


def _change_state(alarm: Alarm, decision: Decision, reason_data: str) -> None:
    old = alarm["StateValue"]
    _record_configuration(alarm)
    alarm.update(
        StateValue=decision.state,
        StateReason=decision.reason,
        StateReasonData=reason_data,
        StateUpdatedTimestamp=time.time(),
        StateTransitionedTimestamp=time.time(),
    )
    cloudwatch._record_history(alarm["AlarmName"], old, decision.state, decision.reason, "MetricAlarm", reason_data)
    cloudwatch._dispatch_alarm_actions(alarm, old, decision.state, decision.reason)
    cloudwatch._evaluate_parent_alarms(alarm)


# --- publication --------------------------------------------------------------------------------------------------


def format_timestamp(epoch: float) -> str:
    """Times inside alarm events: milliseconds and ``+0000``."""
    at = datetime.fromtimestamp(epoch, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def _describe_state(alarm: Alarm) -> dict[str, Any]:
    state = {
        "value": alarm["StateValue"],
        "reason": alarm.get("StateReason", ""),
        "timestamp": format_timestamp(float(alarm.get("StateUpdatedTimestamp") or time.time())),
    }
    if alarm.get("StateReasonData"):
        state["reasonData"] = alarm["StateReasonData"]
    return state


def _first_state(alarm: Alarm) -> dict[str, Any]:
    created = float(alarm.get("AlarmConfigurationUpdatedTimestamp") or time.time())
    return {"reason": "Unchecked: Initial alarm creation", "timestamp": format_timestamp(created)}


def _record_configuration(alarm: Alarm) -> None:
    _last_states[alarm["AlarmArn"]] = _describe_state(alarm)


def describe_configuration(alarm: Alarm) -> dict[str, Any]:
    """The ``configuration`` part of an alarm's events."""
    result: dict[str, Any] = {}
    if alarm.get("AlarmDescription"):
        result["description"] = alarm["AlarmDescription"]
    if alarm.get("AlarmRule"):
        result["alarmRule"] = alarm["AlarmRule"]
        return result
    result["metrics"] = [_describe_metric(query) for query in parse_queries(alarm)]
    return result


def _describe_metric(query: Query) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query.id, "returnData": query.return_data}
    if query.metric:
        shown["metricStat"] = {
            "metric": {
                "namespace": query.metric.namespace,
                "name": query.metric.name,
                "dimensions": dict(query.metric.dimensions),
            },
            "period": query.metric.period,
            "stat": query.metric.stat,
        }
    else:
        shown["expression"] = query.expression
    if query.label:
        shown["label"] = query.label
    return shown


def record_history(
    alarm_name: str, old_state: str, new_state: str, reason: str,
    alarm_type: str = "MetricAlarm", reason_data: Any = None,
) -> None:  # fmt: skip
    """One history item, with milliseconds; a new alarm's is a configuration update, as on AWS."""
    new: dict[str, Any] = {"stateValue": new_state, "stateReason": reason}
    if reason_data is not None:
        new["stateReasonData"] = json.loads(reason_data) if isinstance(reason_data, str) else reason_data
    created = old_state == new_state
    data = {"version": "1.0", "oldState": {"stateValue": old_state}, "newState": new}
    cloudwatch._history_entries().append(
        {
            "AlarmName": alarm_name,
            "AlarmType": alarm_type,
            "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "HistoryItemType": "ConfigurationUpdate" if created else "StateUpdate",
            "HistorySummary": (f'Alarm "{alarm_name}" created' if created else f"Alarm updated from {old_state} to {new_state}"),
            "HistoryData": json.dumps({"version": "1.0", "type": "Create"} if created else data),
        }
    )


def _with_publication(send_to_topics: Callable[..., None]) -> Callable[..., None]:
    """Publish every state change (evaluated, set, composite): the event first, then the actions."""

    def dispatch_alarm_actions(alarm: Alarm, old_state: str, new_state: str, reason: str) -> None:
        previous = {**(_last_states.get(alarm["AlarmArn"]) or _first_state(alarm)), "value": old_state}
        current = _describe_state(alarm)
        _last_states[alarm["AlarmArn"]] = current
        detail = {
            "alarmName": alarm["AlarmName"],
            "configuration": describe_configuration(alarm),
            "previousState": previous,
            "state": current,
        }
        events.publish_event("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm["AlarmArn"]])
        if not alarm.get("ActionsEnabled", True) or holder.current.disable_alarm_actions:
            return
        send_to_topics(alarm, old_state, new_state, reason)
        for action in alarm.get(ACTION_FIELDS.get(new_state, "")) or []:
            if ":lambda:" in action:
                _invoke_action(alarm, action, detail)

    return dispatch_alarm_actions


def _invoke_action(alarm: Alarm, function_arn: str, detail: dict[str, Any]) -> None:
    """Call the Lambda function of an action asynchronously, if the function's policy allows CloudWatch alarms to."""
    payload = {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": get_account_id(),
        "time": format_timestamp(time.time()),
        "region": get_region(),
        "alarmData": detail,
    }
    try:
        events.check_function_policy(function_arn, ACTION_SERVICE, alarm["AlarmArn"])
        events.invoke_function(function_arn, payload)
        outcome = "Successfully executed action"
    except events.DeliveryError as failure:
        logger.warning("alarm %s action: %s", alarm["AlarmName"], failure)
        outcome = "Failed to execute action"
    _record_action(alarm, f"{outcome} {function_arn}")


def _record_action(alarm: Alarm, summary: str) -> None:
    cloudwatch._history_entries().append(
        {
            "AlarmName": alarm["AlarmName"],
            "AlarmType": "CompositeAlarm" if alarm.get("AlarmRule") else "MetricAlarm",
            "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "HistoryItemType": "Action",
            "HistorySummary": summary,
            "HistoryData": "{}",
        }
    )
