"""Lays messages out as custom notifications of Amazon Q Developer in chat applications, for Slack and Microsoft Teams.

The schema is documented at https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squall.domain.base.printable import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from squall.domain.messages.message import Fact, Message

TITLE_CHARACTERS = 250
DESCRIPTION_CHARACTERS = 8000
STEP_CHARACTERS = 350
CONTEXT_CHARACTERS = 256
_CUT = "\n[cut]"
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"})
"""Texts may come from anybody. In a chat, <!channel> would call everybody, and <url|label> would hide an address."""


def render_chat(message: Message) -> str:
    """The message as JSON: facts and sections as Markdown, commands as next steps, and the execution as the thread."""
    content: dict[str, Any] = {
        "textType": "client-markdown",
        "title": _escape(message.subject)[:TITLE_CHARACTERS],
        "description": _cut("\n".join(_list_lines(message)) or _escape(message.subject)),
    }
    if steps := [step for command in message.commands if len(step := f"`{_escape(command)}`") <= STEP_CHARACTERS]:
        content["nextSteps"] = steps
    context = {name: line for name, value in message.attributes.items() if (line := one_line(value, CONTEXT_CHARACTERS))}
    metadata: dict[str, Any] = {"additionalContext": context}
    if message.thread:
        metadata |= {"threadId": message.thread, "additionalContext": {**context, "execution": message.thread}}
    return json.dumps({"version": "1.0", "source": "custom", "content": content, "metadata": metadata})


def _list_lines(message: Message) -> Iterator[str]:
    yield from _list_facts(message.facts, "")
    for section in message.sections:
        if section.facts:
            yield ""
            yield f"*{_escape(section.title)}*"
            yield from _list_facts(section.facts, "• ")
    if message.links:
        yield ""
        yield from (f"{_escape(link.label)}: {_escape(link.url)}" for link in message.links)


def _list_facts(facts: Iterable[Fact], mark: str) -> Iterator[str]:
    for fact in facts:
        yield mark + _escape(fact.text)
        if fact.detail:
            yield f"    {_escape(fact.detail)}"


def _escape(text: str) -> str:
    return one_line(text).translate(_ESCAPED)


def _cut(text: str) -> str:
    """The text without its last lines if it is longer than Amazon Q takes."""
    if len(text) <= DESCRIPTION_CHARACTERS:
        return text
    return text[: DESCRIPTION_CHARACTERS - len(_CUT)].rpartition("\n")[0] + _CUT
