"""Resume: let experiments of this stack start again. Permission to halt is no permission to resume."""

from collections.abc import Mapping
from typing import Any

from squall.application.stopping.halt_request import parse_resume
from squall.application.stopping.resume import resume_stack
from squall.wiring import get_wiring


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    done = resume_stack(w, parse_resume(event))
    w.logger.info("resume", extra={"done": done})
    return done
