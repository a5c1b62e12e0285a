"""A scan reads everything, names what it may not read, survives an interruption and throttling, and keeps no secret."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from discovery.account import AwsAccount
from discovery.journal import FRESH_SECONDS, Journal
from discovery.references import find_references
from discovery.things.resilience_policies import read_applications
from discovery.things.tables import read_tables
from tests.discovery.answers import REGION, Session, pages
from tests.discovery.looking import look, scan, service_of
from tests.discovery.shop import NOW, Shop, answers, arn

DENIED = frozenset({"rds.DescribeDBInstances", "cloudwatch.DescribeAlarms", "elasticache.DescribeReplicationGroups"})


class StoppedError(BaseException):
    """What Ctrl-C raises, without pytest's own meaning of it."""


def test_every_kind_of_thing_is_found(tmp_path: Path) -> None:
    _, inventory = scan(Session(answers([Shop(number) for number in range(12)])), tmp_path)
    counts = {name: len(things) for name, things in inventory if isinstance(things, tuple) and things}
    assert counts == {
        "scaling_groups": 12, "instances": 36, "ecs_services": 12, "functions": 12, "databases": 12, "caches": 12, "tables": 12,
        "subnets": 2, "security_groups": 12, "load_balancers": 12, "health_checks": 24, "target_groups": 24, "alarms": 12,
    }  # fmt: skip
    assert [task.zone for task in inventory.ecs_services[0].tasks] == ["eu-west-1a", "eu-west-1b"]


def test_a_denied_call_is_named_and_everything_else_is_read(tmp_path: Path) -> None:
    shop = Shop()
    posture = look(Session(answers([shop]), DENIED), tmp_path)
    assert [(gap.action, gap.denied) for gap in posture.gaps] == [
        ("cloudwatch:DescribeAlarms", True),
        ("elasticache:DescribeReplicationGroups", True),
        ("rds:DescribeDBInstances", True),
    ]
    assert {service.service.kind for service in posture.services} == {"auto_scaling", "ecs", "function", "table"}
    assert posture.proposals


@pytest.mark.parametrize(("denied", "state"), [(frozenset[str](), "missing"), (DENIED, "unknown")])
def test_what_a_denied_call_would_tell_is_unknown_and_never_missing(tmp_path: Path, denied: frozenset[str], state: str) -> None:
    shop = Shop(alarm_actions=False)
    aspects = service_of(look(Session(answers([shop]), denied), tmp_path), shop.scaling_group).aspects
    assert [aspect.state for aspect in aspects if aspect.code == "no_alarm_on_users"] == [state]


def test_an_interrupted_scan_goes_on_where_it_stopped(tmp_path: Path) -> None:
    shops = [Shop(number) for number in range(6)]
    asked: list[str] = []

    def interrupt(name: str) -> None:
        asked.append(name)
        if asked.count("ecs.DescribeTaskDefinition") == 4:
            raise StoppedError

    with pytest.raises(StoppedError):
        scan(Session(answers(shops), interrupt=interrupt), tmp_path)
    again = Session(answers(shops))
    _, inventory = scan(again, tmp_path)
    assert again.calls["rds.DescribeDBInstances"] == 0  # its reader had come to its end
    assert again.calls["ecs.DescribeTaskDefinition"] == 3  # three of six had been read
    _, whole = scan(Session(answers(shops)), tmp_path / "whole")
    assert inventory == whole


def test_the_gaps_of_an_interrupted_scan_are_kept(tmp_path: Path) -> None:
    scan(Session(answers([Shop()]), DENIED), tmp_path)
    _, inventory = scan(Session(answers([Shop()])), tmp_path)
    assert {gap.action for gap in inventory.gaps} >= {"cloudwatch:DescribeAlarms", "rds:DescribeDBInstances"}


@pytest.mark.parametrize(("scope", "later", "resumed"), [("a", 10, True), ("b", 10, False), ("a", FRESH_SECONDS + 1, False)])
def test_a_journal_of_another_account_or_of_long_ago_is_not_used(tmp_path: Path, scope: str, later: float, resumed: bool) -> None:
    path = tmp_path / "scan.jsonl"
    Journal(path, "a", now=lambda: 0.0).finish("databases", [])
    with path.open("a") as file:
        file.write('{"kind": "Ta')  # the disk was full, or the machine was switched off
    journal = Journal(path, scope, now=lambda: later)
    assert (journal.resumed, journal.is_done("databases")) == (resumed, resumed)
    assert path.stat().st_mode & 0o077 == 0


def test_no_secret_is_kept(tmp_path: Path) -> None:
    _, inventory = scan(Session(answers([Shop()])), tmp_path)
    kept = inventory.model_dump_json() + (tmp_path / "scan.jsonl").read_text()
    assert [secret for secret in ("S3cret", "t0pSecret", "hunter2") if secret in kept] == []
    assert inventory.ecs_services[0].hosts == ("stock.example.com",)


@pytest.mark.parametrize(
    ("value", "ids", "hosts"),
    [
        ("postgres://me:pass.word@orders.abc.rds.amazonaws.com:5432/x", ("db",), ()),
        ("orders.abc.rds.amazonaws.com:5432", ("db",), ()),
        ("not-orders.abc.rds.amazonaws.com", (), ()),
        ("the carts-table of today", (), ()),
        (" carts-table\n", ("table",), ()),
        ("https://api.example.com/v1,https://10.0.0.1/", (), ("api.example.com",)),
        ("https://sqs.eu-west-1.amazonaws.com/123/q", (), ()),
        ("eyJhbGciOi.J9abc.xyz", (), ()),
    ],
)
def test_a_value_refers_to_what_it_names_as_a_whole(value: str, ids: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    known = {"orders.abc.rds.amazonaws.com": "db", "carts-table": "table"}
    assert find_references([value], known) == (ids, hosts)


def test_a_listing_without_a_paginator_is_read_to_its_end(tmp_path: Path) -> None:
    policy = {
        "policyArn": arn("resiliencehub", "resiliency-policy/1"),
        "policyName": "gold",
        "policy": {"AZ": {"rtoInSecs": 300, "rpoInSecs": 0}},
    }
    apps = [{"appArn": arn("resiliencehub", f"app/{n}"), "name": f"app-{n}", "creationTime": NOW} for n in range(3)]
    resource = {
        "logicalResourceId": {"identifier": "Web"}, "physicalResourceId": {"identifier": "shop-0", "type": "Native"}, "resourceName": "x",
        "resourceType": "AWS::AutoScaling::AutoScalingGroup",
    }  # fmt: skip
    session = Session({
        "resiliencehub.ListResiliencyPolicies": pages("resiliencyPolicies", [policy], "nextToken"),
        "resiliencehub.ListApps": pages("appSummaries", apps, "nextToken", size=1),
        "resiliencehub.DescribeApp": lambda asked: {"app": {
            "appArn": asked["appArn"], "name": "x", "creationTime": NOW, "policyArn": policy["policyArn"],
        }},
        "resiliencehub.ListAppVersionResources": lambda _: {"physicalResources": [resource], "resolutionId": "r"},
    })  # fmt: skip
    account = AwsAccount(session.client, Journal(tmp_path / "j", "x"))
    applications = list(read_applications(account))
    assert account.gaps == ()
    assert [(app.name, app.recovery_seconds, app.resources) for app in applications] == [
        (f"app-{n}", {"AZ": 300}, ("shop-0",)) for n in range(3)
    ]


def test_throttled_calls_are_repeated_until_they_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    # The backoff between attempts, and nothing that other threads of the process wait for.
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=waited.append))
    sent: list[str] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        sent.append(request.headers["X-Amz-Target"].decode().partition(".")[2])
        throttled = len(sent) <= 2
        body: dict[str, Any] = {"__type": "x#ThrottlingException", "message": "slow down"} if throttled else {"TableNames": []}
        response = AWSResponse(request.url, 400 if throttled else 200, {}, None)
        response._content = json.dumps(body).encode()
        return response

    def make(service: str, config: Any) -> Any:
        client = boto3.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x", config=config)
        client.meta.events.register("before-send", answer)
        return client

    account = AwsAccount(make, Journal(tmp_path / "j", "x"))
    assert list(read_tables(account)) == []
    assert (sent, account.gaps) == (["GetResources"] * 3 + ["ListTables"], ())
    assert len(waited) == 2
