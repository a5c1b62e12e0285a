"""Pinning: from all candidates of an experiment, the targets that the fault may hit, bounded by the blast radius."""

import hashlib
from collections.abc import Iterable, Sequence

from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import BlastRadius, ResourceType
from squall.domain.experiment.experiment import Experiment, Selection
from squall.domain.policy.environment import Environment
from squall.domain.resources.base import Resource
from squall.domain.resources.types import group_named
from squall.domain.resources.workload import Workload
from squall.domain.targets.failure_domains import list_capacities, list_lost_members
from squall.domain.targets.serving import explain_idle

MAXIMUM_TARGETS = 5
"""The most targets that FIS resolves for one action."""
ZONAL = frozenset({BlastRadius.SINGLE_AZ, BlastRadius.MULTIPLE_AZ})
"""Radii that are about Availability Zones."""


def find_candidates(workload: Workload, experiment: Experiment) -> tuple[Resource, ...]:
    """The resources that the experiment names or, where it chooses by tags and filters, all that were found with those
    tags."""
    target = experiment.target
    named = set(experiment.named)
    if named and experiment.resource_type is ResourceType.SCALING_GROUP:
        return tuple(resource for resource in workload.resources if resource.type is ResourceType.SCALING_GROUP and resource.arn in named)
    if named:
        groups = {group for name in named if (group := group_named(name))}
        return tuple(resource for resource in workload.resources if named & resource.answers_to or resource.belongs_to in groups)
    tags = target.tags if target else {}
    return tuple(
        resource for resource in workload.resources if resource.type is experiment.resource_type and tags.items() <= resource.tags.items()
    )


def pin_targets(
    workload: Workload, experiment: Experiment, environment: Environment, seed: str, *, opt_in_tag: str = "squall:environment"
) -> tuple[tuple[Resource, ...], list[Problem]]:
    """The targets that the fault hits, sorted by id, or every reason why none can be chosen.

    The choice is repeatable: candidates are taken in the order of a hash of seed and id. At least one target is pinned,
    even if that breaks the environment's healthy share: the safety check `minimum_healthy_share` then refuses it, with
    its arithmetic on the record.
    """
    candidates = tuple(candidate.under(experiment.parameters).in_policy(environment) for candidate in find_candidates(workload, experiment))
    problems = [*_find_unknown(workload, experiment), *_find_not_opted_in(candidates, environment, opt_in_tag)]
    opted_in = [candidate for candidate in candidates if candidate.tags.get(opt_in_tag) == environment.name]
    fit = [candidate for candidate in opted_in if candidate.usable and not explain_idle(workload, candidate)]
    eligible = sorted(fit, key=lambda candidate: _rank_resource(seed, candidate))
    if experiment.blast_radius is BlastRadius.MULTIPLE_REGION:
        problems.append(Problem(path="blast_radius", message="multiple_region is not supported: run one experiment in each Region"))
    elif not eligible:
        problems += _explain_none_eligible(workload, candidates, explained=bool(problems))
    if problems:
        return (), problems
    wanted = _count_wanted(experiment, candidates)
    chosen = _CHOOSE[experiment.blast_radius](workload, eligible, environment, wanted or 1)[:wanted]
    problems += _check_selection(experiment, candidates, chosen, wanted) or _check_radius(experiment, candidates, chosen)
    problems += _check_contents(workload, chosen, environment, opt_in_tag)
    return ((), problems) if problems else (tuple(sorted(chosen, key=lambda target: target.id)), [])


def _rank_resource(seed: str, resource: Resource) -> str:
    return hashlib.sha256(f"{seed}\n{resource.id}".encode()).hexdigest()


def _find_unknown(workload: Workload, experiment: Experiment) -> list[Problem]:
    return (
        [
            Problem(
                path="target_resources",
                message=f"{target} does not exist in this account and Region",
                expected=f"an existing {experiment.resource_type.words}",
            )
            for target in workload.missing
        ]
        + [
            Problem(
                path="target_resources",
                message=f"{group.words} is attached to {arn}, which does not exist",
                expected="groups whose target groups exist: detach it",
            )
            for group, arn in workload.dangling
        ]
        + [Problem(path="target", message=sentence, expected="targets that Squall may look at") for sentence in workload.unreadable]
    )


def find_not_opted_in(workload: Workload, resource: Resource, environment: str, opt_in_tag: str) -> list[str]:
    """The instances in the resource that are not tagged for this environment, a sentence each. A tag on the resource
    does not opt in the instances."""
    inside = [instance for instance in workload.instances if instance.id in resource.contains & resource.hit]
    return [
        f"{instance.id} in {resource.id} has {opt_in_tag} = {instance.tags.get(opt_in_tag, 'none')!r}"
        for instance in inside
        if instance.tags.get(opt_in_tag) != environment
    ]


def _check_contents(workload: Workload, candidates: Iterable[Resource], environment: Environment, opt_in_tag: str) -> list[Problem]:
    return [
        Problem(path="target_resources", message=words, expected=f"{opt_in_tag} = {environment.name!r} on every instance in it")
        for resource in candidates
        for words in find_not_opted_in(workload, resource, environment.name, opt_in_tag)
    ]


def _find_not_opted_in(candidates: Iterable[Resource], environment: Environment, opt_in_tag: str) -> list[Problem]:
    return [
        Problem(
            path="target_resources",
            message=f"{resource.id} has {opt_in_tag} = {resource.tags[opt_in_tag]!r}"
            if opt_in_tag in resource.tags
            else f"{resource.id} has no tag {opt_in_tag}",
            expected=f"{opt_in_tag} = {environment.name!r}",
        )
        for resource in candidates
        if resource.tags.get(opt_in_tag) != environment.name
    ]


def _explain_none_eligible(workload: Workload, candidates: Sequence[Resource], *, explained: bool) -> list[Problem]:
    """Why no candidate can be hit. `explained`: whether other problems say it already, such as a missing opt-in."""
    states = [f"{resource.id} is {resource.condition}" for resource in candidates if not resource.usable]
    idle = [sentence for resource in candidates if resource.usable and (sentence := explain_idle(workload, resource))]
    wanted = " or ".join(sorted({state for resource in candidates for state in resource.USABLE}))
    if not states and not idle:
        if explained:
            return []
        wanted = "a resource of this account and Region that the ids, or the tags and filters, name"
        return [Problem(path="target_resources", message="no target was found", expected=wanted)]
    return [Problem(path="target_resources", message=f"no target is {wanted} and serves: {', '.join([*states, *idle])}")]


def _count_wanted(experiment: Experiment, candidates: Sequence[Resource]) -> int | None:
    """How many candidates the experiment asks for; None: as many as the radius allows."""
    select = experiment.target.select if experiment.target else "radius"
    return select.count_of(len(candidates)) if isinstance(select, Selection) else None


def _check_selection(
    experiment: Experiment, candidates: Sequence[Resource], chosen: Sequence[Resource], wanted: int | None
) -> list[Problem]:
    """Whether as many are pinned as the experiment asks for: never fewer."""
    if wanted is None or not experiment.target or 0 < wanted == len(chosen):
        return []
    asked = f"{experiment.target.select} of {len(candidates)} candidates"
    if wanted == 0:
        return [Problem(path="target.select", message=f"{asked} is none, rounded down as FIS does", expected="more candidates, or count")]
    message = f"{asked} is {wanted}, but {experiment.blast_radius.value} and the healthy share allow {len(chosen)}"
    return [Problem(path="target.select", message=message, expected=f"at most {len(chosen)}, a wider blast_radius, or select: radius")]


def _check_radius(experiment: Experiment, candidates: Sequence[Resource], chosen: Sequence[Resource]) -> list[Problem]:
    if experiment.target and experiment.target.select == "all" and len(chosen) < len(candidates):
        radius = experiment.blast_radius.value
        return [
            Problem(
                path="target.select",
                message=f"select is all and there are {len(candidates)} targets, but {radius} allows {len(chosen)} of them",
                expected=f"at most {len(chosen)} targets, or select: radius",
            )
        ]
    if experiment.blast_radius in ZONAL and not all(resource.zone for resource in chosen):
        message = f"{experiment.blast_radius.value} is about zones, and {chosen[0].id} does not live in a single zone"
        return [Problem(path="blast_radius", message=message, expected="single_instance or single_region")]
    zones = {resource.zone for resource in chosen}
    if experiment.blast_radius is BlastRadius.MULTIPLE_AZ and len(zones) < 2:
        have = len({resource.zone for resource in candidates})
        return [
            Problem(
                path="blast_radius",
                message=f"multiple_az needs targets in two zones, but of {len(candidates)} targets in {have} zones "
                f"only {len(chosen)} can be pinned while a zone keeps capacity and the healthy share holds",
                expected="more targets or zones, or single_az",
            )
        ]
    return []


def _pin_one(_workload: Workload, eligible: Sequence[Resource], _environment: Environment, _wanted: int) -> list[Resource]:
    return [eligible[0]]


def _pin_in_one_zone(workload: Workload, eligible: Sequence[Resource], environment: Environment, wanted: int) -> list[Resource]:
    """The resources of the first zone that can give as many as are wanted; if none can, of the first zone."""
    zones = dict.fromkeys(resource.zone for resource in eligible)
    kept = [_keep_share(workload, [resource for resource in eligible if resource.zone == zone], environment) for zone in zones]
    return next((resources for resources in kept if len(resources) >= wanted), kept[0])


def _pin_in_zones(workload: Workload, eligible: Sequence[Resource], environment: Environment, _wanted: int) -> list[Resource]:
    """One resource in each zone, as long as at least one zone keeps a resource."""
    first = list({resource.zone: resource for resource in reversed(eligible)}.values())[::-1]
    running: dict[str, int] = {}
    for resource in workload.resources:
        if resource.usable and resource.type is eligible[0].type:
            running[resource.zone] = running.get(resource.zone, 0) + 1
    if all(running.get(zone, 0) <= 1 for zone in {*running, *(resource.zone for resource in first)}) and len(first) >= len(running):
        first = first[:-1] or first
    return _keep_share(workload, first, environment)


def _pin_everywhere(workload: Workload, eligible: Sequence[Resource], environment: Environment, _wanted: int) -> list[Resource]:
    return _keep_share(workload, eligible, environment)


def _keep_share(workload: Workload, eligible: Sequence[Resource], environment: Environment) -> list[Resource]:
    """The largest choice that leaves every failure domain its healthy share: at least one resource, and at most as many
    as FIS takes."""
    chosen: list[Resource] = []
    for resource in eligible:
        if len(chosen) == MAXIMUM_TARGETS:
            break
        trial = [*chosen, resource]
        gone = list_lost_members(trial)
        left = (c.after(gone) >= c.needed(environment.minimum_healthy_percent) for c in list_capacities(workload, trial))
        if not chosen or all(left):
            chosen = trial
    return chosen


_CHOOSE = {
    BlastRadius.SINGLE_INSTANCE: _pin_one,
    BlastRadius.SINGLE_AZ: _pin_in_one_zone,
    BlastRadius.MULTIPLE_AZ: _pin_in_zones,
    BlastRadius.SINGLE_REGION: _pin_everywhere,
}
