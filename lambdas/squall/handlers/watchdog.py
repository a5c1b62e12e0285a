"""Watchdog closes the run of an execution that ended without its last states."""

from collections.abc import Mapping
from typing import Any

from squall.application.supervision.watchdog import close_ended_execution
from squall.wiring import get_wiring, prepare

prepare("records", "documents", "faults", "logger")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    done = close_ended_execution(w, event["detail"])
    w.logger.info("watchdog", extra=done)
    return done
