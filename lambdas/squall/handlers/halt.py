"""Halt blocks every start and stops every running experiment of this stack, or resumes. In the Lambda console, `{}`
halts."""

from collections.abc import Mapping
from typing import Any

from squall.application.stopping.halt import halt, resume
from squall.application.stopping.halt_request import Action, parse
from squall.wiring import wire


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = wire()
    request = parse(event)
    done = halt(w, request) if request.action is Action.HALT else resume(w, request)
    w.logger.info("halt", extra={"done": done})
    return done
