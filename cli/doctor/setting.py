"""The deployed stack as the doctor's examinations need it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from squall.domain.run.commands import delete_item_command

TERMINAL = frozenset({"completed", "stopped", "failed", "cancelled"})
"""The statuses of a FIS experiment that is over."""


@dataclass(frozen=True)
class Setting:
    """The clients, names and ARNs of the stack."""

    client: Callable[[str], Any]
    stack: str
    role_arns: tuple[str, ...]
    """The FIS roles, one per environment."""
    abort_arn: str
    machine_arn: str
    table: str
    bucket: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in the stack's account and Region."""
        _, partition, _, region, account, *_ = self.abort_arn.split(":")
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    def delete_record(self, name: str) -> None:
        """Deletes the record that an examination made."""
        self.client("dynamodb").delete_item(TableName=self.table, Key={"pk": {"S": f"EXECUTION#{name}"}, "sk": {"S": "RECORD"}})

    def delete_record_command(self, name: str) -> str:
        """The AWS CLI command that deletes that record."""
        return delete_item_command(self.table, f"EXECUTION#{name}", "RECORD")

    def execution_arn(self, name: str) -> str:
        """The ARN of an execution of the stack's state machine, whether or not it exists."""
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"
