"""Sentinel: probe a run's URL for as long as the run is measured, or this function lives."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Protocol

from squall.application.sentinel import run_probe
from squall.wiring import wire

TO_FINISH = timedelta(seconds=20)
"""Of the function's own time, kept for probes that are under way and for the last metrics."""


class Context(Protocol):
    """What Lambda tells of an invocation."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int: ...


def handler(event: Mapping[str, Any], context: Context) -> dict[str, str]:
    w = wire()
    ends_at = w.clock.now() + timedelta(milliseconds=context.get_remaining_time_in_millis()) - TO_FINISH
    done = {"execution_id": str(event["execution_id"])}
    done["ended"] = run_probe(w, done["execution_id"], context.aws_request_id, ends_at)
    w.logger.info("sentinel", extra=done)
    return done
