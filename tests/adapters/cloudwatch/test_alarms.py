"""Guard alarms: the same promises from the fake and CloudWatch; history, pages and absent names by script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.cloudwatch.alarms import CloudWatchAlarms
from squall.domain.documents.guards import AlarmMetric, GuardSpec, StopGuard
from squall.domain.metrics.alarm_settings import alarm_settings, find_alarm_changes
from squall.domain.run.alarm_state import Firing, Watched
from squall.errors import Refused, Unavailable
from tests.adapters.conftest import MINUTES, NOW
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

    from squall.ports.metrics import Alarms
    from tests.fakes.world import FakeWorld

ACTION = "arn:aws:lambda:eu-west-1:123456789012:function:abort"
TAGS = {"squall:stack": "Squall", "squall:execution": "run-1"}


def _metric(metric_id: str, name: str) -> AlarmMetric:
    dimensions = (("LoadBalancer", "app/web/1"),)
    return AlarmMetric(
        id=metric_id,
        namespace="AWS/ApplicationELB",
        metric_name=name,
        dimensions=dimensions,
        statistic="Sum",
        period_seconds=60,
        return_data=False,
    )


GUARD = GuardSpec(
    name="squall-Squall-run-1-0",
    condition="System availability < 95%",
    metric="system_availability",
    metrics=(
        _metric("bad", "HTTPCode_Target_5XX_Count"),
        _metric("total", "RequestCount"),
        AlarmMetric(id="value", expression="100 * (1 - FILL(bad, 0) / total)", period_seconds=60, return_data=True),
    ),
    comparison="LessThanThreshold",
    threshold=95,
    datapoints_to_alarm=2,
    evaluation_periods=3,
    treat_missing_data="breaching",
    reaction_seconds=360,
)


def test_whose_a_guard_is_and_since_when(alarms: Alarms) -> None:
    alarms.put(GUARD, description="", action_arn=ACTION, tags=TAGS)
    assert alarms.tags(GUARD.name) == TAGS
    assert alarms.tags("absent") == {}
    (result,) = alarms.with_prefix("squall-Squall-")
    assert result.configured_at is not None


def test_a_guard_is_created_and_seen(alarms: Alarms) -> None:
    alarms.put(GUARD, description="execution=arn", action_arn=ACTION, tags=TAGS)
    states = alarms.states([GUARD.name, "absent"])
    assert list(states) == [GUARD.name]
    state = states[GUARD.name]
    assert (state.name, state.description, state.actions_enabled) == (GUARD.name, "execution=arn", True)
    assert state.state in {"OK", "INSUFFICIENT_DATA"}
    assert state.updated_at is not None


def test_a_guard_is_updated(alarms: Alarms) -> None:
    alarms.put(GUARD, description="first", action_arn=ACTION, tags=TAGS)
    alarms.put(GUARD, description="fis-template=EXT1", action_arn=ACTION, tags=TAGS)
    assert [alarm.description for alarm in alarms.with_prefix("squall-Squall-")] == ["fis-template=EXT1"]


def test_an_alarm_of_somebody_else_is_left_alone(alarms: Alarms) -> None:
    alarms.put(GUARD, description="theirs", action_arn=ACTION, tags={**TAGS, "squall:stack": "Other"})
    with pytest.raises(Refused):
        alarms.put(GUARD, description="ours", action_arn=ACTION, tags=TAGS)
    assert alarms.states([GUARD.name])[GUARD.name].description == "theirs"


def test_deleting_is_silent_about_what_is_gone(alarms: Alarms) -> None:
    alarms.put(GUARD, description="", action_arn=ACTION, tags=TAGS)
    alarms.delete(["absent", GUARD.name])
    alarms.delete([GUARD.name])
    alarms.delete([])
    assert alarms.states([GUARD.name]) == {}


def test_alarms_in_alarm_are_found_with_what_they_watch(kind: str, alarms: Alarms, world: FakeWorld, aws: Callable[[str], Any]) -> None:
    alarms.put(GUARD, description="", action_arn=ACTION, tags=TAGS)
    if kind == "fake":
        world.alarms.set_state(GUARD.name, "OK")
        assert alarms.firing() == []
        world.alarms.set_state(GUARD.name, "ALARM")
    else:
        aws("cloudwatch").set_alarm_state(AlarmName=GUARD.name, StateValue="OK", StateReason="test")
        assert alarms.firing() == []
        aws("cloudwatch").set_alarm_state(AlarmName=GUARD.name, StateValue="ALARM", StateReason="test")
    assert [alarm.name for alarm in alarms.firing()] == [GUARD.name]


MATH = {
    "AlarmName": "math", "StateValue": "ALARM", "EvaluationPeriods": 3, "TreatMissingData": "notBreaching", "ActionsEnabled": True,
    "Metrics": [
        {"Id": "e", "Expression": "bad/total", "Period": 60},
        {"Id": "bad", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "Bad", "Dimensions": []}, "Period": 60, "Stat": "Sum"}},
        {
            "Id": "total",
            "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": "All", "Dimensions": [{"Name": "D", "Value": "1"}]},
                "Period": 300, "Stat": "Sum",
            },
        },
    ],
}  # fmt: skip
PLAIN = {
    "AlarmName": "plain", "StateValue": "ALARM", "Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Period": 60,
    "Dimensions": [{"Name": "AutoScalingGroupName", "Value": "web"}], "EvaluationPeriods": 5, "ActionsEnabled": False,
    "AlarmActions": ["arn:aws:autoscaling:eu-west-1:123456789012:scalingPolicy:1:autoScalingGroupName/web:policyName/down"],
}  # fmt: skip
COMPOSITE = {"AlarmName": "both", "StateValue": "ALARM", "AlarmRule": "ALARM(plain)", "AlarmActions": [ACTION], "ActionsEnabled": True}


def test_an_alarm_tells_what_it_watches_how_quickly_and_what_silence_means() -> None:
    client = Scripted("cloudwatch", describe_alarms=[{"MetricAlarms": [PLAIN, MATH], "CompositeAlarms": [COMPOSITE]}])
    plain, math, both = CloudWatchAlarms(client).firing()
    assert plain.watches == (Watched("AWS/EC2", "CPUUtilization", (("AutoScalingGroupName", "web"),)),)
    assert (plain.seconds_to_alarm, plain.missing_data, plain.only_scales, plain.actions_enabled) == (300, "missing", True, False)
    assert math.watches == (Watched("N", "Bad"), Watched("N", "All", (("D", "1"),)))
    assert (math.seconds_to_alarm, math.missing_data, math.only_scales) == (900, "notBreaching", False)
    assert (both.watches, both.seconds_to_alarm, both.missing_data, both.only_scales) == ((), 0, "", False)
    assert client.arguments("describe_alarms") == [
        {"AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "StateValue": "ALARM", "MaxRecords": 100}
    ]


def test_a_composite_names_what_it_is_made_of() -> None:
    rule = (
        "ALARM(\"say what\") AND (NOT OK(plain) OR INSUFFICIENT_DATA( 'arn:aws:cloudwatch:eu-west-1:111122223333:alarm:by: arn' )) "
        "AND TRUE OR ALARM(plain)"
    )
    client = Scripted("cloudwatch", describe_alarms=[{"CompositeAlarms": [{**COMPOSITE, "AlarmRule": rule}], "MetricAlarms": [PLAIN]}])
    members = [state.members for state in CloudWatchAlarms(client).states(["any", "all"]).values()]
    assert members == [(), ("say what", "plain", "by: arn")]


def test_more_alarms_than_can_be_looked_at_are_no_answer() -> None:
    client = Scripted("cloudwatch", describe_alarms=[{"MetricAlarms": [PLAIN] * 100}] * 11)
    with pytest.raises(Unavailable, match="more than 1000 alarms"):
        CloudWatchAlarms(client).firing()


def test_a_composite_alarm_is_put_with_its_rule_and_the_tags_only_when_new() -> None:
    existing = {"MetricAlarms": [], "CompositeAlarms": [{**COMPOSITE, "AlarmName": "squall-Squall-run-1-3", "AlarmArn": "arn:alarm"}]}
    client = Scripted(
        "cloudwatch",
        describe_alarms=[existing],
        list_tags_for_resource=[{"Tags": [{"Key": "squall:stack", "Value": "Squall"}]}],
        put_composite_alarm=[{}],
    )
    stop = StopGuard(name="squall-Squall-run-1-3", alarms=("pager",), rule='ALARM("pager")')
    CloudWatchAlarms(client).put_composite(stop, description="d", action_arn=ACTION, tags=TAGS)
    assert client.arguments("put_composite_alarm") == [
        {"AlarmName": stop.name, "AlarmRule": 'ALARM("pager")', "AlarmDescription": "d", "ActionsEnabled": True, "AlarmActions": [ACTION]}
    ]


def test_a_new_composite_alarm_is_tagged_and_a_foreign_one_left_alone() -> None:
    stop = StopGuard(name="squall-Squall-run-1-3", alarms=("pager",), rule='ALARM("pager")')
    new = Scripted("cloudwatch", describe_alarms=[{}], put_composite_alarm=[{}])
    CloudWatchAlarms(new).put_composite(stop, description="d", action_arn=ACTION, tags=TAGS)
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    assert new.arguments("put_composite_alarm")[0]["Tags"] == tags
    theirs = {"CompositeAlarms": [{**COMPOSITE, "AlarmArn": "arn:alarm"}]}
    foreign = Scripted("cloudwatch", describe_alarms=[theirs], list_tags_for_resource=[{"Tags": []}], put_composite_alarm=[{}])
    with pytest.raises(Refused, match="not tagged"):
        CloudWatchAlarms(foreign).put_composite(stop, description="d", action_arn=ACTION, tags=TAGS)
    assert foreign.arguments("put_composite_alarm") == []


def test_a_composite_alarm_on_what_is_not_there_is_refused() -> None:
    stop = StopGuard(name="squall-Squall-run-1-3", alarms=("pager",), rule='ALARM("pager")')
    client = Scripted("cloudwatch", describe_alarms=[{}], put_composite_alarm=[error("ValidationError", "alarms [pager] do not exist")])
    with pytest.raises(Refused, match="do not exist"):
        CloudWatchAlarms(client).put_composite(stop, description="d", action_arn=ACTION, tags=TAGS)


def test_prefixes_do_not_mix_stacks(alarms: Alarms) -> None:
    alarms.put(GUARD, description="", action_arn=ACTION, tags=TAGS)
    assert list(alarms.with_prefix("squall-Squall2-")) == []


def test_nothing_is_asked_about_no_alarms(alarms: Alarms) -> None:
    assert alarms.states([]) == {}


def test_the_alarm_watches_the_expression_and_calls_the_abort_function(aws: Callable[[str], Any]) -> None:
    cloudwatch = aws("cloudwatch")
    CloudWatchAlarms(cloudwatch).put(GUARD, description="", action_arn=ACTION, tags=TAGS)
    alarm = cloudwatch.describe_alarms()["MetricAlarms"][0]
    assert alarm["AlarmActions"] == [ACTION]
    assert {metric["Id"]: metric["ReturnData"] for metric in alarm["Metrics"]} == {"bad": False, "total": False, "value": True}
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"], alarm["TreatMissingData"]) == (2, 3, "breaching")
    tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == TAGS


def test_both_kinds_of_alarm_are_asked_for_a_hundred_names_at_a_time() -> None:
    described = {"StateValue": "OK", "ActionsEnabled": True}
    page = {"MetricAlarms": [{"AlarmName": "a", **described}], "CompositeAlarms": [{"AlarmName": "b", **described}]}
    client = Scripted("cloudwatch", describe_alarms=[page])
    assert set(CloudWatchAlarms(client).states([f"name-{index}" for index in range(150)])) == {"a", "b"}
    asked = client.arguments("describe_alarms")
    assert [len(call["AlarmNames"]) for call in asked] == [100, 50]
    assert all(call["AlarmTypes"] == ["MetricAlarm", "CompositeAlarm"] for call in asked)


def test_one_absent_name_does_not_keep_the_others() -> None:
    client = Scripted("cloudwatch", delete_alarms=[error("ResourceNotFound", status=404), {}, error("ResourceNotFound", status=404), {}])
    CloudWatchAlarms(client).delete(["a", "b", "c"])
    assert [call["AlarmNames"] for call in client.arguments("delete_alarms")] == [["a", "b", "c"], ["a"], ["b"], ["c"]]


SILENT = "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as [Breaching]."


def _change(minutes: int, state: str) -> dict[str, Any]:
    data = json.dumps({"version": "1.0", "oldState": {"stateValue": "OK"}, "newState": {"stateValue": state, "stateReason": SILENT}})
    return {
        "AlarmName": "a",
        "Timestamp": NOW + minutes * MINUTES,
        "HistoryData": data,
        "HistorySummary": f"Alarm updated from OK to {state}",
    }


def test_a_flap_is_found_in_the_history() -> None:
    pages = [
        {"AlarmHistoryItems": [_change(0, "OK"), _change(-5, "ALARM")]},
        {"AlarmHistoryItems": [_change(3, "ALARM"), _change(2, "ALARM")]},
    ]
    client = Scripted("cloudwatch", describe_alarm_history=pages)
    assert CloudWatchAlarms(client).fired_since("a", NOW) == Firing(NOW + 2 * MINUTES, SILENT)
    assert client.arguments("describe_alarm_history")[0]["AlarmTypes"] == ["MetricAlarm", "CompositeAlarm"]


def test_history_without_data_is_read_by_its_summary() -> None:
    item = {"AlarmName": "a", "Timestamp": NOW, "HistorySummary": "Alarm updated from INSUFFICIENT_DATA to ALARM"}
    alarms = CloudWatchAlarms(Scripted("cloudwatch", describe_alarm_history=[{"AlarmHistoryItems": [item]}]))
    assert alarms.fired_since("a", NOW) == Firing(NOW)


def test_an_alarm_that_never_fired() -> None:
    alarms = CloudWatchAlarms(Scripted("cloudwatch", describe_alarm_history=[{"AlarmHistoryItems": [_change(1, "OK")]}]))
    assert alarms.fired_since("a", NOW) is None


def test_an_alarm_quota_is_a_refusal_and_throttling_is_not() -> None:
    none: dict[str, Any] = {"MetricAlarms": [], "CompositeAlarms": []}
    for code, expected in {"LimitExceeded": Refused, "Throttling": Unavailable}.items():
        alarms = CloudWatchAlarms(Scripted("cloudwatch", describe_alarms=[none], put_metric_alarm=[error(code)]))
        with pytest.raises(expected):
            alarms.put(GUARD, description="", action_arn=ACTION, tags=TAGS)


def _scripted_history(*items: dict[str, Any], state: str = "OK") -> CloudWatchAlarms:
    described = {"MetricAlarms": [{"AlarmName": "a", "StateValue": state, "Period": 60, "EvaluationPeriods": 3, "MetricName": "m"}]}
    described["MetricAlarms"][0]["AlarmConfigurationUpdatedTimestamp"] = NOW - 5 * MINUTES
    return CloudWatchAlarms(
        Scripted("cloudwatch", describe_alarms=[described], describe_alarm_history=[{"AlarmHistoryItems": list(items)}])
    )


def test_without_a_change_an_alarm_was_all_the_time_what_it_is_now() -> None:
    history = _scripted_history(state="INSUFFICIENT_DATA").history_since("a", NOW)
    assert history is not None
    assert history.states == ((NOW, "INSUFFICIENT_DATA"),)
    assert (history.changed_at, history.seconds_to_alarm) == (NOW - 5 * MINUTES, 180)


def test_a_history_begins_with_the_state_before_its_first_change() -> None:
    by_summary = {"AlarmName": "a", "Timestamp": NOW + 4 * MINUTES, "HistorySummary": "Alarm updated from ALARM to OK"}
    unreadable = {"AlarmName": "a", "Timestamp": NOW + 5 * MINUTES, "HistorySummary": "?"}
    history = _scripted_history(_change(3, "ALARM"), by_summary, unreadable, state="OK").history_since("a", NOW)
    assert history is not None
    assert history.states == ((NOW, "OK"), (NOW + 3 * MINUTES, "ALARM"), (NOW + 4 * MINUTES, "OK"), (NOW + 5 * MINUTES, ""))


def test_the_history_of_a_composite_alarm_has_those_of_the_alarms_that_its_rule_names() -> None:
    rule = 'ALARM(m) OR (ALARM("gone") AND NOT OK(c))'
    above = {"AlarmName": "c", "StateValue": "OK", "AlarmRule": rule}
    member = {"AlarmName": "m", "StateValue": "INSUFFICIENT_DATA", "Period": 300, "EvaluationPeriods": 2, "MetricName": "m"}
    described = {"MetricAlarms": [member], "CompositeAlarms": [above]}
    nothing: dict[str, Any] = {"AlarmHistoryItems": []}
    alarms = CloudWatchAlarms(Scripted("cloudwatch", describe_alarms=[described], describe_alarm_history=[nothing]))
    history = alarms.history_since("c", NOW)
    assert history is not None
    assert [name for name, _ in history.members] == ["m", "gone"], "a rule that names its own alarm is read once"
    (_, of_member), (_, of_gone) = history.members
    assert of_gone is None
    assert of_member is not None
    assert (of_member.states, of_member.seconds_to_alarm) == (((NOW, "INSUFFICIENT_DATA"),), 600)


def test_an_alarm_that_is_gone_has_no_history() -> None:
    none: dict[str, Any] = {"MetricAlarms": [], "CompositeAlarms": []}
    assert CloudWatchAlarms(Scripted("cloudwatch", describe_alarms=[none])).history_since("a", NOW) is None


def test_what_is_described_is_what_was_put(alarms: Alarms) -> None:
    metric = _metric("m1", "RequestCount").model_copy(update={"return_data": True})
    single = GUARD.model_copy(update={"name": "squall-Squall-run-1-1", "metrics": (metric,)})
    for guard in (GUARD, single):
        alarms.put(guard, description="", action_arn=ACTION, tags=TAGS)
    states = alarms.states([GUARD.name, single.name])
    assert find_alarm_changes(GUARD, states[GUARD.name].settings) == ()
    assert find_alarm_changes(single, states[single.name].settings) == ()
    changed = find_alarm_changes(GUARD, states[single.name].settings)
    assert any(change.startswith("metric value is nothing, has to be 100 * (1") for change in changed)


def test_an_alarm_on_one_metric_may_be_described_without_a_list_of_metrics() -> None:
    metric = _metric("m1", "RequestCount").model_copy(update={"return_data": True})
    guard = GUARD.model_copy(update={"metrics": (metric,)})
    described = {
        "AlarmName": GUARD.name, "StateValue": "OK", "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCount",
        "Dimensions": [{"Name": "LoadBalancer", "Value": "app/web/1"}], "Statistic": "Sum", "Period": 60, "Threshold": 95.0,
        "ComparisonOperator": "LessThanThreshold", "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "breaching",
    }  # fmt: skip
    scripted = Scripted("cloudwatch", describe_alarms=[{"MetricAlarms": [described]}])
    assert find_alarm_changes(guard, CloudWatchAlarms(scripted).states([GUARD.name])[GUARD.name].settings) == ()


def test_a_threshold_changed_in_a_late_digit_is_a_changed_guard() -> None:
    settings = {**alarm_settings(GUARD), "Threshold": 1_234_567.0}
    guard = GUARD.model_copy(update={"threshold": 1_234_567.1})
    assert [change.partition(" ")[0] for change in find_alarm_changes(guard, settings)] == ["Threshold"]
