"""Pulse looks after every open run, every minute and on FIS events."""

from collections.abc import Mapping
from typing import Any

from squall.application.supervision.pulse import supervise_runs
from squall.wiring import get_wiring, prepare

prepare("records", "faults", "workflow", "locks", "logger")


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    w = get_wiring()
    done = supervise_runs(w)
    if done:
        w.logger.info("pulse", extra={"runs": done})
    return done
