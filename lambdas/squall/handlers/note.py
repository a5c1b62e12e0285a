"""Note records what people write during a campaign, and their answers to the prompts of a game day."""

from collections.abc import Mapping
from typing import Any

from squall.application.campaign.people import record_note
from squall.wiring import get_wiring


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    done = record_note(w, event)
    w.logger.info("note", extra={"done": done})
    return done
