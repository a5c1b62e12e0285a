"""Lets a share of the calls on Kinesis data streams fail."""

import uuid
from typing import ClassVar

from local.account.fis import stream_errors
from local.account.fis.actions.base import Action
from local.account.fis.targets import STREAM


class _StreamErrors(Action):
    target_key = "KinesisStreams"
    resource_type = STREAM
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "percentage": True}
    code: ClassVar[str]

    def start(self) -> None:
        streams = [stream.arn for stream in self.resources]
        context = {"kinesis:FisActionId": self.action_id, "kinesis:FisTargetArns": streams}
        self.authorize("kinesis:InjectApiError", "*", {}, context)
        self.id = str(uuid.uuid4())
        stream_errors.injected.begin(self.id, stream_errors.Errors(self.code, frozenset(streams), float(self.values["percentage"])))

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        stream_errors.injected.end(self.id)


class ThroughputException(_StreamErrors):
    action_id = "aws:kinesis:stream-provisioned-throughput-exception"
    description = "Inject ProvisionedThroughputExceededException into requests to the target Kinesis data streams."
    code = stream_errors.THROTTLED


class ExpiredIteratorException(_StreamErrors):
    action_id = "aws:kinesis:stream-expired-iterator-exception"
    description = "Inject ExpiredIteratorException into GetRecords requests to the target Kinesis data streams."
    code = stream_errors.EXPIRED
