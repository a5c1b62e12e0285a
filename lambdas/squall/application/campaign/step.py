"""Whether an execution is the step of a campaign that it says it is."""

from collections.abc import Mapping
from typing import Any

from squall.domain.base.problems import Problem
from squall.domain.documents.run import Run
from squall.domain.experiment.execution_input import FleetStep
from squall.wiring import Wiring


def find_campaign_problems(w: Wiring, raw: object, run: Run) -> list[Problem]:
    """Why the execution may not run as a step of the campaign that its input names; empty if it names none.

    Call this after the execution's record was written. Whoever aborts a campaign writes the reason into the campaign's
    record, then aborts the executions that have a record. Whatever the order, at least one of the two sees the other.
    """
    named = raw.get("campaign") if isinstance(raw, Mapping) else None
    if not isinstance(named, Mapping):
        return []
    message = _explain_refusal(w, named, run)
    return [Problem(path="campaign", message=message, expected="a running campaign that starts this execution")] if message else []


def find_late_problems(raw: object, run: Run) -> list[Problem]:
    """Why the execution may not run as a step of a campaign at the home of the fleet: it began after home had stopped trying to start
    it, so home may count it as not started. Empty if the input names none. Call this for an input that is valid."""
    named = raw.get("fleet") if isinstance(raw, Mapping) else None
    if not isinstance(named, Mapping):
        return []
    step = FleetStep.model_validate(named)
    if run.started_at <= step.start_by:
        return []
    message = f"{step.campaign} at home no longer starts this step: it had to begin by {step.start_by:%Y-%m-%d %H:%M:%S} UTC"
    return [Problem(path="fleet.start_by", message=message, expected="a new campaign")]


def _explain_refusal(w: Wiring, named: Mapping[str, Any], run: Run) -> str:
    record = w.campaigns.get(str(named.get("id")))
    if record is None:
        return "there is no such campaign"
    step = next((step for step in record.runs if step.number == named.get("number")), None)
    if step is None or step.execution_id != run.id:
        return f"{record.id} starts no execution of this name"
    if record.abort is not None:
        return f"the campaign starts no further step: {record.abort.reason}"
    if record.final or step.outcome is not None:
        return "the campaign, or this step of it, is over"
    return ""
