"""The messages to people, machines and Step Functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from squall.adapters.sns import render_text

if TYPE_CHECKING:
    from squall.domain.messages.message import Message
    from squall.domain.run.record import ExecutionRecord


@dataclass(frozen=True)
class Sent:
    """A message as a subscriber gets it by email."""

    subject: str
    body: str
    attributes: dict[str, str]


class FakeNotifier:
    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.chat_failure = ""
        """The reason why the topic for chats takes nothing; empty: it does."""

    def publish(self, message: Message) -> str:
        self.sent.append(Sent(message.subject, render_text(message), dict(message.attributes)))
        return self.chat_failure

    @property
    def endings(self) -> list[Sent]:
        """Every message but those that a fault runs."""
        return [message for message in self.sent if not message.subject.startswith("Squall: fault running")]


class FakeLifecycle:
    def __init__(self) -> None:
        self.events: list[tuple[ExecutionRecord, str]] = []

    def emit(self, record: ExecutionRecord, reason: str = "") -> None:
        self.events.append((record, reason))


class FakeWorkflow:
    """Step Functions: executions are RUNNING unless a test says otherwise; a token can be completed once."""

    def __init__(self) -> None:
        self.executions: dict[str, str] = {}
        self.tokens: set[str] = set()
        """Tokens that are waited for."""
        self.woken: list[str] = []

    def status(self, execution_arn: str) -> str | None:
        return self.executions.get(execution_arn)

    def wake(self, task_token: str) -> bool:
        if task_token not in self.tokens:
            return False
        self.tokens.remove(task_token)
        self.woken.append(task_token)
        return True
