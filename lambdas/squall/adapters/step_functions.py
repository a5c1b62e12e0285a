"""Step Functions: the status of an execution, and waking an execution that sleeps on a task token."""

from __future__ import annotations

from typing import Any

from squall.adapters.aws import call


class StepFunctions:
    def __init__(self, client: Any) -> None:
        self._client = client

    def status(self, execution_arn: str) -> str | None:
        answer = call(
            self._client, "describe_execution", absent={"ExecutionDoesNotExist"}, executionArn=execution_arn, includedData="METADATA_ONLY"
        )
        return None if answer is None else str(answer["status"])

    def wake(self, task_token: str) -> bool:
        # The output is empty: what wakes up reads the table and FIS.
        gone = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}
        return call(self._client, "send_task_success", absent=gone, taskToken=task_token, output="{}") is not None
