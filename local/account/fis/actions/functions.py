"""Faults of Lambda functions: an object in S3 for as long as the action runs. FIS does not learn whether anything reads
it.

AWS does not document the content of the object. The content here is what the local extension (local/extension) reads.
FIS takes the folder from the function's own configuration. Its role must be allowed to write there, to read the
function's configuration, and to read tags.
"""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ministack.services import s3

from local.account.fis.actions.base import Action
from local.account.fis.errors import ExperimentError
from local.account.fis.targets import FUNCTION, Resource

LOCATION = "AWS_FIS_CONFIGURATION_LOCATION"
PREFIX = "arn:aws:s3:::"
MAXIMUM_DELAY = 900_000


@dataclass(frozen=True)
class Place:
    """The object that holds one function's fault."""

    bucket: str
    key: str

    @property
    def arn(self) -> str:
        return f"{PREFIX}{self.bucket}/{self.key}"


def choose_place(resource: Resource) -> Place | None:
    """A new object in the folder that the function names; None if it names none."""
    variables = (resource.attributes.get("Environment") or {}).get("Variables") or {}
    bucket, _, folder = str(variables.get(LOCATION, "")).removeprefix(PREFIX).partition("/")
    return Place(bucket, f"{folder.rstrip('*/')}/{resource.identifier}/{uuid.uuid4()}.json".lstrip("/")) if bucket else None


class _Invocations(Action):
    target_key = "Functions"
    resource_type = FUNCTION
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {}

    def start(self) -> None:
        self._written: dict[str, Place] = {}
        for name, (low, high) in {"invocationPercentage": (1, 100), **self.ranges}.items():
            value = self.values.get(name, str(low))
            if not (value.isdecimal() and low <= int(value) <= high):
                raise self.fail("ConfigurationFailure", f"{name} must be a number from {low} to {high}, not {value!r}")
        self.authorize("tag:GetResources", "*", {})
        places = [(resource, self._place(resource)) for resource in self.resources]
        began = time.time()
        for resource, place in places:
            body = {
                "function": resource.arn,
                "action": self.action_id,
                "parameters": {name: value for name, value in self.values.items() if name != "duration"},
                "start": began,
                "end": began + self.duration_seconds,
            }
            try:
                self._done(s3._put_object(place.bucket, place.key, json.dumps(body).encode(), {}))
            except ExperimentError:
                self._remove()
                raise
            self._written[resource.arn] = place

    def _place(self, resource: Resource) -> Place:
        self.authorize("lambda:GetFunction", resource.arn, resource.tags)
        place = choose_place(resource)
        if place is None:
            raise self.fail("ConfigurationFailure", f"{resource.identifier} has no {LOCATION}")
        self.authorize("s3:PutObject", place.arn, {})
        return place

    def finish(self) -> None:
        self._remove()

    def stop(self) -> None:
        self._remove()

    def _remove(self) -> None:
        """Remove all objects. If one can't be removed, it stays, and the others are still removed."""
        refused: ExperimentError | None = None
        for arn, place in list(self._written.items()):
            try:
                self.authorize("s3:DeleteObject", place.arn, {})
                self._done(s3._delete_object(place.bucket, place.key))
                del self._written[arn]
            except ExperimentError as error:
                refused = error
        if refused is not None:
            raise refused

    def _done(self, answer: Any) -> None:
        status, _, body = answer
        if status >= 300:
            raise self.fail("DependentServiceFailure", body.decode(errors="replace"))


class AddDelay(_Invocations):
    action_id = "aws:lambda:invocation-add-delay"
    description = "Delay the start of invocations of the specified Lambda functions."
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "invocationPercentage": False, "startupDelayMilliseconds": False}
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {"startupDelayMilliseconds": (0, MAXIMUM_DELAY)}


class InvocationError(_Invocations):
    action_id = "aws:lambda:invocation-error"
    description = "Let invocations of the specified Lambda functions fail."
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "invocationPercentage": False, "preventExecution": True}


class IntegrationResponse(_Invocations):
    action_id = "aws:lambda:invocation-http-integration-response"
    description = "Answer invocations of the specified Lambda functions with an HTTP response."
    parameters: ClassVar[dict[str, bool]] = {
        "duration": True,
        "invocationPercentage": False,
        "contentTypeHeader": True,
        "preventExecution": True,
        "statusCode": True,
    }
    ranges: ClassVar[Mapping[str, tuple[int, int]]] = {"statusCode": (0, 999)}
