"""Abort stops the fault by FIS StopExperiment. An alarm's action, EventBridge or an operator calls it."""

from collections.abc import Mapping
from typing import Any

from squall.application.stopping.abort import abort_execution, parse_abort
from squall.wiring import get_wiring, prepare

prepare("faults", "records", "workflow", "logger")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    request = parse_abort(event, w.settings.stack)
    if request is None:
        return {"ignored": "not one of this stack's guards in ALARM"}
    done = abort_execution(w, request)
    w.logger.info("abort", extra=done)
    return done
