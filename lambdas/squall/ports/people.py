"""People: who signed a request, and whom messages reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the halt path loads no pydantic
    from collections.abc import Mapping

    from squall.domain.approval.people import Caller
    from squall.domain.messages.message import Message


class Callers(Protocol):
    """Identifies who signed a request, as AWS reports it."""

    @property
    def host(self) -> str:
        """The STS endpoint of this Region, as requests to it have to be signed."""

    @property
    def region(self) -> str:
        """This Region."""

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Send GetCallerIdentity with these headers, the signature among them. Raises `Refused` if STS does not accept
        them."""


class Notifier(Protocol):
    """The SNS topics of the stack: one for mails, one for chats."""

    def publish(self, message: Message) -> str:
        """Send to both topics, each also if the other fails. Returns the reason why chats did not get the message; empty if
        they did, or if there is no topic for them. Raises `Unavailable` if the mails could not be sent.

        The adapter lays the message out and makes every text in it one printable line. Only `application/messages.py`
        calls this.
        """
