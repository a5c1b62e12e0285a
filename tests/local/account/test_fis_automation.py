"""FIS runs Automation documents in the account: as long as they take, only those its role may start, and stops them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.account.test_automation import ARN, Desk, document
from tests.local.account.test_fis import Lab
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import stretched

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

EXECUTIONS = f"{ARN}:automation-execution/*"


class Runs(Lab):
    """A document of the test's own, and what FIS does with it."""

    def __init__(self, account: Account, desk: Desk) -> None:
        super().__init__(account)
        self.desk = desk
        self.may()

    def may(self, version: str = "1", passes: bool = True) -> None:
        """What FIS's role may do."""
        definition = f"{ARN}:automation-definition/{self.desk.name}:{version}"
        statements: list[dict[str, Any]] = [
            {"Effect": "Allow", "Action": "ssm:StartAutomationExecution", "Resource": [definition, EXECUTIONS]},
            {"Effect": "Allow", "Action": ["ssm:GetAutomationExecution", "ssm:StopAutomationExecution"], "Resource": EXECUTIONS},
        ]
        if passes:
            condition = {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
            statements.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": self.desk.role, "Condition": condition})
        self.role_arn = self.account.role("fis.amazonaws.com", statements)

    def begin(self, length: str = "PT60S") -> str:
        answer = {"Name": [self.desk.name.lower()], "AutomationAssumeRole": [self.desk.role]}
        parameters = {
            "documentArn": f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{self.desk.name}",
            "documentVersion": "1",
            "documentParameters": json.dumps(answer),
            "maxDuration": length,
        }
        return self.run({"custom": {"actionId": "aws:ssm:start-automation-execution", "parameters": parameters}})

    def written(self) -> bool:
        try:
            self.desk.ssm.get_parameter(Name=f"/demo/{self.desk.name.lower()}")
        except ClientError:
            return False
        return True


@pytest.fixture
def runs(account: Account, unique: str) -> Iterator[Runs]:
    runs = Runs(account, Desk(account, unique))
    yield runs
    runs.clean()


def slow(seconds: str = "PT30S") -> list[dict[str, Any]]:
    write, settle, _ = document()["mainSteps"]
    return [{**settle, "inputs": {"Duration": "PT1S"}}, {**settle, "name": "more", "inputs": {"Duration": seconds}}, write]


def test_an_action_is_completed_when_its_document_has_ended(runs: Runs) -> None:
    runs.desk.create()

    done = runs.reach(runs.begin(), "completed")

    action = done["actions"]["custom"]
    assert action["state"]["status"] == "completed"
    assert 1 <= (action["endTime"] - action["startTime"]).total_seconds() < stretched(30)
    assert runs.written()


def test_a_document_that_fails_fails_the_action(runs: Runs) -> None:
    runs.desk.role = runs.account.role("ssm.amazonaws.com", [])
    runs.may()
    runs.desk.create()

    failed = runs.reach(runs.begin(), "failed")

    assert failed["state"]["error"]["code"] == "DependentServiceFailure"
    assert "is Failed" in failed["actions"]["custom"]["state"]["reason"]


@pytest.mark.parametrize("grants", [{"version": "2"}, {"passes": False}])
def test_what_the_role_may_not_start_or_pass_is_not_run(runs: Runs, grants: dict[str, Any]) -> None:
    runs.may(**grants)
    runs.desk.create()

    failed = runs.reach(runs.begin(), "failed")

    assert failed["state"]["error"]["code"] == "AuthorizationFailure"
    assert not runs.written()


def test_a_stopped_action_begins_no_further_step(runs: Runs) -> None:
    runs.desk.create(mainSteps=slow(f"PT{math.ceil(stretched(2))}S"))
    experiment = runs.begin()
    runs.reach(experiment, "running")
    runs.fis.stop_experiment(id=experiment)

    stopped = runs.reach(experiment, "stopped")

    assert stopped["actions"]["custom"]["state"]["status"] == "stopped"
    assert not runs.written()


def test_a_document_that_takes_longer_than_it_may_is_stopped_and_a_failure(runs: Runs) -> None:
    runs.desk.create(mainSteps=slow())

    failed = runs.reach(runs.begin("PT1S"), "failed")

    assert "longer than PT1S" in failed["actions"]["custom"]["state"]["reason"]
    assert not runs.written()
