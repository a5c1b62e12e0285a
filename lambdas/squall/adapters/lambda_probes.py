"""Starts the sentinel function asynchronously."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call

if TYPE_CHECKING:
    pass


class LambdaProbes:
    def __init__(self, client: Any, function: str) -> None:
        self._client, self._function = client, function

    def start(self, execution_id: str) -> None:
        payload = json.dumps({"execution_id": execution_id}).encode()
        call(self._client, "invoke", FunctionName=self._function, InvocationType="Event", Payload=payload)
