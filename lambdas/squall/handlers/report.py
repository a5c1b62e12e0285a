"""Report writes the report of a run or a campaign that is over, and a run's data for reports over many runs.

The last lifecycle event calls it, or a person with `{"execution_id": …}` or `{"campaign_id": …}`. With `{"period": {…}}`
(`PeriodRequest`), from a schedule or a person, it reports a period instead; with `{"catalogue": {}}` it names the
deployed experiments.
"""

from collections.abc import Mapping
from typing import Any

from squall.application.reports.ending import report_ending
from squall.application.reports.questions import answer_question
from squall.wiring import get_wiring


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    w = get_wiring()
    if "period" in event or "catalogue" in event:
        return answer_question(w, event)
    done = report_ending(w, event.get("detail", event))
    w.logger.info("report", extra=done)
    return done
