"""What is around the workload, as AWS's services answer: moto has none of it, so by script, checked against the services' models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from squall.adapters.inventory.deployments import Deployments
from squall.adapters.ssm.calendars import ChangeCalendars
from squall.domain.run.ssm_state import CalendarState
from squall.errors import Unavailable
from tests.adapters.conftest import NOW
from tests.adapters.scripted import Scripted, error


def test_calendars_are_asked_together_about_a_moment() -> None:
    client = Scripted("ssm", get_calendar_state=[{"State": "OPEN", "AtTime": "…", "NextTransitionTime": "2030-01-07T18:00:00Z"}])
    result = ChangeCalendars(client).state(["Releases", "arn:aws:ssm:eu-west-1:999999999999:document/Company"], NOW)
    assert result == CalendarState(open=True, changes_at=datetime(2030, 1, 7, 18, tzinfo=UTC))
    assert client.arguments("get_calendar_state") == [
        {"CalendarNames": ["Releases", "arn:aws:ssm:eu-west-1:999999999999:document/Company"], "AtTime": "2030-01-07T10:00:00Z"}
    ]


@pytest.mark.parametrize(("next_", "expected"), [({}, None), ({"NextTransitionTime": "2030-01-08"}, datetime(2030, 1, 8, tzinfo=UTC))])
def test_a_closed_calendar_with_or_without_a_change_to_come(next_: dict[str, str], expected: datetime | None) -> None:
    client = Scripted("ssm", get_calendar_state=[{"State": "CLOSED", **next_}])
    assert ChangeCalendars(client).state(["Releases"], NOW) == CalendarState(open=False, changes_at=expected)


@pytest.mark.parametrize("answer", [error("InvalidDocument"), error("UnsupportedCalendarException"), error("AccessDeniedException")])
def test_a_calendar_that_cannot_be_asked(answer: Exception) -> None:
    with pytest.raises(Unavailable):
        ChangeCalendars(Scripted("ssm", get_calendar_state=[answer])).state(["Releases"], NOW)


def test_a_time_that_cannot_be_read_is_no_answer() -> None:
    client = Scripted("ssm", get_calendar_state=[{"State": "OPEN", "NextTransitionTime": "soon"}])
    with pytest.raises(Unavailable, match="NextTransitionTime is 'soon'"):
        ChangeCalendars(client).state(["Releases"], NOW)


def deployments(*, refreshes: Any = None, stages: Any = None, running: Any = None) -> tuple[Deployments, dict[str, Scripted]]:
    clients = {
        "autoscaling": Scripted("autoscaling", describe_instance_refreshes=[{"InstanceRefreshes": refreshes or []}]),
        "codepipeline": Scripted("codepipeline", get_pipeline_state=[stages if isinstance(stages, Exception) else {"stageStates": stages}]),
        "codedeploy": Scripted("codedeploy", list_deployments=running or [{"deployments": []}]),
    }
    return Deployments(*((lambda client=client: client) for client in clients.values())), clients


def test_nothing_named_asks_nothing() -> None:
    made, clients = deployments()
    assert made.in_progress([], [], []) == []
    assert not [client.calls for client in clients.values() if client.calls]


REFRESHES = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}


@pytest.mark.parametrize("status", sorted({*REFRESHES, "Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful"}))
def test_an_instance_refresh_is_in_progress_by_its_status(status: str) -> None:
    made, clients = deployments(refreshes=[{"InstanceRefreshId": "r-1", "AutoScalingGroupName": "web", "Status": status}])
    expected = [f"instance refresh r-1 of web is {status}"] if status in REFRESHES else []
    assert made.in_progress(["web"], [], []) == expected
    assert clients["autoscaling"].arguments("describe_instance_refreshes") == [{"AutoScalingGroupName": "web", "MaxRecords": 10}]


def test_a_pipeline_runs_while_any_of_its_stages_does() -> None:
    stages = [
        {"stageName": "Source", "latestExecution": {"pipelineExecutionId": "1", "status": "Succeeded"}},
        {"stageName": "Prod", "latestExecution": {"pipelineExecutionId": "1", "status": "InProgress"}},
        {"stageName": "Later"},
    ]
    made, _ = deployments(stages=stages)
    assert made.in_progress([], ["shop"], []) == ["stage Prod of pipeline shop is InProgress"]


def test_a_pipeline_that_is_not_there_is_no_answer() -> None:
    made, _ = deployments(stages=error("PipelineNotFoundException"))
    with pytest.raises(Unavailable):
        made.in_progress([], ["shop"], [])


def test_deployments_of_a_group_that_are_not_over_on_every_page() -> None:
    made, clients = deployments(running=[{"deployments": ["d-1"]}, {"deployments": ["d-2"]}])
    assert made.in_progress([], [], ["shop/blue"]) == ["deployment d-1 of shop/blue is not over", "deployment d-2 of shop/blue is not over"]
    asked = clients["codedeploy"].arguments("list_deployments")[0]
    assert (asked["applicationName"], asked["deploymentGroupName"]) == ("shop", "blue")
    assert set(asked["includeOnlyStatuses"]) == {"Created", "Queued", "InProgress", "Baking", "Ready"}
