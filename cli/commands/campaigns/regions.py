"""What `squall plan` and `squall run` do with an experiment for several Regions: they start the campaign that runs it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from cli import output, session
from cli.arguments import campaigns
from cli.aws.publishing import parse_version
from cli.commands.campaigns.plan import plan_document, show_plan
from cli.commands.campaigns.runs import run_campaign
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line
from squall.admission.regions import find_run_experiment
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.regions.definition import list_regions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cli.arguments.request import Request
    from cli.aws.catalogue import Deployed
    from cli.aws.stack import Deployment
    from cli.ci.files import RunFiles
    from cli.session import Options

_ONLY_OF_RUNS = "The formats of --junit and --summary hold the criteria of one run, and each Region has a run of its own."


@dataclass(frozen=True)
class RegionalExperiment:
    """An experiment for several Regions, and the campaigns that run it."""

    name: str
    regions: tuple[str, ...]
    campaigns: tuple[str, ...]


def look_up(deployment: Deployment, request: Request) -> RegionalExperiment | None:
    """The experiment of the request if it is for several Regions; None for any other, and if the stack can't be asked: then Admit
    decides. Raises CommandError for a name that is neither deployed nor published: an execution of it would notify people and
    count as a rejected run; and for a file that names Regions, which no stack runs."""
    if request.definition is not None:
        if regions := list_regions(request.definition):
            raise _refuse_file(request, tuple(regions))
        return None
    name, deployed = request.experiment or "", deployment.deployed()
    if deployed is None:
        return None
    if name in deployed.experiments:
        regions = list(deployed.regions.get(name, ()))
    else:
        try:
            published = deployment.published.list_newest()
        except CommandError:
            return None
        if name not in published:
            raise _refuse_unknown(deployment, name, deployed, published)
        version = parse_version(deployment.published.read(name, published[name]))
        regions = list_regions(version.experiment) if version else []
    return RegionalExperiment(name, tuple(regions), _list_campaigns(deployment, deployed, name)) if regions else None


def run_regions(
    options: Options,
    regional: RegionalExperiment,
    request: Request,
    files: RunFiles | None = None,
    *,
    follow: bool = True,
    wait_timeout: str | None = None,
) -> int:
    """Starts the campaign that runs the experiment, and returns its exit code. Raises CommandError unless there is exactly one."""
    if files and (files.junit or files.summary):
        raise CommandError(_ONLY_OF_RUNS, "Leave them out; --sarif and --findings work.", code=Exit.REFUSED)
    campaign = _choose_campaign(regional)
    output.write_note(f"{regional.name} runs in {_and(regional.regions)} as the campaign {campaign}.")
    mode = {"mode": request.mode} if request.mode != "run" else {}
    changes: dict[str, Any] = {**mode, **({"overrides": request.overrides} if request.overrides else {})}
    return run_campaign(options, campaign, request.name, changes, follow=follow, wait_timeout=wait_timeout, files=files)


def plan_regions(options: Options, regional: RegionalExperiment, request: Request, wait_timeout: str | None) -> int:
    """Has every Region prepare and check its part, and inject nothing. Returns the exit code of the plan."""
    code = run_regions(options, regional, request, wait_timeout=wait_timeout)
    if not options.json:
        _show_parts(session.find_deployment(options), request.name)
    return code


def plan_file(options: Options, request: Request) -> int:
    """Shows the part of each Region from the files here. Returns 0 if every part would be admitted by them, otherwise 3."""
    file, experiment = request.file or "", Path(request.file or "").stem
    known = [name for name, raw in campaigns.read_folder(file, campaigns.FOLDER).items() if find_run_experiment(raw) == experiment]
    raw = campaigns.read_folder(file, campaigns.FOLDER)[known[0]] if known else _make_campaign(experiment, list_regions(request.definition))
    code = plan_document(options, file, raw, request.overrides)
    if code is Exit.VALIDATED and not options.json:
        commands = " or ".join(f"`squall campaign run {name} --plan`" for name in known)
        output.write_note(
            f"{commands} checks the targets and templates as well, and injects nothing."
            if known
            else f"No campaign beside it runs it. `squall run {experiment}` says which one to write."
        )
    return code


def _show_parts(deployment: Deployment, run: str) -> None:
    """Shows the part of each Region as home has admitted it; nothing if home has rejected the run."""
    raw = deployment.document(run, CampaignPlan.NAME)
    if raw is not None:
        show_plan(CampaignPlan.model_validate(raw))


def _refuse_unknown(deployment: Deployment, name: str, deployed: Deployed, published: Iterable[str]) -> CommandError:
    message = f"There is no experiment {clean_line(name, 128)!r} in the catalogue of stack {deployment.stack}, {deployment.region}."
    if name in (deployed.campaigns or ()):
        return CommandError(message, f"It is a campaign: `squall campaign run {name}`.", code=Exit.REFUSED)
    names = [*deployed.experiments, *published]
    near = difflib.get_close_matches(name, names, 3, 0.5)
    known = f"Did you mean {' or '.join(near)}?" if near else f"There are: {clean_line(', '.join(names) or 'none', 1000)}."
    return CommandError(message, f"{known} A file is given by its path.", code=Exit.REFUSED)


def _refuse_file(request: Request, regions: tuple[str, ...]) -> CommandError:
    name = Path(request.file or "").stem
    message = f"{request.file} is for {_and(regions)}, whose stacks run only what each of them has in its catalogue."
    hint = f"`squall plan {request.file}` shows the parts. Deploy or publish it in each Region, then `squall run {name}`."
    return CommandError(message, hint, code=Exit.REFUSED)


def _list_campaigns(deployment: Deployment, deployed: Deployed, experiment: str) -> tuple[str, ...]:
    """The campaigns that run the experiment, deployed and published. Raises CommandError if the published ones can't be read: nobody
    could tell then whether there is one only."""
    found = [name for name, run in deployed.region_campaigns.items() if run == experiment]
    if "published" in (deployed.environments or {}).values():
        for name, number in deployment.published.list_newest().items():
            version = parse_version(deployment.published.read(name, number))
            if version and find_run_experiment(version.campaign) == experiment:
                found.append(name)
    return tuple(dict.fromkeys(found))


def _choose_campaign(regional: RegionalExperiment) -> str:
    name, places = regional.name, _and(regional.regions)
    if not regional.campaigns:
        message = f"{name} runs in {places}, and no campaign here runs it."
        hint = f"Write this as campaigns/{name}.yaml, and deploy it with the stack of each Region, or publish it in the one that starts it:"
        text = yaml.safe_dump(_make_campaign(name, regional.regions), sort_keys=False, width=120)
        raise CommandError(message, hint, code=Exit.REFUSED, text=text)
    if len(regional.campaigns) > 1:
        message = f"{name} is run by several campaigns: {', '.join(regional.campaigns)}."
        hint = f"Name one: {' or '.join(f'`squall campaign run {campaign}`' for campaign in regional.campaigns)}."
        raise CommandError(message, hint, code=Exit.REFUSED)
    return regional.campaigns[0]


def _make_campaign(experiment: str, regions: Iterable[str]) -> dict[str, Any]:
    """A campaign that runs the experiment, as its file would say it."""
    places = _and(tuple(regions))
    return {
        "name": experiment,
        "description": f"Runs {experiment} in {places} at the same time",
        "kind": "regions",
        "experiment": experiment,
    }


def _and(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)
