"""Which targets an experiment may touch: candidates in, a pinned list bounded by the blast radius out."""

import hashlib
from collections.abc import Iterable, Sequence

from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.domain.problems import Problem
from squall.domain.resources.base import Resource
from squall.domain.resources.types import group_named
from squall.domain.resources.workload import Workload
from squall.domain.targets.failure_domains import capacities, lost
from squall.domain.vocabulary import BlastRadius, ResourceType

MAXIMUM_TARGETS = 5
"""FIS resolves at most this many targets an action."""
ZONAL = frozenset({BlastRadius.SINGLE_AZ, BlastRadius.MULTIPLE_AZ})


def candidates(workload: Workload, experiment: Experiment) -> tuple[Resource, ...]:
    """The resources the experiment names; by tags or filters: all that were found with those tags."""
    target = experiment.target
    named = set(experiment.named)
    if named and experiment.resource_type is ResourceType.SCALING_GROUP:
        return tuple(one for one in workload.resources if one.type is ResourceType.SCALING_GROUP and one.arn in named)
    if named:
        groups = {group for name in named if (group := group_named(name))}
        return tuple(one for one in workload.resources if named & one.answers_to or one.belongs_to in groups)
    tags = target.tags if target else {}
    return tuple(one for one in workload.resources if one.type is experiment.resource_type and tags.items() <= one.tags.items())


def pin(
    workload: Workload, experiment: Experiment, environment: Environment, seed: str, *, opt_in_tag: str = "squall:environment"
) -> tuple[tuple[Resource, ...], list[Problem]]:
    """The resources the fault runs on, by ARN, or every reason why none can be chosen.

    The choice is repeatable: candidates are taken in the order of a hash of seed and id. At least one is pinned even where that breaks the
    environment's healthy share, so that the safety check of that name refuses it with its arithmetic on the record.
    """
    found = tuple(one.under(experiment.parameters).in_policy(environment) for one in candidates(workload, experiment))
    problems = [*_unknown(workload, experiment), *_not_opted_in(found, environment, opt_in_tag)]
    eligible = sorted((i for i in found if i.usable and i.tags.get(opt_in_tag) == environment.name), key=lambda i: _rank(seed, i))
    if experiment.blast_radius is BlastRadius.MULTIPLE_REGION:
        problems.append(Problem(path="blast_radius", message="multiple_region is not supported: run one experiment in each Region"))
    elif not eligible:
        problems += _none_eligible(found)
    if problems:
        return (), problems
    chosen = _CHOOSE[experiment.blast_radius](workload, eligible, environment)
    problems += _not_radius(experiment, found, chosen)
    problems += _inhabitants(workload, chosen, environment, opt_in_tag)
    return ((), problems) if problems else (tuple(sorted(chosen, key=lambda i: i.id)), [])


def _rank(seed: str, resource: Resource) -> str:
    return hashlib.sha256(f"{seed}\n{resource.id}".encode()).hexdigest()


def _unknown(workload: Workload, experiment: Experiment) -> list[Problem]:
    return [
        Problem(
            path="target_resources",
            message=f"{target} does not exist in this account and Region",
            expected=f"an existing {experiment.resource_type.words}",
        )
        for target in workload.missing
    ] + [Problem(path="target", message=sentence, expected="targets Squall can look at") for sentence in workload.unreadable]


def not_opted_in(workload: Workload, resource: Resource, environment: str, opt_in_tag: str) -> list[str]:
    """In words, the instances that live in it and are not of this environment: whoever opted it in can't opt them in."""
    inside = [one for one in workload.instances if one.id in resource.contains & resource.hit]
    return [
        f"{one.id} in {resource.id} has {opt_in_tag} = {one.tags.get(opt_in_tag, 'none')!r}"
        for one in inside
        if one.tags.get(opt_in_tag) != environment
    ]


def _inhabitants(workload: Workload, found: Iterable[Resource], environment: Environment, opt_in_tag: str) -> list[Problem]:
    return [
        Problem(path="target_resources", message=words, expected=f"{opt_in_tag} = {environment.name!r} on every instance in it")
        for resource in found
        for words in not_opted_in(workload, resource, environment.name, opt_in_tag)
    ]


def _not_opted_in(found: Iterable[Resource], environment: Environment, opt_in_tag: str) -> list[Problem]:
    return [
        Problem(
            path="target_resources",
            message=f"{resource.id} has {opt_in_tag} = {resource.tags[opt_in_tag]!r}"
            if opt_in_tag in resource.tags
            else f"{resource.id} has no tag {opt_in_tag}",
            expected=f"{opt_in_tag} = {environment.name!r}",
        )
        for resource in found
        if resource.tags.get(opt_in_tag) != environment.name
    ]


def _none_eligible(found: Sequence[Resource]) -> list[Problem]:
    states = ", ".join(f"{resource.id} is {resource.state}" for resource in found if not resource.usable)
    wanted = " or ".join(sorted({state for resource in found for state in resource.USABLE}))
    return [Problem(path="target_resources", message=f"no target is {wanted}: {states}" if states else "no target was found")]


def _not_radius(experiment: Experiment, found: Sequence[Resource], chosen: Sequence[Resource]) -> list[Problem]:
    if experiment.target and experiment.target.select == "all" and len(chosen) < len(found):
        radius = experiment.blast_radius.value
        return [
            Problem(
                path="target.select",
                message=f"select is all and there are {len(found)} targets, but {radius} allows {len(chosen)} of them",
                expected=f"at most {len(chosen)} targets, or select: radius",
            )
        ]
    if experiment.blast_radius in ZONAL and not all(resource.zone for resource in chosen):
        message = f"{experiment.blast_radius.value} is about zones, and {chosen[0].id} lives in no single one"
        return [Problem(path="blast_radius", message=message, expected="single_instance or single_region")]
    zones = {resource.zone for resource in chosen}
    if experiment.blast_radius is BlastRadius.MULTIPLE_AZ and len(zones) < 2:
        have = len({resource.zone for resource in found})
        return [
            Problem(
                path="blast_radius",
                message=f"multiple_az needs targets in two zones, but of {len(found)} targets in {have} zones only {len(chosen)} can be "
                "pinned while a zone keeps capacity and the healthy share holds",
                expected="more targets or zones, or single_az",
            )
        ]
    return []


def _single(workload: Workload, eligible: Sequence[Resource], environment: Environment) -> list[Resource]:  # noqa: ARG001 - one of a table
    return [eligible[0]]


def _one_zone(workload: Workload, eligible: Sequence[Resource], environment: Environment) -> list[Resource]:
    zone = eligible[0].zone
    return _within_share(workload, [resource for resource in eligible if resource.zone == zone], environment)


def _zones(workload: Workload, eligible: Sequence[Resource], environment: Environment) -> list[Resource]:
    """One a zone, while at least one zone keeps one of its own."""
    first = list({resource.zone: resource for resource in reversed(eligible)}.values())[::-1]
    running: dict[str, int] = {}
    for resource in workload.resources:
        if resource.usable and resource.type is eligible[0].type:
            running[resource.zone] = running.get(resource.zone, 0) + 1
    if all(running.get(zone, 0) <= 1 for zone in {*running, *(i.zone for i in first)}) and len(first) >= len(running):
        first = first[:-1] or first
    return _within_share(workload, first, environment)


def _everywhere(workload: Workload, eligible: Sequence[Resource], environment: Environment) -> list[Resource]:
    return _within_share(workload, eligible, environment)


def _within_share(workload: Workload, eligible: Sequence[Resource], environment: Environment) -> list[Resource]:
    """As many as leave every failure domain its healthy share, at least one and at most FIS's limit."""
    chosen: list[Resource] = []
    for resource in eligible[:]:
        if len(chosen) == MAXIMUM_TARGETS:
            break
        trial = [*chosen, resource]
        gone = lost(trial)
        if not chosen or all(c.after(gone) >= c.needed(environment.minimum_healthy_percent) for c in capacities(workload, trial)):
            chosen = trial
    return chosen


_CHOOSE = {
    BlastRadius.SINGLE_INSTANCE: _single,
    BlastRadius.SINGLE_AZ: _one_zone,
    BlastRadius.MULTIPLE_AZ: _zones,
    BlastRadius.SINGLE_REGION: _everywhere,
}
