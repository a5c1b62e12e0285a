"""Other stacks: those of a fleet, home as a member sees it and the members as home reaches them; and those of other Regions. Each
stack of a test is one world, and a world by itself reaches no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from squall.errors import Unavailable
from squall.ports.regions import PartDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from squall.domain.campaign.away import AwayExecution
    from squall.domain.history.collected import Mark
    from squall.domain.history.summary import RunSummary
    from squall.domain.regions.barrier import Decision
    from squall.domain.run.home import Member
    from squall.domain.run.record import ExecutionRecord
    from tests.fakes.world import FakeWorld


class FakeHome:
    def __init__(self) -> None:
        self.seen: datetime | None = None

    def last_seen(self) -> datetime | None:
        return self.seen


class FakeMembers:
    def __init__(self) -> None:
        self.sent: dict[str, str] = {}
        """Name to the last text."""
        self.lost: dict[str, Exception] = {}
        """Members that can't be entered, and why."""
        self.proofs: list[ExecutionRecord] = []
        """What another stack answers to whoever asks it for proofs."""
        self.asked: list[tuple[Member, str, str]] = []
        self.run_of: dict[str, list[RunSummary]] = {}
        """Name to the member's runs, the oldest first."""

    def send_heartbeat(self, member: Member, text: str) -> None:
        if member.name in self.lost:
            raise self.lost[member.name]
        self.sent[member.name] = text

    def runs(self, member: Member, start: datetime, end: datetime) -> Iterator[RunSummary]:
        if member.name in self.lost:
            raise self.lost[member.name]
        yield from (run for run in self.run_of.get(member.name, ()) if start <= run.started_at < end)

    def validated(self, member: Member, experiment: str, environment: str, since: datetime) -> list[ExecutionRecord]:
        if member.name in self.lost:
            raise self.lost[member.name]
        self.asked.append((member, experiment, environment))
        return [record for record in self.proofs if record.started_at >= since]


class FakeCollected:
    def __init__(self) -> None:
        self.runs: dict[str, dict[str, RunSummary]] = {}
        self.marks: dict[str, Mark] = {}

    def store(self, member: str, run: RunSummary) -> None:
        copies = self.runs.setdefault(member, {})
        if run.summarised or not (run.execution_id in copies and copies[run.execution_id].summarised):
            copies[run.execution_id] = run

    def of_period(self, member: str, start: datetime, end: datetime) -> Iterator[RunSummary]:
        copies = sorted(self.runs.get(member, {}).values(), key=lambda run: run.started_at)
        yield from (run for run in copies if start <= run.started_at < end)

    def mark(self, member: str) -> Mark | None:
        return self.marks.get(member)

    def set_mark(self, member: str, mark: Mark) -> None:
        self.marks[member] = mark


class FakeMemberStack(Protocol):
    """What the calls of home do in a member."""

    gone: bool

    @property
    def world(self) -> Any:
        """Of which home reads the records."""

    def arn(self, name: str) -> str:
        """The ARN of an execution of the experiment machine."""

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        """Start an execution of the experiment machine."""

    def describe(self, name: str) -> AwayExecution | None:
        """What Step Functions there says of an execution."""

    def send(self, function: str, payload: Mapping[str, Any]) -> None:
        """Invoke a function asynchronously."""


class FakeMemberRuns:
    def __init__(self) -> None:
        self.stacks: dict[str, FakeMemberStack] = {}
        """Every member by its name."""
        self.failing: dict[str, Exception] = {}
        """Method to what it raises. `role`: every method does, as when the role can't be assumed."""
        self.late: set[str] = set()
        """Methods that do what they are asked, and whose answers are lost."""

    def _reach(self, member: Member, call: str) -> FakeMemberStack:
        stack = self.stacks.get(member.name)
        if error := self.failing.get("role") or self.failing.get(call):
            raise error
        if stack is None or stack.gone:
            raise Unavailable("test", call, "EndpointConnectionError", f"no answer from {member.name}", retryable=True)
        return stack

    def _answer(self, call: str) -> None:
        if call in self.late:
            raise Unavailable("test", call, "ReadTimeoutError", "the answer was lost", retryable=True)

    def locate(self, member: Member, name: str) -> str:
        return self._reach(member, "locate").arn(name)

    def start(self, member: Member, arn: str, payload: Mapping[str, Any]) -> None:
        self._reach(member, "start").start(arn.rpartition(":")[2], payload)
        self._answer("start")

    def describe(self, member: Member, arn: str) -> AwayExecution | None:
        return self._reach(member, "describe").describe(arn.rpartition(":")[2])

    def read(self, member: Member, execution_id: str) -> ExecutionRecord | None:
        return self._reach(member, "read").world.records.get(execution_id)  # type: ignore[no-any-return]

    def abort(self, member: Member, arn: str, reason: str, requested_by: str) -> None:
        payload = {"execution_id": arn.rpartition(":")[2], "reason": reason, "requested_by": requested_by}
        self._reach(member, "abort").send("Abort", payload)
        self._answer("abort")


class FakeStack(Protocol):
    """What the calls of another Region do in this one."""

    region: str
    world: FakeWorld
    gone: bool

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        """Start an execution of the experiment machine."""

    def send(self, function: str, payload: Mapping[str, Any]) -> None:
        """Invoke a function asynchronously."""


class FakeRegions:
    def __init__(self) -> None:
        self.stacks: dict[str, FakeStack] = {}
        """Every stack by its Region, this one included."""
        self.here = ""
        self.decisions: dict[str, Decision] = {}
        """The decisions in this stack's table."""
        self.unreachable: set[str] = set()
        """The Regions that answer nothing to this one."""

    def _reach(self, region: str, call: str) -> FakeStack:
        stack = self.stacks.get(region)
        if stack is None or stack.gone or region in self.unreachable:
            raise Unavailable("test", call, "EndpointConnectionError", f"no answer from {region or 'nowhere'}", retryable=True)
        return stack

    def read_part(self, region: str, execution_id: str) -> ExecutionRecord | None:
        return self._reach(region, "GetItem").world.records.get(execution_id)

    def start_part(self, region: str, name: str, payload: Mapping[str, Any]) -> bool:
        return self._reach(region, "StartExecution").start(name, payload)

    def abort_part(self, region: str, execution_id: str, reason: str, requested_by: str) -> None:
        payload = {"execution_id": execution_id, "reason": reason, "requested_by": requested_by, "peer": self.here}
        self._reach(region, "Invoke").send("Abort", payload)

    def ask_to_decide(self, home: str, run: str) -> None:
        self._reach(home, "Invoke").send("Decide", {"campaign_id": run})

    def wake_part(self, region: str, task_token: str) -> bool:
        return self._reach(region, "SendTaskSuccess").world.workflow.wake(task_token)

    def read_decision(self, home: str, run: str) -> Decision | None:
        return self._reach(home, "GetItem").world.regions.decisions.get(run)

    def read_document(self, region: str, execution_id: str, name: str) -> PartDocument | None:
        body = self._reach(region, "GetObject").world.documents.files.get(f"results/{execution_id}/{name}.json")
        return None if body is None else PartDocument(f"results-{region}", body.encode())

    def decide(self, run: str, decision: Decision) -> Decision:
        return self.decisions.setdefault(run, decision)
