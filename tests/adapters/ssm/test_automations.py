"""Automation executions: the fake and the adapter agree; a token starts once; a refusal is told from a failure."""

from __future__ import annotations

import pytest

from squall.adapters.ssm.automations import SsmAutomations
from squall.errors import Refused, Unavailable
from tests.adapters.conftest import MINUTES, NOW
from tests.adapters.scripted import Scripted, error
from tests.fakes.world import FakeWorld

ID = "4105a4fc-f944-11e6-9d32-0123456789ab"
TOKEN = "0c1a4f3e-2b5d-5e6f-8a9b-0c1d2e3f4a5b"
ARGUMENTS = ("Restore-Web", "$DEFAULT", {"Service": ("web",)}, TOKEN)


def test_it_is_started_with_everything_and_its_id_told() -> None:
    client = Scripted("ssm", start_automation_execution=[{"AutomationExecutionId": ID}])
    assert SsmAutomations(client).start(*ARGUMENTS) == ID
    assert client.arguments("start_automation_execution") == [
        {
            "DocumentName": "Restore-Web",
            "DocumentVersion": "$DEFAULT",
            "Parameters": {"Service": ["web"]},
            "ClientToken": TOKEN,
            "Mode": "Auto",
        }
    ]


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException",
        "AutomationDefinitionNotFoundException",
        "AutomationDefinitionVersionNotFoundException",
        "IdempotentParameterMismatch",
        "InvalidAutomationExecutionParametersException",
        "InvalidTarget",
    ],
)
def test_a_refusal_is_an_answer(code: str) -> None:
    with pytest.raises(Refused, match=code):
        SsmAutomations(Scripted("ssm", start_automation_execution=[error(code)])).start(*ARGUMENTS)


@pytest.mark.parametrize("code", ["AutomationExecutionLimitExceededException", "InternalServerError", "ThrottlingException"])
def test_a_busy_service_is_asked_again(code: str) -> None:
    with pytest.raises(Unavailable) as caught:
        SsmAutomations(Scripted("ssm", start_automation_execution=[error(code)])).start(*ARGUMENTS)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "over"),
    [
        ("Pending", False),
        ("InProgress", False),
        ("Waiting", False),
        ("Cancelling", False),
        ("PendingApproval", False),
        ("Success", True),
        ("CompletedWithFailure", True),
        ("TimedOut", True),
        ("Cancelled", True),
        ("Rejected", True),
    ],
)
def test_how_it_stands(status: str, over: bool) -> None:
    answer = {
        "AutomationExecutionId": ID,
        "AutomationExecutionStatus": status,
        "ExecutionStartTime": NOW,
        "FailureMessage": "Step  x\nfailed",
    }
    state = SsmAutomations(Scripted("ssm", get_automation_execution=[{"AutomationExecution": answer}])).get(ID)
    assert state is not None
    assert (state.status, state.over, state.detail, state.started_at) == (status, over, "Step x failed", NOW)


def test_one_that_is_unknown_is_none_and_a_failure_is_no_answer() -> None:
    gone = Scripted("ssm", get_automation_execution=[error("AutomationExecutionNotFoundException")])
    assert SsmAutomations(gone).get(ID) is None
    with pytest.raises(Unavailable):
        SsmAutomations(Scripted("ssm", get_automation_execution=[error("InternalServerError", status=500)])).get(ID)


def test_the_fake_starts_once_by_token_and_refuses_other_parameters() -> None:
    world = FakeWorld()
    world.automations.seconds = 60
    started = world.automations.start(*ARGUMENTS)
    assert world.automations.start(*ARGUMENTS) == started
    with pytest.raises(Refused, match="IdempotentParameterMismatch"):
        world.automations.start("Restore-Web", "$DEFAULT", {"Service": ("api",)}, TOKEN)
    state = world.automations.get(started)
    assert state is not None
    assert not state.over
    world.clock.advance(MINUTES.total_seconds())
    state = world.automations.get(started)
    assert state is not None
    assert (state.status, state.over) == ("Success", True)
    assert world.automations.get("a-0") is None
