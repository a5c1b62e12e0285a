"""The stacks of a run's Regions: what this one may do in each, by clients of that Region.

Every call is short and tried twice at most. A Region that does not answer one service is not asked for it again for some
seconds: several runs, and several reads of one run, must not wait for a dead Region one after the other.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError

from squall.adapters.aws import call, translate_errors
from squall.adapters.dynamodb import elsewhere
from squall.adapters.dynamodb.items import format_instant, from_item, make_text
from squall.adapters.step_functions import StepFunctions
from squall.domain.regions.barrier import Decision
from squall.domain.regions.names import StackNames, UnreadableNamesError, parameter_name, parse_names
from squall.errors import Unavailable
from squall.ports.regions import PartDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from squall.adapters.dynamodb.items import Item
    from squall.domain.run.record import ExecutionRecord

NAMES_SECONDS = 300.0
"""How long the names of a Region's stack are used before they are read again: a stack that was made anew has others."""
LARGEST_DOCUMENT = 4 * 1024 * 1024
"""The most bytes of a document of another Region that are read."""
PAUSE_SECONDS = 5.0
"""How long a service that did not answer in a Region is not asked again."""


@dataclass(frozen=True)
class Place:
    """The stack that the adapter acts for."""

    stack: str
    region: str
    table: str
    peers: tuple[str, ...]


class AwsRegions:
    """Implements the port `Regions`. `make_client` makes the client of a service in a Region, with short limits."""

    def __init__(self, make_client: Callable[[str, str], Any], place: Place, read_clock: Callable[[], float] = time.monotonic) -> None:
        self._make_client, self._place, self._read_clock = make_client, place, read_clock
        self._names: dict[str, tuple[float, StackNames]] = {}
        self._paused: dict[tuple[str, str], tuple[float, Unavailable]] = {}

    def read_part(self, region: str, execution_id: str) -> ExecutionRecord | None:
        item = self._get_item(region, **elsewhere.ask_for_record(execution_id))
        return None if item is None else elsewhere.understand(from_item, item)

    def start_part(self, region: str, name: str, payload: Mapping[str, Any]) -> bool:
        arn = self._find_names(region).state_machine_arn
        text = json.dumps(payload, sort_keys=True)
        answer = self._call(
            region, "stepfunctions", "start_execution", absent={"ExecutionAlreadyExists"}, stateMachineArn=arn, name=name, input=text
        )
        return answer is not None

    def abort_part(self, region: str, execution_id: str, reason: str, requested_by: str) -> None:
        payload = {"execution_id": execution_id, "reason": reason, "requested_by": requested_by, "peer": self._place.region}
        self._invoke(region, self._find_names(region).abort_function, payload)

    def ask_to_decide(self, home: str, run: str) -> None:
        function = self._find_names(home).decide_function
        if not function:
            message = f"the stack in {home} has no function that decides: it is of an earlier version"
            raise Unavailable("lambda", "Invoke", "NoFunction", message, retryable=False)
        self._invoke(home, function, {"campaign_id": run})

    def wake_part(self, region: str, task_token: str) -> bool:
        self._require_peer(region)
        return bool(self._attempt(region, "stepfunctions", lambda client: StepFunctions(client).wake(task_token)))

    def read_decision(self, home: str, run: str) -> Decision | None:
        item = self._get_item(home, _decision_key(run))
        return None if item is None else elsewhere.understand(_read_decision, item)

    def read_document(self, region: str, execution_id: str, name: str) -> PartDocument | None:
        bucket = self._find_names(region).bucket
        if not bucket:
            message = f"the stack in {region} does not say where its results are: it is of an earlier version"
            raise Unavailable("s3", "GetObject", "NoBucket", message, retryable=False)
        key = f"results/{execution_id}/{name}.json"
        return self._attempt(region, "s3", lambda client: _read_object(client, bucket, key))  # type: ignore[no-any-return]

    def decide(self, run: str, decision: Decision) -> Decision:
        attributes = {
            "start": {"BOOL": decision.start},
            "reason": make_text(decision.reason),
            "until": make_text(format_instant(decision.until)),
        }
        own = self._place
        if self._call(
            own.region,
            "dynamodb",
            "put_item",
            absent={"ConditionalCheckFailedException"},
            TableName=own.table,
            Item=_decision_key(run) | attributes,
            ConditionExpression="attribute_not_exists(pk)",
        ):
            return decision
        standing = self.read_decision(own.region, run)
        if standing is None:
            raise Unavailable("dynamodb", "PutItem", "Lost", "the decision was written, and is gone", retryable=True)
        return standing

    def _get_item(self, region: str, Key: Item, **more: Any) -> Item | None:  # noqa: N803 - DynamoDB's own name
        table = self._place.table if region == self._place.region else self._find_names(region).table
        answer = self._call(region, "dynamodb", "get_item", TableName=table, Key=Key, ConsistentRead=True, **more)
        item: Item | None = answer.get("Item")
        return item

    def _invoke(self, region: str, function: str, payload: Mapping[str, Any]) -> None:
        body = json.dumps(payload).encode()
        self._call(region, "lambda", "invoke", FunctionName=function, InvocationType="Event", Payload=body)

    def _find_names(self, region: str) -> StackNames:
        """The names of the stack in that Region. If they can't be read again, the last ones are used: a call that they are
        wrong for fails by itself."""
        self._require_peer(region)
        known = self._names.get(region)
        if known is not None and self._read_clock() < known[0] + NAMES_SECONDS:
            return known[1]
        try:
            names = self._read_names(region)
        except Unavailable:
            if known is None:
                raise
            return known[1]
        self._names[region] = (self._read_clock(), names)
        return names

    def _read_names(self, region: str) -> StackNames:
        name = parameter_name(self._place.stack)
        answer = self._call(region, "ssm", "get_parameter", absent={"ParameterNotFound"}, Name=name)
        if answer is None:
            own = self._place
            message = f"no stack {own.stack} in {region} acts with {own.region}: there is no parameter {name}"
            raise Unavailable("ssm", "GetParameter", "ParameterNotFound", message, retryable=False)
        try:
            names = parse_names(answer["Parameter"]["Value"])
        except UnreadableNamesError as error:
            message = f"the parameter {name} in {region} can't be read: {error}"
            raise Unavailable("ssm", "GetParameter", "Unreadable", message, retryable=False) from error
        if names.region != region:
            message = f"the parameter {name} in {region} has the names of {names.region}"
            raise Unavailable("ssm", "GetParameter", "Unreadable", message, retryable=False)
        if region != self._place.region and self._place.region not in names.peer_regions:
            message = f"the stack in {region} does not act with {self._place.region}: its peer_regions names {names.peers}"
            raise Unavailable("ssm", "GetParameter", "NoPeer", message, retryable=False)
        return names

    def _require_peer(self, region: str) -> None:
        if region not in (self._place.region, *self._place.peers):
            named = ", ".join(self._place.peers) or "no Region"
            message = f"this stack in {self._place.region} does not act with {region}: its peer_regions names {named}"
            raise Unavailable("peer_regions", "Read", "NoPeer", message, retryable=False)

    def _call(self, region: str, service: str, method: str, **arguments: Any) -> Any:
        return self._attempt(region, service, lambda client: call(client, method, **arguments))

    def _attempt(self, region: str, service: str, ask: Callable[[Any], Any]) -> Any:
        """The answer of a service in a Region. Raises Unavailable at once if it did not answer a moment ago."""
        paused = self._paused.get((region, service))
        if paused is not None and self._read_clock() < paused[0]:
            error = paused[1]
            raise Unavailable(error.service, error.operation, error.code, error.message, retryable=error.retryable) from error
        try:
            with translate_errors(service, "client"):
                client = self._make_client(service, region)
            answer = ask(client)
        except Unavailable as error:
            if error.retryable and isinstance(error.__cause__, BotoCoreError):
                self._paused[region, service] = (self._read_clock() + PAUSE_SECONDS, error)
            raise
        self._paused.pop((region, service), None)
        return answer


def _read_object(client: Any, bucket: str, key: str) -> PartDocument | None:
    """Up to `LARGEST_DOCUMENT` bytes. S3 answers AccessDenied for an object that does not exist, because the bucket can't be listed."""
    answer = call(client, "get_object", absent={"NoSuchKey"}, Bucket=bucket, Key=key)
    if answer is None:
        return None
    with translate_errors("s3", "GetObject"):
        body: bytes = answer["Body"].read(LARGEST_DOCUMENT + 1)
    if len(body) > LARGEST_DOCUMENT:
        raise Unavailable("s3", "GetObject", "TooLarge", f"{key} is larger than {LARGEST_DOCUMENT} bytes", retryable=False)
    return PartDocument(bucket, body)


def _decision_key(run: str) -> Item:
    return {"pk": make_text(f"REGIONS#{run}"), "sk": make_text("DECISION")}


def _read_decision(item: Item) -> Decision:
    return Decision(start=_read_bool(item["start"]), reason=item["reason"]["S"], until=_read_instant(item["until"]["S"]))


def _read_bool(value: Item) -> bool:
    if not isinstance(value["BOOL"], bool):
        raise TypeError(f"{value} is neither true nor false")
    return value["BOOL"]


def _read_instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at
