"""What each Region runs of an experiment for several Regions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from squall.admission.candidate import Candidate
from squall.admission.experiment import parse_experiment
from squall.admission.json_limits import remove_duplicates
from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths
from squall.domain.base.vocabulary import BlastRadius
from squall.domain.experiment.execution_input import RegionPart
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.domain.regions.definition import REGIONS, carries_load, split_definition


def choose_region(
    candidate: Candidate | None, part: RegionPart | None, region: str, *, planned: bool = False
) -> tuple[Candidate | None, list[Problem]]:
    """The candidate with the experiment of this Region in the place of that for all of them. A candidate that no part runs
    is returned as it is; if it names Regions, the experiment itself is refused then. `planned`: home asks what the part in
    this Region would run."""
    if candidate is None or (part is None and not planned):
        return candidate, []
    raw = candidate.raw
    if not isinstance(raw, Mapping) or REGIONS not in raw:
        message = "the experiment names no Regions, so no execution of it is a part"
        return None, [Problem(path="part", message=message, expected="no part, or an experiment with regions")]
    documents, problems = split_definition(raw)
    if problems:
        return None, prefix_paths(candidate.path, problems)
    if part is not None and set(documents) != set(part.regions):
        message = f"home names {', '.join(part.regions)}, and the experiment names {', '.join(documents)}"
        return None, [Problem(path="part.regions", message=message, expected="the Regions of the experiment")]
    if region not in documents:
        return None, [
            Problem(path="part.regions", message=f"{region}, where this stack is, is none of them", expected=", ".join(documents))
        ]
    return replace(candidate, raw=documents[region], carries=carries_load(raw, region)), []


def parse_regions(raw: Mapping[str, Any]) -> dict[str, Experiment]:
    """The experiment of each Region. Raises InvalidInput with every problem, each at its place in the whole definition."""
    documents, problems = split_definition(raw)
    if problems:
        raise InvalidInput(problems)
    experiments = {}
    for region, document in documents.items():
        try:
            experiments[region] = parse_experiment(document, carries=carries_load(raw, region))
        except InvalidInput as invalid:
            problems += [place_problem(problem, raw, region) for problem in invalid.problems]
    if problems:
        raise InvalidInput(remove_duplicates(problems))
    return experiments


def place_problem(problem: Problem, raw: Mapping[str, Any], region: str) -> Problem:
    """The problem of a Region's experiment at its place in the whole definition: below the Region what it says for itself."""
    own = raw[REGIONS][region] or {}
    first, _, rest = problem.path.partition(".")
    fault, _, field = rest.partition(".")
    faults = own.get("faults") or {}
    name, of_fault = first.partition("[")[0], field.partition(".")[0].partition("[")[0]
    said_there = of_fault in faults.get(fault, {}) if name == "faults" else name in own
    return problem.model_copy(update={"path": f"{extend_path(REGIONS, region)}.{problem.path}"}) if said_there else problem


def find_run_experiment(raw: object) -> str:
    """The experiment that a raw campaign runs over several Regions; empty for any other campaign."""
    is_run = isinstance(raw, Mapping) and raw.get("kind") == "regions"
    return str(raw.get("experiment") or "") if is_run and isinstance(raw, Mapping) else ""


def find_radius_problems(environment: Environment) -> Iterator[Problem]:
    """Whether the policy lets a run hit several Regions. A part by itself hits one, which says nothing about the run."""
    if BlastRadius.MULTIPLE_REGION not in environment.allowed_blast_radius:
        allowed = ", ".join(environment.allowed_blast_radius)
        message = f"{environment.name} allows {allowed}; the run is {BlastRadius.MULTIPLE_REGION}"
        yield Problem(path="blast_radius", message=message, expected=allowed)


def find_campaign_problems(environment: Environment, part: RegionPart | None) -> Iterator[Problem]:
    """Whether the policy of this Region lets a published campaign start the part: home's policy says nothing about it."""
    if part is not None and part.published and environment.catalogue != "published":
        message = f"{environment.name} runs deployed campaigns only, and the one that starts this part is published"
        yield Problem(path="part.published", message=message, expected="a campaign that is deployed at home")
