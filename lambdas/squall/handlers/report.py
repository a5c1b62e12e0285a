"""Report: when a run is over, write what people look at beside its result, and its line in what is asked about many.

Called by the run's own last lifecycle event, whoever ended it, or by a person: `{"execution_id": …}`. With `{"period": {…}}`
(`PeriodRequest`), from a schedule or a person, it reports a period instead.
"""

from collections.abc import Mapping
from typing import Any

from squall.application.reports.period import PeriodRequest, report_period
from squall.application.reports.run import report_of
from squall.wiring import wire


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = wire()
    if "period" in event:
        reported = report_period(w, PeriodRequest.model_validate(event["period"]))
        w.logger.info("period", extra={"files": reported["files"], "experiments": reported["report"]["total_experiments"]})
        return reported
    execution_id = str(event.get("detail", event)["execution_id"])
    done = report_of(w, execution_id)
    w.logger.info("report", extra=done)
    return done
