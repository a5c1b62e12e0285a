"""The targets: there, opted in, with enough healthy ones around them, and as they were discovered."""

from collections.abc import Mapping

from squall.domain.bindings import sentences
from squall.domain.documents import Instance
from squall.domain.language import Replacement
from squall.domain.recovery import REPLACED
from squall.domain.safety.given import Answer, Check, SafetyInput, ids
from squall.domain.targets import capacities

NEEDED_PROCESSES = frozenset({"Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"})
"""Auto Scaling processes without which nothing replaces an instance, or the replacement serves nobody."""


def _targets_exist(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets could not be described"
    now = {instance.id: instance.state for instance in given.workload_now.instances}
    unknown = [*given.discovery.workload.missing, *(m for m in given.workload_now.missing if m not in given.discovery.workload.missing)]
    absent = [f"{i.id} is {now.get(i.id, 'unknown to the account')}" for i in given.discovery.pinned if now.get(i.id) != "running"]
    if unknown or absent or not given.discovery.pinned:
        return False, "; ".join([*(f"{target} does not exist" for target in unknown), *absent]) or "nothing is pinned"
    return True, f"{ids(given.discovery.pinned)} running"


def _opt_in_tag(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets' tags could not be read"
    wanted = given.definition.environment.name
    now = {instance.id: instance.tags.get(given.opt_in_tag) for instance in given.workload_now.instances}
    wrong = [f"{i.id} has {now.get(i.id) or 'none'}" for i in given.discovery.pinned if now.get(i.id) != wanted]
    ok = bool(given.discovery.pinned) and not wrong
    return ok, f"{given.opt_in_tag} must be {wanted}: {'; '.join(wrong) or (ids(given.discovery.pinned) or 'nothing is pinned')}"


def _healthy_share(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the capacity of the failure domains could not be read"
    percent = given.definition.environment.minimum_healthy_percent
    lost = [instance.id for instance in given.discovery.pinned]
    found = capacities(given.workload_now, given.discovery.pinned)
    said = [
        f"{c.domain}: {len(c.in_service)} in service − {len(c.in_service & set(lost))} = {c.after(lost)} of {c.size} "
        f"({100 * c.after(lost) / c.size if c.size else 0:.0f} %, needed {percent:g} %)"
        for c in found
    ]
    return bool(found) and all(c.after(lost) >= c.needed(percent) for c in found), "; ".join(said) or "nothing is pinned"


def _replacement_possible(given: SafetyInput) -> Answer:
    parsed = sentences(given.definition.experiment)
    asked = any(isinstance(sentence, Replacement) for _, _, sentence in parsed.criteria)
    if given.definition.experiment.type not in REPLACED and not asked:
        return True, "nothing has to be replaced"
    if given.workload_now is None:
        return None, "the Auto Scaling groups could not be described"
    groups = {group.name: group for group in given.workload_now.groups}
    wrong = [f"{i.id} is in no Auto Scaling group" for i in given.discovery.pinned if i.group not in groups]
    names = sorted({i.group for i in given.discovery.pinned if i.group in groups and i.group})
    for name in names:
        suspended = sorted(NEEDED_PROCESSES & set(groups[name].suspended))
        wrong += [f"{name} has suspended {', '.join(suspended)}"] if suspended else []
    return bool(given.discovery.pinned) and not wrong, "; ".join(
        wrong
    ) or f"{', '.join(names) or 'nothing is pinned'} can replace instances"


def _targets_unchanged(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets could not be described"
    now = {instance.id: instance for instance in given.workload_now.instances}
    changed = [change for pinned in given.discovery.pinned for change in _changes(pinned, now.get(pinned.id))]
    return bool(given.discovery.pinned) and not changed, "; ".join(changed) or f"{ids(given.discovery.pinned)} as discovered"


def _changes(then: Instance, now: Instance | None) -> list[str]:
    if now is None:
        return [f"{then.id} is gone"]
    fields = ("arn", "state", "zone", "group", "lifecycle")
    pairs = [(field, getattr(then, field), getattr(now, field)) for field in fields]
    return [f"{then.id}: {field} was {before}, is {after}" for field, before, after in pairs if before != after]


ALWAYS: Mapping[str, Check] = {
    "targets_exist": _targets_exist,
    "opt_in_tag": _opt_in_tag,
    "minimum_healthy_share": _healthy_share,
    "replacement_possible": _replacement_possible,
}
FINAL: Mapping[str, Check] = {
    "targets_unchanged": _targets_unchanged,
}
