"""Whether home's heartbeat arrives in the members, as `squall fleet status` and `doctor` tell it."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from squall.domain.history.collected import COLLECTED_EVERY, Mark
from squall.domain.policy.environment import SHORTEST_DEADLINE
from tests.cli.conftest import Squall
from tests.cli.many.test_fleet import FLEET, FakeDoor, deny, door, stacks_of

__all__ = ["door"]

JUST_NOW = datetime.now(UTC) + timedelta(hours=1)
LONG_AGO = datetime.now(UTC) - SHORTEST_DEADLINE


@pytest.fixture
def heard_door(door: FakeDoor, tmp_path: Path) -> FakeDoor:
    """The member `payments` lets home leave its word; `search` does not."""
    fleet: dict[str, Any] = copy.deepcopy(FLEET)
    fleet["members"]["payments"]["grants"].append("contact")
    (tmp_path / "fleet.yaml").write_text(json.dumps(fleet))
    return door


@pytest.mark.parametrize(
    ("seen", "told"),
    [(JUST_NOW.isoformat(), False), (LONG_AGO.isoformat(), True), ("never", True), ("not known: denied", True)],
    ids=["just now", "long ago", "never", "not known"],
)
def test_the_status_says_where_home_is_not_heard(squall: Squall, heard_door: FakeDoor, seen: str, told: bool) -> None:
    heard_door.stacks["payments"].seen = seen
    done = squall("fleet", "status")
    assert done.exit_code == 0, "home may be silent for a while"
    assert (f"payments: home's last word there: {seen}" in " ".join(done.stderr.split())) is told
    assert "search: home" not in done.stderr
    assert stacks_of(squall("fleet", "status", "--json"))["payments"]["answer"]["home_seen"] == seen


def test_the_doctor_asks_for_homes_word_and_assumes_no_role_that_is_not_for_people(squall: Squall, heard_door: FakeDoor) -> None:
    heard_door.stacks["payments"].seen = JUST_NOW.isoformat()
    done = squall("fleet", "doctor", "--json")
    assert (done.exit_code, stacks_of(done)["payments"]["answer"][-1]) == (0, {"role": "contact", "problem": ""})
    assert ("payments", "contact") not in heard_door.entered
    heard_door.stacks["payments"].seen = LONG_AGO.isoformat()
    done = squall("fleet", "doctor")
    assert done.exit_code == 5
    assert "home's last word there" in " ".join(done.stdout.split())
    heard_door.instead = {"payments": deny}
    answer = stacks_of(squall("fleet", "doctor", "--json"))["payments"]["answer"]
    assert "could not be seen" in answer[-1]["problem"]


@pytest.mark.parametrize(
    ("mark", "problem"),
    [
        (Mark(JUST_NOW, JUST_NOW), ""),
        (Mark(LONG_AGO, LONG_AGO - COLLECTED_EVERY), "home copied the runs last at"),
        (None, "home has never copied the runs"),
    ],
    ids=["just now", "long ago", "never"],
)
def test_the_doctor_says_when_home_copied_the_runs_last(
    squall: Squall, door: FakeDoor, tmp_path: Path, mark: Mark | None, problem: str
) -> None:
    fleet: dict[str, Any] = copy.deepcopy(FLEET)
    fleet["members"]["payments"]["grants"].append("results")
    (tmp_path / "fleet.yaml").write_text(json.dumps(fleet))
    door.stacks["home"].copies = {"444455556666:eu-west-1:Payments": (mark, [])}
    done = squall("fleet", "doctor", "--json")
    assert done.exit_code == (5 if problem else 0)
    answer = stacks_of(done)["payments"]["answer"][-1]
    assert (answer["role"], answer["problem"].startswith(problem), bool(answer["problem"])) == ("results", True, bool(problem))


ROLE = "arn:aws:iam::444455556666:role/Payments-eu-west-1-campaign"


@pytest.mark.parametrize(
    ("outputs", "problem"),
    [
        ({"FleetCampaignRoleArn": ROLE}, ""),
        ({"FleetCampaignRoleArn": ROLE.replace("Payments", "Squall")}, "the stack has the role arn:aws:iam::444455556666:role/Squall"),
        ({}, "the stack has no such role: deploy it with the grant campaign"),
    ],
)
def test_the_doctor_says_whether_the_member_has_the_role_of_homes_campaigns(
    squall: Squall, door: FakeDoor, tmp_path: Path, outputs: dict[str, str], problem: str
) -> None:
    fleet: dict[str, Any] = copy.deepcopy(FLEET)
    fleet["members"]["payments"]["grants"].append("campaign")
    (tmp_path / "fleet.yaml").write_text(json.dumps(fleet))
    door.stacks["payments"].outputs = outputs
    done = squall("fleet", "doctor", "--json")
    assert done.exit_code == (5 if problem else 0)
    answer = stacks_of(done)["payments"]["answer"][-1]
    assert (answer["role"], answer["problem"].startswith(problem), bool(answer["problem"])) == ("campaign", True, bool(problem))
    assert ("payments", "campaign") not in door.entered
    door.instead = {"payments": deny}
    answer = stacks_of(squall("fleet", "doctor", "--json"))["payments"]["answer"]
    assert "could not be seen" in answer[-1]["problem"]
