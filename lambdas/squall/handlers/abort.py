"""Abort stops the fault of a run by FIS StopExperiment, or a campaign with its running steps. An alarm's action,
EventBridge or an operator calls it."""

from collections.abc import Mapping
from typing import Any

from squall.application.stopping.abort_campaign import answer_abort
from squall.wiring import get_wiring, prepare

prepare("faults", "records", "workflow", "logger")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    done = answer_abort(w, event)
    w.logger.info("abort", extra=done)
    return done
