"""Pinning: from all candidates of an experiment, the targets that the fault may hit, bounded by the blast radius."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from squall.domain.base.problems import Problem, extend_path, prefix_paths
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, BlastRadius, ResourceType
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.experiment.target import Selection
from squall.domain.policy.environment import Environment
from squall.domain.resources.base import Resource
from squall.domain.resources.types import group_named
from squall.domain.resources.workload import Workload
from squall.domain.targets.failure_domains import Capacity, list_capacities, list_lost_members
from squall.domain.targets.meetings import Hit, explain_conflict
from squall.domain.targets.serving import explain_idle

MAXIMUM_TARGETS = 5
"""The most targets that FIS resolves for one action."""
ZONAL = frozenset({BlastRadius.SINGLE_AZ, BlastRadius.MULTIPLE_AZ})
"""Radii that are about Availability Zones."""


@dataclass(frozen=True)
class Asked:
    """A fault, and where its candidates are."""

    fault: PlannedFault
    workload: Workload
    """The account's description of the fault's candidates."""
    traits: FaultTraits


@dataclass(frozen=True)
class Rules:
    """What bounds the targets of all faults of a run together."""

    workload: Workload
    """The candidates of all faults, and what they belong to."""
    radius: BlastRadius
    environment: Environment
    seed: str
    opt_in_tag: str = "squall:environment"


@dataclass(frozen=True)
class _Choice:
    """A fault with the candidates that it may hit, in the order in which they are taken."""

    asked: Asked
    candidates: Sequence[Resource]
    eligible: Sequence[Resource]
    wanted: int | None
    """How many are asked for; None: as many as the radius allows."""


Pinned = dict[str, tuple[Resource, ...]]
"""The targets by the name of the fault, sorted by id."""


def find_candidates(workload: Workload, fault: PlannedFault) -> tuple[Resource, ...]:
    """The resources that the fault names or, where it chooses by tags and filters, all that were found with those
    tags."""
    named = set(fault.named)
    if named and fault.resource_type is ResourceType.SCALING_GROUP:
        return tuple(resource for resource in workload.resources if resource.type is ResourceType.SCALING_GROUP and resource.arn in named)
    if named:
        groups = {group for name in named if (group := group_named(name))}
        return tuple(resource for resource in workload.resources if named & resource.answers_to or resource.belongs_to in groups)
    tags = fault.target.tags if fault.target else {}
    of_type = [resource for resource in workload.resources if resource.type is fault.resource_type]
    return tuple(resource for resource in of_type if tags.items() <= resource.tags.items())


def pin_targets(asked: Sequence[Asked], rules: Rules) -> tuple[Pinned, list[Problem]]:
    """The targets that each fault hits, or every reason why none can be chosen. The blast radius and the healthy share
    bound all of them together.

    The choice is repeatable: candidates are taken in the order of a hash of seed and id, those first that another fault
    hits already. At least one target is pinned, even if that breaks the environment's healthy share: the safety check
    `minimum_healthy_share` then refuses it, with its arithmetic on the record.
    """
    choices, problems = [], []
    for each in asked:
        choice, found = _list_eligible(each, rules)
        choices.append(choice)
        problems += prefix_paths(each.fault.path, found)
    if rules.radius is BlastRadius.MULTIPLE_REGION:
        problems.append(Problem(path="blast_radius", message="multiple_region is for an experiment that names regions"))
    if problems:
        return {}, problems
    zones: list[str | None] = [None]
    if rules.radius is BlastRadius.SINGLE_AZ:  # the first zone in which every fault finds its targets
        zones = [*dict.fromkeys(resource.zone for choice in choices for resource in choice.eligible if resource.zone)] or zones
    attempts = (_pin_in(zone, choices, rules) for zone in zones)
    pinned, problems = first = next(attempts)
    while problems and (other := next(attempts, None)) is not None:
        pinned, problems = other
    return first if problems else (pinned, problems)


def _list_eligible(asked: Asked, rules: Rules) -> tuple[_Choice, list[Problem]]:
    """The candidates of a fault that it may hit, and what is wrong with its candidates."""
    fault, workload, environment = asked.fault, asked.workload, rules.environment
    hit_by = asked.traits.counts_as or (fault.type, fault.parameters)
    candidates = tuple(candidate.under(*hit_by).in_policy(environment) for candidate in find_candidates(workload, fault))
    problems = [*_find_unknown(workload, fault), *_find_not_opted_in(candidates, environment, rules.opt_in_tag)]
    opted_in = [candidate for candidate in candidates if candidate.tags.get(rules.opt_in_tag) == environment.name]
    fit = [candidate for candidate in opted_in if candidate.usable and not explain_idle(workload, candidate)]
    eligible = sorted(fit, key=lambda candidate: _rank_resource(rules.seed, candidate))
    if not eligible and rules.radius is not BlastRadius.MULTIPLE_REGION:
        problems += _explain_none_eligible(workload, candidates, explained=bool(problems))
    return _Choice(asked, candidates, eligible, _count_wanted(fault, candidates)), problems


def _pin_in(zone: str | None, choices: Sequence[_Choice], rules: Rules) -> tuple[Pinned, list[Problem]]:
    """The targets of each fault in one zone (None: in any), the faults in the order in which they begin."""
    pinned: Pinned = {}
    hits: list[Hit] = []
    problems: list[Problem] = []
    for choice in choices:
        fault = choice.asked.fault
        chosen, found = _pin_one_fault(zone, choice, hits, rules)
        problems += found
        hits.append(Hit(fault, choice.asked.traits, chosen))
        pinned[fault.name] = tuple(sorted(chosen, key=lambda target: target.id))
    union = [target for hit in hits for target in hit.targets]
    problems += [] if problems else _check_union(union, choices, rules)
    return ({}, problems) if problems else (pinned, [])


def _pin_one_fault(zone: str | None, choice: _Choice, hits: Sequence[Hit], rules: Rules) -> tuple[list[Resource], list[Problem]]:
    fault, path = choice.asked.fault, choice.asked.fault.path
    base = [target for hit in hits for target in hit.targets]
    here = [resource for resource in choice.eligible if zone is None or resource.zone == zone]
    if not here and not any(resource.zone for resource in choice.eligible):
        return [], [_explain_no_zone(rules.radius, choice.eligible[0])]
    if not here:
        return [], [Problem(path=extend_path(path, "target"), message=f"none of its candidates is in {zone}, as the other targets are")]
    conflicts = {resource.id: _explain_conflicts(choice, resource, hits) for resource in here}
    free = [resource for resource in here if not conflicts[resource.id]]
    if not free:
        return [], [Problem(path=path, message=conflicts[here[0].id], expected="one `after` the other where that helps, or other targets")]
    known = {target.arn: target.id for target in base}
    ordered = sorted(free, key=lambda resource: resource.arn not in known)
    chosen = _CHOOSE[rules.radius](rules, ordered, base)[: choice.wanted]
    if not chosen and choice.wanted != 0:
        allowed = "1 target" if rules.radius is BlastRadius.SINGLE_INSTANCE else f"{MAXIMUM_TARGETS} targets"
        message = f"{rules.radius.value} allows {allowed}, which other faults hit: {', '.join(sorted(known.values()))}"
        blocked = next((f"; {why}" for why in conflicts.values() if why), "")
        return [], [Problem(path=extend_path(path, "target"), message=message + blocked, expected="one of them, or a wider blast_radius")]
    problems = _check_selection(fault, rules.radius, choice, chosen) or _check_radius(fault, rules.radius, choice.candidates, chosen)
    found = [*problems, *_check_contents(choice.asked.workload, chosen, rules.environment, rules.opt_in_tag)]
    return chosen, [problem if problem.path == "blast_radius" else prefix_paths(path, [problem])[0] for problem in found]


def _explain_conflicts(choice: _Choice, resource: Resource, hits: Sequence[Hit]) -> str:
    """Why the fault can't hit this resource beside the others; empty if it can."""
    own = Hit(choice.asked.fault, choice.asked.traits, [resource])
    return next((sentence for hit in hits if (sentence := explain_conflict(hit, own))), "")


def _rank_resource(seed: str, resource: Resource) -> str:
    return hashlib.sha256(f"{seed}\n{resource.id}".encode()).hexdigest()


def _find_unknown(workload: Workload, fault: PlannedFault) -> list[Problem]:
    return (
        [
            Problem(
                path="target_resources",
                message=f"{target} does not exist in this account and Region",
                expected=f"an existing {fault.resource_type.words}",
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
    """The instances and parts in the resource that are not tagged for this environment, a sentence each. A tag on the
    resource does not opt them in."""
    inside = {instance.id: instance.tags for instance in workload.instances if instance.id in resource.contains & resource.hit}
    return [
        f"{id_} in {resource.id} has {opt_in_tag} = {tags.get(opt_in_tag, 'none')!r}"
        for id_, tags in {**inside, **resource.tagged_parts}.items()
        if tags.get(opt_in_tag) != environment
    ]


def _check_contents(workload: Workload, candidates: Iterable[Resource], environment: Environment, opt_in_tag: str) -> list[Problem]:
    return [
        Problem(
            path="target_resources",
            message=words,
            expected=f"{opt_in_tag} = {environment.name!r} on {'each of these' if resource.tagged_parts else 'every instance in it'}",
        )
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
    wanted = " or ".join(sorted({state for resource in candidates for state in resource.usable_states}))
    if not states and not idle:
        if explained:
            return []
        wanted = "a resource of this account and Region that the ids, or the tags and filters, name"
        return [Problem(path="target_resources", message="no target was found", expected=wanted)]
    return [Problem(path="target_resources", message=f"no target is {wanted} and serves: {', '.join([*states, *idle])}")]


def _count_wanted(fault: PlannedFault, candidates: Sequence[Resource]) -> int | None:
    """How many candidates the experiment asks for; None: as many as the radius allows."""
    select = fault.target.select if fault.target else "radius"
    return select.count_of(len(candidates)) if isinstance(select, Selection) else None


def _check_selection(fault: PlannedFault, radius: BlastRadius, choice: _Choice, chosen: Sequence[Resource]) -> list[Problem]:
    """Whether as many are pinned as the experiment asks for: never fewer."""
    wanted = choice.wanted
    if wanted is None or not fault.target or 0 < wanted == len(chosen):
        return []
    asked = f"{fault.target.select} of {len(choice.candidates)} candidates"
    if wanted == 0:
        return [Problem(path="target.select", message=f"{asked} is none, rounded down as FIS does", expected="more candidates, or count")]
    message = f"{asked} is {wanted}, but {radius.value} and the healthy share allow {len(chosen)}"
    return [Problem(path="target.select", message=message, expected=f"at most {len(chosen)}, a wider blast_radius, or select: radius")]


def _check_radius(fault: PlannedFault, radius: BlastRadius, candidates: Sequence[Resource], chosen: Sequence[Resource]) -> list[Problem]:
    if fault.resource_type in CHOSEN_BY_TAGS and len(chosen) < len(candidates):
        left = [candidate.id for candidate in candidates if candidate.arn not in {resource.arn for resource in chosen}]
        message = f"FIS takes every {fault.resource_type.words} with these tags, and {', '.join(left)} can't be hit"
        hint = "tags that only the targets carry, or a wider blast_radius"
        return [Problem(path="target.tags", message=message, expected=hint)]
    if fault.target and fault.target.select == "all" and len(chosen) < len(candidates):
        return [
            Problem(
                path="target.select",
                message=f"select is all and there are {len(candidates)} targets, but {radius.value} allows {len(chosen)} of them",
                expected=f"at most {len(chosen)} targets, or select: radius",
            )
        ]
    if radius in ZONAL and not all(resource.zone for resource in chosen):
        return [_explain_no_zone(radius, chosen[0])]
    return []


def _explain_no_zone(radius: BlastRadius, resource: Resource) -> Problem:
    message = f"{radius.value} is about zones, and {resource.id} does not live in a single zone"
    named = ", or one zone's name in the parameter zones" if resource.type is ResourceType.SCALING_GROUP else ""
    return Problem(path="blast_radius", message=message, expected=f"single_instance or single_region{named}")


def _check_union(union: Sequence[Resource], choices: Sequence[_Choice], rules: Rules) -> list[Problem]:
    """Whether the targets of all faults together are as `multiple_az` means it: in two zones, and not in every zone of
    their type."""
    if rules.radius is not BlastRadius.MULTIPLE_AZ:
        return []
    zones = {resource.zone for resource in union}
    if len(zones) < 2:
        candidates = {resource.arn: resource for choice in choices for resource in choice.candidates}
        have = len({resource.zone for resource in candidates.values()})
        return [
            Problem(
                path="blast_radius",
                message=f"multiple_az needs targets in two zones, but of {len(candidates)} targets in {have} zones "
                f"only {len({resource.arn for resource in union})} can be pinned while a zone keeps capacity and the healthy share holds",
                expected="more targets or zones, or single_az",
            )
        ]
    if len(choices) > 1 and (lost := [kind for kind in {resource.type for resource in union} if _loses_every_zone(kind, union, rules)]):
        message = f"the faults together hit every {lost[0].words} in every zone"
        return [Problem(path="blast_radius", message=message, expected="targets that leave a zone as it is, or single_region")]
    return []


def _loses_every_zone(kind: ResourceType, union: Sequence[Resource], rules: Rules) -> bool:
    running = [resource for resource in rules.workload.resources if resource.usable and resource.type is kind]
    hit = {resource.arn for resource in union}
    inside = {part for resource in union for part in resource.hit}
    return all(resource.arn in hit or resource.id in inside for resource in running)


def _pin_one(_rules: Rules, eligible: Sequence[Resource], base: Sequence[Resource]) -> list[Resource]:
    """The first; if another fault hits a resource already, that one and no other."""
    known = {resource.arn for resource in base}
    return [resource for resource in eligible if not known or resource.arn in known][:1]


def _pin_in_zones(rules: Rules, eligible: Sequence[Resource], base: Sequence[Resource]) -> list[Resource]:
    """One resource in each zone, as long as at least one zone keeps a resource."""
    first = list({resource.zone: resource for resource in reversed(eligible)}.values())[::-1]
    running: dict[str, int] = {}
    for resource in rules.workload.resources:
        if resource.usable and resource.type is eligible[0].type:
            running[resource.zone] = running.get(resource.zone, 0) + 1
    if all(running.get(zone, 0) <= 1 for zone in {*running, *(resource.zone for resource in first)}) and len(first) >= len(running):
        first = first[:-1] or first
    return _pin_within_share(rules, first, base)


def _pin_within_share(rules: Rules, eligible: Sequence[Resource], base: Sequence[Resource]) -> list[Resource]:
    """The largest choice that leaves every failure domain its healthy share beside what other faults hit (`base`): at
    least one resource, and at most as many in all as FIS takes."""
    chosen: list[Resource] = []
    known = {resource.arn for resource in base}
    for resource in eligible:
        if len(known | {resource.arn}) > MAXIMUM_TARGETS:
            continue
        trial = [*base, *chosen, resource]
        percent = rules.environment.minimum_healthy_percent
        if not chosen or all(
            _keeps_enough(rules.workload, trial, capacity, percent) for capacity in list_capacities(rules.workload, trial)
        ):
            chosen.append(resource)
            known.add(resource.arn)
    return chosen


def _keeps_enough(workload: Workload, hit: Sequence[Resource], capacity: Capacity, percent: float) -> bool:
    return capacity.after(list_lost_members(workload, hit, capacity)) >= capacity.needed(percent)


_CHOOSE = {
    BlastRadius.SINGLE_INSTANCE: _pin_one,
    BlastRadius.SINGLE_AZ: _pin_within_share,
    BlastRadius.MULTIPLE_AZ: _pin_in_zones,
    BlastRadius.SINGLE_REGION: _pin_within_share,
}
