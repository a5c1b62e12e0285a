"""Reads and validates the catalogue and the environment policies; a synth with an invalid one fails and lists every
problem."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel

from infra.account.fleet import CAMPAIGN, Fleet, parse_fleet
from infra.strict_yaml import StrictLoader
from squall.admission.campaign import make_offline_check, make_offline_regions, parse_campaign, plan_campaign
from squall.admission.environment import parse_environment
from squall.admission.experiment import parse_experiment
from squall.admission.regions import parse_regions
from squall.domain.base.problems import InvalidInput
from squall.domain.campaign.definition import Campaign
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.domain.regions.definition import REGIONS

Definition = TypeVar("Definition")


class DefinitionsError(Exception):
    """A definition is not valid; the message lists every problem with its file and path."""


@dataclass(frozen=True)
class OverRegions:
    """An experiment for several Regions, and what each of them runs."""

    raw: Mapping[str, object]
    parts: Mapping[str, Experiment]

    @property
    def environment(self) -> str:
        return next(iter(self.parts.values())).environment


@dataclass(frozen=True)
class Definitions:
    """The definitions to deploy: the catalogue by file name, the policies by environment name."""

    experiments: Mapping[str, Experiment | OverRegions]
    environments: Mapping[str, Environment]
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    fleet: Fleet | None = None
    """The fleet whose home this stack is."""

    @property
    def in_one_region(self) -> dict[str, Experiment]:
        """The experiments that run by themselves, without a campaign over several Regions."""
        return {name: experiment for name, experiment in self.experiments.items() if isinstance(experiment, Experiment)}

    def files(self) -> dict[str, dict[str, object]]:
        """The documents that the handlers read, by file name."""
        return {
            "catalogue.json": {name: _dump_model(experiment) for name, experiment in sorted(self.experiments.items())},
            "environments.json": {name: _dump_model(environment) for name, environment in sorted(self.environments.items())},
            "campaigns.json": {name: _dump_model(campaign) for name, campaign in sorted(self.campaigns.items())},
            **({"fleet.json": dict(self.fleet.list_deployed())} if self.fleet else {}),
        }


def load_definitions(
    experiments_dir: Path, environments_dir: Path, campaigns_dir: Path | None = None, fleet_file: Path | None = None
) -> Definitions:
    """Reads the folders with the models of the handlers. Raises DefinitionsError with every problem at once. A folder of
    campaigns that does not exist holds none."""
    problems: list[str] = []
    experiments = dict(_read_folder(experiments_dir, _parse_experiment, problems))
    environments = dict(_read_folder(environments_dir, parse_environment, problems))
    for stem, environment in environments.items():
        if environment.name != stem:
            problems.append(f"{environments_dir / stem}.yaml: name: is {environment.name!r}, and the file says {stem!r}")
    campaigns = dict(_read_folder(campaigns_dir, parse_campaign, problems)) if campaigns_dir else {}
    fleets = list(_read_files([fleet_file], parse_fleet, problems)) if fleet_file else []
    if not problems:
        members = {name: CAMPAIGN in member.grants for name, member in fleets[0][1].members.items()} if fleets else {}
        problems += _find_wrong_steps(campaigns_dir, campaigns, experiments, environments, members)
        problems += _find_unknown_environments(experiments_dir, experiments, environments)
        problems += _find_unknown_promotions(environments_dir, environments)
    if problems:
        raise DefinitionsError("The definitions are not valid:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Definitions(experiments, environments, campaigns, fleets[0][1] if fleets else None)


def _parse_experiment(raw: object) -> Experiment | OverRegions:
    if isinstance(raw, Mapping) and REGIONS in raw:
        return OverRegions(raw, parse_regions(raw))
    return parse_experiment(raw)


def _dump_model(model: BaseModel | OverRegions) -> object:
    if isinstance(model, OverRegions):
        return dict(model.raw)
    return model.model_dump(mode="json", exclude_unset=True)


def _read_folder(folder: Path, parse: Callable[[object], Definition], problems: list[str]) -> Iterator[tuple[str, Definition]]:
    yield from _read_files(sorted(folder.glob("*.y*ml")), parse, problems)


def _read_files(files: Iterable[Path], parse: Callable[[object], Definition], problems: list[str]) -> Iterator[tuple[str, Definition]]:
    for file in files:
        try:
            yield file.stem, parse(yaml.load(file.read_text(), Loader=StrictLoader))  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            problems.append(f"{file}: {' '.join(str(error).split())}")
        except InvalidInput as error:
            problems += [f"{file}: {problem}" for problem in error.problems]


def _find_wrong_steps(
    folder: Path | None,
    campaigns: Mapping[str, Campaign],
    experiments: Mapping[str, Experiment | OverRegions],
    environments: Mapping[str, Environment],
    members: Mapping[str, bool],
) -> Iterator[str]:
    """Steps that no deployed experiment allows. Where a policy lets published experiments run, a campaign may name one of
    those, which nobody can read here."""
    files = Definitions(experiments, environments).files()
    check = make_offline_check(files["catalogue.json"], files["environments.json"], strict=False)
    regions = make_offline_regions(files["catalogue.json"])
    published = any(environment.catalogue == "published" for environment in environments.values())
    for name, campaign in campaigns.items():
        try:
            plan_campaign(campaign, check, regions, members=members)
        except InvalidInput as invalid:
            for problem in invalid.problems:
                if not (published and "is not in the catalogue" in problem.message):
                    yield f"{(folder or Path()) / name}.yaml: {problem}"


def _find_unknown_environments(
    folder: Path, experiments: Mapping[str, Experiment | OverRegions], environments: Mapping[str, Environment]
) -> Iterator[str]:
    for name, experiment in experiments.items():
        if experiment.environment not in environments:
            known = ", ".join(sorted(environments)) or "none"
            yield f"{folder / name}.yaml: environment: {experiment.environment!r} has no policy (known: {known})"


def _find_unknown_promotions(folder: Path, environments: Mapping[str, Environment]) -> Iterator[str]:
    for name, environment in environments.items():
        promotion = environment.promotion
        source = promotion.environment if promotion and promotion.stack is None else None
        if source is not None and (source not in environments or source == name):
            known = ", ".join(sorted(set(environments) - {name})) or "none"
            yield f"{folder / name}.yaml: promotion.environment: {source!r} is no other environment here (known: {known})"
