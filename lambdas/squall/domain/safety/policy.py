"""What the policy of the environment and the definition decide between themselves."""

from collections.abc import Mapping
from datetime import timedelta

from squall.domain.base.vocabulary import RISKS
from squall.domain.metrics.periods import format_length
from squall.domain.resources.base import Resource
from squall.domain.safety.inputs import Answer, Check, SafetyInput, listed


def _allows_type(given: SafetyInput) -> Answer:
    policy, kind = given.definition.environment, given.definition.experiment.type
    return kind in policy.allowed_types, f"{policy.name} allows {listed(policy.allowed_types)}; this is {kind.value}"


def _allows_radius(given: SafetyInput) -> Answer:
    policy, radius = given.definition.environment, given.definition.experiment.blast_radius
    return radius in policy.allowed_blast_radius, f"{policy.name} allows {listed(policy.allowed_blast_radius)}; this is {radius.value}"


def _allows_duration(given: SafetyInput) -> Answer:
    policy, length = given.definition.environment, given.definition.experiment.length
    shortest = timedelta(seconds=policy.timing.minimum_duration_seconds)
    allowed = f"{format_length(shortest)} to {format_length(policy.maximum_duration)}"
    detail = f"{policy.name} allows {allowed}; the fault lasts {format_length(length)}"
    return shortest <= length <= policy.maximum_duration, detail


def _account_and_region(given: SafetyInput) -> Answer:
    if given.account is None or given.region is None:
        return None, "the account and Region of this function are unknown"
    definition, policy = given.definition, given.definition.environment
    accounts, regions = policy.accounts or (definition.account,), policy.regions or (definition.region,)
    ours = (definition.account, definition.region) == (given.account, given.region)
    strangers = [i.id for i in given.discovery.pinned if _place(i) != (given.region, given.account)]
    ok = ours and given.account in accounts and given.region in regions and not strangers
    where = f"running in {given.account} {given.region}; {policy.name} lives in {', '.join(accounts)} {', '.join(regions)}"
    return ok, where + (f"; elsewhere: {', '.join(strangers)}" if strangers else "")


def _risk(given: SafetyInput) -> Answer:
    policy, risk = given.definition.environment, given.risk
    if risk is None:
        return None, f"the risk class of {given.definition.experiment.type.value} is unknown"
    ok = RISKS.index(risk) <= RISKS.index(policy.maximum_risk)
    return ok, f"{policy.name} allows faults up to {policy.maximum_risk} risk; {given.definition.experiment.type.value} is of {risk} risk"


def _cost(given: SafetyInput) -> Answer:
    policy = given.definition.environment
    if given.cost is None:
        return None, "what the run would cost could not be estimated"
    total, minutes = given.cost["total_usd"], given.cost["action_minutes"]
    said = f"about ${total:.2f} ({minutes:g} FIS action-minutes, transitions, metrics, alarms)"
    if policy.maximum_cost_usd is None:
        return True, f"{said}; {policy.name} has no cost limit"
    return total <= policy.maximum_cost_usd, f"{said}; {policy.name} allows ${policy.maximum_cost_usd:.2f} a run"


def _owner(given: SafetyInput) -> Answer:
    policy, owner = given.definition.environment, given.definition.experiment.owner
    if not policy.owners:
        return True, f"{policy.name} asks for no owner; this experiment's is {owner or 'nobody'}"
    return owner in policy.owners, f"{policy.name} takes experiments of {', '.join(policy.owners)}; this one's owner is {owner or 'nobody'}"


def _promoted(given: SafetyInput) -> Answer:
    policy, wanted = given.definition.environment, given.definition.environment.promotion
    name = given.definition.experiment.name
    if wanted is None:
        return True, f"{policy.name} asks for no proof elsewhere"
    if given.proofs is None:
        return None, f"whether {name!r} was validated in {wanted.environment} could not be looked up"
    asked = f"{policy.name} asks for {name!r} validated in {wanted.environment} within {wanted.within_days} days"
    oldest = given.now - timedelta(days=wanted.within_days)
    recent = [proof for proof in given.proofs if proof.environment == wanted.environment and proof.started_at >= oldest]
    same = [proof for proof in recent if proof.promotion_hash and proof.promotion_hash == given.definition.promotion_hash]
    if same:
        return True, f"{asked}: {same[0].id} was, on {same[0].started_at:%Y-%m-%d}, by the same definition"
    others = f"; {len(recent)} runs there were, by another definition ({recent[0].id} the last)" if recent else "; it was not"
    return False, asked + others


def _rollback_plan(given: SafetyInput) -> Answer:
    plan = given.definition.experiment.rollback_plan.strip()
    return bool(plan), f"the plan: {plan[:200]}" if plan else "there is no rollback plan"


def _place(resource: Resource) -> tuple[str, str]:
    parts = [*resource.arn.split(":"), "", "", "", "", ""]
    return parts[3], parts[4]


def _policy_unchanged(given: SafetyInput) -> Answer:
    """The policy that is deployed decides, not the copy that a document of the run carries."""
    name = given.definition.environment.name
    if given.deployed_policy is None:
        return None, f"no policy is deployed for {name}"
    if given.deployed_policy != given.definition.environment:
        return False, f"the policy of {name} that is deployed now is another than the one this run was admitted under: start it again"
    return True, f"{name} is as deployed"


ALWAYS: Mapping[str, Check] = {
    "policy_unchanged": _policy_unchanged,
    "environment_allows_type": _allows_type,
    "environment_allows_blast_radius": _allows_radius,
    "environment_allows_duration": _allows_duration,
    "account_and_region": _account_and_region,
    "environment_allows_risk": _risk,
    "environment_allows_cost": _cost,
    "environment_allows_owner": _owner,
    "promotion": _promoted,
    "rollback_plan": _rollback_plan,
}
