"""Roles across two local accounts: the trust of one and the caller's policies in the other both have to allow it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.local.fleet.accounts import HOME, ID, MEMBER, Place, make_user, run_fleet

ROLE = f"arn:aws:iam::{MEMBER}:role/Fleet"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    root = tmp_path_factory.mktemp("fleet")
    with run_fleet(root) as (home, member):
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": ID}},
        }
        iam = member.client("iam")
        iam.create_role(RoleName="Fleet", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
        allowed = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="Fleet", PolicyName="inline", PolicyDocument=document)
        member.client("ssm").put_parameter(Name="/where", Value="member", Type="String")
        home.client("ssm").put_parameter(Name="/where", Value="home", Type="String")
        yield home, member


MAY_ASSUME = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}


def test_each_account_is_itself(fleet: tuple[Place, Place]) -> None:
    assert [place.client("sts").get_caller_identity()["Account"] for place in fleet] == [HOME, MEMBER]
    assert [place.client("ssm").get_parameter(Name="/where")["Parameter"]["ARN"].split(":")[3:5] for place in fleet] == [
        ["us-east-1", HOME],
        ["eu-west-1", MEMBER],
    ]


def test_a_role_with_its_external_id_acts_in_the_other_account_alone_and_only_as_it_may(fleet: tuple[Place, Place]) -> None:
    home, member = fleet
    sts = home.client("sts", make_user(home, "ada", [MAY_ASSUME]))
    keys = sts.assume_role(RoleArn=ROLE, RoleSessionName="ada", ExternalId=ID)["Credentials"]
    assert member.client("sts", keys).get_caller_identity()["Arn"] == f"arn:aws:sts::{MEMBER}:assumed-role/Fleet/ada"
    assert member.client("ssm", keys).get_parameter(Name="/where")["Parameter"]["Value"] == "member"
    with pytest.raises(ClientError, match="AccessDenied"):
        member.client("ssm", keys).put_parameter(Name="/where", Value="x", Type="String", Overwrite=True)
    with pytest.raises(ClientError):  # the session is the member's
        home.client("ssm", keys).get_parameter(Name="/where")


@pytest.mark.parametrize("extra", [{}, {"ExternalId": "another"}])
def test_the_members_trust_refuses_another_external_id(fleet: tuple[Place, Place], extra: dict[str, str]) -> None:
    home, _ = fleet
    sts = home.client("sts", make_user(home, f"eve{len(extra)}", [MAY_ASSUME]))
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="eve", **extra)


def test_homes_own_policies_have_to_allow_it_too(fleet: tuple[Place, Place]) -> None:
    home, _ = fleet
    sts = home.client("sts", make_user(home, "bob", []))
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=ROLE, RoleSessionName="bob", ExternalId=ID)


def test_root_assumes_no_role_and_an_unknown_role_or_account_is_denied(fleet: tuple[Place, Place]) -> None:
    home, _ = fleet
    with pytest.raises(ClientError, match="may not be assumed by root"):
        home.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="root", ExternalId=ID)
    anything = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    sts = home.client("sts", make_user(home, "mallory", [anything]))
    for role in (f"arn:aws:iam::{MEMBER}:role/None", "arn:aws:iam::333333333333:role/Fleet"):
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=role, RoleSessionName="mallory", ExternalId=ID)


def test_the_users_keys_of_one_account_are_unknown_in_the_other(fleet: tuple[Place, Place]) -> None:
    home, member = fleet
    keys = make_user(home, "carol", [MAY_ASSUME])
    with pytest.raises(ClientError):
        member.client("ssm", keys).get_parameter(Name="/where")
