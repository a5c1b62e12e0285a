"""Runs an Automation document with the role that it names, for as long as it takes. FIS's own role only starts and
stops it."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region

from local.account.fis.actions.base import Action
from local.account.ssm import automation
from local.account.ssm.commands import document_name

_OVER = ("Success", "Failed", "TimedOut", "Cancelled")


@dataclass(frozen=True)
class _AsRole:
    """A request to start an execution, made by the experiment's role."""

    action: Action
    data: dict[str, Any]

    def authorize(self, action: str, resource: str, context: dict[str, Any] | None = None) -> None:
        self.action.authorize(action, resource, {}, context)


class StartAutomation(Action):
    action_id = "aws:ssm:start-automation-execution"
    description = "Run the specified Systems Manager Automation document."
    parameters: ClassVar[dict[str, bool]] = {
        "documentArn": True,
        "documentVersion": False,
        "documentParameters": False,
        "maxDuration": True,
    }
    duration_parameter = "maxDuration"

    def start(self) -> None:
        name, version = document_name(self.values["documentArn"]), self.values.get("documentVersion") or "$DEFAULT"
        self.authorize("ssm:StartAutomationExecution", f"{self._prefix}automation-definition/{name}:{version}", {})
        parameters: dict[str, Any] = json.loads(self.values.get("documentParameters") or "{}")
        lists = {key: value if isinstance(value, list) else [value] for key, value in parameters.items()}
        try:
            started = automation.start_execution(_AsRole(self, {"DocumentName": name, "DocumentVersion": version, "Parameters": lists}))
        except automation.AutomationError as error:
            raise self.fail("DependentServiceFailure", f"{error.code}: {error}") from error
        self.id = str(started["AutomationExecutionId"])

    def finished(self) -> bool:
        """Whether the document has ended. An execution longer than `maxDuration` is a failure."""
        self.authorize("ssm:GetAutomationExecution", f"{self._prefix}automation-execution/{self.id}", {})
        status = automation.read_status(self.id)
        if status in _OVER and status != "Success":
            raise self.fail("DependentServiceFailure", f"automation execution {self.id} is {status}")
        if status not in _OVER and self.elapsed:
            self.stop()
            raise self.fail("DependentServiceFailure", f"automation execution {self.id} took longer than {self.values['maxDuration']}")
        return status in _OVER

    def stop(self) -> None:
        self.authorize("ssm:StopAutomationExecution", f"{self._prefix}automation-execution/{self.id}", {})
        automation.stop_steps(self.id)

    @property
    def _prefix(self) -> str:
        return f"arn:aws:ssm:{get_region()}:{get_account_id()}:"
