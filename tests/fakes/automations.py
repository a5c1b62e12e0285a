"""Systems Manager Automation in memory: executions that take a while, fail or are refused; idempotent by their token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from squall.domain.run.ssm_state import AutomationState
from squall.errors import Refused
from tests.fakes.counting import Count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.fakes.clock import FakeClock


@dataclass
class FakeAutomation:
    document: str
    version: str
    parameters: Mapping[str, Sequence[str]]
    state: AutomationState


class FakeAutomations:
    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.executions: dict[str, FakeAutomation] = {}
        self.refuse: Refused | None = None
        self.seconds: float = 0
        """Seconds that an execution takes."""
        self.ends: tuple[str, str] = ("Success", "")
        """The status and failure message in which an execution ends."""
        self.listeners: list[Callable[[FakeAutomation], None]] = []
        """Called at each start: the effect of the document."""
        self._tokens: dict[str, str] = {}
        self._ids = Count(1)

    def start(self, document: str, version: str, parameters: Mapping[str, Sequence[str]], client_token: str) -> str:
        if client_token in self._tokens:
            known = self._tokens[client_token]
            same = self.executions[known]
            if (same.document, same.version, dict(same.parameters)) != (document, version, dict(parameters)):
                raise Refused("ssm", "StartAutomationExecution", "IdempotentParameterMismatch", "other parameters")
            return known
        if self.refuse:
            raise self.refuse
        identifier = f"automation-{next(self._ids)}"
        self._tokens[client_token] = identifier
        state = AutomationState(identifier, "InProgress", started_at=self._clock.now())
        self.executions[identifier] = FakeAutomation(document, version, parameters, state)
        for listener in self.listeners:
            listener(self.executions[identifier])
        if self.seconds:
            self._clock.after(self.seconds, lambda: self.end(identifier))
        else:
            self.end(identifier)
        return identifier

    def end(self, identifier: str) -> None:
        result = self.executions[identifier]
        status, detail = self.ends
        result.state = replace(result.state, status=status, detail=detail, ended_at=self._clock.now())

    def get(self, execution_id: str) -> AutomationState | None:
        answer = self.executions.get(execution_id)
        return answer.state if answer else None
