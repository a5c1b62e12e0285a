"""Systems Manager Automation, which runs the users' rollback documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.domain.run.ssm_state import AutomationState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GONE = frozenset({"AutomationExecutionNotFoundException"})


class SsmAutomations:
    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self, document: str, version: str, parameters: Mapping[str, Sequence[str]], client_token: str) -> str:
        answer = call(
            self._client,
            "start_automation_execution",
            refusable=True,
            DocumentName=document,
            DocumentVersion=version,
            Parameters={name: list(values) for name, values in parameters.items()},
            ClientToken=client_token,
            Mode="Auto",
        )
        return str(answer["AutomationExecutionId"])

    def get(self, execution_id: str) -> AutomationState | None:
        answer = call(self._client, "get_automation_execution", absent=_GONE, AutomationExecutionId=execution_id)
        if answer is None:
            return None
        execution = answer["AutomationExecution"]
        return AutomationState(
            id=execution["AutomationExecutionId"],
            status=execution["AutomationExecutionStatus"],
            detail=" ".join(str(execution.get("FailureMessage") or "").split())[:500],
            started_at=execution.get("ExecutionStartTime"),
            ended_at=execution.get("ExecutionEndTime"),
        )
