"""The targets: there, opted in, with enough healthy ones around them, and as they were discovered."""

from collections.abc import Mapping

from squall.domain.experiment.sentences import sentences
from squall.domain.language.sentences import Replacement
from squall.domain.resources.base import Member, Resource
from squall.domain.resources.functions import LambdaFunction
from squall.domain.resources.tasks import EcsTask
from squall.domain.resources.types import ids
from squall.domain.safety.inputs import Answer, Check, SafetyInput
from squall.domain.targets.failure_domains import Capacity, capacities, lost
from squall.domain.targets.pinning import find_not_opted_in
from squall.domain.targets.serving import explain_idle

NEEDED_PROCESSES = frozenset({"Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"})
"""Auto Scaling processes without which nothing replaces an instance, or the replacement serves nobody."""


def _targets_exist(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets could not be described"
    now = given.workload_now.now
    unknown = [*given.discovery.workload.missing, *(m for m in given.workload_now.missing if m not in given.discovery.workload.missing)]
    states = [(pinned.id, now(pinned)) for pinned in given.discovery.pinned]
    absent = [f"{id_} is {one.condition if one else 'unknown to the account'}" for id_, one in states if one is None or not one.usable]
    absent += [sentence for _, one in states if one and one.usable and (sentence := explain_idle(given.workload_now, one))]
    if unknown or absent or not given.discovery.pinned:
        return False, "; ".join([*(f"{target} does not exist" for target in unknown), *absent]) or "nothing is pinned"
    return True, ", ".join(f"{id_} is {one.state}" for id_, one in states if one)


def _opt_in_tag(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets' tags could not be read"
    wanted = given.definition.environment.name
    now = {pinned.id: one.tags.get(given.opt_in_tag) for pinned in given.discovery.pinned if (one := given.workload_now.now(pinned))}
    wrong = [f"{i.id} has {now.get(i.id) or 'none'}" for i in given.discovery.pinned if now.get(i.id) != wanted]
    here = [one for pinned in given.discovery.pinned if (one := given.workload_now.now(pinned))]
    wrong += [words for one in here for words in find_not_opted_in(given.workload_now, one, wanted, given.opt_in_tag)]
    wrong += [sentence for pinned in given.discovery.pinned if (sentence := _agent_not_opted_in(given, pinned))]
    ok = bool(given.discovery.pinned) and not wrong
    return ok, f"{given.opt_in_tag} must be {wanted}: {'; '.join(wrong) or (ids(given.discovery.pinned) or 'nothing is pinned')}"


def _agent_not_opted_in(given: SafetyInput, pinned: Resource) -> str:
    """A task's commands go to a managed instance of its own, by whose tags IAM judges them."""
    now = given.workload_now.now(pinned) if given.workload_now else None
    if not given.sends_commands or not isinstance(now, EcsTask) or now.managed_id is None:
        return ""
    found, wanted = now.managed_tags.get(given.opt_in_tag), given.definition.environment.name
    return f"{now.managed_id}, the managed instance of {now.id}, has {found or 'none'}" if found != wanted else ""


def _healthy_share(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the capacity of the failure domains could not be read"
    percent = given.definition.environment.minimum_healthy_percent
    asked = given.definition.experiment.parameters
    resources = tuple((given.workload_now.now(pinned) or pinned).under(asked) for pinned in given.discovery.pinned)
    gone = lost(resources)
    found = capacities(given.workload_now, resources)
    said = [
        f"{c.domain}: {c.count(c.in_service)} in service − {c.count(c.in_service & gone)} = {c.after(gone)} of {c.size} "
        f"({_needed(c, gone, percent)})"
        for c in found
    ]
    return bool(found) and all(c.after(gone) >= c.needed(percent) for c in found), "; ".join(said) or "nothing is pinned"


def _fault_configuration(given: SafetyInput) -> Answer:
    """Where FIS writes faults for functions is the environment's own: its role may write nowhere else."""
    functions = [one for one in given.discovery.pinned if isinstance(one, LambdaFunction)]
    if not functions:
        return True, "no function is hit"
    policy, now = given.definition.environment, given.workload_now
    if now is None:
        return None, "the functions could not be described"
    wanted = policy.lambda_fault_configuration
    found = {one.id: (now.now(one) or one).configuration_location for one in functions}
    wrong = [f"{id_} has {place or 'none'}" for id_, place in found.items() if wanted is None or place.rstrip("/") != wanted.rstrip("/")]
    return not wrong, f"AWS_FIS_CONFIGURATION_LOCATION must be {wanted or 'in the policy'}: {'; '.join(wrong) or ', '.join(found)}"


def _replacement_possible(given: SafetyInput) -> Answer:
    parsed = sentences(given.definition.experiment)
    asked = any(isinstance(sentence, Replacement) for _, _, sentence in parsed.criteria)
    if not given.traits.targets_are_replaced and not asked:
        return True, "nothing has to be replaced"
    if given.workload_now is None:
        return None, "the Auto Scaling groups could not be described"
    groups = {group.name: group for group in given.workload_now.groups}
    within = {one.id: one.group if isinstance(one, Member) else None for one in given.discovery.pinned}
    wrong = [f"{id_} is in nothing that would replace it" for id_, group in within.items() if group not in groups]
    names = sorted({group for group in within.values() if group in groups and group})
    for name in names:
        suspended = sorted(NEEDED_PROCESSES & set(groups[name].suspended))
        wrong += [f"{name} has suspended {', '.join(suspended)}"] if suspended else []
    return bool(given.discovery.pinned) and not wrong, "; ".join(wrong) or f"{', '.join(names) or 'nothing is pinned'} can replace them"


def _targets_unchanged(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets could not be described"
    now = given.workload_now.now
    changed = [change for pinned in given.discovery.pinned for change in _changes(pinned, now(pinned))]
    return bool(given.discovery.pinned) and not changed, "; ".join(changed) or f"{ids(given.discovery.pinned)} as discovered"


def _needed(capacity: Capacity, gone: frozenset[str], percent: float) -> str:
    if capacity.least is not None:
        return f"needed {capacity.least}"
    return f"{100 * capacity.after(gone) / capacity.size if capacity.size else 0:.0f} %, needed {percent:g} %"


def _changes(then: Resource, now: Resource | None) -> list[str]:
    if now is None:
        return [f"{then.id} is gone"]
    pairs = [(field, getattr(then, field), getattr(now, field)) for field in then.IDENTITY]
    return [f"{then.id}: {field} was {before}, is {after}" for field, before, after in pairs if before != after]


ALWAYS: Mapping[str, Check] = {
    "targets_exist": _targets_exist,
    "opt_in_tag": _opt_in_tag,
    "minimum_healthy_share": _healthy_share,
    "fault_configuration": _fault_configuration,
    "replacement_possible": _replacement_possible,
}
FINAL: Mapping[str, Check] = {
    "targets_unchanged": _targets_unchanged,
}
