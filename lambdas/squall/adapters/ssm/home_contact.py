"""When the home of a fleet wrote to this stack last: the time of a parameter, which Parameter Store sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call
from squall.domain.run.home import contact_parameter

if TYPE_CHECKING:
    from datetime import datetime


class ParameterHomeContact:
    def __init__(self, client: Any, stack: str) -> None:
        self._client, self._name = client, contact_parameter(stack)

    def last_seen(self) -> datetime | None:
        answer = call(self._client, "get_parameter", absent={"ParameterNotFound"}, Name=self._name)
        seen: datetime | None = answer["Parameter"]["LastModifiedDate"] if answer else None
        return seen
