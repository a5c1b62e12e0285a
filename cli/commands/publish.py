"""`squall publish`: adds experiments and campaigns to the published catalogue of a stack; every file is good, or nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.arguments import campaigns, definitions
from cli.arguments.policies import Policies, choose_policies
from cli.aws.publishing import Outcome, add_version, align_schedules, check_name, parse_version
from cli.commands.validate import check_file, show_report
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line, safe_text
from squall.admission.experiment import parse_experiment
from squall.admission.regions import parse_regions
from squall.domain.base.problems import InvalidInput
from squall.domain.regions.definition import REGIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cli.aws.catalogue import Deployed
    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.experiment.experiment import Experiment


@dataclass(frozen=True)
class Publication:
    """A definition to publish."""

    content: dict[str, Any]
    environments: tuple[str, ...]
    """Those that it runs in."""
    experiments: tuple[str, ...] = ()
    """The experiments that a campaign names."""
    is_campaign: bool = False
    regions: tuple[str, ...] = ()
    """Those that it runs in; empty: the one of the stack."""


def publish_files(options: Options, files: Sequence[str]) -> int:
    """Returns 0 if everything is published and scheduled as it says; 5 if a schedule is missing. Raises CommandError, with
    nothing written, if a file, a name or a policy does not allow it."""
    publications = _read_publications(files, choose_policies(options))
    deployment = session.find_deployment(options)
    _check_deployed(deployment, publications)
    outcomes: list[Outcome] = []
    try:
        # Experiments first, because campaigns name them.
        for name, publication in sorted(publications.items(), key=lambda item: item[1].is_campaign):
            outcomes.append(add_version(deployment, name, publication.content, is_campaign=publication.is_campaign))
    finally:  # what was written is said, also if the next one fails
        if not options.json:
            _show(outcomes)
    _tell_of_other_regions(deployment, publications)
    schedules, code = align_schedules(deployment, publications.keys())
    if options.json:
        output.write_json({"published": [make_document(outcome) for outcome in outcomes], "schedules": schedules})
    return code


def _tell_of_other_regions(deployment: Deployment, publications: Mapping[str, Publication]) -> None:
    """Say in which Regions an experiment for several has to be published as well: each takes its part from its own catalogue."""
    for name, publication in publications.items():
        others = [region for region in publication.regions if region != deployment.region]
        if others and not publication.is_campaign:
            output.write_note(f"{name}: no part of it starts before it is published in {', '.join(others)}, too, with --region.")


def dump_experiment(experiment: Experiment) -> dict[str, Any]:
    """The definition as the catalogue holds it, in the form of deployed ones."""
    dumped: dict[str, Any] = experiment.model_dump(mode="json", exclude_unset=True)
    return dumped


def make_document(outcome: Outcome) -> dict[str, Any]:
    """A published version as plain data."""
    version = outcome.version
    return {
        "name": version.name,
        "version": version.version,
        "hash": version.hash,
        "by": version.by,
        "at": version.at.isoformat(),
        "written": outcome.written,
    }


def _read_publications(files: Sequence[str], known: Policies | None) -> dict[str, Publication]:
    """What to publish, by name. Raises CommandError, after showing every problem of every file."""
    reports = [check_file(file, known) for file in files]
    invalid = [report for report in reports if not report.valid]
    console = output.make_console(stderr=True)
    for report in invalid:
        show_report(console, report)
    if invalid:
        raise CommandError(f"Nothing is published: {len(invalid)} of {len(files)} files are not valid.", code=Exit.REFUSED)
    publications: dict[str, Publication] = {}
    for file in files:
        name = Path(file).stem
        check_name(name)
        if name in publications:
            raise CommandError(
                f"Nothing is published: two files are named {name}.", "A file's name is its name in the catalogue.", code=Exit.REFUSED
            )
        publications[name] = _read_publication(file)
    return publications


def _read_publication(file: str) -> Publication:
    source = definitions.read_source(file)
    try:
        if campaigns.is_campaign(source.raw):
            return _read_campaign(file, source.raw)
        if isinstance(source.raw, dict) and REGIONS in source.raw:
            parts = parse_regions(source.raw)
            return Publication(dict(source.raw), tuple(dict.fromkeys(part.environment for part in parts.values())), regions=tuple(parts))
        experiment = parse_experiment(source.raw)
    except InvalidInput as invalid:  # `check_file` takes policies, too
        message = f"Nothing is published: {file} is not an experiment or a campaign: {invalid.problems[0]}"
        raise CommandError(clean_line(message, 500), "Policies are deployed only.", code=Exit.REFUSED) from invalid
    return Publication(dump_experiment(experiment), (experiment.environment,))


def _read_campaign(file: str, raw: object) -> Publication:
    """The campaign of a valid file, checked with the experiments beside it."""
    plan = campaigns.read_beside(file).make_plan(raw)
    runs = [step for step in plan.steps if not step.prompt]
    dumped: dict[str, Any] = plan.campaign.model_dump(mode="json", exclude_unset=True)
    environments, experiments = (tuple(dict.fromkeys(getattr(step, field) for step in runs)) for field in ("environment", "experiment"))
    regions = tuple(step.name for step in runs) if plan.campaign.kind == "regions" else ()
    return Publication(dumped, environments, experiments, is_campaign=True, regions=regions)


def _check_deployed(deployment: Deployment, publications: Mapping[str, Publication]) -> None:
    """Raises CommandError if a name is deployed, if the policy of an environment lets only deployed definitions run, or if a
    campaign names an experiment that the stack would not know."""
    deployed = deployment.deployed()
    is_campaign = any(publication.is_campaign for publication in publications.values())
    if deployed is None or deployed.environments is None or (is_campaign and deployed.campaigns is None):
        message = f"Nothing is published: whether these names are deployed in stack {deployment.stack} can't be told."
        hint = "The stack is older than this command, or these credentials may not invoke its report function."
        raise CommandError(message, hint, code=Exit.REFUSED)
    known = {*deployed.experiments, *(name for name, publication in publications.items() if not publication.is_campaign)}
    problems = [
        problem
        for name, publication in publications.items()
        for problem in (
            *_find_problems(name, publication, deployed, deployed.environments, deployment.region),
            *(
                f"{name}: the stack has no experiment {experiment}"
                for experiment in publication.experiments
                if experiment not in known and not _is_published(deployment, experiment)
            ),
        )
    ]
    if problems:
        hint = "Docs: how-to/publish-experiments.md."
        raise CommandError(f"Nothing is published: {'; '.join(problems)}.", hint, code=Exit.REFUSED)


def _is_published(deployment: Deployment, experiment: str) -> bool:
    version = parse_version(deployment.published.find_newest(experiment))
    return version is not None and version.experiment is not None


def _find_problems(name: str, publication: Publication, deployed: Deployed, environments: Mapping[str, str], region: str) -> list[str]:
    taken = name in deployed.experiments or name in (deployed.campaigns or ())
    problems = [f"{name} is deployed already, and a name in both catalogues runs nothing"] if taken else []
    if publication.regions and region not in publication.regions:
        problems.append(f"{name} runs in {', '.join(publication.regions)}, and this stack is in {region}")
    for environment in publication.environments:
        if environment not in environments:
            problems.append(f"{name}: the stack has no environment {environment}; it has {', '.join(sorted(environments)) or 'none'}")
        elif environments[environment] != "published":
            problems.append(f"{name}: the policy of {environment} lets only deployed experiments run")
    return problems


def _show(outcomes: Sequence[Outcome]) -> None:
    console = output.make_console()
    for outcome in outcomes:
        version = outcome.version
        done = "published" if outcome.written else "unchanged"
        line = f"{version.name}: {done}, version {version.version}, hash {version.hash[:12]}"
        console.print(safe_text(line, "green" if outcome.written else ""), soft_wrap=True)
