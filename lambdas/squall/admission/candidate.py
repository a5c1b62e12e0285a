"""Chooses the experiment that an execution's input means: deployed, published or given inline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from squall.admission.experiment import parse_experiment
from squall.admission.policy import find_unavailable_features
from squall.admission.published import read_version
from squall.domain.base.printable import one_line
from squall.domain.base.problems import InvalidInput, Problem, extend_path, prefix_paths, show_value, suggest_name
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.published import DefinitionSource, PublishedVersion, StoredVersion, version_key


@dataclass(frozen=True)
class Candidate:
    """What the input names or contains, not parsed yet."""

    raw: Any
    path: str
    """The path under which its problems are reported."""
    source: DefinitionSource
    carries: bool = False
    """Whether it is the experiment of a Region without a fault."""


def find_candidate(
    raw: Mapping[str, Any], catalogue: Mapping[str, Any], published: StoredVersion | None
) -> tuple[Candidate | None, list[Problem]]:
    """The experiment that the input means, or why it means none."""
    name, inline = raw.get("experiment"), raw.get("definition")
    if not isinstance(name, str):
        source = DefinitionSource(kind="inline")
        return (Candidate(inline, "definition", source), []) if isinstance(inline, Mapping) else (None, [])
    try:
        version = read_version(published) if published else None
    except InvalidInput as invalid:
        return None, list(invalid.problems)
    if problem := _find_choice_problem(name, catalogue, version):
        return None, [problem]
    if version is None or version.retired:
        return Candidate(catalogue[name], extend_path("catalogue", name), DefinitionSource(name=name)), []
    source = DefinitionSource(kind="published", name=name, version=version.version, by=one_line(version.by), at=version.at)
    return Candidate(version.experiment, version_key(name, version.version), source), []


def _find_choice_problem(name: str, catalogue: Mapping[str, Any], version: PublishedVersion | None) -> Problem | None:
    """Why the name means no experiment. A name that is both deployed and published is refused: nobody can tell which of
    the two was meant."""
    if name in catalogue:
        if version is None or version.retired:
            return None
        message = f"{show_value(name)} is ambiguous: one is deployed, and version {version.version} is published"
        return Problem(path="experiment", message=message, expected="one of them: retire the published one, or rename one")
    if version is None:
        offered = ", ".join(sorted(catalogue)[:20]) or "nothing: the catalogue is empty"
        message = f"{show_value(name)} is not in the catalogue{suggest_name(name, catalogue)}"
        return Problem(path="experiment", message=message, expected=offered)
    if version.is_campaign:
        message = f"{show_value(name)} is the name of a published campaign"
        return Problem(path="experiment", message=message, expected="an experiment, or a start by squall campaign run")
    if version.retired:
        message = f"{show_value(name)} was retired at {version.at:%Y-%m-%d %H:%M:%S} UTC by {one_line(version.by)}"
        return Problem(path="experiment", message=message, expected="an experiment that is not retired")
    return None


def parse_candidate(candidate: Candidate | None) -> tuple[Experiment | None, list[Problem]]:
    """The experiment, or its problems."""
    if candidate is None:
        return None, []
    try:
        return parse_experiment(candidate.raw, candidate.path, carries=candidate.carries), []
    except InvalidInput as invalid:
        return None, [*invalid.problems, *prefix_paths(candidate.path, find_unavailable_features(candidate.raw))]
