"""Messages for a chat: in the schema of Amazon Q Developer, in the thread of their execution, and steering nobody's chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from squall.adapters.chat import DESCRIPTION_CHARACTERS, render_chat
from squall.adapters.sns import SnsNotifier
from squall.domain.messages.halted import HaltChange, make_message
from squall.domain.messages.leftovers import not_cleaned_up
from squall.domain.messages.message import Fact, Link, Message, Section, facts_of
from squall.errors import Unavailable
from tests.adapters.scripted import Scripted, error
from tests.unit.builders import record

MESSAGE = Message(
    subject="Squall: approval needed: Cache loss in staging",
    facts=facts_of(["Cache loss: awaiting approval in staging"]),
    sections=(Section("What would be done", (Fact("target i-1", "in eu-west-1a"),)), Section("Nothing", ())),
    links=(Link("execution", "https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/run-1"),),
    attributes={"status": "awaiting_approval", "verdict": "none"},
    thread="run-1",
    commands=('squall approve run-1 --comment "…"', "squall abort run-1"),
)


def rendered(message: Message) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render_chat(message))
    return document


def test_a_message_has_the_form_that_amazon_q_takes() -> None:
    found = rendered(MESSAGE)
    assert (found["version"], found["source"], found["content"]["textType"]) == ("1.0", "custom", "client-markdown")
    assert found["content"]["title"] == MESSAGE.subject
    assert found["content"]["description"].splitlines() == [
        "Cache loss: awaiting approval in staging",
        "",
        "*What would be done*",
        "• target i-1",
        "    in eu-west-1a",
        "",
        "execution: https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/run-1",
    ]


def test_the_messages_of_one_execution_are_one_thread_and_carry_its_commands() -> None:
    found = rendered(MESSAGE)
    assert found["metadata"]["threadId"] == "run-1"
    assert found["metadata"]["additionalContext"] == {"status": "awaiting_approval", "verdict": "none", "execution": "run-1"}
    assert found["content"]["nextSteps"] == ['`squall approve run-1 --comment "…"`', "`squall abort run-1`"]
    assert rendered(not_cleaned_up(record(), ["lock web: aws …"]))["metadata"]["threadId"] == record().id


def test_a_message_about_no_execution_has_no_thread() -> None:
    found = rendered(make_message(HaltChange(outcome="HALTED", stack="Squall", by="ada", reason="fire")))
    assert "threadId" not in found["metadata"]
    assert "nextSteps" not in found["content"]


@pytest.mark.parametrize("text", ["<!channel> look", "<https://evil.example|the console>", "a `command` & more", "line\n*bold*"])
def test_no_text_steers_the_chat(text: str) -> None:
    found = rendered(Message(subject=text, facts=facts_of([text]), attributes={}, commands=(text,)))
    shown = [found["content"]["title"], found["content"]["description"], *(step[1:-1] for step in found["content"]["nextSteps"])]
    assert not any(set(part) & set("<>`\n") for part in shown)


def test_a_message_that_is_too_long_is_cut_between_lines() -> None:
    long = Message(subject="s" * 400, facts=facts_of(["x" * 100] * 200), attributes={}, commands=("y" * 400,))
    found = rendered(long)["content"]
    assert len(found["title"]) == 250
    assert len(found["description"]) <= DESCRIPTION_CHARACTERS
    assert {len(line) for line in found["description"].splitlines()[:-1]} == {100}
    assert found["description"].endswith("\n[cut]")
    assert "nextSteps" not in found


def test_mails_stay_plain_text_and_chats_get_their_own_topic() -> None:
    client = Scripted("sns", publish=[{"MessageId": "1"}])
    SnsNotifier(client, "mail", "chat").publish(MESSAGE)
    mail, chat = client.arguments("publish")
    assert (mail["TopicArn"], chat["TopicArn"]) == ("mail", "chat")
    assert mail["Message"].startswith("Cache loss: awaiting approval in staging\n")
    assert json.loads(chat["Message"]) == rendered(MESSAGE)
    assert chat["MessageAttributes"] == mail["MessageAttributes"]


def test_a_stack_without_a_topic_for_chats_sends_mails_only() -> None:
    client = Scripted("sns", publish=[{"MessageId": "1"}])
    SnsNotifier(client, "mail", None).publish(MESSAGE)
    assert [sent["TopicArn"] for sent in client.arguments("publish")] == ["mail"]


def test_if_the_mails_fail_the_chats_still_get_the_message_and_the_caller_hears_of_it() -> None:
    client = Scripted("sns", publish=[error("InternalError", status=500), {"MessageId": "1"}])
    with pytest.raises(Unavailable):
        SnsNotifier(client, "mail", "chat").publish(MESSAGE)
    assert [sent["TopicArn"] for sent in client.arguments("publish")] == ["mail", "chat"]


@pytest.mark.parametrize(("code", "status"), [("InternalError", 500), ("NotFound", 404), ("AuthorizationError", 403)])
def test_if_only_the_chats_fail_the_message_counts_as_sent_and_the_reason_is_told(code: str, status: int) -> None:
    client = Scripted("sns", publish=[{"MessageId": "1"}, error(code, status=status)])
    assert "sns" in SnsNotifier(client, "mail", "chat").publish(MESSAGE)
    assert [sent["TopicArn"] for sent in client.arguments("publish")] == ["mail", "chat"]
