"""Home writes to every member at once; one that is not reached keeps no other from being written to, and is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from squall.application.fleet import heartbeat
from squall.application.fleet.members import load_members
from squall.domain.run.home import Member
from squall.errors import Refused
from squall.version import VERSION
from tests.fakes.world import FakeWorld
from tests.workflow.endings import unavailable

NAMES = ("payments", "search", "shop")
MEMBERS = tuple(
    Member(name, "eu-west-1", "Squall", f"arn:aws:iam::444455556666:role/{name}", "an-id-of-sixteen-characters") for name in NAMES
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> FakeWorld:
    monkeypatch.setattr(heartbeat, "load_members", lambda grant: MEMBERS if grant == "contact" else ())
    return FakeWorld()


def test_every_member_gets_a_heartbeat(world: FakeWorld) -> None:
    assert heartbeat.send_heartbeats(world.wiring()) == dict.fromkeys(NAMES, "sent")
    assert world.members.sent == dict.fromkeys(NAMES, f"Squall {VERSION} at home wrote this")


def test_a_member_that_is_lost_or_denies_the_role_keeps_no_other_from_getting_a_heartbeat(world: FakeWorld) -> None:
    denied = Refused("sts", "AssumeRole", "AccessDenied", "not authorized")
    world.members.lost = {"payments": denied, "shop": unavailable("members.send_heartbeat")}
    with pytest.raises(ExceptionGroup, match="2 members were not reached: payments, shop") as raised:
        heartbeat.send_heartbeats(world.wiring())
    assert set(world.members.sent) == {"search"}
    assert [error.__notes__ for error in raised.value.exceptions] == [["member payments"], ["member shop"]]


def test_a_fleet_whose_members_do_not_want_a_heartbeat_has_nothing_to_do(world: FakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "load_members", lambda _: ())
    assert heartbeat.send_heartbeats(world.wiring()) == {}


def test_the_members_are_those_of_the_deployed_file(tmp_path: Path) -> None:
    one = {"name": "a", "region": "r", "stack": "s", "role_arn": "arn", "external_id": "id", "endpoint_url": None}
    (tmp_path / "fleet.json").write_text(json.dumps({"contact": [one]}))
    assert load_members("contact", tmp_path) == (Member("a", "r", "s", "arn", "id"),)
    with pytest.raises(FileNotFoundError):
        load_members("contact", tmp_path / "none")
