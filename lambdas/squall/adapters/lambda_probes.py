"""Starts the sentinel function, without waiting for it."""

from __future__ import annotations

import json
from typing import Any

from squall.adapters.aws import call

_NOT_READY = frozenset({"ResourceNotReadyException"})
"""Lambda removes the network connection of a function in a VPC that nobody called for some weeks. The first call
requests a new one, which takes a minute or two."""


class LambdaProbes:
    def __init__(self, client: Any, function: str) -> None:
        self._client, self._function = client, function

    def start(self, execution_id: str) -> bool:
        payload = json.dumps({"execution_id": execution_id}).encode()
        answer = call(self._client, "invoke", absent=_NOT_READY, FunctionName=self._function, InvocationType="Event", Payload=payload)
        return answer is not None
