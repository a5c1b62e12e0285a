"""Guard alarms in CloudWatch. PutMetricAlarm replaces any alarm of that name, so the name is looked up first."""

from __future__ import annotations

import json
import re
from datetime import UTC
from itertools import islice
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, list_pages, split_chunks
from squall.domain.run.alarm_state import AlarmHistory, AlarmState, Firing, Watched
from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from squall.domain.documents.guards import GuardSpec, StopGuard

_BOTH_TYPES = ["MetricAlarm", "CompositeAlarm"]
_NAMES_PER_CALL = 100
_MOST_FIRING = 1000
"""How many alarms in ALARM are read; more are an error."""
_OWNER_TAG = "squall:stack"
_SETTINGS = (
    "Metrics", "ComparisonOperator", "Threshold", "DatapointsToAlarm", "EvaluationPeriods", "TreatMissingData", "AlarmRule",
)  # fmt: skip
_ALARM_IN_RULE = re.compile(r"""(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]+)"|'([^']+)'|([^"'\s)]+))\s*\)""")
"""An alarm in the rule of a composite alarm, by name or ARN, quoted or not (API reference, PutCompositeAlarm,
AlarmRule)."""
_CHANGE_IN_SUMMARY = re.compile(r"from (\w+) to (\w+)$")


class CloudWatchAlarms:
    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, guard: GuardSpec, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        call(
            self._client,
            "put_metric_alarm",
            refusable=True,
            **self._common_arguments(guard.name, description, action_arn, tags),
            **_make_settings(guard),
        )

    def put_composite(self, guard: StopGuard, *, description: str, action_arn: str, tags: Mapping[str, str]) -> None:
        common = self._common_arguments(guard.name, description, action_arn, tags)
        call(self._client, "put_composite_alarm", refusable=True, **common, **_make_settings(guard))

    def _common_arguments(self, name: str, description: str, action_arn: str, tags: Mapping[str, str]) -> dict[str, Any]:
        """The arguments with which both types of alarm are created or updated."""
        existing = next(self._describe([name]), None)
        if existing is not None:
            self._refuse_foreign(name, existing["AlarmArn"], tags)
        # CloudWatch ignores tags in an update.
        on_create: dict[str, Any] = {} if existing else {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        return {
            "AlarmName": name,
            "AlarmDescription": description,
            "ActionsEnabled": True,
            "AlarmActions": [action_arn],
            **on_create,
        }

    def _refuse_foreign(self, name: str, arn: str, tags: Mapping[str, str]) -> None:
        if self._read_tags(arn).get(_OWNER_TAG) != tags[_OWNER_TAG]:
            raise Refused(
                "cloudwatch", "PutMetricAlarm", "NotOurs", f"alarm {name} exists and is not tagged {_OWNER_TAG}={tags[_OWNER_TAG]}"
            )

    def states(self, names: Sequence[str]) -> dict[str, AlarmState]:
        return {alarm["AlarmName"]: _make_state(alarm) for alarm in self._describe(names)}

    def tags(self, name: str) -> Mapping[str, str]:
        existing = next(self._describe([name]), None)
        return self._read_tags(existing["AlarmArn"]) if existing else {}

    def _read_tags(self, arn: str) -> dict[str, str]:
        answer = call(self._client, "list_tags_for_resource", ResourceARN=arn)
        return {tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])}

    def with_prefix(self, prefix: str) -> Sequence[AlarmState]:
        return [_make_state(alarm) for alarm in self._list_alarms(AlarmNamePrefix=prefix)]

    def _describe(self, names: Sequence[str]) -> Iterator[Any]:
        for some in split_chunks(list(dict.fromkeys(names)), _NAMES_PER_CALL):
            yield from self._list_alarms(AlarmNames=some)

    def _list_alarms(self, **which: Any) -> Iterator[Any]:
        """Metric and composite alarms. Without AlarmTypes, CloudWatch leaves out the composite ones."""
        for page in list_pages(self._client, "describe_alarms", AlarmTypes=_BOTH_TYPES, **which):
            yield from page.get("MetricAlarms", ())
            yield from page.get("CompositeAlarms", ())

    def firing(self) -> Sequence[AlarmState]:
        firing = [
            _make_state(alarm) for alarm in islice(self._list_alarms(StateValue="ALARM", MaxRecords=_NAMES_PER_CALL), _MOST_FIRING + 1)
        ]
        if len(firing) > _MOST_FIRING:
            raise Unavailable("cloudwatch", "DescribeAlarms", "TooMany", f"more than {_MOST_FIRING} alarms are in ALARM", retryable=False)
        return firing

    def fired_since(self, name: str, since: datetime) -> Firing | None:
        fired = (Firing(at, _read_reason(item)) for at, item in self._list_changes(name, since) if _entered_alarm(item))
        return min(fired, key=lambda firing: firing.at, default=None)

    def history_since(self, name: str, since: datetime) -> AlarmHistory | None:
        return self._read_history(name, since, frozenset({name}))

    def _read_history(self, name: str, since: datetime, above: frozenset[str]) -> AlarmHistory | None:
        """The history, with those of a composite alarm's members. `above`: the alarms that are read already, which a rule can't
        name again."""
        now = self.states([name]).get(name)  # before the history: a change in between is then in the history
        if now is None:
            return None
        changes = sorted(((at, *_read_states(item)) for at, item in self._list_changes(name, since)), key=lambda change: change[0])
        at_first = changes[0][1] if changes else now.state
        states = ((since, at_first), *((at, state) for at, _, state in changes))
        members = tuple((member, self._read_history(member, since, above | {member})) for member in now.members if member not in above)
        return AlarmHistory(states, now.configured_at, now.seconds_to_alarm, members)

    def _list_changes(self, name: str, since: datetime) -> Iterator[tuple[datetime, Mapping[str, Any]]]:
        """The changes of state since this time, each with its time."""
        history = list_items(
            self._client,
            "describe_alarm_history",
            "AlarmHistoryItems",
            AlarmName=name,
            AlarmTypes=_BOTH_TYPES,
            HistoryItemType="StateUpdate",
            StartDate=since,
            ScanBy="TimestampAscending",
        )
        times = ((item["Timestamp"].astimezone(UTC), item) for item in history)
        return ((at, item) for at, item in times if at >= since)

    def delete(self, names: Sequence[str]) -> None:
        for some in split_chunks(list(dict.fromkeys(names)), _NAMES_PER_CALL):
            if call(self._client, "delete_alarms", absent={"ResourceNotFound"}, AlarmNames=some) is None:
                # If one name is absent, the call deletes none.
                for name in some:
                    call(self._client, "delete_alarms", absent={"ResourceNotFound"}, AlarmNames=[name])


def _read_states(item: Mapping[str, Any]) -> tuple[str, str]:
    """The states before and after the change; empty texts if they can't be read."""
    try:
        data = json.loads(item.get("HistoryData") or "{}")
        return str(data["oldState"]["stateValue"]), str(data["newState"]["stateValue"])
    except (ValueError, KeyError, TypeError):
        match = _CHANGE_IN_SUMMARY.search(str(item.get("HistorySummary", "")))
        return (match[1], match[2]) if match else ("", "")


def _entered_alarm(item: Mapping[str, Any]) -> bool:
    """Whether the history item is a change to ALARM, by its data, or by its summary if the data can't be read."""
    try:
        data = json.loads(item.get("HistoryData") or "{}")
        return bool(data["newState"]["stateValue"] == "ALARM")
    except (ValueError, KeyError, TypeError):
        return str(item.get("HistorySummary", "")).endswith("to ALARM")


def _read_reason(item: Mapping[str, Any]) -> str:
    """CloudWatch's reason for the change; empty if the history item has none."""
    try:
        return str(json.loads(item.get("HistoryData") or "{}")["newState"]["stateReason"])
    except (ValueError, KeyError, TypeError):
        return ""


def _make_state(alarm: Mapping[str, Any]) -> AlarmState:
    return AlarmState(
        name=alarm["AlarmName"],
        state=alarm["StateValue"],
        updated_at=alarm.get("StateUpdatedTimestamp"),
        actions_enabled=alarm.get("ActionsEnabled", False),
        description=alarm.get("AlarmDescription", ""),
        configured_at=alarm.get("AlarmConfigurationUpdatedTimestamp"),
        watches=tuple(_make_watched(metric) for metric in _list_metrics(alarm)),
        seconds_to_alarm=max((metric["Period"] for metric in _list_metrics(alarm)), default=0) * alarm.get("EvaluationPeriods", 0),
        missing_data=alarm.get("TreatMissingData", "missing") if "EvaluationPeriods" in alarm else "",
        members=tuple(dict.fromkeys(_list_members(alarm.get("AlarmRule", "")))),
        reason=alarm.get("StateReason", ""),
        settings=_read_settings(alarm),
        only_scales=_only_scales(alarm.get("AlarmActions", [])),
    )


def _make_settings(guard: GuardSpec | StopGuard) -> dict[str, Any]:
    from squall.domain.metrics.alarm_settings import alarm_settings  # noqa: PLC0415 - pydantic; the abort path does without

    return alarm_settings(guard)


def _read_settings(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """What decides when the alarm fires. An alarm on one metric may be described without the list of metrics."""
    settings = {name: alarm[name] for name in _SETTINGS if name in alarm}
    if "MetricName" in alarm:
        metric = {"Namespace": alarm.get("Namespace", ""), "MetricName": alarm["MetricName"], "Dimensions": alarm.get("Dimensions", [])}
        stat = {"Metric": metric, "Period": alarm["Period"], "Stat": alarm.get("Statistic") or alarm.get("ExtendedStatistic", "")}
        settings["Metrics"] = [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]
    return settings


def _list_members(rule: str) -> Iterator[str]:
    for match in _ALARM_IN_RULE.finditer(rule):
        named = next(group for group in match.groups() if group)
        yield named.split(":alarm:", 1)[-1] if named.startswith("arn:") else named


def _list_metrics(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The metrics that an alarm watches, each in the form of an alarm on one metric."""
    if "MetricName" in alarm:
        return [dict(alarm)]
    stats = [entry["MetricStat"] for entry in alarm.get("Metrics", ()) if "MetricStat" in entry]
    return [{**stat["Metric"], "Period": stat["Period"]} for stat in stats]


def _make_watched(metric: Mapping[str, Any]) -> Watched:
    dimensions = tuple((dimension["Name"], dimension["Value"]) for dimension in metric.get("Dimensions", ()))
    return Watched(metric.get("Namespace", ""), metric["MetricName"], dimensions)


def _only_scales(actions: Sequence[str]) -> bool:
    return bool(actions) and all(action.split(":")[2:3] == ["autoscaling"] for action in actions)
