"""The local CloudWatch: metric math, statistics, alarm evaluation and publication."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account.metrics.alarms import EXTRA_PERIODS
from local.account.metrics.evaluation import Rule, decide_state
from local.account.metrics.expressions import ExpressionError, Scope, evaluate_expression
from squall.domain.metrics.periods import count_datapoints, pace_timing
from squall.domain.policy.environment import Timing
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.local.account_rig import function as make_function
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

NAMESPACE = "Squall/Test"


# --- metric math (pure) -------------------------------------------------------------------------------------------

SCOPE = Scope({"requests": {0: 10.0, 60: 20.0, 120: 0.0}, "errors": {60: 5.0}, "late": {0: 1.0, 120: 3.0}}, (0, 60, 120), 60)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", {0: 7.0, 60: 7.0, 120: 7.0}),
        ("-(2 - 4) ^ 2 * 1", {0: -4.0, 60: -4.0, 120: -4.0}),
        ("errors / requests", {60: 0.25}),
        ("FILL(errors, 0) / requests", {0: 0.0, 60: 0.25}),
        ("100 * (1 - FILL(errors, 0) / requests)", {0: 100.0, 60: 75.0}),
        ("FILL(late, REPEAT)", {0: 1.0, 60: 1.0, 120: 3.0}),
        ("FILL(late, LINEAR)", {0: 1.0, 60: 2.0, 120: 3.0}),
        ("IF(requests > 15, 1, 0)", {0: 0.0, 60: 1.0, 120: 0.0}),
        ("IF(requests > 0, errors / requests)", {60: 0.25}),
        ("IF(requests > 5 && requests < 15, requests, 0 - 1)", {0: 10.0, 60: -1.0, 120: -1.0}),
        ("SUM([requests, errors])", {0: 10.0, 60: 25.0, 120: 0.0}),
        ("MAX([requests, late])", {0: 10.0, 60: 20.0, 120: 3.0}),
        ("requests - MIN(requests)", {0: 10.0, 60: 20.0, 120: 0.0}),
        ("AVG([requests, late]) >= 5", {0: 1.0, 60: 1.0, 120: 0.0}),
    ],
)
def test_metric_math(expression: str, expected: dict[int, float]) -> None:
    assert evaluate_expression(expression, SCOPE) == pytest.approx(expected)


@pytest.mark.parametrize("expression", ["", "requests +", "nothing", "__import__('os')", "requests.x", "[requests]"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate_expression(expression, SCOPE)


# --- evaluation (pure) --------------------------------------------------------------------------------------------

N, Y = 0.0, 10.0


@pytest.mark.parametrize(
    ("points", "missing", "current", "expected"),
    [
        # The table of AWS's documentation: three of three, five points looked at.
        ([N, None, Y, None, Y], "missing", "OK", "OK"),
        ([None, None, None, None, N], "breaching", "OK", "OK"),
        ([None] * 5, "missing", "OK", "INSUFFICIENT_DATA"),
        ([None] * 5, "ignore", "ALARM", "ALARM"),
        ([None] * 5, "breaching", "OK", "ALARM"),
        ([None] * 5, "notBreaching", "ALARM", "OK"),
        ([N, Y, Y, None, Y], "notBreaching", "OK", "ALARM"),
        ([None, None, Y, None, None], "missing", "OK", "ALARM"),
        ([None, None, Y, None, None], "notBreaching", "OK", "OK"),
        ([None, None, Y, None, None], "breaching", "OK", "ALARM"),
        # A first bad point with nothing before it is not three bad points.
        ([None, None, None, None, Y], "missing", "OK", "OK"),
        ([None, None, None, None, Y], "missing", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA"),
    ],
)
def test_missing_data_is_treated_as_documented(points: list[float | None], missing: str, current: str, expected: str) -> None:
    rule = Rule("GreaterThanThreshold", 5.0, 3, 3, missing)
    assert decide_state(rule, points, current).state == expected


def test_two_of_three_need_not_be_neighbours() -> None:
    rule = Rule("GreaterThanThreshold", 5.0, 3, 2, "missing")
    assert decide_state(rule, [N, N, Y, N, Y], "OK").state == "ALARM"
    assert decide_state(rule, [Y, Y, N, N, Y], "ALARM").state == "OK"


@pytest.mark.parametrize(("late", "expected"), [(0, "OK"), (1, "OK"), (4, "OK"), (6, "ALARM"), (7, "ALARM")])
def test_a_sentinels_guard_bears_data_of_four_periods_that_are_late_and_no_silence(late: int, expected: str) -> None:
    needed, periods = count_datapoints(None, pace_timing(Timing(), 10))
    rule = Rule("LessThanThreshold", 99.0, periods, needed, "breaching")
    published: list[float | None] = [100.0] * (periods + EXTRA_PERIODS - late)
    assert decide_state(rule, published + [None] * late, "OK").state == expected


# --- the API ------------------------------------------------------------------------------------------------------


def put(cloudwatch: Any, name: str, *values: float, at: float | None = None, **dimensions: str) -> None:
    datum: dict[str, Any] = {
        "MetricName": name,
        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
        "Timestamp": datetime.fromtimestamp(time.time() if at is None else at, UTC),
    }
    cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[{**datum, "Value": value} for value in values])


def metric(identifier: str, name: str, stat: str = "Sum", period: int = 60, **dimensions: str) -> dict[str, Any]:
    named = {
        "Namespace": NAMESPACE, "MetricName": name,
        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
    }  # fmt: skip
    return {"Id": identifier, "MetricStat": {"Metric": named, "Period": period, "Stat": stat}, "ReturnData": False}


def test_metric_data_keeps_dimensions_apart_and_evaluates_expressions(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    base = time.time() // 60 * 60 - 300
    put(cloudwatch, unique, 90, at=base, side="a")
    put(cloudwatch, unique, 10, at=base + 60, side="a")
    put(cloudwatch, unique, 30, at=base, side="b")

    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[
            metric("a", unique, side="a"), metric("b", unique, side="b"), metric("none", unique),
            {"Id": "share", "Expression": "FILL(b, 0) / a"}, {"Id": "unsided", "Expression": "none + 1"},
        ],
        StartTime=datetime.fromtimestamp(base, UTC), EndTime=datetime.fromtimestamp(base + 120, UTC),
    )  # fmt: skip

    share, unsided = answer["MetricDataResults"]
    assert share["Values"] == pytest.approx([0.0, 1 / 3])
    assert [t.timestamp() for t in share["Timestamps"]] == [base + 60, base]
    assert unsided["Values"] == []


def test_an_expression_that_is_none_is_a_validation_error(account: Account) -> None:
    with pytest.raises(ClientError) as error:
        account.client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "x", "Expression": "1 +"}],
            StartTime=datetime.fromtimestamp(0, UTC), EndTime=datetime.now(UTC),
        )  # fmt: skip
    assert error.value.response["Error"]["Code"] == "ValidationError"


def test_statistics_begin_at_the_start_time_and_know_percentiles(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    base = time.time() // 300 * 300 - 540
    put(cloudwatch, unique, *range(1, 101), at=base + 10)
    put(cloudwatch, unique, 1000, at=base + 310)

    points = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE, MetricName=unique, Period=300, Statistics=["Maximum"], ExtendedStatistics=["p50", "p90"],
        StartTime=datetime.fromtimestamp(base - 60, UTC), EndTime=datetime.fromtimestamp(base + 540, UTC),
    )["Datapoints"]  # fmt: skip

    first, second = sorted(points, key=lambda p: p["Timestamp"])
    assert first["Timestamp"].timestamp() == base - 60
    assert first["ExtendedStatistics"]["p50"] == pytest.approx(50.5)
    assert first["ExtendedStatistics"]["p90"] == pytest.approx(90.1)
    assert (first["Maximum"], second["Maximum"]) == (100, 1000)


def test_a_window_of_whole_local_periods_is_one_point_wherever_in_the_minute_it_begins(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    base = time.time() // 60 * 60 - 300 + 35
    put(cloudwatch, unique, *range(1, 101), at=base)
    put(cloudwatch, unique, 1000, at=base - 1)
    (point,) = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE, MetricName=unique, Period=45, ExtendedStatistics=["p99"],
        StartTime=datetime.fromtimestamp(base, UTC), EndTime=datetime.fromtimestamp(base + 45, UTC),
    )["Datapoints"]  # fmt: skip
    assert point["Timestamp"].timestamp() == base
    assert point["ExtendedStatistics"]["p99"] == pytest.approx(99.01)


def test_a_lagging_metric_appears_late_under_its_own_time(account: Account, unique: str) -> None:
    account.profile(metric_lag_seconds=3600)
    cloudwatch = account.client("cloudwatch")
    at = time.time() - 1
    put(cloudwatch, unique, 7, at=at)

    def values() -> list[datetime]:
        metric_data = cloudwatch.get_metric_data(
            MetricDataQueries=[{**metric("m", unique, period=1), "ReturnData": True}],
            StartTime=datetime.fromtimestamp(at - 10, UTC), EndTime=datetime.fromtimestamp(at + 60, UTC),
        )  # fmt: skip
        return list(metric_data["MetricDataResults"][0]["Timestamps"])

    assert values() == []
    account.profile(metric_lag_seconds=2)
    until(values, what="the late point")
    assert values()[0].timestamp() == int(at)
    assert time.time() - at > 2


# --- alarms -------------------------------------------------------------------------------------------------------


def put_alarm(cloudwatch: Any, name: str, **changes: Any) -> None:
    request: dict[str, Any] = {
        "AlarmName": name, "Namespace": NAMESPACE, "MetricName": name, "Statistic": "Sum", "Period": 1,
        "EvaluationPeriods": 2, "DatapointsToAlarm": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }  # fmt: skip
    request.update(changes)
    if "Metrics" in changes:
        for key in ("Namespace", "MetricName", "Statistic", "Period"):
            del request[key]
    cloudwatch.put_metric_alarm(**request)


def state(cloudwatch: Any, name: str) -> str:
    return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])


def reaches(cloudwatch: Any, name: str, wanted: str) -> None:
    until(lambda: state(cloudwatch, name) == wanted, what=f"alarm {wanted}")


def test_a_new_alarm_starts_insufficient_and_an_update_keeps_state_and_tags(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{unique}"
    put_alarm(cloudwatch, unique, TreatMissingData="ignore", Tags=[{"Key": "squall:stack", "Value": "t"}])
    assert state(cloudwatch, unique) == "INSUFFICIENT_DATA"

    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")
    put_alarm(cloudwatch, unique, TreatMissingData="ignore", AlarmDescription="fis-template=EXT1",
              Tags=[{"Key": "other", "Value": "x"}])  # fmt: skip

    assert state(cloudwatch, unique) == "ALARM"
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "squall:stack", "Value": "t"}]


def test_an_alarm_sees_only_its_own_dimensions(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    mine = [{"Name": "side", "Value": "a"}]
    put_alarm(cloudwatch, unique, Dimensions=mine, TreatMissingData="missing", EvaluationPeriods=5)

    def reach(wanted: str, value: float) -> None:
        def look() -> bool:
            put(cloudwatch, unique, 100, side="b")
            put(cloudwatch, unique, value, side="a")
            return state(cloudwatch, unique) == wanted

        until(look, f"alarm {wanted}", interval=1.0)

    reach("OK", 1)
    reach("ALARM", 100)


def availability(name: str) -> list[dict[str, Any]]:
    return [
        metric("errors", name + "-errors", period=1),
        metric("requests", name + "-requests", period=1),
        {"Id": "up", "Expression": "100 * (1 - FILL(errors, 0) / requests)", "ReturnData": True, "Label": "up"},
    ]


def test_metric_math_alarm_with_traffic_errors_and_silence(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    put_alarm(
        cloudwatch, unique, Metrics=availability(unique), Threshold=90, ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching", EvaluationPeriods=2, DatapointsToAlarm=2,
    )  # fmt: skip
    shown = cloudwatch.describe_alarms(AlarmNames=[unique])["MetricAlarms"][0]
    assert [m["Id"] for m in shown["Metrics"]] == ["errors", "requests", "up"]
    assert "MetricName" not in shown

    def traffic(wanted: str, errors: float) -> None:
        def look() -> bool:
            put(cloudwatch, unique + "-requests", 10)
            if errors:
                put(cloudwatch, unique + "-errors", errors)
            return state(cloudwatch, unique) == wanted

        until(look, what=f"alarm {wanted}")

    traffic("OK", 0)
    traffic("ALARM", 9)
    traffic("OK", 0)
    reaches(cloudwatch, unique, "ALARM")  # nobody calls any more: missing traffic breaches


def test_a_set_state_flips_back_and_the_history_tells_both(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    put_alarm(cloudwatch, unique)
    reaches(cloudwatch, unique, "OK")

    before = datetime.now(UTC)
    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="tripped by a test")

    def flapped() -> list[str]:
        items = cloudwatch.describe_alarm_history(
            AlarmName=unique, HistoryItemType="StateUpdate", StartDate=before, ScanBy="TimestampAscending"
        )["AlarmHistoryItems"]
        states = [json.loads(i["HistoryData"])["newState"]["stateValue"] for i in items]
        return states if len(states) >= 2 else []

    assert until(flapped, what="the flap in the history") == ["ALARM", "OK"]


def test_bad_alarms_are_refused(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    two_results = [{**m, "ReturnData": True} for m in availability(unique)]
    for changes in (
        {"Period": 7}, {"DatapointsToAlarm": 3}, {"Metrics": two_results}, {"ComparisonOperator": "IsOdd"},
        {"Metrics": [{"Id": "x", "Expression": "1 +", "ReturnData": True}]},
    ):  # fmt: skip
        with pytest.raises(ClientError) as error:
            put_alarm(cloudwatch, unique, **changes)
        assert error.value.response["Error"]["Code"] == "ValidationError"


# --- publication --------------------------------------------------------------------------------------------------


def receiver(account: Account, unique: str) -> tuple[str, Any]:
    """A function that keeps what it was sent in a table, and a reader of what it kept."""
    table = f"received-{unique}"
    dynamodb = account.client("dynamodb")
    dynamodb.create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    code = (
        "import json, uuid, boto3\n"
        "def handler(event, context):\n"
        f"    boto3.client('dynamodb').put_item(TableName='{table}', Item={{'id': {{'S': str(uuid.uuid4())}},"
        " 'event': {'S': json.dumps(event)}})\n"
    )
    grants = [{"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"}]
    arn = make_function(account, f"receiver-{unique}", code, grants)

    def received() -> list[dict[str, Any]]:
        return [json.loads(i["event"]["S"]) for i in dynamodb.scan(TableName=table, ConsistentRead=True)["Items"]]

    return arn, received


def allow(account: Account, function: str, principal: str, source: str) -> None:
    account.client("lambda").add_permission(
        FunctionName=function, StatementId=f"s{abs(hash(source))}", Action="lambda:InvokeFunction",
        Principal=principal, SourceArn=source,
    )  # fmt: skip


def test_an_alarm_action_invokes_a_function_only_with_its_permission(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    arn, received = receiver(account, unique)
    put_alarm(cloudwatch, unique, TreatMissingData="ignore", AlarmActions=[arn], AlarmDescription="guard")

    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="first")
    actions = until(
        lambda: cloudwatch.describe_alarm_history(AlarmName=unique, HistoryItemType="Action")["AlarmHistoryItems"],
        what="the refused action",
    )
    assert actions[0]["HistorySummary"].startswith("Failed")

    alarm_arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{unique}"
    allow(account, arn, "lambda.alarms.cloudwatch.amazonaws.com", alarm_arn)
    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="OK", StateReason="between")
    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="second")

    (event,) = until(received, what="the alarm action")
    assert event["source"] == "aws.cloudwatch"
    assert (event["alarmArn"], event["accountId"], event["region"]) == (alarm_arn, ACCOUNT, REGION)
    assert event["alarmData"]["alarmName"] == unique
    assert event["alarmData"]["state"]["value"] == "ALARM"
    assert event["alarmData"]["state"]["reason"] == "second"
    assert event["alarmData"]["previousState"]["value"] == "OK"
    assert event["alarmData"]["configuration"]["description"] == "guard"
    assert event["alarmData"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] == unique


def test_alarm_actions_switched_off_leave_the_event(account: Account, unique: str) -> None:
    account.profile(disable_alarm_actions=True)
    cloudwatch, events = account.client("cloudwatch"), account.client("events")
    by_action, action_received = receiver(account, unique + "a")
    by_rule, rule_received = receiver(account, unique + "r")
    allow(account, by_action, "lambda.alarms.cloudwatch.amazonaws.com", "arn:aws:cloudwatch:*")
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"alarmName": [{"prefix": unique}], "state": {"value": ["ALARM"]}},
    }
    rule = events.put_rule(Name=unique, EventPattern=json.dumps(pattern))["RuleArn"]
    events.put_targets(Rule=unique, Targets=[{"Id": "1", "Arn": by_rule}])
    allow(account, by_rule, "events.amazonaws.com", rule)
    put_alarm(cloudwatch, unique, TreatMissingData="ignore", AlarmActions=[by_action], AlarmDescription="guard")

    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")

    (event,) = until(rule_received, what="the event")
    assert event["detail"]["state"]["value"] == "ALARM"
    assert event["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert event["detail"]["configuration"]["description"] == "guard"
    assert event["resources"] == [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{unique}"]
    assert action_received() == []


def test_alarms_may_be_granted_by_name_tag_and_action(account: Account, unique: str) -> None:
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:squall-{unique}-*"
    client = account.client_as(
        "cloudwatch",
        [
            {"Effect": "Allow", "Action": ["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"], "Resource": arn,
             "Condition": {"StringEquals": {"aws:RequestTag/squall:stack": "t"}}},
            {"Effect": "Allow", "Action": "cloudwatch:DeleteAlarms", "Resource": arn,
             "Condition": {"StringEquals": {"aws:ResourceTag/squall:stack": "t"}}},
        ],
    )  # fmt: skip
    tags = [{"Key": "squall:stack", "Value": "t"}]
    put_alarm(client, f"squall-{unique}-1", Tags=tags)
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=f"foreign-{unique}", Namespace="x", MetricName="x", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    with pytest.raises(ClientError) as error:
        client.delete_alarms(AlarmNames=[f"squall-{unique}-1", f"foreign-{unique}"])
    assert "AccessDenied" in error.value.response["Error"]["Code"]
    client.delete_alarms(AlarmNames=[f"squall-{unique}-1"])
    for name, inputs in ((f"other-{unique}", tags), (f"squall-{unique}-2", [])):
        with pytest.raises(ClientError) as error:
            put_alarm(client, name, Tags=inputs)
        assert "AccessDenied" in error.value.response["Error"]["Code"]


def test_a_tag_tells_the_guards_of_two_stacks_apart_whose_names_begin_alike(account: Account, unique: str) -> None:
    """The grants of stack `t`, whose names also match those of stack `t-prod`."""
    ours = {"StringEqualsIfExists": {"aws:ResourceTag/squall:stack": "t"}}
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:squall-{unique}-*"
    actions = ["cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:DeleteAlarms"]
    client = account.client_as("cloudwatch", [{"Effect": "Allow", "Action": actions, "Resource": arn, "Condition": ours}])
    foreign, own = f"squall-{unique}-prod-1", f"squall-{unique}-1"
    put_alarm(account.client("cloudwatch"), foreign, Tags=[{"Key": "squall:stack", "Value": "t-prod"}])
    for call in (lambda: put_alarm(client, foreign), lambda: client.delete_alarms(AlarmNames=[foreign])):
        with pytest.raises(ClientError) as error:
            call()
        assert "AccessDenied" in error.value.response["Error"]["Code"]
    put_alarm(client, own, Tags=[{"Key": "squall:stack", "Value": "t"}])
    put_alarm(client, own, Tags=[{"Key": "squall:stack", "Value": "t"}])
    client.delete_alarms(AlarmNames=[own])


def test_templates_may_deploy_metric_math_alarms(account: Account, unique: str) -> None:
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": unique, "Metrics": availability(unique), "Threshold": 90, "EvaluationPeriods": 1,
            "ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching",
        },
    }  # fmt: skip
    body = json.dumps({"Resources": {"Guard": alarm}})
    cloudformation, cloudwatch = account.client("cloudformation"), account.client("cloudwatch")
    cloudformation.create_stack(StackName=f"s-{unique}", TemplateBody=body)

    def created() -> bool:
        status = cloudformation.describe_stacks(StackName=f"s-{unique}")["Stacks"][0]["StackStatus"]
        assert "ROLLBACK" not in status
        return bool(status == "CREATE_COMPLETE")

    until(created, what="the stack")
    reaches(cloudwatch, unique, "ALARM")
    shown = cloudwatch.describe_alarms(AlarmNames=[unique])["MetricAlarms"][0]
    assert [m["Id"] for m in shown["Metrics"]] == ["errors", "requests", "up"]


def test_composite_alarms_follow_their_children_and_publish(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    put_alarm(cloudwatch, unique, TreatMissingData="ignore")
    cloudwatch.put_composite_alarm(AlarmName=f"c-{unique}", AlarmRule=f"ALARM({unique})")

    cloudwatch.set_alarm_state(AlarmName=unique, StateValue="ALARM", StateReason="test")

    def composite() -> str:
        alarms = cloudwatch.describe_alarms(AlarmNames=[f"c-{unique}"], AlarmTypes=["CompositeAlarm"])
        return str(alarms["CompositeAlarms"][0]["StateValue"])

    until(lambda: composite() == "ALARM", what="the composite")
