"""Messages to people, by SNS."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGE_BYTES = 256 * 1024
SUBJECT_CHARACTERS = 99
_CUT = "\n[cut]"


class SnsNotifier:
    def __init__(self, client: Any, topic_arn: str) -> None:
        self._client, self._topic = client, topic_arn

    def publish(self, subject: str, body: str, attributes: Mapping[str, str]) -> None:
        given = {name: value for name, value in attributes.items() if value}
        used = sum(len(name.encode()) + len("String") + len(value.encode()) for name, value in given.items())
        call(
            self._client,
            "publish",
            TopicArn=self._topic,
            Subject=legal_subject(subject),
            Message=legal_message(body, MESSAGE_BYTES - used),
            MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in given.items()},
        )


def legal_subject(subject: str) -> str:
    """One line of printable ASCII under 100 characters that starts with something visible: SNS refuses anything else."""
    plain = unicodedata.normalize("NFKD", subject).encode("ascii", "ignore").decode()
    line = " ".join("".join(character if character.isprintable() else " " for character in plain).split())
    return line[:SUBJECT_CHARACTERS].rstrip() or "Squall"


def legal_message(body: str, limit: int) -> str:
    """SNS counts bytes, and refuses an empty message."""
    encoded = body.encode()
    if len(encoded) <= limit:
        return body or "(empty)"
    return encoded[: limit - len(_CUT)].decode(errors="ignore") + _CUT
