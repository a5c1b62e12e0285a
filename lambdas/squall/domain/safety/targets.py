"""Checks of the targets: they exist, are opted in, leave enough healthy capacity, and are as they were discovered."""

from collections.abc import Mapping
from typing import Any

from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.experiment.scenario import PlannedFault
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.sentences import Replacement
from squall.domain.resources.base import Member, Resource
from squall.domain.resources.functions import LambdaFunction
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.types import join_ids
from squall.domain.safety.inputs import Answer, Check, SafetyInput
from squall.domain.targets.failure_domains import Capacity, list_capacities, list_lost_members
from squall.domain.targets.pinning import find_not_opted_in
from squall.domain.targets.serving import explain_idle

NEEDED_PROCESSES = frozenset({"Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"})
"""The Auto Scaling processes that have to run so that an instance is replaced and its replacement gets traffic."""


def _check_targets_exist(inputs: SafetyInput) -> Answer:
    if inputs.workload_now is None:
        return None, "the targets could not be described"
    now = inputs.workload_now.now
    missing = dict.fromkeys([*inputs.discovery.workload.missing, *inputs.workload_now.missing])
    states = [(pinned.id, now(pinned)) for pinned in inputs.discovery.felt]
    problems = [f"{target} does not exist" for target in missing]
    problems += [
        f"{id_} is {state.condition if state else 'unknown to the account'}" for id_, state in states if not (state and state.usable)
    ]
    problems += [sentence for _, state in states if state and state.usable and (sentence := explain_idle(inputs.workload_now, state))]
    if problems or not inputs.discovery.pinned:
        return False, "; ".join(problems) or "nothing is pinned"
    return True, ", ".join(f"{id_} is {state.state}" for id_, state in states if state)


def _check_opt_in_tag(inputs: SafetyInput) -> Answer:
    if inputs.workload_now is None:
        return None, "the targets' tags could not be read"
    wanted = inputs.definition.environment.name
    existing = {pinned.id: target for pinned in inputs.discovery.felt if (target := inputs.workload_now.now(pinned))}
    tags = {id_: target.tags.get(inputs.opt_in_tag) for id_, target in existing.items()}
    wrong = [f"{pinned.id} has {tags.get(pinned.id) or 'none'}" for pinned in inputs.discovery.felt if tags.get(pinned.id) != wanted]
    hit = [
        existing[pinned.id].under(*_count_as(inputs, fault))
        for fault in inputs.definition.experiment.plan
        for pinned in inputs.discovery.targets_of(fault.name)
        if pinned.id in existing
    ]
    found = (words for target in hit for words in find_not_opted_in(inputs.workload_now, target, wanted, inputs.opt_in_tag))
    wrong += dict.fromkeys(found)
    wrong += [sentence for pinned in inputs.discovery.pinned if (sentence := _explain_agent_not_opted_in(inputs, pinned))]
    ok = bool(inputs.discovery.pinned) and not wrong
    return ok, f"{inputs.opt_in_tag} must be {wanted}: {'; '.join(wrong) or (join_ids(inputs.discovery.felt) or 'nothing is pinned')}"


def _explain_agent_not_opted_in(inputs: SafetyInput, pinned: Resource) -> str:
    """Commands for a task go to a managed instance of that task, and IAM checks the tags of the managed instance.

    Empty if the tag is right or if no command is sent.
    """
    now = inputs.workload_now.now(pinned) if inputs.workload_now else None
    if not inputs.sends_commands or not isinstance(now, EcsTask) or now.managed_id is None:
        return ""
    tag, wanted = now.managed_tags.get(inputs.opt_in_tag), inputs.definition.environment.name
    return f"{now.managed_id}, the managed instance of {now.id}, has {tag or 'none'}" if tag != wanted else ""


def _check_healthy_share(inputs: SafetyInput) -> Answer:
    workload = inputs.workload_now
    if workload is None:
        return None, "the capacity of the failure domains could not be read"
    percent = inputs.definition.environment.minimum_healthy_percent
    resources = tuple(
        (workload.now(pinned) or pinned).under(*_count_as(inputs, fault))
        for fault in inputs.definition.experiment.plan
        if fault.type is not FaultType.NO_FAULT
        for pinned in inputs.discovery.targets_of(fault.name)
    )
    if inputs.discovery.pinned and not resources:
        return True, "no fault is injected here, so nothing is taken from the capacity"
    # What a document does to those that feel it nobody knows: they count as lost, as the targets of an Automation document do.
    resources += tuple(workload.now(touched) or touched for touched in inputs.discovery.touched)
    domains = [(domain, list_lost_members(workload, resources, domain)) for domain in list_capacities(workload, resources)]
    sums = [
        f"{domain.domain}: {domain.count(domain.in_service)} in service − {domain.count(gone)} "
        f"= {domain.after(gone)} of {domain.size} ({_show_need(domain, gone, percent)})"
        for domain, gone in domains
    ]
    enough = bool(domains) and all(domain.after(gone) >= domain.needed(percent) for domain, gone in domains)
    return enough, "; ".join(sums) or "nothing is pinned"


def _count_as(inputs: SafetyInput, fault: PlannedFault) -> tuple[FaultType, Mapping[str, Any]]:
    """As which fault it takes something from its targets."""
    return inputs.counts_as.get(fault.name) or (fault.type, fault.parameters)


def _check_fault_configuration(inputs: SafetyInput) -> Answer:
    """The functions read their faults from the place that the policy names: the FIS role can write only there."""
    functions = [target for target in inputs.discovery.pinned if isinstance(target, LambdaFunction)]
    if not functions:
        return True, "no function is hit"
    policy, now = inputs.definition.environment, inputs.workload_now
    if now is None:
        return None, "the functions could not be described"
    wanted = policy.lambda_fault_configuration
    parts = [part for function in functions for part in (now.now(function) or function).everything]
    locations = {part.id: part.configuration_location for part in parts}
    wrong = [
        f"{id_} has {location or 'none'}"
        for id_, location in locations.items()
        if wanted is None or location.rstrip("/") != wanted.rstrip("/")
    ]
    return not wrong, f"AWS_FIS_CONFIGURATION_LOCATION must be {wanted or 'in the policy'}: {'; '.join(wrong) or ', '.join(locations)}"


def _check_fault_roles(inputs: SafetyInput) -> Answer:
    """Nothing but the policy bounds what a fault on a role hits."""
    roles = [target for target in inputs.discovery.pinned if target.type is ResourceType.ROLE]
    listed = inputs.definition.environment.api_fault_roles
    wrong = [role.id for role in roles if role.arn not in listed]
    if wrong:
        return False, f"{inputs.definition.environment.name} does not list {', '.join(wrong)} in api_fault_roles"
    return True, f"the policy lists {join_ids(roles)}" if roles else "no role is hit"


def _check_replacement(inputs: SafetyInput) -> Answer:
    parsed = parse_sentences(inputs.definition.experiment)
    judged = any(isinstance(sentence, Replacement) for _, _, sentence in parsed.criteria)
    if not inputs.traits.targets_are_replaced and not judged:
        return True, "nothing has to be replaced"
    if inputs.workload_now is None:
        return None, "the Auto Scaling groups could not be described"
    groups = {group.name: group for group in inputs.workload_now.groups}
    replaced = inputs.replaced or inputs.discovery.pinned
    group_of = {target.id: target.group if isinstance(target, Member) else None for target in replaced}
    wrong = [f"{id_} is in no group that would replace it" for id_, group in group_of.items() if group not in groups]
    names = sorted({group for group in group_of.values() if group in groups and group})
    for name in names:
        suspended = sorted(NEEDED_PROCESSES & set(groups[name].suspended))
        wrong += [f"{name} has {', '.join(suspended)} suspended"] if suspended else []
    return bool(inputs.discovery.pinned) and not wrong, "; ".join(wrong) or f"{', '.join(names) or 'nothing is pinned'} can replace them"


def _check_targets_unchanged(inputs: SafetyInput) -> Answer:
    if inputs.workload_now is None:
        return None, "the targets could not be described"
    now = inputs.workload_now.now
    changed = [change for pinned in inputs.discovery.felt for change in _list_changes(pinned, now(pinned))]
    return bool(inputs.discovery.pinned) and not changed, "; ".join(changed) or f"{join_ids(inputs.discovery.felt)} as discovered"


def _show_need(capacity: Capacity, gone: frozenset[str], percent: float) -> str:
    if capacity.least is not None:
        return f"needed {capacity.least}"
    return f"{100 * capacity.after(gone) / capacity.size if capacity.size else 0:.0f} %, needed {percent:g} %"


def _list_changes(then: Resource, now: Resource | None) -> list[str]:
    if now is None:
        return [f"{then.id} is gone"]
    pairs = [(field, getattr(then, field), getattr(now, field)) for field in then.IDENTITY]
    return [f"{then.id}: {field} was {before}, is {after}" for field, before, after in pairs if before != after]


ALWAYS: Mapping[str, Check] = {
    "targets_exist": _check_targets_exist,
    "opt_in_tag": _check_opt_in_tag,
    "minimum_healthy_share": _check_healthy_share,
    "fault_configuration": _check_fault_configuration,
    "fault_roles": _check_fault_roles,
    "replacement_possible": _check_replacement,
}
FINAL: Mapping[str, Check] = {
    "targets_unchanged": _check_targets_unchanged,
}
