"""Which published experiments could start."""

from collections.abc import Mapping

from squall.admission.candidate import find_candidate, parse_candidate
from squall.admission.published import read_version
from squall.admission.regions import parse_regions
from squall.application.admission.deployed import DeployedDefinitions
from squall.application.admission.published import lets_published_run
from squall.domain.base.printable import one_line
from squall.domain.base.problems import InvalidInput, Problem
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.published import PublishedVersion, version_key
from squall.domain.regions.definition import REGIONS
from squall.wiring import Wiring

PROBLEM_CHARACTERS = 300


def read_startable(w: Wiring, versions: Mapping[str, int], deployed: DeployedDefinitions) -> tuple[dict[str, Experiment], dict[str, str]]:
    """The published experiments that Admit would take, by their name in the catalogue; and why it would refuse others.

    `versions` are the newest ones (`Catalogue.list_newest`). Retired experiments, and those whose policy lets no
    published experiment run, are in neither. Raises Unavailable or Refused if the catalogue can't be read.
    """
    startable: dict[str, Experiment] = {}
    problems: dict[str, str] = {}
    if not lets_published_run(deployed.environments):
        return startable, problems
    for name, number in sorted(versions.items()):
        try:
            experiment = _read_experiment(w, name, number, deployed)
        except InvalidInput as invalid:
            problems[name] = one_line(str(invalid), PROBLEM_CHARACTERS)
        else:
            if experiment is not None:
                startable[name] = experiment
    return startable, problems


def _read_experiment(w: Wiring, name: str, number: int, deployed: DeployedDefinitions) -> Experiment | None:
    """Raises InvalidInput if Admit would refuse the version."""
    stored = w.catalogue.read(name, number)
    if stored is None or (version := read_version(stored)).retired:
        return None
    if version.is_campaign:
        _refuse_schedule(name, version)
        return None
    candidate, problems = find_candidate({"experiment": name}, deployed.catalogue, stored)
    if candidate is not None and not problems and isinstance(candidate.raw, Mapping) and REGIONS in candidate.raw:
        parse_regions(candidate.raw)
        return None  # a campaign starts it, and it has no schedule
    experiment, more = parse_candidate(candidate)
    if problems or more:
        raise InvalidInput([*problems, *more])
    policy = deployed.environments.get(experiment.environment) if experiment else None
    return experiment if isinstance(policy, Mapping) and lets_published_run({"": policy}) else None


def _refuse_schedule(name: str, version: PublishedVersion) -> None:
    """Raises InvalidInput for a published campaign with a schedule: only deployed campaigns are started by one."""
    if version.campaign and version.campaign.get("schedule"):
        path = version_key(name, version.version)
        raise InvalidInput([Problem(path=path, message="a published campaign can't have a schedule", expected="a deployed campaign")])
