"""Starts the sentinel function, without waiting for it."""

from __future__ import annotations

import json
from typing import Any

from squall.adapters.aws import call


class LambdaProbes:
    def __init__(self, client: Any, function: str) -> None:
        self._client, self._function = client, function

    def start(self, execution_id: str) -> None:
        payload = json.dumps({"execution_id": execution_id}).encode()
        call(self._client, "invoke", FunctionName=self._function, InvocationType="Event", Payload=payload)
