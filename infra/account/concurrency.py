"""The concurrent executions of Lambda that the account has, and those that the functions that stop faults have reserved."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from infra.account.stack_resources import list_resources

STOPPING = ("Abort", "Halt", "Pulse")
"""The beginnings of the logical ids of the functions that stop faults."""
UNRESERVED = 100
"""The concurrent executions that Lambda keeps unreserved in every account."""
FEWEST_RESERVED = 2
"""The fewest that are worth a reservation: two alarms may fire at the same time."""


@dataclass(frozen=True)
class Concurrency:
    """Concurrent executions in the account and Region."""

    limit: int
    unreserved: int
    """Those that no function has reserved."""
    reserved: tuple[int | None, ...]
    """The reserved ones of each function of the stack that stops faults; empty if the stack does not exist yet."""

    @property
    def room(self) -> int:
        """How many each of the functions that stop faults could reserve."""
        return (self.unreserved + sum(number or 0 for number in self.reserved) - UNRESERVED) // len(STOPPING)


def read_concurrency(client: Callable[[str], Any], stack: str) -> Concurrency:
    """Asks Lambda. `client` makes a client for a service. Raises ClientError and BotoCoreError."""
    functions = client("lambda")
    account = functions.get_account_settings()["AccountLimit"]
    names = [physical for logical, physical in _list_functions(client("cloudformation"), stack) if logical.startswith(STOPPING)]
    reserved = tuple(functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions") for name in names)
    return Concurrency(int(account["ConcurrentExecutions"]), int(account["UnreservedConcurrentExecutions"]), reserved)


def _list_functions(cloudformation: Any, stack: str) -> list[tuple[str, str]]:
    try:
        return list_resources(cloudformation, stack, "AWS::Lambda::Function")
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in error.response["Error"]["Message"]:
            return []
        raise
