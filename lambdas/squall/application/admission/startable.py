"""Which published experiments and campaigns could start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from squall.admission.campaign import (
    Admitted,
    find_source_problems,
    make_offline_check,
    make_offline_regions,
    parse_campaign_input,
    plan_campaign,
)
from squall.admission.candidate import find_candidate, parse_candidate
from squall.admission.published import read_version
from squall.admission.regions import parse_regions
from squall.application.admission.deployed import DeployedDefinitions
from squall.application.admission.published import lets_published_run
from squall.domain.base.printable import one_line
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.campaign.definition import Campaign
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.published import StoredVersion
from squall.domain.regions.definition import REGIONS
from squall.wiring import Wiring

PROBLEM_CHARACTERS = 300


@dataclass
class Startable:
    """What is published, by its name in the catalogue. Retired names are in none of these, and no experiment whose policy lets
    no published experiment run."""

    experiments: dict[str, Experiment] = field(default_factory=dict)
    """The experiments that Admit would take, without those for several Regions: a campaign starts these."""
    definitions: dict[str, Any] = field(default_factory=dict)
    """The raw definitions of these, and of experiments for several Regions."""
    campaigns: dict[str, StoredVersion] = field(default_factory=dict)
    """The campaigns, still unchecked."""
    problems: dict[str, str] = field(default_factory=dict)
    """Why Admit would refuse others."""


def read_startable(w: Wiring, versions: Mapping[str, int], deployed: DeployedDefinitions) -> Startable:
    """What is published in these newest versions (`Catalogue.list_newest`). Raises Unavailable or Refused if the catalogue can't
    be read."""
    startable = Startable()
    if not lets_published_run(deployed.environments):
        return startable
    for name, number in sorted(versions.items()):
        try:
            _read_version(w, name, number, deployed, startable)
        except InvalidInput as invalid:
            startable.problems[name] = one_line(str(invalid), PROBLEM_CHARACTERS)
    return startable


def check_campaigns(startable: Startable, deployed: DeployedDefinitions) -> tuple[dict[str, Campaign], dict[str, str]]:
    """The published campaigns that AdmitCampaign would take, with steps that could start; and why it would refuse others."""
    known = {**deployed.catalogue, **startable.definitions}
    catalogue = {name: raw for name, raw in known.items() if name not in startable.problems}
    campaigns: dict[str, Campaign] = {}
    problems: dict[str, str] = {}
    for name, stored in startable.campaigns.items():
        try:
            campaigns[name] = _check_campaign(name, stored, deployed, catalogue)
        except InvalidInput as invalid:
            problems[name] = one_line(str(invalid), PROBLEM_CHARACTERS)
    return campaigns, problems


def _read_version(w: Wiring, name: str, number: int, deployed: DeployedDefinitions, startable: Startable) -> None:
    """Raises InvalidInput if Admit would refuse the version."""
    stored = w.catalogue.read(name, number)
    if stored is None or (version := read_version(stored)).retired:
        return
    if version.is_campaign:
        startable.campaigns[name] = stored
        return
    candidate, problems = find_candidate({"experiment": name}, deployed.catalogue, stored)
    if candidate is not None and not problems and isinstance(candidate.raw, Mapping) and REGIONS in candidate.raw:
        parse_regions(candidate.raw)
        startable.definitions[name] = candidate.raw
        return
    experiment, more = parse_candidate(candidate)
    if problems or more:
        raise InvalidInput([*problems, *more])
    policy = deployed.environments.get(experiment.environment) if experiment else None
    if experiment is not None and candidate is not None and isinstance(policy, Mapping) and lets_published_run({"": policy}):
        startable.experiments[name], startable.definitions[name] = experiment, candidate.raw


def _check_campaign(name: str, stored: StoredVersion, deployed: DeployedDefinitions, catalogue: Mapping[str, Any]) -> Campaign:
    """Raises InvalidInput if AdmitCampaign would refuse the campaign."""
    requested = parse_campaign_input({"campaign": name}, deployed.campaigns, stored)
    check, admitted = make_offline_check(catalogue, deployed.environments), list[Admitted]()

    def admit_step(payload: Mapping[str, Any]) -> tuple[Admitted | None, list[Problem]]:
        found, problems = check(payload)
        admitted.extend([found] if found else [])
        return found, problems

    plan_campaign(requested.campaign, admit_step, make_offline_regions(catalogue))
    refused = find_source_problems(requested, [environment for _, environment in admitted])
    if refused:
        raise InvalidInput(refused)
    return requested.campaign
