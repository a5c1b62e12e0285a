"""Checks of the run itself: it is not halted, its home is in touch, it is alone on its failure domains, approved, and still
what was admitted."""

from collections.abc import Mapping
from datetime import UTC, timedelta

from squall.domain.approval.standing import check_approval
from squall.domain.approval.votes import Ask
from squall.domain.base.vocabulary import Mode
from squall.domain.metrics.periods import format_length
from squall.domain.policy.environment import Approval
from squall.domain.safety.inputs import Answer, Check, SafetyInput


def _check_halt_flag(inputs: SafetyInput) -> Answer:
    if inputs.halt is None:
        return None, "the halt flag could not be read, which counts as halted"
    return not inputs.halt.engaged, f"the stack is {inputs.halt}"


def _check_home(inputs: SafetyInput) -> Answer:
    """A member that its home can't reach any more is one that a halt of the fleet may not reach either."""
    policy, contact = inputs.definition.environment, inputs.contact
    if policy.home_deadline is None:
        return True, f"{policy.name} does not ask for the fleet's home"
    if not inputs.in_fleet:
        return True, "this stack is in no fleet"
    if contact is None:
        return None, "when the fleet's home wrote last could not be read"
    allowed = f"{policy.name} starts nothing {format_length(policy.home_deadline)} after its last word"
    if contact.seen is None:
        return False, f"the fleet's home, account {contact.home}, has never written here; {allowed}"
    silent = max(inputs.now - contact.seen, timedelta(0))
    detail = f"the fleet's home, account {contact.home}, wrote last at {contact.seen.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC; {allowed}"
    return silent <= policy.home_deadline, detail


def _check_failure_domains(inputs: SafetyInput) -> Answer:
    if inputs.domain_holders is None:
        return None, "the locks could not be read"
    domains = inputs.discovery.failure_domains
    unknown = [domain for domain in domains if domain not in inputs.domain_holders]
    if unknown:
        return None, f"the lock of {', '.join(unknown)} could not be read"
    leases = [lease for domain in domains if (lease := inputs.domain_holders[domain])]
    others = [lease for lease in leases if lease.holder != inputs.execution_id and not lease.expired]
    if others:
        return False, "; ".join(f"{lease.key} is held by {lease.holder} until {lease.until:%H:%M:%S} UTC" for lease in others)
    return bool(domains), f"free: {', '.join(domains)}" if domains else "nothing is pinned"


def _check_running_experiments(inputs: SafetyInput) -> Answer:
    if inputs.active_experiments is None:
        return None, "the running FIS experiments could not be listed"
    ours = [e.id for e in inputs.active_experiments if e.tags.get("squall:execution") == inputs.execution_id]
    if ours:
        return False, f"this execution's fault already runs: {', '.join(ours)}"
    foreign = [e.id for e in inputs.active_experiments if "squall:execution" not in e.tags]
    others = len(inputs.active_experiments) - len(foreign)
    detail = f"{others} experiments of other executions run on other failure domains"
    return True, detail + (f"; not Squall's, their targets unknown: {', '.join(foreign)}" if foreign else "")


def _check_lease(inputs: SafetyInput) -> Answer:
    if inputs.lease_held is None:
        return None, "the lease on the failure domains could not be read"
    return inputs.lease_held, "all locks are held past StartFault" if inputs.lease_held else "a lock was lost, or its lease ends too soon"


def _check_definition_unchanged(inputs: SafetyInput) -> Answer:
    if inputs.definition_hash_now is None:
        return None, "the definition could not be read again"
    same = inputs.definition_hash_now == inputs.definition.definition_hash
    return same, f"admitted {inputs.definition.definition_hash[:12]}, now {inputs.definition_hash_now[:12]}"


def _check_retirement(inputs: SafetyInput) -> Answer:
    """A newer version does not take the place of the admitted one; a retirement ends every run that has had no fault."""
    source, newest = inputs.definition.source, inputs.published_now
    if source.kind != "published":
        return True, f"the definition was {source}"
    if newest is None:
        return None, f"the published catalogue could not be read; the definition is {source}"
    if newest.retired:
        return False, f"{source.name} was retired at {newest.at:%Y-%m-%d %H:%M:%S} UTC by {newest.by}"
    newer = f"; version {newest.version} has been published since" if newest.version != source.version else ""
    return True, f"the definition is {source}{newer}"


def _check_approval(inputs: SafetyInput) -> Answer:
    name, policy = inputs.definition.environment.name, inputs.definition.environment.approval
    if policy is None or not policy.required:
        return True, f"{name} asks for no approval"
    if inputs.definition.mode is Mode.PLAN:
        return True, f"a plan injects nothing; a run in {name} would need approval"
    if inputs.ask and (differences := _compare_request(inputs.ask, policy)):
        return False, f"people were asked for something else than the policy asks for: {differences}"
    return check_approval(inputs.ask, inputs.votes, inputs.plan_now, inputs.now)


def _compare_request(ask: Ask, policy: Approval) -> str:
    """What the request says otherwise than the policy; empty if nothing. It decides how many approvals are enough, and
    whose."""
    compared = {
        "approvers": (ask.approvers, policy.approvers),
        "who": (ask.who, policy.who),
        "expires_after": (ask.expires_at - ask.at, policy.expires_after),
    }
    return "; ".join(f"{name} is {asked}, not {wanted}" for name, (asked, wanted) in compared.items() if asked != wanted)


def _check_template_present(inputs: SafetyInput) -> Answer:
    return bool(inputs.template_id), inputs.template_id or "there is no FIS template"


def _check_template_unchanged(inputs: SafetyInput) -> Answer:
    if inputs.template_differences is None:
        return None, "the FIS template could not be compared with what was compiled"
    differences = "; ".join(inputs.template_differences)
    return not differences, differences or f"{inputs.template_id} is what was compiled"


ALWAYS: Mapping[str, Check] = {
    "not_halted": _check_halt_flag,
    "home_heard": _check_home,
    "failure_domain_free": _check_failure_domains,
    "no_experiment_running": _check_running_experiments,
}
FINAL: Mapping[str, Check] = {
    "lease_held": _check_lease,
    "definition_unchanged": _check_definition_unchanged,
    "not_retired": _check_retirement,
    "approved": _check_approval,
    "fis_template_present": _check_template_present,
    "fis_template_unchanged": _check_template_unchanged,
}
