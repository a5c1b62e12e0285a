"""Admits a campaign: checks its steps at once, opens its record, and claims its name."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from squall.admission.campaign import Admitted, find_source_problems, parse_campaign_input, plan_campaign
from squall.admission.trigger import find_trigger_problems, make_trigger_key
from squall.application.admission.admit import MOST_PROBLEMS, REASON_CHARACTERS, TRIGGER_RETENTION, list_regions, read_definition
from squall.application.admission.deployed import load_deployed
from squall.application.admission.execution_ids import LEGAL_NAME, START_TOLERANCE, list_candidate_ids
from squall.application.admission.published import find_published
from squall.application.fleet.members import list_members
from squall.application.regions.admission import find_region_problems
from squall.application.step import END, NEXT, Outcome, is_redriven
from squall.domain.base.printable import one_line
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.base.vocabulary import Status
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord, Claim
from squall.domain.documents.run import Run
from squall.domain.experiment.execution_input import Trigger
from squall.domain.policy.environment import Environment
from squall.errors import Refused, Unavailable
from squall.wiring import Wiring

MOST_FIRINGS_BACK = 500
"""How many earlier campaigns of the name are looked at. If as many began in the time in which a firing may be repeated, it can't be
told whether this one is, and it is refused."""


def admit_campaign(w: Wiring, event: Mapping[str, Any]) -> Outcome:
    """Check everything and open the record, even if the input is invalid. The answer contains `run` beside the
    outcome."""
    execution, raw = event["execution"], event.get("input")
    started_at = datetime.fromisoformat(execution["started_at"])
    plan, problems = _make_plan(w, raw, execution)
    if is_redriven(event):
        problems = [Problem(path="$", message="a redriven campaign is refused; start a new one")]
    record, is_new = _open_record(w, execution, started_at, raw, plan)
    run = Run(id=record.id, execution_arn=record.execution_arn, started_at=record.started_at)
    answer = {"run": run.model_dump(mode="json"), "round": len(record.runs), "steps": []}
    if record.final or record.abort or (not is_new and not record.plan_hash and record.reason):
        return {**END, **answer}
    if plan and not problems:
        claim = _claim_name(w, record)
        record = replace(record, previous=claim.before)
        problems = [*_refuse_second(record, claim), *_refuse_repeated_firing(w, record)]
    if problems or plan is None:
        _refuse(w, record, problems)
        return {**END, **answer}
    if not record.plan_hash and not _start_campaign(w, record, plan):
        return {**END, **answer}
    return {**NEXT, **answer}


def _start_campaign(w: Wiring, record: CampaignRecord, plan: CampaignPlan) -> bool:
    """Write the plan, and its hash into the record. False if the campaign was aborted or closed meanwhile."""
    w.documents.put(record.id, plan)
    if not w.campaigns.save(replace(record, plan_hash=plan.digest)):
        stored = w.campaigns.get(record.id)
        return stored is not None and stored.plan_hash == plan.digest and not (stored.final or stored.abort)
    try:
        w.campaign_events.emit(record)
    except (Unavailable, Refused):  # the start is told as well as it can be; only the end is guaranteed
        w.logger.exception("the start of the campaign was not announced", extra={"campaign_id": record.id})
    return True


def _make_plan(w: Wiring, raw: object, execution: Mapping[str, Any]) -> tuple[CampaignPlan | None, list[Problem]]:
    problems = []
    if not LEGAL_NAME.fullmatch(execution["name"]):
        message = f"{execution['name'][:80]!a} can't be the name of a campaign"
        problems.append(Problem(path="execution.name", message=message, expected="1 to 80 letters, digits, _ and -"))

    known: dict[str, tuple[Admitted | None, list[Problem]]] = {}

    def admit_step(payload: Mapping[str, Any]) -> tuple[Admitted | None, list[Problem]]:
        key = json.dumps(payload, sort_keys=True)  # a long suite repeats steps, and each would be parsed anew
        if key not in known:
            region = str(payload.get("region") or "")
            asked = {field: value for field, value in payload.items() if field != "region"}
            definition, found = read_definition(w, asked, "campaign-step", execution["arn"], w.clock.now(), region=region)
            known[key] = (definition.experiment, definition.environment) if definition else None, found
        return known[key]

    deployed = load_deployed()
    try:
        published = find_published(w, raw, deployed.environments, "campaign")
    except (Unavailable, Refused) as error:  # the name could be ambiguous, or the newest version a retirement
        return None, [*problems, Problem(path="campaign", message=f"the published catalogue could not be read: {error}")]
    try:
        requested = parse_campaign_input(raw, deployed.campaigns, published)
        listed = partial(list_regions, w)
        plan = plan_campaign(requested.campaign, admit_step, listed, request=requested.request, members=list_members())
        plan = plan.model_copy(update={"source": requested.source})
        problems += find_region_problems(w, plan, execution["arn"])
        problems += find_source_problems(requested, [admitted[1] for admitted, _ in known.values() if admitted])
        slacks = [environment.stale_trigger_seconds for admitted, _ in known.values() if admitted for environment in admitted[1:]]
        slack = min(slacks, default=Environment.model_fields["stale_trigger_seconds"].default)
        problems += find_trigger_problems(requested.request.trigger, requested.campaign.schedule, slack, w.clock.now())
    except InvalidInput as invalid:
        return None, [*problems, *invalid.problems]
    return (None, problems) if problems else (plan, [])


def _open_record(
    w: Wiring, execution: Mapping[str, Any], started_at: datetime, raw: object, plan: CampaignPlan | None
) -> tuple[CampaignRecord, bool]:
    """The record of this execution, and whether it was created now rather than by an earlier attempt of this state."""
    fields = raw if isinstance(raw, dict) else {}
    for campaign_id in list_candidate_ids(execution["name"], started_at):
        record = CampaignRecord(
            id=campaign_id,
            execution_arn=execution["arn"],
            started_at=started_at,
            status=Status.RUNNING,
            campaign=one_line(str(fields.get("campaign") or ""), 128),
            kind=plan.campaign.kind if plan else "",
            requested_by=one_line(str(fields.get("requested_by") or ""), 256),
            planned=len(plan.steps) if plan else 0,
            trigger=_read_trigger(raw) if plan else "",
        )
        if w.campaigns.create(record):
            return record, True
        existing = w.campaigns.get(campaign_id)
        if existing and existing.execution_arn == record.execution_arn and abs(existing.started_at - started_at) < START_TOLERANCE:
            return existing, False
    raise RuntimeError(f"the records of campaign {execution['name']} belong to other executions")


def _claim_name(w: Wiring, record: CampaignRecord) -> Claim:
    """Claim the campaign's name: two executions of one campaign would run each other's experiments at the same time."""
    claim = w.campaigns.claim_name(record.campaign, record.id)
    if claim.holder != record.id:
        other = w.campaigns.get(claim.holder)
        if other is None or other.final:
            return w.campaigns.claim_name(record.campaign, record.id, instead_of=claim.holder)
    return claim


def _refuse_second(record: CampaignRecord, claim: Claim) -> list[Problem]:
    if claim.holder == record.id:
        return []
    message = f"{record.campaign} runs already, as {claim.holder}"
    return [Problem(path="campaign", message=message, expected="one execution of it at a time")]


def _refuse_repeated_firing(w: Wiring, record: CampaignRecord) -> list[Problem]:
    """Scheduler may start an execution twice. The second one is refused also if the first one has ended meanwhile."""
    earlier, oldest = record, record.started_at - TRIGGER_RETENTION
    for _ in range(MOST_FIRINGS_BACK):
        found = w.campaigns.get(earlier.previous) if record.trigger and earlier.previous else None
        if found is None or found.started_at < oldest:
            return []
        if found.trigger == record.trigger:
            message = f"this firing of the schedule has started {found.id} already"
            return [Problem(path="trigger", message=message, expected="one execution for each firing")]
        earlier = found
    message = f"whether this firing has started a campaign already can't be told: {MOST_FIRINGS_BACK} campaigns of this name are newer"
    return [Problem(path="trigger", message=message, expected="fewer campaigns within two days")]


def _read_trigger(raw: object) -> str:
    """The firing that the input names, which has been parsed before; empty if it names none."""
    given = raw.get("trigger") if isinstance(raw, Mapping) else None
    return make_trigger_key(Trigger.model_validate(given)) if given else ""


def _refuse(w: Wiring, record: CampaignRecord, problems: list[Problem]) -> None:
    """Write why the campaign is rejected. FinishCampaign makes the record final and tells people."""
    left_off = len(problems) - MOST_PROBLEMS
    reason = "; ".join(str(problem) for problem in problems[:MOST_PROBLEMS])
    reason += f"; {left_off} more problems" if left_off > 0 else ""
    w.campaigns.save(replace(record, reason=reason[:REASON_CHARACTERS]))
