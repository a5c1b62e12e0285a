"""Which targets an experiment may touch: candidates in, a pinned list bounded by the blast radius out."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from squall.domain.documents import Instance, Workload
from squall.domain.environment import Environment
from squall.domain.experiment import Experiment
from squall.domain.problems import Problem
from squall.domain.vocabulary import BlastRadius

MAXIMUM_TARGETS = 5
"""FIS resolves at most this many targets an action."""


@dataclass(frozen=True)
class Capacity:
    """What a failure domain has and what it needs."""

    domain: str
    size: int
    """Desired capacity of a group, registered targets of a target group."""
    in_service: frozenset[str]

    def after(self, lost: Iterable[str]) -> int:
        return len(self.in_service - set(lost))

    def needed(self, percent: float) -> float:
        return self.size * percent / 100


def failure_domains(workload: Workload, instances: Iterable[Instance]) -> tuple[str, ...]:
    """Lock keys: `asg/<name>`, `tg/<name/id>`, else `instance/<id>`; sorted."""
    return tuple(sorted({domain for instance in instances for domain in _domains_of(workload, instance)}))


def capacities(workload: Workload, instances: Sequence[Instance]) -> tuple[Capacity, ...]:
    """Capacity of every failure domain of the instances, in the domains' order."""
    known = {f"asg/{group.name}": Capacity(f"asg/{group.name}", group.desired, frozenset(group.in_service)) for group in workload.groups}
    for group in workload.target_groups:
        domain = _target_group_domain(group.arn)
        known[domain] = Capacity(domain, len({*group.healthy, *group.unhealthy}), frozenset(group.healthy))
    alone = {f"instance/{i.id}": Capacity(f"instance/{i.id}", 1, frozenset({i.id})) for i in instances}
    return tuple(known[domain] if domain in known else alone[domain] for domain in failure_domains(workload, instances))


def candidates(workload: Workload, experiment: Experiment) -> tuple[Instance, ...]:
    """The instances the experiment names; by tags or filters: all that were found with those tags."""
    target = experiment.target
    named = {*experiment.target_resources, *(target.arns if target else ())}
    if named:
        return tuple(instance for instance in workload.instances if instance.id in named or instance.arn in named)
    tags = target.tags if target else {}
    return tuple(instance for instance in workload.instances if tags.items() <= instance.tags.items())


def pin(
    workload: Workload, experiment: Experiment, environment: Environment, seed: str, *, opt_in_tag: str = "squall:environment"
) -> tuple[tuple[Instance, ...], list[Problem]]:
    """The instances the fault runs on, by ARN, or every reason why none can be chosen.

    The choice is repeatable: candidates are taken in the order of a hash of seed and id. At least one is pinned even where that breaks the
    environment's healthy share, so that the safety check of that name refuses it with its arithmetic on the record.
    """
    found = candidates(workload, experiment)
    problems = [*_unknown(workload), *_not_opted_in(found, environment, opt_in_tag)]
    eligible = sorted(
        (i for i in found if i.state == "running" and i.tags.get(opt_in_tag) == environment.name), key=lambda i: _rank(seed, i)
    )
    if experiment.blast_radius is BlastRadius.MULTIPLE_REGION:
        problems.append(Problem(path="blast_radius", message="multiple_region is not supported: run one experiment in each Region"))
    elif not eligible:
        problems += _none_eligible(found)
    if problems:
        return (), problems
    chosen = _CHOOSE[experiment.blast_radius](workload, eligible, environment)
    problems += _not_radius(experiment, found, chosen)
    return ((), problems) if problems else (tuple(sorted(chosen, key=lambda i: i.id)), [])


def _rank(seed: str, instance: Instance) -> str:
    return hashlib.sha256(f"{seed}\n{instance.id}".encode()).hexdigest()


def _unknown(workload: Workload) -> list[Problem]:
    return [
        Problem(path="target_resources", message=f"{target} does not exist in this account and Region", expected="an existing EC2 instance")
        for target in workload.missing
    ]


def _not_opted_in(found: Iterable[Instance], environment: Environment, opt_in_tag: str) -> list[Problem]:
    return [
        Problem(
            path="target_resources",
            message=f"{instance.id} has {opt_in_tag} = {instance.tags[opt_in_tag]!r}"
            if opt_in_tag in instance.tags
            else f"{instance.id} has no tag {opt_in_tag}",
            expected=f"{opt_in_tag} = {environment.name!r}",
        )
        for instance in found
        if instance.tags.get(opt_in_tag) != environment.name
    ]


def _none_eligible(found: Iterable[Instance]) -> list[Problem]:
    states = ", ".join(f"{instance.id} is {instance.state}" for instance in found if instance.state != "running")
    return [Problem(path="target_resources", message=f"no target is running: {states}" if states else "no target was found")]


def _not_radius(experiment: Experiment, found: Sequence[Instance], chosen: Sequence[Instance]) -> list[Problem]:
    if experiment.target and experiment.target.select == "all" and len(chosen) < len(found):
        radius = experiment.blast_radius.value
        return [
            Problem(
                path="target.select",
                message=f"select is all and there are {len(found)} targets, but {radius} allows {len(chosen)} of them",
                expected=f"at most {len(chosen)} targets, or select: radius",
            )
        ]
    zones = {instance.zone for instance in chosen}
    if experiment.blast_radius is BlastRadius.MULTIPLE_AZ and len(zones) < 2:
        have = len({instance.zone for instance in found})
        return [
            Problem(
                path="blast_radius",
                message=f"multiple_az needs targets in two zones, but of {len(found)} targets in {have} zones only {len(chosen)} can be "
                "pinned while a zone keeps capacity and the healthy share holds",
                expected="more targets or zones, or single_az",
            )
        ]
    return []


def _single(workload: Workload, eligible: Sequence[Instance], environment: Environment) -> list[Instance]:  # noqa: ARG001 - one of a table
    return [eligible[0]]


def _one_zone(workload: Workload, eligible: Sequence[Instance], environment: Environment) -> list[Instance]:
    zone = eligible[0].zone
    return _within_share(workload, [instance for instance in eligible if instance.zone == zone], environment)


def _zones(workload: Workload, eligible: Sequence[Instance], environment: Environment) -> list[Instance]:
    """One a zone, while at least one zone keeps an instance of its own."""
    first = list({instance.zone: instance for instance in reversed(eligible)}.values())[::-1]
    running: dict[str, int] = {}
    for instance in workload.instances:
        if instance.state == "running":
            running[instance.zone] = running.get(instance.zone, 0) + 1
    if all(running.get(zone, 0) <= 1 for zone in {*running, *(i.zone for i in first)}) and len(first) >= len(running):
        first = first[:-1] or first
    return _within_share(workload, first, environment)


def _everywhere(workload: Workload, eligible: Sequence[Instance], environment: Environment) -> list[Instance]:
    return _within_share(workload, eligible, environment)


def _within_share(workload: Workload, eligible: Sequence[Instance], environment: Environment) -> list[Instance]:
    """As many as leave every failure domain its healthy share, at least one and at most FIS's limit."""
    chosen: list[Instance] = []
    for instance in eligible[:]:
        if len(chosen) == MAXIMUM_TARGETS:
            break
        trial = [*chosen, instance]
        lost = [one.id for one in trial]
        if not chosen or all(c.after(lost) >= c.needed(environment.minimum_healthy_percent) for c in capacities(workload, trial)):
            chosen = trial
    return chosen


_CHOOSE = {
    BlastRadius.SINGLE_INSTANCE: _single,
    BlastRadius.SINGLE_AZ: _one_zone,
    BlastRadius.MULTIPLE_AZ: _zones,
    BlastRadius.SINGLE_REGION: _everywhere,
}


def _domains_of(workload: Workload, instance: Instance) -> list[str]:
    group = [f"asg/{instance.group}"] if instance.group and any(g.name == instance.group for g in workload.groups) else []
    registered = [
        _target_group_domain(target.arn) for target in workload.target_groups if instance.id in {*target.healthy, *target.unhealthy}
    ]
    return [*group, *registered] or [f"instance/{instance.id}"]


def _target_group_domain(arn: str) -> str:
    return f"tg/{arn.partition('targetgroup/')[2] or arn}"
