"""Decide takes home's decision about a run over several Regions. Parts invoke it when they are ready, or have ended."""

from collections.abc import Mapping
from typing import Any

from squall.application.regions.decide import answer_request
from squall.wiring import get_wiring, prepare

prepare("campaigns", "logger")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    done = answer_request(w, event)
    w.logger.info("decide", extra=done)
    return done
