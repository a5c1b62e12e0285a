"""Chooses what one Region runs of an experiment for several Regions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from squall.admission.candidate import Candidate
from squall.domain.base.problems import Problem, prefix_paths
from squall.domain.base.vocabulary import BlastRadius
from squall.domain.experiment.execution_input import RegionPart
from squall.domain.policy.environment import Environment
from squall.domain.regions.definition import REGIONS, split_definition


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
    return replace(candidate, raw=documents[region]), []


def find_radius_problems(environment: Environment) -> Iterator[Problem]:
    """Whether the policy lets a run hit several Regions. A part by itself hits one, which says nothing about the run."""
    if BlastRadius.MULTIPLE_REGION not in environment.allowed_blast_radius:
        allowed = ", ".join(environment.allowed_blast_radius)
        message = f"{environment.name} allows {allowed}; the run is {BlastRadius.MULTIPLE_REGION}"
        yield Problem(path="blast_radius", message=message, expected=allowed)
