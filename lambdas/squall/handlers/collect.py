"""Collect runs at the home of a fleet, every five minutes: it copies how the runs of each member ended."""

from collections.abc import Mapping
from typing import Any

from squall.application.fleet.collect import collect_runs
from squall.wiring import get_wiring


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    w = get_wiring()
    done = collect_runs(w)
    w.logger.info("collect", extra={"members": done})
    return done
