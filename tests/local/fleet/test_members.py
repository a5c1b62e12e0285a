"""Home's word in a member, over two local accounts with IAM enforced: left by the role for it, and by nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from squall.adapters.fleet.members import RoleMembers
from squall.adapters.ssm.home_contact import ParameterHomeContact
from squall.domain.run.home import Member
from squall.errors import Refused
from tests.local.fleet.accounts import HOME, ID, MEMBER, REGIONS, Place, make_user, run_fleet

ROLE = f"arn:aws:iam::{MEMBER}:role/Squall-eu-west-1-contact"
PARAMETER = f"arn:aws:ssm:{REGIONS[MEMBER]}:{MEMBER}:parameter/squall/Squall/home"
MAY_ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    with run_fleet(tmp_path_factory.mktemp("fleet")) as (home, member):
        trust: dict[str, Any] = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": ID}},
        }
        allowed = {"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": PARAMETER}
        iam, version = member.client("iam"), "2012-10-17"
        iam.create_role(
            RoleName="Squall-eu-west-1-contact", AssumeRolePolicyDocument=json.dumps({"Version": version, "Statement": [trust]})
        )
        document = json.dumps({"Version": version, "Statement": [allowed]})
        iam.put_role_policy(RoleName="Squall-eu-west-1-contact", PolicyName="inline", PolicyDocument=document)
        yield home, member


def reach(place: Place, stack: str = "Squall", external_id: str = ID) -> Member:
    return Member("member", REGIONS[MEMBER], stack, ROLE, external_id, place.endpoint)


def test_home_leaves_its_word_and_the_member_reads_its_time_in_its_own_account(fleet: tuple[Place, Place]) -> None:
    home, member = fleet
    contact = ParameterHomeContact(member.client("ssm"), "Squall")
    assert contact.last_seen() is None
    reached = RoleMembers(home.client("sts", make_user(home, "heartbeat", [MAY_ASSUME])))
    for _ in range(2):
        reached.send_heartbeat(reach(member), "a text")
    seen = contact.last_seen()
    assert seen is not None
    assert abs(datetime.now(UTC) - seen) < timedelta(minutes=5)
    assert ParameterHomeContact(home.client("ssm"), "Squall").last_seen() is None


def test_the_role_leaves_no_other_word_and_lets_nobody_in_without_its_id(fleet: tuple[Place, Place]) -> None:
    home, member = fleet
    reached = RoleMembers(home.client("sts", make_user(home, "other", [MAY_ASSUME])))
    with pytest.raises(Refused, match="PutParameter"):
        reached.send_heartbeat(reach(member, stack="Another"), "a text")
    with pytest.raises(Refused, match="AssumeRole"):
        reached.send_heartbeat(reach(member, external_id="another-external-id"), "a text")
    nobody = RoleMembers(home.client("sts", make_user(home, "nobody", [])))
    with pytest.raises(Refused, match="AssumeRole"):
        nobody.send_heartbeat(reach(member), "a text")
