"""Answers what people ask about more than one run: a period, or which experiments are deployed."""

from collections.abc import Mapping
from typing import Any

from squall.admission.regions import find_run_experiment
from squall.application.admission.deployed import load_deployed
from squall.application.reports.period import PeriodRequest, report_period
from squall.domain.regions.definition import list_regions
from squall.wiring import Wiring


def answer_question(w: Wiring, event: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to `{"period": {…}}` (`PeriodRequest`) or to `{"catalogue": {}}`.

    The catalogue is `{"catalogue": [name, …], "campaigns": [name, …], "environments": {name: "deployed" or "published"},
    "regions": {"experiments": {name: [Region, …]}, "campaigns": {name: experiment}}}`: the deployed experiments and campaigns,
    which ones each policy lets run, and what runs over several Regions. `squall run` asks for it, to refuse an unknown
    name before an execution starts and people are notified of it; `squall publish`, to refuse what could not run.
    """
    if "catalogue" in event:
        deployed = load_deployed()
        environments = {name: policy.get("catalogue", "deployed") for name, policy in sorted(deployed.environments.items())}
        regions = {
            "experiments": {name: named for name, raw in sorted(deployed.catalogue.items()) if (named := list_regions(raw))},
            "campaigns": {name: run for name, raw in sorted(deployed.campaigns.items()) if (run := find_run_experiment(raw))},
        }
        names = {"catalogue": sorted(deployed.catalogue), "campaigns": sorted(deployed.campaigns)}
        return {**names, "environments": environments, "regions": regions}
    reported = report_period(w, PeriodRequest.model_validate(event["period"]))
    w.logger.info("period", extra={"files": reported["files"], "experiments": reported["report"]["total_experiments"]})
    return reported
