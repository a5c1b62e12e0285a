"""Pauses the replication of buckets. FIS chooses them by their tags alone."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.described import DescribedResource
from squall.domain.run.commands import shell_command
from squall.faults.actions.described import DescribedFault
from squall.faults.base import Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.grants import FaultGrant, grant_untagged
from squall.faults.mechanisms.chosen_by_tags import ChosenByTags

RULES = "ReplicationConfiguration"
"""The field of a bucket with its replication rules, and the role that replicates."""


class BucketPause(ChosenByTags[DescribedResource, Model], DescribedFault):
    """`aws:s3:bucket-pause-replication`: S3 no longer replicates new objects of the buckets to those in the Region. Objects that
    exist may be replicated for an hour after its beginning."""

    type = FaultType.BUCKET_PAUSE
    verb = "paused the replication of"

    def grants(self) -> tuple[Grant, ...]:
        # IAM knows the tags of a bucket only where its owner has turned that on, so that Squall alone compares the tag. AWS's own
        # policy says IfExists: FIS has to be able to put the rules back, whatever S3 says of that call.
        buckets, own = ("arn:{partition}:s3:::*",), {"StringEquals": {"aws:ResourceAccount": "{account}"}}
        rules = ("s3:GetReplicationConfiguration", "s3:PutReplicationConfiguration")
        asked = {**own, "BoolIfExists": {"s3:isReplicationPauseRequest": "true"}}
        return (
            FaultGrant(actions=("s3:PauseReplication",), resources=buckets, tagged=False, conditions=own),
            FaultGrant(actions=rules, resources=buckets, tagged=False, conditions=asked),
            grant_untagged("s3:ListAllMyBuckets", "tag:GetResources"),
        )

    def describe(self, parameters: Model, /) -> str:
        return f"{super().describe(parameters)} to {_read(parameters, 'region')}"

    def check_targets(self, injection: Injection[DescribedResource, Model], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        buckets, parameters = injection.targets, injection.parameters
        idle = [bucket.id for bucket in buckets if not any(_is_meant(rule, parameters) for rule in _list_rules(bucket))]
        narrowed = [f"{name} {value}" for name in ("destinationBuckets", "prefixes") if (value := _read(parameters, name))]
        which = f" for {' and '.join(narrowed)}" if narrowed else ""
        refusal = f"{', '.join(idle)} has no enabled replication rule{which}: there is nothing to pause"
        yield check_targets("replicated", buckets, idle, refusal, f"every bucket has an enabled replication rule{which}")

    def find_changes(self, before: DescribedResource, now: DescribedResource | None, /) -> Iterable[str]:
        left = bool(list(self.find_target_remnants(before, now)))
        yield from super().find_changes(before, now.with_field(RULES, before.fields.get(RULES)) if now and left else now)

    def find_target_remnants(self, before: DescribedResource, now: DescribedResource | None, /) -> Iterable[Remnant]:
        """The rules that were enabled before and are disabled now."""
        disabled = {rule.get("ID") for rule in (_list_rules(now) if now else ()) if rule.get("Status") == "Disabled"}
        paused = sorted(
            str(rule.get("ID")) for rule in _list_rules(before) if rule.get("Status") == "Enabled" and rule.get("ID") in disabled
        )
        if not paused:
            return
        values = ("--bucket", before.id, "--replication-configuration", before.fields[RULES])
        command = shell_command("aws", "s3api", "put-bucket-replication", *values)
        yield Remnant(f"the replication rules {', '.join(paused)} of {before.id} are disabled, they were enabled", command)


def _list_rules(bucket: DescribedResource) -> list[Mapping[str, Any]]:
    return list(json.loads(bucket.fields.get(RULES, "{}")).get("Rules", ()))


def _is_meant(rule: Mapping[str, Any], parameters: Model) -> bool:
    """Whether the action would pause the rule, as far as its destination's Region does not decide it."""
    destination = str(rule.get("Destination", {}).get("Bucket", "")).rpartition(":")[2]
    chosen = rule.get("Filter", {})
    prefix = chosen.get("Prefix") or chosen.get("And", {}).get("Prefix") or rule.get("Prefix") or ""
    return rule.get("Status") == "Enabled" and all(
        not wanted or value in wanted.split(",")
        for wanted, value in ((_read(parameters, "destinationBuckets"), destination), (_read(parameters, "prefixes"), prefix))
    )


def _read(parameters: Model, name: str) -> str:
    return str(getattr(parameters, name) or "")
