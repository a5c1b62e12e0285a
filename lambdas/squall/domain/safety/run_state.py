"""The run itself: not halted, alone on its failure domains, still what was admitted."""

from collections.abc import Mapping

from squall.domain.approval.votes import check_approval
from squall.domain.base.vocabulary import Mode
from squall.domain.safety.inputs import Answer, Check, SafetyInput


def _not_halted(given: SafetyInput) -> Answer:
    if given.halt is None:
        return None, "the halt flag could not be read, which counts as halted"
    return not given.halt.engaged, f"the stack is {given.halt}"


def _domain_free(given: SafetyInput) -> Answer:
    if given.domain_holders is None:
        return None, "the locks could not be read"
    domains = given.discovery.failure_domains
    unknown = [domain for domain in domains if domain not in given.domain_holders]
    if unknown:
        return None, f"the lock of {', '.join(unknown)} could not be read"
    held = [held for domain in domains if (held := given.domain_holders[domain]) and held.holder != given.execution_id and not held.expired]
    if held:
        return False, "; ".join(f"{one.key} is held by {one.holder} until {one.until:%H:%M:%S} UTC" for one in held)
    return bool(domains), f"free: {', '.join(domains)}" if domains else "nothing is pinned"


def _nothing_running(given: SafetyInput) -> Answer:
    if given.active_experiments is None:
        return None, "the running FIS experiments could not be listed"
    ours = [e.id for e in given.active_experiments if e.tags.get("squall:execution") == given.execution_id]
    if ours:
        return False, f"this execution's fault already runs: {', '.join(ours)}"
    foreign = [e.id for e in given.active_experiments if "squall:execution" not in e.tags]
    others = len(given.active_experiments) - len(foreign)
    said = f"{others} experiments of other executions run, kept apart by their locks"
    return True, said + (f"; not Squall's, their targets unknown: {', '.join(foreign)}" if foreign else "")


def _lease(given: SafetyInput) -> Answer:
    if given.lease_held is None:
        return None, "the lease on the failure domains could not be read"
    return given.lease_held, "all locks are held past StartFault" if given.lease_held else "a lock was lost, or its lease ends too soon"


def _definition_unchanged(given: SafetyInput) -> Answer:
    if given.definition_hash_now is None:
        return None, "the definition could not be read again"
    same = given.definition_hash_now == given.definition.definition_hash
    return same, f"admitted {given.definition.definition_hash[:12]}, now {given.definition_hash_now[:12]}"


def _approved(given: SafetyInput) -> Answer:
    name, policy = given.definition.environment.name, given.definition.environment.approval
    if policy is None or not policy.required:
        return True, f"{name} asks nobody"
    if given.definition.mode is Mode.PLAN:
        return True, f"a plan injects nothing; a run in {name} would ask people first"
    return check_approval(given.ask, given.votes, given.plan_now, given.now)


def _template(given: SafetyInput) -> Answer:
    return bool(given.template_id), given.template_id or "there is no FIS template"


def _template_unchanged(given: SafetyInput) -> Answer:
    if given.template_differences is None:
        return None, "the FIS template could not be compared with what was compiled"
    differences = "; ".join(given.template_differences)
    return not differences, differences or f"{given.template_id} is what was compiled"


ALWAYS: Mapping[str, Check] = {
    "not_halted": _not_halted,
    "failure_domain_free": _domain_free,
    "no_experiment_running": _nothing_running,
}
FINAL: Mapping[str, Check] = {
    "lease_held": _lease,
    "definition_unchanged": _definition_unchanged,
    "approved": _approved,
    "fis_template_present": _template,
    "fis_template_unchanged": _template_unchanged,
}
