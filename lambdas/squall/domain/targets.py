"""Which targets an experiment may touch: candidates in, a pinned list bounded by the blast radius out."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from squall.domain.documents import Workload
from squall.domain.environment import Environment
from squall.domain.experiment import Experiment
from squall.domain.problems import Problem
from squall.domain.resource import Resource
from squall.domain.resources import group_named
from squall.domain.vocabulary import BlastRadius, ResourceType

MAXIMUM_TARGETS = 5
"""FIS resolves at most this many targets an action."""
ZONAL = frozenset({BlastRadius.SINGLE_AZ, BlastRadius.MULTIPLE_AZ})


@dataclass(frozen=True)
class Capacity:
    """What a failure domain has and what it needs."""

    domain: str
    size: int
    """Desired capacity of a group, registered targets of a target group, members of a database."""
    in_service: frozenset[str]
    least: int | None = None
    """How much must stay, where a share says nothing: a database has one writer and needs one that takes over."""

    def after(self, lost: Iterable[str]) -> int:
        return len(self.in_service - set(lost))

    def needed(self, percent: float) -> float:
        return self.size * percent / 100 if self.least is None else self.least


def failure_domains(workload: Workload, resources: Iterable[Resource]) -> tuple[str, ...]:
    """Lock keys: `asg/<name>`, `ecs/<cluster>/<service>`, `eks/<cluster>/…`, `tg/<name/id>`, else the resource's own; sorted."""
    return tuple(sorted({domain for resource in resources for domain in _domains_of(workload, resource)}))


def capacities(workload: Workload, resources: Sequence[Resource]) -> tuple[Capacity, ...]:
    """Capacity of every failure domain of the resources, in the domains' order."""
    known = {group.domain: Capacity(group.domain, group.desired, frozenset(group.in_service)) for group in workload.groups}
    for group in workload.target_groups:
        domain = _target_group_domain(group.arn)
        known[domain] = Capacity(domain, len({*group.healthy, *group.unhealthy}), frozenset(group.healthy))
    alone = {r.own_domain: Capacity(r.own_domain, r.size, r.standing, r.least) for r in resources}
    return tuple(known[domain] if domain in known else alone[domain] for domain in failure_domains(workload, resources))


def lost(resources: Iterable[Resource]) -> frozenset[str]:
    """What a fault on the resources takes away of their failure domains."""
    return frozenset(one for resource in resources for one in resource.hit)


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


def _domains_of(workload: Workload, resource: Resource) -> list[str]:
    around = {resource.belongs_to, *(one.group for one in workload.instances if one.id in resource.contains)}
    group = [group.domain for group in workload.groups if group.name in around]
    names = workload.names_of(resource)
    found = [*group, *(_target_group_domain(target.arn) for target in workload.target_groups if names & target.registered)]
    return [*found, resource.own_domain] if resource.contains or not found else found


def _target_group_domain(arn: str) -> str:
    return f"tg/{arn.partition('targetgroup/')[2] or arn}"
