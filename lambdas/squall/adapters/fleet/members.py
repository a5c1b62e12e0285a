"""The members of a fleet, each entered in a role of its account by the STS of this Region."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, make_client_as
from squall.adapters.dynamodb.history import DynamoHistory
from squall.adapters.dynamodb.records import DynamoRecords
from squall.adapters.stacks import assume_role, find_stack, read_outputs
from squall.domain.run.home import contact_parameter
from squall.errors import Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from squall.domain.history.summary import RunSummary
    from squall.domain.run.home import Member
    from squall.domain.run.record import ExecutionRecord

TABLE_OUTPUT = "ResultsTableName"


class RoleMembers:
    def __init__(self, sts: Any) -> None:
        self._sts = sts

    def send_heartbeat(self, member: Member, text: str) -> None:
        name = contact_parameter(member.stack)
        call(self._enter(member, "ssm"), "put_parameter", refusable=True, Name=name, Type="String", Overwrite=True, Value=text)

    def runs(self, member: Member, start: datetime, end: datetime) -> Iterator[RunSummary]:
        history = DynamoHistory(*self._open_table(member))
        with _understanding():
            yield from history.of_period(start, end)

    def validated(self, member: Member, experiment: str, environment: str, since: datetime) -> Sequence[ExecutionRecord]:
        records = DynamoRecords(*self._open_table(member))
        with _understanding():
            return records.validated(experiment, environment, since)

    def _open_table(self, member: Member) -> tuple[Any, str]:
        """A client for the member's table, and its name."""
        keys = self._assume(member)
        return make_client_as(keys, "dynamodb", member.region, member.endpoint_url), _find_table(member, keys)

    def _enter(self, member: Member, service: str) -> Any:
        return make_client_as(self._assume(member), service, member.region, member.endpoint_url)

    def _assume(self, member: Member) -> Mapping[str, str]:
        return assume_role(self._sts, member)


@contextmanager
def _understanding() -> Iterator[None]:
    """Raises Unavailable for what this version can't read: it is not taken for something else."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise Unavailable("dynamodb", "Query", "Unreadable", f"a run of another version: {error}", retryable=False) from error


def _find_table(member: Member, keys: Mapping[str, str]) -> str:
    """The name of the member's table. Raises Refused if there is no such stack."""
    stack = find_stack(lambda service: make_client_as(keys, service, member.region, member.endpoint_url), member.stack)
    if stack is None:
        raise Refused("cloudformation", "DescribeStacks", "NoSuchStack", f"there is no stack {member.stack}")
    table = read_outputs(stack).get(TABLE_OUTPUT)
    if table is None:
        raise Refused("cloudformation", "DescribeStacks", "NoSuchOutput", f"the stack {member.stack} has no {TABLE_OUTPUT}")
    return table
