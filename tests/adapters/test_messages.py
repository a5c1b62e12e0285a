"""SNS, EventBridge and Step Functions: what is sent is legal, and what was not taken is an error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.sns.models import sns_backends

from squall.adapters.eventbridge import EventBridgeLifecycle
from squall.adapters.sns import MESSAGE_BYTES, SnsNotifier, legal_body, legal_subject, render_text
from squall.adapters.step_functions import StepFunctions
from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.messages.message import Fact, Link, Message, Section
from squall.domain.run.record import ExecutionRecord
from squall.errors import Unavailable
from tests.adapters.conftest import NOW, REGION
from tests.adapters.scripted import Scripted, error
from tests.fakes.world import FakeWorld

if TYPE_CHECKING:
    from collections.abc import Callable

RECORD = ExecutionRecord(
    id="run-1",
    execution_arn="arn:run-1",
    started_at=NOW,
    status=Status.COMPLETED,
    phase="Record",
    experiment="terminate one",
    environment="staging",
    verdict=Verdict.REFUTED,
    reason="too slow",
)


FOREIGN = st.text() | st.text(alphabet=st.sampled_from("a\n\r\x0b\x1b\x85\u2028\u2029\u202e\u2066\u200b\ud800 "))


def message(subject: str, fact: str, attributes: dict[str, str]) -> Message:
    return Message(subject=subject, facts=(Fact(fact),), attributes=attributes)


def test_a_message_is_published(aws: Callable[[str], Any]) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="squall")["TopicArn"]
    attributes = {"status": "completed", "verdict": "", "experiment": "a\nb\x07" + "c" * 300}
    SnsNotifier(sns, topic).publish(message("Ünder attack\nnow " + "x" * 200, "body", attributes))
    _, body, subject, sent, _ = sns_backends["123456789012"][REGION].topics[topic].sent_notifications[0]
    assert subject is not None
    assert sent is not None
    assert subject.startswith("Under attack now xxx")
    assert body == "body"
    assert set(sent) == {"status", "experiment"}, "SNS takes no empty attribute"
    assert sent["experiment"] == {"Type": "String", "Value": "a b" + "c" * 252 + "…"}


@given(st.text())
def test_any_subject_becomes_legal(subject: str) -> None:
    legal = legal_subject(subject)
    assert 0 < len(legal) < 100
    assert legal.isascii()
    assert legal.isprintable()
    assert legal[0] != " "


@given(st.text(min_size=1), st.integers(min_value=10, max_value=100))
def test_any_message_fits_in_bytes(body: str, limit: int) -> None:
    legal = legal_body(body, limit)
    assert 0 < len(legal.encode()) <= limit
    assert legal == body or legal.endswith("[cut]")


def test_a_huge_message_is_cut_with_room_for_its_attributes() -> None:
    client = Scripted("sns", publish=[{}])
    many = replace(message("s", "é", {"status": "x" * 256}), facts=(Fact("é" * 8000),) * 20)
    SnsNotifier(client, "arn:topic").publish(many)
    sent = client.arguments("publish")[0]
    assert sent["Message"].endswith("[cut]")
    assert len(sent["Message"].encode()) + len("status") + len("String") + 256 <= MESSAGE_BYTES


def test_the_text_has_facts_then_sections_then_links() -> None:
    text = Message(
        subject="s",
        facts=(Fact("first"), Fact("second")),
        sections=(Section("Empty", ()), Section("Criteria", (Fact("[met] a", "why"), Fact("[met] b")))),
        links=(Link("fault", "https://fis"), Link("report", "https://report", "soon")),
        attributes={},
    )
    assert render_text(text) == (
        "first\nsecond\n\nCriteria\n  [met] a\n      why\n  [met] b\n\n"
        "Where to look\n  fault:     https://fis\n  report:    https://report (soon)"
    )


@given(FOREIGN, FOREIGN, FOREIGN, FOREIGN)
def test_no_text_from_outside_adds_a_line(fact: str, detail: str, title: str, url: str) -> None:
    text = Message(
        subject="s",
        facts=(Fact(f"name: {fact}", f"why: {detail}"),),
        sections=(Section(f"Section {title}", (Fact(f"- {fact}", f"- {detail}"),)),),
        links=(Link("look", f"at {url}", detail),),
        attributes={},
    )
    lines = render_text(text).splitlines()
    assert len(lines) == 9, lines
    starts = ("name:", "    why:", "", "Section", "  -", "      -", "", "Where to look", "  look:      at")
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True)), lines


def test_an_event_says_what_became_of_the_execution() -> None:
    client = Scripted("events", put_events=[{"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}])
    EventBridgeLifecycle(client, "default").emit(RECORD)
    (entry,) = client.arguments("put_events")[0]["Entries"]
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("squall", "Squall Execution State Change", "default")
    assert json.loads(entry["Detail"]) == {
        "execution_id": "run-1",
        "execution_arn": "arn:run-1",
        "experiment": "terminate one",
        "environment": "staging",
        "status": "completed",
        "verdict": "refuted",
        "phase": "Record",
        "reason": "too slow",
    }


def test_a_reason_given_replaces_the_records_own() -> None:
    client = Scripted("events", put_events=[{"FailedEntryCount": 0}])
    EventBridgeLifecycle(client, "default").emit(replace(RECORD, verdict=None), "aborted by a guard")
    detail = json.loads(client.arguments("put_events")[0]["Entries"][0]["Detail"])
    assert (detail["reason"], detail["verdict"]) == ("aborted by a guard", None)


@pytest.mark.parametrize(("code", "retryable"), [("ThrottlingException", True), ("InternalFailure", True), ("MalformedDetail", False)])
def test_an_event_that_was_not_taken_is_an_error(code: str, retryable: bool) -> None:
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": code, "ErrorMessage": "no"}]}
    with pytest.raises(Unavailable, match=code) as caught:
        EventBridgeLifecycle(Scripted("events", put_events=[answer]), "default").emit(RECORD)
    assert caught.value.retryable is retryable


def test_the_status_of_an_execution() -> None:
    client = Scripted("stepfunctions", describe_execution=[{"status": "RUNNING"}, error("ExecutionDoesNotExist")])
    workflow = StepFunctions(client)
    assert workflow.status("arn:run-1") == "RUNNING"
    assert workflow.status("arn:run-1") is None


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_waking_one_that_no_longer_sleeps_is_false(code: str) -> None:
    assert not StepFunctions(Scripted("stepfunctions", send_task_success=[error(code)])).wake("token")


def test_waking_sends_nothing_but_the_token() -> None:
    client = Scripted("stepfunctions", send_task_success=[{}])
    assert StepFunctions(client).wake("token")
    assert client.arguments("send_task_success") == [{"taskToken": "token", "output": "{}"}]


def test_a_denied_wake_up_is_loud() -> None:
    with pytest.raises(Unavailable, match="AccessDenied"):
        StepFunctions(Scripted("stepfunctions", send_task_success=[error("AccessDeniedException")])).wake("token")


def test_the_fakes_keep_what_was_sent() -> None:
    world = FakeWorld()
    world.notifier.publish(message("s", "b", {"a": "1"}))
    world.lifecycle.emit(RECORD, "why")
    world.workflow.tokens.add("token")
    assert world.workflow.wake("token")
    assert not world.workflow.wake("token")
    assert world.workflow.status("arn:other") is None
    assert (world.notifier.sent[0].body, world.lifecycle.events) == ("b", [(RECORD, "why")])
