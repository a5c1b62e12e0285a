"""A pause of the replication of buckets: what it needs, what it may do, and what it leaves."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from squall.domain.base.vocabulary import CheckOutcome, FaultType
from squall.domain.documents.fault import describe_before
from squall.faults.actions.buckets import BucketPause
from squall.faults.grants import FaultGrant
from tests.unit.builders import instance, workload
from tests.unit.faults.asking import injection, prerequisites
from tests.unit.faults.test_adoption import apply_template, experiment, refused
from tests.unit.resources import bucket

PAUSE = BucketPause()
TAGS = {"app": "shop", "squall:environment": "staging"}


def rules(status: str = "Enabled", **more: Any) -> dict[str, str]:
    rule = {"ID": "all", "Status": status, "Destination": {"Bucket": "arn:aws:s3:::copy"}, **more}
    return {"ReplicationConfiguration": json.dumps({"Role": "arn:aws:iam::123456789012:role/copy", "Rules": [rule]})}


def test_fis_is_asked_for_the_tags_of_the_experiment_and_the_environments_own() -> None:
    asked = injection(PAUSE.parse({"region": "us-east-1", "prefixes": "orders/"}), [bucket()], length=timedelta(minutes=20))
    targets, actions = PAUSE.compile(replace(asked, chosen_by=TAGS))
    assert targets == {"Buckets": {"resourceType": "aws:s3:bucket", "resourceTags": TAGS, "selectionMode": "ALL"}}
    (action,) = actions.values()
    assert action["parameters"] == {"region": "us-east-1", "prefixes": "orders/", "duration": "PT20M"}


@pytest.mark.parametrize(
    ("fields", "parameters", "failed", "reason"),
    [
        (rules(), {}, [], ""),
        ({}, {}, ["replicated"], "orders has no enabled replication rule: there is nothing to pause"),
        (rules("Disabled"), {}, ["replicated"], "orders has no enabled replication rule"),
        (rules(), {"destinationBuckets": "other,copy"}, [], ""),
        (rules(), {"destinationBuckets": "other"}, ["replicated"], "for destinationBuckets other"),
        (rules(Filter={"Prefix": "orders/"}), {"prefixes": "orders/"}, [], ""),
        (rules(Filter={"And": {"Prefix": "orders/"}}), {"prefixes": "orders/"}, [], ""),
        (rules(Prefix="orders/"), {"prefixes": "orders/"}, [], ""),
        (rules(Filter={"Prefix": "orders/"}), {"prefixes": "invoices/"}, ["replicated"], "for prefixes invoices/"),
    ],
)
def test_a_bucket_without_a_rule_to_pause_is_not_hit(
    fields: dict[str, str], parameters: dict[str, str], failed: list[str], reason: str
) -> None:
    target = bucket(fields=fields)
    known = workload([instance("i-1")]).model_copy(update={"others": (target,)})
    checks = {check.name: check for check in prerequisites(PAUSE, known, [target], PAUSE.parse({"region": "us-east-1", **parameters}))}
    assert [name for name, check in checks.items() if check.outcome is CheckOutcome.FAILED] == failed
    assert all(reason in checks[name].detail for name in failed)


def test_a_rule_that_stays_disabled_is_left_over_with_the_command_that_puts_the_rules_back() -> None:
    before, now = bucket(fields=rules()), bucket(fields=rules("Disabled"))
    known = workload([instance("i-1")]).model_copy(update={"others": (now,)})
    (remnant,) = PAUSE.list_remnants([describe_before(before, known)], known)
    assert remnant.description == "the replication rules all of orders are disabled, they were enabled"
    assert "put-bucket-replication --bucket orders --replication-configuration" in remnant.command
    assert '"Enabled"' in remnant.command
    assert list(PAUSE.find_changes(before, now)) == []


def test_rules_that_somebody_changed_are_a_difference_and_nothing_of_the_fault() -> None:
    before, now = bucket(fields=rules()), bucket(fields=rules(Priority=2))
    known = workload([instance("i-1")]).model_copy(update={"others": (now,)})
    assert PAUSE.list_remnants([describe_before(before, known)], known) == ()
    (change,) = PAUSE.find_changes(before, now)
    assert change.startswith("the ReplicationConfiguration of orders is")


def test_the_rules_may_be_changed_to_pause_replication_alone_and_in_this_account_alone() -> None:
    grants = {grant.actions: grant for grant in PAUSE.grants() if isinstance(grant, FaultGrant)}
    own = {"StringEquals": {"aws:ResourceAccount": "{account}"}}
    assert grants[("s3:PauseReplication",)].conditions == own
    changing = grants[("s3:GetReplicationConfiguration", "s3:PutReplicationConfiguration")]
    assert changing.conditions == {**own, "BoolIfExists": {"s3:isReplicationPauseRequest": "true"}}
    assert changing.resources == ("arn:{partition}:s3:::*",)


TARGET = {"resourceType": "aws:s3:bucket", "resourceTags": {"app": "shop"}, "selectionMode": "ALL"}
ACTION = {
    "actionId": "aws:s3:bucket-pause-replication",
    "parameters": {"duration": "PT10M", "region": "us-east-1"},
    "targets": {"Buckets": "Some"},
}


def test_a_template_of_somebody_else_is_adopted_with_its_tags() -> None:
    adopted = apply_template(experiment(FaultType.BUCKET_PAUSE.value), {"targets": {"Some": TARGET}, "actions": {"pause": ACTION}})
    assert adopted.target is not None
    assert (adopted.target.tags, adopted.target.select, adopted.parameters) == ({"app": "shop"}, "all", {"region": "us-east-1"})


@pytest.mark.parametrize(
    ("changes", "key", "says"),
    [
        ({"selectionMode": "PERCENT(50)"}, "selectionMode", "leaves the choice to FIS"),
        ({"resourceTags": {}, "resourceArns": ["arn:aws:s3:::orders"]}, "resourceArns", "FIS takes no ARNs of S3 buckets"),
    ],
)
def test_a_template_that_does_not_take_all_that_carry_its_tags_is_refused(changes: dict[str, Any], key: str, says: str) -> None:
    problems = refused({"targets": {"Some": {**TARGET, **changes}}, "actions": {"pause": ACTION}}, FaultType.BUCKET_PAUSE.value)
    assert says in problems[f"fis_template_id.targets.Some.{key}"]
