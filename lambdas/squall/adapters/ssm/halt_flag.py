"""The halt flag in Parameter Store. The first halt creates it, so an absent flag is not engaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.domain.run.halt import Halt, parameter_name, to_json

if TYPE_CHECKING:
    from datetime import datetime
from squall.adapters.dynamodb.halt_copy import REASON_CHARACTERS, parse_halt


class ParameterHaltFlag:
    def __init__(self, client: Any, stack: str) -> None:
        self._client, self._name = client, parameter_name(stack)

    def get(self) -> Halt:
        answer = call(self._client, "get_parameter", absent={"ParameterNotFound"}, Name=self._name)
        return Halt(engaged=False) if answer is None else parse_halt("ssm", "GetParameter", answer["Parameter"]["Value"])

    def engage(self, reason: str, by: str, at: datetime) -> None:
        self._put(Halt(True, reason[:REASON_CHARACTERS], by, at))

    def release(self, reason: str, by: str, at: datetime) -> None:
        self._put(Halt(False, reason[:REASON_CHARACTERS], by, at))

    def _put(self, halt: Halt) -> None:
        call(self._client, "put_parameter", Name=self._name, Type="String", Overwrite=True, Value=to_json(halt))
