"""Least privilege: without any grant something fails or is shown, and no function makes a call that it has no grant
for."""

from __future__ import annotations

import pytest

from infra.permissions.holders import HOLDERS
from tests.chaos.grants import METHODS, NOT_SHOWN, SCENES, Needed, excused, granted, needed, play
from tests.infra.calls import ports

SAMPLE: tuple[tuple[str, str, str], ...] = (
    ("Admit", "dynamodb:PutItem", "a good run"),
    ("Approve", "states:SendTaskSuccess", "people are asked"),
    ("ArmGuards", "cloudwatch:PutMetricAlarm", "a good run"),
    ("Discover", "rds:DescribeDBClusters", "a cluster"),
    ("VerifyRollback", "rds:DescribeEvents", "a rebooted database"),
    ("FinalCheck", "eks:DescribeNodegroup", "a node group"),
    ("VerifyRollback", "ecs:DescribeContainerInstances", "container instances"),
    ("Discover", "ecs:ListClusters", "tagged container instances"),
    ("Discover", "tag:GetResources", "tagged node groups"),
    ("Discover", "kinesis:DescribeStreamSummary", "a stream"),
    ("FinalCheck", "kinesis:ListTagsForStream", "a stream"),
    ("Discover", "tag:GetResources", "tagged streams"),
    ("VerifyRollback", "dsql:GetCluster", "a DSQL cluster"),
    ("FinalCheck", "iam:GetRole", "a role"),
    ("VerifyRollback", "arc-zonal-shift:ListZonalShifts", "what ARC shifts"),
    ("Discover", "arc-zonal-shift:ListManagedResources", "tagged, what ARC shifts"),
    ("Discover", "dynamodb:GetResourcePolicy", "a global table"),
    ("FinalCheck", "memorydb:ListTags", "a multi-Region cluster"),
    ("VerifyRollback", "directconnect:DescribeVirtualInterfaces", "a virtual interface"),
    ("FinalCheck", "tag:GetResources", "tagged buckets"),
    ("Discover", "elasticache:ListTagsForResource", "tagged caches"),
    ("VerifyRollback", "elasticache:DescribeReplicationGroups", "tagged caches"),
    ("FinalCheck", "s3:GetReplicationConfiguration", "tagged buckets"),
    ("ObserveFault", "fis:ListExperimentResolvedTargets", "tagged buckets"),
    ("FinalCheck", "ssm:GetCalendarState", "calendars and a cool-down"),
    ("FinalCheck", "fis:TagResource", "a good run"),
    ("Halt", "fis:UpdateSafetyLeverState", "halted"),
    ("Judge", "cloudwatch:DescribeAlarms", "an alarm stays OK"),
    ("Judge", "cloudwatch:ListMetrics", "an agent that tells nothing"),
    ("Notify", "events:PutEvents", "a good run"),
    ("Pulse", "lambda:InvokeFunction", "a sentinel"),
    ("Pulse", "fis:ListExperimentResolvedTargets", "a good run"),
    ("Schedule", "scheduler:DeleteSchedule", "a published experiment"),
    ("Report", "s3:ListBucket", "a published experiment"),
    ("Sentinel", "cloudwatch:PutMetricData", "a sentinel"),
    ("StartFault", "fis:GetExperimentTemplate", "a good run"),
    ("StartFault", "sns:Publish", "a good run"),
    ("WatchRecovery", "cloudwatch:DescribeAlarms", "an alarm stays OK"),
    ("StopFault", "fis:ListExperimentResolvedTargets", "a good run"),
    ("StopFault", "cloudwatch:DescribeAlarms", "a guard is tightened and fires"),
    ("Watchdog", "cloudwatch:DescribeAlarms", "a guard is tightened, and the run dies"),
    ("AcquireLock", "cloudwatch:DescribeAlarms", "a guard is tightened, and the run is taken over"),
    ("StopFault", "s3:ListBucket", "its documents are lost before StopFault"),
    ("Watchdog", "fis:ListExperiments", "killed"),
    ("ObserveFault", "ssm:ListCommandInvocations", "an observation"),
    ("ChooseSteps", "ssm:GetParameter", "a campaign"),
    ("ChooseSteps", "states:SendTaskSuccess", "a game day that is aborted before it waits"),
    ("Note", "states:SendTaskSuccess", "a game day that is answered"),
    ("ChooseSteps", "events:PutEvents", "a game day that is answered"),
    ("ChooseSteps", "sns:Publish", "a game day that is answered"),
)


@pytest.mark.parametrize(("function", "action", "scene"), SAMPLE)
def test_some_grants_are_missed(function: str, action: str, scene: str) -> None:
    (grant,) = (held_grant for held_grant in granted(function) if held_grant[0] == action)
    whole, used = play(scene)
    assert (function, grant) in used
    assert play(scene, function, grant)[0].but(whole), "nothing fails without it"


def test_a_scene_with_everything_granted_is_the_same_twice() -> None:
    """If they differed, a difference would prove nothing about a grant."""
    assert play("a good run")[0].but(play("a good run")[0]) == ""


def test_every_exception_is_of_a_grant_and_has_a_reason() -> None:
    held = {(function, action) for function in HOLDERS for action, _ in granted(function)}
    assert not [grant for grant in NOT_SHOWN if grant not in held and (grant[0] != "*" or grant[1] not in {action for _, action in held})]
    assert all(len(why) > 20 for why in NOT_SHOWN.values())


def test_what_a_grant_is_needed_for_is_a_method_of_a_port() -> None:
    known = {f"{port}.{method}" for port, methods in ports().items() for method in methods}
    assert {called.partition("+")[0] for methods in METHODS.values() for called in methods} <= known


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("function", HOLDERS)
def test_every_grant_is_missed(function: str) -> None:
    results: list[Needed] = list(needed(function))
    print("", *results, sep="\n")
    assert [result for result in results if result.survives] == [], "the grant goes, or a scene shows it"
    assert [result for result in results if result.effect and excused(result.function, result.grant[0])] == [], (
        "the exception goes: a scene shows it"
    )


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_scene_asks_for_what_is_not_granted() -> None:
    for scene in SCENES:
        assert not [(function, grant) for function, grant in play(scene)[1] if grant not in granted(function)], scene
