"""Pauses replication: of DynamoDB global tables by statements in resource policies, of S3 buckets until FIS ends it."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from ministack.core.responses import get_account_id
from ministack.services import dynamodb

from local.account.data import bucket_links, global_tables
from local.account.fis.actions.base import Action
from local.account.fis.errors import ExperimentError
from local.account.fis.targets import BUCKET, GLOBAL_TABLE, Resource

Json = dict[str, Any]

SID = "DoNotModifyFisDynamoDbPauseReplication"
_BY_ROLE = (
    "GetItem", "PutItem", "UpdateItem", "DeleteItem", "DescribeTable", "UpdateTable", "Scan", "DescribeTimeToLive", "UpdateTimeToLive",
)  # fmt: skip
_OF_STREAM = ("GetRecords", "DescribeStream", "GetShardIterator")


class PauseGlobalTables(Action):
    """AWS documents the statements: two in the table's policy, one in that of its stream. They expire with the action. FIS
    says that replication may go on for five minutes after the beginning; here it stops at once."""

    action_id = "aws:dynamodb:global-table-pause-replication"
    description = "Pause the replication of the target global tables to any replica table."
    target_key = "Tables"
    resource_type = GLOBAL_TABLE
    parameters: ClassVar[dict[str, bool]] = {"duration": True}

    def start(self) -> None:
        self._sid = f"{SID}EXP{uuid.uuid4().hex[:22]}"
        self._written: list[tuple[Resource, str]] = []
        self.authorize("tag:GetResources", "*", {})
        for table in self.resources:
            for action in ("DescribeTable", "GetResourcePolicy", "PutResourcePolicy"):
                self.authorize(f"dynamodb:{action}", table.arn, table.tags)
            self.authorize("dynamodb:PutResourcePolicy", table.attributes["LatestStreamArn"], {})
        until = datetime.now(UTC) + timedelta(seconds=self.duration_seconds)
        for table in self.resources:
            for arn in (table.arn, table.attributes["LatestStreamArn"]):
                own = self._make_statements(arn, until)
                try:
                    _write_policy(self, arn, [*_read_statements(arn), *own])
                except ExperimentError:
                    self._remove()
                    raise
                self._written.append((table, arn))

    def _make_statements(self, arn: str, until: datetime) -> Iterator[Json]:
        expires = {"DateLessThan": {"aws:CurrentTime": until.isoformat(timespec="milliseconds").replace("+00:00", "Z")}}
        role = f"arn:aws:iam::{get_account_id()}:role/aws-service-role/{global_tables.PRINCIPAL}/AWSServiceRoleForDynamoDBReplication"
        of_stream = "/stream/" in arn
        if not of_stream:
            service = {"StringEquals": {"aws:PrincipalServiceName": global_tables.PRINCIPAL}}
            yield _deny(f"{self._sid}ServicePrincipal", arn, [global_tables.READS, global_tables.WRITES], {**service, **expires})
        denied = [f"dynamodb:{name}" for name in (_OF_STREAM if of_stream else _BY_ROLE)]
        yield _deny(self._sid, arn, denied, {**expires, "ArnEquals": {"aws:PrincipalArn": role}})

    def finish(self) -> None:
        self._remove()

    def stop(self) -> None:
        self._remove()

    def _remove(self) -> None:
        """Remove the statements. If some can't be removed, they stay until they expire, and the others are still removed."""
        refused: ExperimentError | None = None
        for table, arn in list(self._written):
            kept = [statement for statement in _read_statements(arn) if not str(statement.get("Sid", "")).startswith(self._sid)]
            verb = "PutResourcePolicy" if kept else "DeleteResourcePolicy"
            try:
                self.authorize(f"dynamodb:{verb}", arn, table.tags if arn == table.arn else {})
                _write_policy(self, arn, kept)
                self._written.remove((table, arn))
            except ExperimentError as error:
                refused = error
        if refused is not None:
            raise refused


def _deny(sid: str, arn: str, actions: list[str], condition: Json) -> Json:
    return {"Sid": sid, "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": actions, "Resource": arn, "Condition": condition}


def _read_statements(arn: str) -> list[Json]:
    entry = dynamodb._resource_policies.get(arn)
    statements: Json | list[Json] = json.loads(entry["Policy"]).get("Statement", []) if entry else []
    return statements if isinstance(statements, list) else [statements]


def _write_policy(action: Action, arn: str, statements: list[Json]) -> None:
    """Put the policy, or delete it if it says nothing any more. A policy that is gone with its table is no failure."""
    if statements:
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        status, _, body = dynamodb._put_resource_policy({"ResourceArn": arn, "Policy": policy})
    else:
        status, _, body = dynamodb._delete_resource_policy({"ResourceArn": arn})
    answer = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    if status >= 300 and (statements or "ResourceNotFound" not in answer):
        raise action.fail("DependentServiceFailure", answer)


class PauseBuckets(Action):
    """A bucket without a rule to the Region, or for the destinations and prefixes that the action names, is not hit, and FIS
    reports nothing about it. FIS says that existing objects may still be replicated for an hour; here nothing is."""

    action_id = "aws:s3:bucket-pause-replication"
    description = "Pause replication from the target source buckets to destination buckets."
    target_key = "Buckets"
    resource_type = BUCKET
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "region": True, "destinationBuckets": False, "prefixes": False}

    def start(self) -> None:
        for name in ("s3:ListAllMyBuckets", "tag:GetResources"):
            self.authorize(name, "*", {})
        region = self.values["region"]
        for bucket in self.resources:
            self.authorize("s3:PauseReplication", bucket.arn, bucket.tags, {"s3:destinationRegion": region})
            for name in ("s3:GetReplicationConfiguration", "s3:PutReplicationConfiguration"):
                self.authorize(name, bucket.arn, bucket.tags, {"s3:isReplicationPauseRequest": "true"})
        self.id = str(uuid.uuid4())
        sources = frozenset(bucket.identifier for bucket in self.resources)
        pause = bucket_links.Pause(sources, region, self._read_list("destinationBuckets"), self._read_list("prefixes"))
        bucket_links.paused.begin(self.id, pause)

    def _read_list(self, name: str) -> frozenset[str]:
        return frozenset(part.strip() for part in self.values.get(name, "").split(",") if part.strip())

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        bucket_links.paused.end(self.id)
