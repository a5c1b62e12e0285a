"""``aws:ssm:send-command``: the command runs for its own ``DurationSeconds``; FIS only waits for ``duration``."""

import json
from typing import Any, ClassVar

from local.account.fis.actions.base import Action
from local.account.fis.targets import INSTANCE
from local.account.ssm import commands

CANCEL_WAIT_SECONDS = 30.0


class SendCommand(Action):
    action_id = "aws:ssm:send-command"
    description = "Run the specified Systems Manager document on the target EC2 instances."
    target_key = "Instances"
    resource_type = INSTANCE
    parameters: ClassVar[dict[str, bool]] = {
        "documentArn": True,
        "documentVersion": False,
        "documentParameters": False,
        "duration": True,
    }

    def start(self) -> None:
        document = self.values["documentArn"]
        for resource in self.resources:
            self.authorize("ssm:SendCommand", resource.arn, resource.tags)
        self.authorize("ssm:SendCommand", document, {})
        parameters: dict[str, Any] = json.loads(self.values.get("documentParameters") or "{}")
        request = {"Parameters": parameters, "Comment": f"AWS FIS action {self.name}"}
        try:
            record = commands.start_command(document, [r.identifier for r in self.resources], request)
        except commands.CommandError as error:
            raise self.fail("DependentServiceFailure", f"{error.code}: {error}") from error
        self.command_id = str(record["CommandId"])

    def finished(self) -> bool:
        if commands.read_status(self.command_id) == "Failed":
            raise self.fail("DependentServiceFailure", f"command {self.command_id} failed")
        return self.elapsed

    def stop(self) -> None:
        self.authorize("ssm:CancelCommand", "*", {})
        commands.cancel_invocations(self.command_id, CANCEL_WAIT_SECONDS)
