"""Report: when a run is over, write what people look at beside its result.

Called by the run's own last lifecycle event, whoever ended it, or by a person: `{"execution_id": …}`.
"""

from collections.abc import Mapping
from typing import Any

from squall.application.reporting import report_of
from squall.wiring import wire


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = wire()
    execution_id = str(event.get("detail", event)["execution_id"])
    done = report_of(w, execution_id)
    w.logger.info("report", extra=done)
    return done
