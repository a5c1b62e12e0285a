"""Sends messages to people by SNS: as plain text to one topic, and for chats to another (`squall.adapters.chat`)."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.adapters.chat import render_chat
from squall.domain.base.printable import one_line
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from squall.domain.messages.message import Fact, Link, Message

MESSAGE_BYTES = 256 * 1024
SUBJECT_CHARACTERS = 99
ATTRIBUTE_CHARACTERS = 256
_CUT = "\n[cut]"


class SnsNotifier:
    def __init__(self, client: Any, topic_arn: str, chat_topic_arn: str | None = None) -> None:
        self._client, self._topic, self._chat_topic = client, topic_arn, chat_topic_arn

    def publish(self, message: Message) -> str:
        """Send to both topics, each also if the other fails. Only a failure of the mails is raised: whoever hears of it
        may send the message again."""
        try:
            self._send(self._topic, render_text(message), message)
        finally:
            failure = self._send_to_chats(message)
        return failure

    def _send_to_chats(self, message: Message) -> str:
        if not self._chat_topic:
            return ""
        try:
            self._send(self._chat_topic, render_chat(message), message)
        except Unavailable as error:
            return str(error)
        return ""

    def _send(self, topic: str, body: str, message: Message) -> None:
        attributes = {name: line for name, value in message.attributes.items() if (line := one_line(value, ATTRIBUTE_CHARACTERS))}
        used = sum(len(name.encode()) + len("String") + len(value.encode()) for name, value in attributes.items())
        call(
            self._client,
            "publish",
            TopicArn=topic,
            Subject=legal_subject(message.subject),
            Message=legal_body(body, MESSAGE_BYTES - used),
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
        )


def render_text(message: Message) -> str:
    """The message as plain text: facts, then sections with a title and indented facts, then links, with an empty line
    between them."""
    blocks = [
        list(_fact_lines(message.facts, "")),
        *([one_line(section.title), *_fact_lines(section.facts, "  ")] for section in message.sections if section.facts),
        ["Where to look", *map(_link_line, message.links)] if message.links else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _fact_lines(facts: Iterable[Fact], indent: str) -> Iterator[str]:
    for fact in facts:
        yield indent + one_line(fact.text)
        if fact.detail:
            yield f"{indent}    {one_line(fact.detail)}"


def _link_line(link: Link) -> str:
    note = f" ({one_line(link.note)})" if link.note else ""
    return f"  {one_line(link.label) + ':':<10} {one_line(link.url)}{note}"


def legal_subject(subject: str) -> str:
    """One line of printable ASCII under 100 characters that starts with something visible: SNS refuses anything
    else."""
    plain = unicodedata.normalize("NFKD", one_line(subject)).encode("ascii", "ignore").decode()
    return " ".join(plain.split())[:SUBJECT_CHARACTERS].rstrip() or "Squall"


def legal_body(body: str, limit: int) -> str:
    """The body in at most `limit` bytes: SNS counts bytes, and refuses an empty message."""
    encoded = body.encode()
    if len(encoded) <= limit:
        return body or "(empty)"
    return encoded[: limit - len(_CUT)].decode(errors="ignore") + _CUT
