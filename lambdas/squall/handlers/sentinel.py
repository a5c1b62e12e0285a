"""Sentinel probes a run's URL for as long as the run is measured and this function has time."""

from collections.abc import Mapping
from typing import Any, Protocol

from squall.application.sentinel import run_sentinel
from squall.wiring import get_wiring


class Context(Protocol):
    """The part of Lambda's invocation context that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: Mapping[str, Any], context: Context) -> dict[str, str]:
    w = get_wiring()
    done = run_sentinel(w, str(event["execution_id"]), context.aws_request_id, context.get_remaining_time_in_millis())
    w.logger.info("sentinel", extra=done)
    return done
