"""Parses a campaign, and plans its steps: every problem of the campaign, its experiments and its doses at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from squall.admission.environment import parse_environment
from squall.admission.experiment import parse_experiment
from squall.admission.json_limits import find_json_problems, make_type_problem, remove_duplicates
from squall.admission.latest_end import find_latest_end
from squall.admission.overrides import apply_overrides
from squall.admission.policy import find_policy_problems, find_ranges_problems
from squall.admission.published import read_version
from squall.admission.regions import find_radius_problems, parse_regions
from squall.domain.base.printable import one_line
from squall.domain.base.problems import (
    WHOLE,
    InvalidInput,
    Problem,
    extend_path,
    list_validation_problems,
    prefix_paths,
    show_value,
    suggest_name,
)
from squall.domain.base.spelling import parse_corrected
from squall.domain.base.vocabulary import FaultType, Mode
from squall.domain.campaign.definition import (
    DEFAULT_WAIT,
    Campaign,
    CampaignInput,
    Expectation,
    SuiteStep,
    dump_overrides,
    make_overrides,
)
from squall.domain.campaign.plan import CampaignPlan, PlannedStep, label_dose
from squall.domain.experiment.execution_input import Overrides
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.hashes import definition_hash
from squall.domain.experiment.published import DefinitionSource, PublishedVersion, StoredVersion, version_key
from squall.domain.policy.environment import Environment
from squall.domain.regions.definition import carries_load, split_definition
from squall.faults import registry
from squall.faults.actions.waiting import RESERVE
from squall.faults.plan import BoundFault, find_lead, planned_end

Admitted = tuple[Experiment, Environment]
"""An experiment after overrides, and the policy that it runs under."""
AdmitStep = Callable[[Mapping[str, Any]], tuple[Admitted | None, list[Problem]]]
"""Checks the input of one execution without starting it: what would run, or every problem. `region` in it says in which
Region of an experiment for several; without it, this one's."""
NamedRegions = Mapping[str, bool]
"""The Regions that an experiment names, and whether each has no fault and carries the load of the others."""
ListRegions = Callable[[str], tuple[NamedRegions, list[Problem]]]
"""Those of an experiment, by its name in the catalogue, or every problem."""
KnownMembers = Mapping[str, bool]
"""The members of the fleet whose home this stack is, and whether each lets home's campaigns run there."""
LENGTHS = ("duration", "duration_minutes", "observation")
"""The overrides that mean something in a Region without a fault."""


@dataclass(frozen=True)
class _Wanted:
    """A step before it is admitted."""

    name: str
    experiment: str
    overrides: Mapping[str, Any]
    needs: tuple[str, ...]
    path: str
    """Where the campaign names the experiment, and where its problems are reported."""
    overrides_path: str
    expects: tuple[Expectation, ...] = ()
    region: str = ""
    """The Region of an experiment for several."""
    member: str = ""
    """The member of the fleet whose catalogue has the experiment."""


def parse_campaign(raw: object, path: str = WHOLE) -> Campaign:
    """The campaign. Raises InvalidInput with every problem, each with its path below `path`."""
    json_problems = find_json_problems(raw)
    if json_problems or not isinstance(raw, Mapping):
        raise InvalidInput(prefix_paths(path, json_problems or [make_type_problem(raw, "a campaign")]))
    return parse_corrected(raw, Campaign, path)


@dataclass(frozen=True)
class RequestedCampaign:
    """The input of a campaign's execution, and the campaign that it names."""

    request: CampaignInput
    campaign: Campaign
    source: DefinitionSource | None = None
    """The published version; None for a deployed campaign."""


def parse_campaign_input(raw: object, campaigns: Mapping[str, Any], published: StoredVersion | None = None) -> RequestedCampaign:
    """What the input of a campaign's execution asks for. `campaigns` are raw, by name, as deployed; `published` is the newest
    published version under the name in the input. Raises InvalidInput with every problem."""
    json_problems = find_json_problems(raw)
    if json_problems or not isinstance(raw, Mapping):
        raise InvalidInput(json_problems or [make_type_problem(raw, "the execution input")])
    try:
        request = CampaignInput.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(list_validation_problems(error, raw, WHOLE, CampaignInput)) from None
    name = request.campaign
    version = read_version(published) if published else None
    if problem := _find_name_problem(name, campaigns, version):
        raise InvalidInput([problem])
    if version is None or version.retired:
        return RequestedCampaign(request, parse_campaign(campaigns[name], extend_path("campaigns", name)))
    source = DefinitionSource(
        kind="published", name=name, version=version.version, hash=version.hash, by=one_line(version.by), at=version.at
    )
    return RequestedCampaign(request, parse_campaign(version.campaign, version_key(name, version.version)), source)


def _find_name_problem(name: str, campaigns: Mapping[str, Any], version: PublishedVersion | None) -> Problem | None:
    """Why the name means no campaign. One that is both deployed and published is refused: nobody can tell which was meant."""
    if version is None or version.retired:
        if name in campaigns:
            return None
        if version is not None:
            message = f"{show_value(name)} was retired at {version.at:%Y-%m-%d %H:%M:%S} UTC by {one_line(version.by)}"
            return Problem(path="campaign", message=message, expected="a campaign that is not retired")
        offered = ", ".join(sorted(campaigns)[:20]) or "nothing: no campaign is deployed"
        return Problem(path="campaign", message=f"{show_value(name)} is no campaign{suggest_name(name, campaigns)}", expected=offered)
    if name in campaigns:
        message = f"{show_value(name)} is ambiguous: one is deployed, and version {version.version} is published"
        return Problem(path="campaign", message=message, expected="one of them: retire the published one, or rename one")
    if not version.is_campaign:
        message = f"{show_value(name)} is the name of a published experiment"
        return Problem(path="campaign", message=message, expected="a campaign, or a start by squall run")
    return None


def find_source_problems(requested: RequestedCampaign, environments: Iterable[Environment]) -> list[Problem]:
    """Why the policies of its steps do not let the campaign run as a published one. Of a run over several Regions each Region asks
    its own policy as well. No policy of home's speaks for a member, so only deployed campaigns run there."""
    if requested.source is None:
        return []
    away = [f"steps[{number}].member" for number, step in enumerate(requested.campaign.steps) if step.member]
    if away:
        message = f"only a deployed campaign runs experiments in members, and {requested.request.campaign} is published"
        return [Problem(path=path, message=message, expected="a deployed campaign") for path in away]
    closed = sorted({environment.name for environment in environments if environment.catalogue != "published"})
    message = f"the policy of {{}} lets only deployed experiments and campaigns run, and {requested.request.campaign} is published"
    return [Problem(path="campaign", message=message.format(name), expected="a deployed campaign") for name in closed]


def plan_campaign(
    campaign: Campaign,
    admit_step: AdmitStep,
    list_regions: ListRegions,
    path: str = WHOLE,
    *,
    request: CampaignInput | None = None,
    members: KnownMembers | None = None,
) -> CampaignPlan:
    """The plan, if every experiment exists and every dose is admissible. `request`: the input that starts it. `members`: those that
    the fleet has; None: nobody knows here, so no name of one is checked. Raises InvalidInput with every problem."""
    problems: list[Problem] = []
    steps: list[PlannedStep] = []
    regions: NamedRegions = {}
    overrides = dump_overrides(request.overrides) if request else {}
    if campaign.kind == "regions":
        regions, found = list_regions(campaign.experiment or "")
        problems += [
            problem.model_copy(update={"path": "experiment", "message": f"{problem.path}: {problem.message}"}) for problem in found
        ]
    elif request is not None and request.given:
        message = f"belongs to a run over several Regions, and this is a campaign of kind {campaign.kind}"
        problems += [Problem(path=name, message=message, expected="no such key: its file says what it runs") for name in request.given]
    for wanted in _list_wanted(campaign, regions, overrides):
        if isinstance(wanted, PlannedStep):
            steps.append(wanted)
            continue
        if wanted.member:
            problems += _find_member_problems(wanted, members)
            steps.append(_make_away_step(wanted))
            continue
        payload: dict[str, Any] = {"experiment": wanted.experiment}
        if wanted.overrides:
            payload["overrides"] = dict(wanted.overrides)
        if wanted.region:
            payload["region"] = wanted.region
        admitted, found = admit_step(payload)
        problems += [_place_problem(wanted, problem) for problem in found]
        if admitted is not None and not found:
            steps.append(_make_step(wanted, *admitted))
    problems += [] if problems else _find_unequal_lengths(steps)
    if problems:
        raise InvalidInput(remove_duplicates(prefix_paths(path, problems)))
    return CampaignPlan(campaign=campaign, steps=tuple(steps), mode=request.mode if request else Mode.RUN)


def _find_member_problems(wanted: _Wanted, members: KnownMembers | None) -> Iterator[Problem]:
    """Why home can't run a step in the member. What it would run there, the member's own stack checks."""
    if members is None or members.get(wanted.member):
        return
    path = f"{wanted.path.rpartition('.')[0]}.member"
    if wanted.member in members:
        message = f"{wanted.member} does not let home's campaigns run there"
        yield Problem(path=path, message=message, expected="the grant campaign, in fleet.yaml and in the member's own settings")
        return
    offered = ", ".join(sorted(name for name, lets in members.items() if lets))
    message = f"{show_value(wanted.member)} is no member of the fleet{suggest_name(wanted.member, members)}"
    expected = offered or "a member with the grant campaign: the stack's fleet_file names none"
    yield Problem(path=path, message=message, expected=expected)


def _make_away_step(wanted: _Wanted) -> PlannedStep:
    return PlannedStep(
        name=wanted.name,
        experiment=wanted.experiment,
        overrides=dict(wanted.overrides),
        needs=wanted.needs,
        member=wanted.member,
        definition_hash="",
        environment="",
        fault_type="",
        resource_type="",
        seconds=0,
    )


def _find_unequal_lengths(steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Whether a Region without a fault is not watched as long as the others may have theirs."""
    carried = [step.seconds for step in steps if step.fault_type == FaultType.NO_FAULT]
    faults = [step.seconds for step in steps if step.fault_type != FaultType.NO_FAULT]
    reserve = round(RESERVE.total_seconds())
    if carried and faults and min(carried) + reserve < max(faults):
        message = f"the faults may last {max(faults)} s, and the Region that carries the load would be watched for {min(carried)} s"
        expected = f"at most {reserve} s that FIS keeps in reserve, and no other length for a scenario"
        yield Problem(path="experiment", message=message, expected=expected)


def make_offline_check(catalogue: Mapping[str, Any], environments: Mapping[str, Any], *, strict: bool = True) -> AdmitStep:
    """Checks steps by definitions and policies alone, both raw and by name, without an account: what a file on somebody's
    disk can tell. Without `strict`, what a policy refuses of the experiment even without overrides is left to the check
    of the experiment itself."""

    def admit_step(payload: Mapping[str, Any]) -> tuple[Admitted | None, list[Problem]]:
        name = str(payload["experiment"])
        if name not in catalogue:
            offered = ", ".join(sorted(catalogue)[:20]) or "nothing: there is no experiment"
            message = f"{show_value(name)} is not in the catalogue{suggest_name(name, catalogue)}"
            return None, [Problem(path="experiment", message=message, expected=offered)]
        try:
            raw = catalogue[name]
            region = str(payload.get("region") or "")
            experiment = parse_regions(raw)[region] if region else parse_experiment(raw)
            if experiment.environment not in environments:
                message = f"there is no environment {show_value(experiment.environment)}"
                return None, [Problem(path="environment", message=message, expected=", ".join(sorted(environments)) or "a policy")]
            environment = parse_environment(environments[experiment.environment])
        except InvalidInput as invalid:
            return None, [Problem(path="experiment", message=f"{name} can't run: {invalid}", expected="a valid experiment")]
        try:
            changed = apply_overrides(experiment, Overrides.model_validate(payload.get("overrides", {})), environment)
        except InvalidInput as invalid:
            return None, prefix_paths("overrides", invalid.problems)
        if region and (refused := list(find_radius_problems(environment))):
            return None, refused
        known = [] if strict else _list_policy_problems(experiment, environment)
        return (changed, environment), [problem for problem in _list_policy_problems(changed, environment) if problem not in known]

    return admit_step


def make_offline_regions(catalogue: Mapping[str, Any]) -> ListRegions:
    """The Regions of experiments by their raw definitions."""

    def list_regions(name: str) -> tuple[NamedRegions, list[Problem]]:
        raw = catalogue.get(name)
        if raw is None:
            offered = ", ".join(sorted(catalogue)[:20]) or "nothing: there is no experiment"
            message = f"{show_value(name)} is not in the catalogue{suggest_name(name, catalogue)}"
            return {}, [Problem(path="experiment", message=message, expected=offered)]
        return split_regions(raw)

    return list_regions


def split_regions(raw: object) -> tuple[NamedRegions, list[Problem]]:
    """The Regions that a raw experiment names, or every problem of how it is split."""
    if not isinstance(raw, Mapping):
        return {}, [make_type_problem(raw, "an experiment")]
    documents, problems = split_definition(raw)
    return {region: carries_load(raw, region) for region in documents}, problems


def _list_policy_problems(experiment: Experiment, environment: Environment) -> list[Problem]:
    return [
        *find_ranges_problems(experiment, environment),
        *find_policy_problems(experiment, environment),
    ]


def _list_wanted(campaign: Campaign, regions: NamedRegions, overrides: Mapping[str, Any]) -> Iterator[_Wanted | PlannedStep]:
    """The steps that have to be admitted, and the prompts of a game day, about which only their form is to be checked."""
    ramp = campaign.ramp
    if campaign.kind == "regions":
        for region, carries in regions.items():
            own = {name: value for name, value in overrides.items() if not carries or name in LENGTHS}
            yield _Wanted(region, campaign.experiment or "", own, (), "experiment", "overrides", region=region)
        return
    if ramp is None or campaign.experiment is None:
        for number, step in enumerate(campaign.steps):
            path = f"steps[{number}]"
            overrides = dump_overrides(step.overrides)
            if step.experiment is None:
                yield _make_prompt(step)
            else:
                places = f"{path}.experiment", f"{path}.overrides"
                yield _Wanted(step.label, step.experiment, overrides, step.needs, *places, step.expects, member=step.member or "")
        return
    for dose in ramp.doses:
        overrides = make_overrides(ramp.parameter, dose)
        yield _Wanted(label_dose(ramp, dose), campaign.experiment, overrides, (), "experiment", "ramp")


def _place_problem(wanted: _Wanted, problem: Problem) -> Problem:
    """The problem of a step's input at its place in the campaign. A dose has no place of its own, so the message names
    it."""
    first, _, rest = problem.path.partition(".")
    if first == "overrides":
        if wanted.overrides_path == "ramp":
            return problem.model_copy(update={"path": "ramp", "message": f"{wanted.name}: {problem.message}"})
        return problem.model_copy(update={"path": extend_path(wanted.overrides_path, rest) if rest else wanted.overrides_path})
    where = "" if problem.path in {"experiment", WHOLE} else f"{problem.path}: "
    where = f"{wanted.region}: {where}" if wanted.region else where
    return problem.model_copy(update={"path": wanted.path, "message": f"{where}{problem.message}"})


def _make_step(wanted: _Wanted, experiment: Experiment, environment: Environment) -> PlannedStep:
    return PlannedStep(
        name=wanted.name,
        experiment=wanted.experiment,
        overrides=dict(wanted.overrides),
        needs=wanted.needs,
        definition_hash=definition_hash(experiment),
        environment=environment.name,
        fault_type=experiment.kind,
        resource_type=", ".join(dict.fromkeys(fault.resource_type.value for fault in experiment.plan)),
        seconds=round(_estimate_length(experiment, environment).total_seconds()),
        ends_seconds=round(find_latest_end(experiment, environment).total_seconds()) if wanted.region else 0,
        expects=wanted.expects,
    )


def _estimate_length(experiment: Experiment, environment: Environment) -> timedelta:
    """How long the faults last together, with the wait before them. Faults of a scenario that wait for others begin when FIS's
    reserve is over."""
    lead = find_lead(experiment.plan)
    if not experiment.faults:
        return lead + experiment.length
    plan = [BoundFault(planned, registry.bind_fault(planned, environment)) for planned in experiment.plan]
    return lead + max(experiment.length, planned_end(plan))


def _make_prompt(step: SuiteStep) -> PlannedStep:
    """A prompt of a game day."""
    return PlannedStep(
        name=step.label,
        experiment="",
        definition_hash="",
        environment="",
        fault_type="",
        resource_type="",
        seconds=0,
        prompt=step.prompt or "",
        wait_seconds=round((step.wait or DEFAULT_WAIT).total_seconds()),
        goes_on=step.unanswered == "continue",
    )
