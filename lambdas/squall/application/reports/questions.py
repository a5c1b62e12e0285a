"""Answers what people ask about more than one run: a period, or which experiments are deployed."""

from collections.abc import Mapping
from typing import Any

from squall.application.admission.deployed import load_deployed
from squall.application.reports.period import PeriodRequest, report_period
from squall.wiring import Wiring


def answer_question(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to `{"period": {…}}` (`PeriodRequest`) or to `{"catalogue": {}}`.

    The catalogue is `{"catalogue": [name, …], "campaigns": [name, …], "environments": {name: "deployed" or "published"}}`: the
    deployed experiments and campaigns, and which ones each policy lets run. `squall run` asks for it, to refuse an unknown
    name before an execution starts and people are notified of it; `squall publish`, to refuse what could not run.
    """
    if "catalogue" in event:
        deployed = load_deployed()
        environments = {name: policy.get("catalogue", "deployed") for name, policy in sorted(deployed.environments.items())}
        return {"catalogue": sorted(deployed.catalogue), "campaigns": sorted(deployed.campaigns), "environments": environments}
    reported = report_period(w, PeriodRequest.model_validate(event["period"]))
    w.logger.info("period", extra={"files": reported["files"], "experiments": reported["report"]["total_experiments"]})
    return reported
