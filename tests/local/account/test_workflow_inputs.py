"""Step Functions of the local account refuses and describes as AWS does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ministack.services import stepfunctions as sfn

from local.account.events import workflows

ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:made-by-cloudformation"


@pytest.mark.parametrize("source_text", ["{", "", "{'a': 1}", "no"])
def test_an_input_that_is_not_json_starts_nothing(source_text: str) -> None:
    started: list[Any] = []
    status, _, body = workflows._with_checked_input(started.append)({"stateMachineArn": ARN, "input": source_text})
    assert (status, json.loads(body)["__type"], started) == (400, "InvalidExecutionInput", [])
    workflows._with_checked_input(started.append)({"stateMachineArn": ARN, "input": "{}"})
    assert len(started) == 1


def test_a_machine_that_cloudformation_made_says_what_it_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    destinations = [{"CloudWatchLogsLogGroup": {"LogGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:machine:*"}}]
    made = {"loggingConfiguration": {"Level": "ERROR", "IncludeExecutionData": False, "Destinations": destinations}}
    monkeypatch.setattr(sfn, "_state_machines", {ARN: made})
    described: dict[str, Any] = workflows._with_logging(lambda data: made)({"stateMachineArn": ARN})
    logging = described["loggingConfiguration"]
    assert (logging["level"], logging["includeExecutionData"]) == ("ERROR", False)
    assert logging["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"].endswith("log-group:machine:*")
