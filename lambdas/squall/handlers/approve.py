"""Approve records that a person approves or rejects a run, or that they asked for it. AWS identifies the person, not
the caller."""

from collections.abc import Mapping
from typing import Any

from squall.application.approval.vote import parse_request, record_vote
from squall.wiring import get_wiring


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    request = parse_request(event)
    done = {"recorded": False, "message": request} if isinstance(request, str) else record_vote(w, request)
    w.logger.info("vote", extra={"done": done})
    return done
