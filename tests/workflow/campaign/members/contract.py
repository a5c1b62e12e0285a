"""A member by its contract alone: an execution there runs for some time, leaves a record, and has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from squall.domain.base.vocabulary import AbortSource, Status, Verdict
from squall.domain.campaign.away import AwayExecution
from squall.domain.run.home import Member
from squall.domain.run.record import Abort, ExecutionRecord
from tests.fakes.clock import FakeClock

Ending = tuple[Status, Verdict | None]
VALIDATED: Ending = (Status.COMPLETED, Verdict.VALIDATED)


class _Records:
    def __init__(self, member: MemberByContract) -> None:
        self._member = member

    def get(self, execution_id: str) -> ExecutionRecord | None:
        return self._member.find(execution_id)


class MemberByContract:
    def __init__(self, clock: FakeClock, member: Member, seconds: float, ending: Ending = VALIDATED) -> None:
        self.clock, self.member, self.seconds, self.ending = clock, member, seconds, ending
        self.gone = False
        self.begun: dict[str, tuple[datetime, Mapping[str, Any]]] = {}
        self.aborted: dict[str, datetime] = {}
        self.records = _Records(self)

    @property
    def world(self) -> Any:
        """What of a stack's world home reaches: the records."""
        return self

    def arn(self, name: str) -> str:
        return f"arn:aws:states:{self.member.region}:{self.member.account}:execution:Squall-Experiment:{name}"

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        if name not in self.begun:
            self.begun[name] = (self.clock.now(), dict(payload))
        return self.begun[name][1] == payload and self._end_of(name) > self.clock.now()

    def describe(self, name: str) -> AwayExecution | None:
        if name not in self.begun:
            return None
        end = self._end_of(name)
        return AwayExecution(self.begun[name][1], end if end <= self.clock.now() else None)

    def send(self, function: str, payload: Mapping[str, Any]) -> None:
        """The run ends half a minute after it was aborted."""
        if function == "Abort" and payload["execution_id"] in self.begun:
            self.aborted.setdefault(str(payload["execution_id"]), self.clock.now())

    def find(self, name: str) -> ExecutionRecord | None:
        """The record that the execution has by now."""
        if name not in self.begun:
            return None
        begun, end, stopped = self.begun[name][0], self._end_of(name), self._is_aborted(name)
        over = end <= self.clock.now()
        status, verdict = (Status.ABORTED, Verdict.ABORTED) if stopped else self.ending
        return ExecutionRecord(
            id=name,
            execution_arn=self.arn(name),
            started_at=begun,
            status=status if over else Status.RUNNING,
            verdict=verdict if over else None,
            phase="Release" if over else "WatchFault",
            fault_type="cpu_stress",
            abort=Abort(AbortSource.OPERATOR, "aborted by home", self.aborted[name], "home") if stopped else None,
            reason="as the test says" if over else "",
            ended_at=end if over else None,
        )

    def _is_aborted(self, name: str) -> bool:
        return name in self.aborted and self.aborted[name] < self.begun[name][0] + timedelta(seconds=self.seconds)

    def _end_of(self, name: str) -> datetime:
        end = self.begun[name][0] + timedelta(seconds=self.seconds)
        return min(end, self.aborted[name] + timedelta(seconds=30)) if self._is_aborted(name) else end
