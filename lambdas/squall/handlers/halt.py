"""Halt: block every start and stop every running experiment of this stack. Also for the Lambda console: `{}` halts."""

from collections.abc import Mapping
from typing import Any

from squall.application.stopping.halt import halt_stack
from squall.application.stopping.halt_request import parse_halt
from squall.wiring import get_wiring, prepare

prepare("halt_flag", "halt_copy", "faults", "records", "workflow", "logger")


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    done = halt_stack(w, parse_halt(event))
    w.logger.info("halt", extra={"done": done})
    return done
