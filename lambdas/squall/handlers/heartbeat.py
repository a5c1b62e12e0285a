"""Heartbeat runs at the home of a fleet, once a minute: it tells each member that home is there."""

from collections.abc import Mapping
from typing import Any

from squall.application.fleet.heartbeat import send_heartbeats
from squall.wiring import get_wiring


def handler(event: Mapping[str, Any], context: object) -> dict[str, str]:
    w = get_wiring()
    done = send_heartbeats(w)
    w.logger.info("heartbeat", extra={"members": done})
    return done
