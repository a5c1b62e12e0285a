"""Whether an execution is the part of a run over several Regions that it says it is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from squall.domain.base.problems import Problem
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.documents.run import Run
from squall.domain.experiment.execution_input import RegionPart
from squall.domain.run.part import Part, name_part
from squall.wiring import Wiring


def read_part(raw: object, region: str) -> Part | None:
    """The part that the input of an execution in this Region names; None if it names none, or one that is not understood:
    then the input is refused."""
    named: Any = raw.get("part") if isinstance(raw, Mapping) else None
    if named is None:
        return None
    try:
        asked = RegionPart.model_validate(named)
    except ValidationError:
        return None
    return Part(asked.run, region, asked.home, asked.regions, asked.start_by)


def find_part_problems(w: Wiring, part: Part | None, run: Run, now: datetime) -> list[Problem]:
    """Why the execution may not run as this part; empty if it may, or if it is no part.

    The name is the only one that home gives a part in this Region, and an execution's name is used once: nothing else can
    become the part that home's decision is about.
    """
    return [] if part is None else _list_problems(w, part, run, now)


def find_region_problems(w: Wiring, plan: CampaignPlan, execution_arn: str) -> list[Problem]:
    """Why home can't start the parts of a campaign over several Regions; empty for any other campaign."""
    if plan.campaign.kind != "regions":
        return []
    home, known = execution_arn.split(":")[3], w.settings.peer_regions
    regions = [step.name for step in plan.steps]
    problems = []
    if home not in regions:
        message = f"{home}, where the run would be started, is none of its Regions"
        problems.append(Problem(path="experiment", message=message, expected=f"to be started in {' or '.join(regions)}"))
    problems += [_refuse_peer("experiment", region, known) for region in regions if region not in (home, *known)]
    return problems


def _refuse_peer(path: str, region: str, known: tuple[str, ...]) -> Problem:
    message = f"this stack acts with no stack in {region}"
    return Problem(path=path, message=message, expected=", ".join(known) or "the setting peer_regions names no Region")


def _list_problems(w: Wiring, part: Part, run: Run, now: datetime) -> list[Problem]:
    problems, known = [], w.settings.peer_regions
    if run.id != (name := name_part(part.run, part.region)):
        problems.append(Problem(path="execution.name", message=f"{run.id} is not the part of {part.run}", expected=name))
    if part.home not in part.regions:
        problems.append(Problem(path="part.home", message=f"{part.home} is no Region of the run", expected=", ".join(part.regions)))
    problems += [_refuse_peer("part.regions", region, known) for region in part.peers if region not in known]
    if now >= part.start_by:
        message = f"it is too late to start with the other Regions: {part.start_by:%Y-%m-%d %H:%M:%S} UTC is over"
        problems.append(Problem(path="part.start_by", message=message, expected="a new run"))
    return problems
