"""Checks of the definition against the policy of its environment."""

from collections.abc import Mapping
from datetime import timedelta

from squall.domain.base.vocabulary import RISKS
from squall.domain.metrics.periods import format_length
from squall.domain.resources.base import Resource
from squall.domain.safety.inputs import Answer, Check, SafetyInput, join_words


def _check_type(inputs: SafetyInput) -> Answer:
    policy, kind = inputs.definition.environment, inputs.definition.experiment.type
    return kind in policy.allowed_types, f"{policy.name} allows {join_words(policy.allowed_types)}; this is {kind.value}"


def _check_radius(inputs: SafetyInput) -> Answer:
    policy, radius = inputs.definition.environment, inputs.definition.experiment.blast_radius
    return radius in policy.allowed_blast_radius, f"{policy.name} allows {join_words(policy.allowed_blast_radius)}; this is {radius.value}"


def _check_duration(inputs: SafetyInput) -> Answer:
    policy, length = inputs.definition.environment, inputs.definition.experiment.length
    shortest = timedelta(seconds=policy.timing.minimum_duration_seconds)
    allowed = f"{format_length(shortest)} to {format_length(policy.maximum_duration)}"
    detail = f"{policy.name} allows {allowed}; the fault lasts {format_length(length)}"
    return shortest <= length <= policy.maximum_duration, detail


def _check_account_and_region(inputs: SafetyInput) -> Answer:
    if inputs.account is None or inputs.region is None:
        return None, "the account and Region of this function are unknown"
    definition, policy = inputs.definition, inputs.definition.environment
    accounts, regions = policy.accounts or (definition.account,), policy.regions or (definition.region,)
    ours = (definition.account, definition.region) == (inputs.account, inputs.region)
    elsewhere = [target.id for target in inputs.discovery.pinned if _read_region_and_account(target) != (inputs.region, inputs.account)]
    ok = ours and inputs.account in accounts and inputs.region in regions and not elsewhere
    where = f"running in {inputs.account} {inputs.region}; {policy.name} is in {', '.join(accounts)} {', '.join(regions)}"
    return ok, where + (f"; elsewhere: {', '.join(elsewhere)}" if elsewhere else "")


def _check_risk(inputs: SafetyInput) -> Answer:
    policy, risk = inputs.definition.environment, inputs.risk
    if risk is None:
        return None, f"the risk class of {inputs.definition.experiment.type.value} is unknown"
    ok = RISKS.index(risk) <= RISKS.index(policy.maximum_risk)
    return ok, f"{policy.name} allows faults up to {policy.maximum_risk} risk; {inputs.definition.experiment.type.value} is of {risk} risk"


def _check_cost(inputs: SafetyInput) -> Answer:
    policy = inputs.definition.environment
    if inputs.cost is None:
        return None, "the cost of the run could not be estimated"
    total, minutes = inputs.cost["total_usd"], inputs.cost["action_minutes"]
    estimate = f"about ${total:.2f} ({minutes:g} FIS action-minutes, transitions, metrics, alarms)"
    if policy.maximum_cost_usd is None:
        return True, f"{estimate}; {policy.name} has no cost limit"
    return total <= policy.maximum_cost_usd, f"{estimate}; {policy.name} allows ${policy.maximum_cost_usd:.2f} a run"


def _check_owner(inputs: SafetyInput) -> Answer:
    policy, owner = inputs.definition.environment, inputs.definition.experiment.owner
    if not policy.owners:
        return True, f"{policy.name} asks for no owner; this experiment's is {owner or 'nobody'}"
    return owner in policy.owners, f"{policy.name} takes experiments of {', '.join(policy.owners)}; this one's owner is {owner or 'nobody'}"


def _check_promotion(inputs: SafetyInput) -> Answer:
    policy, promotion = inputs.definition.environment, inputs.definition.environment.promotion
    name = inputs.definition.experiment.name
    if promotion is None:
        return True, f"{policy.name} asks for no proof elsewhere"
    if inputs.proofs is None:
        return None, f"whether {name!r} was validated in {promotion.environment} could not be looked up"
    rule = f"{policy.name} asks for {name!r} validated in {promotion.environment} within {promotion.within_days} days"
    oldest = inputs.now - timedelta(days=promotion.within_days)
    recent = [proof for proof in inputs.proofs if proof.environment == promotion.environment and proof.started_at >= oldest]
    same = [proof for proof in recent if proof.promotion_hash and proof.promotion_hash == inputs.definition.promotion_hash]
    if same:
        return True, f"{rule}: {same[0].id} was, on {same[0].started_at:%Y-%m-%d}, by the same definition"
    others = f"; {len(recent)} were, by another definition (the last is {recent[0].id})" if recent else "; it was not"
    return False, rule + others


def _check_rollback_plan(inputs: SafetyInput) -> Answer:
    plan = inputs.definition.experiment.rollback_plan.strip()
    return bool(plan), f"the plan: {plan[:200]}" if plan else "there is no rollback plan"


def _read_region_and_account(resource: Resource) -> tuple[str, str]:
    parts = [*resource.arn.split(":"), "", "", "", "", ""]
    return parts[3], parts[4]


def _check_policy_unchanged(inputs: SafetyInput) -> Answer:
    """The deployed policy decides, not the copy in the run's definition."""
    name = inputs.definition.environment.name
    if inputs.deployed_policy is None:
        return None, f"no policy is deployed for {name}"
    if inputs.deployed_policy != inputs.definition.environment:
        return False, f"the policy of {name} has changed since this run was admitted: start it again"
    return True, f"{name} is as deployed"


ALWAYS: Mapping[str, Check] = {
    "policy_unchanged": _check_policy_unchanged,
    "environment_allows_type": _check_type,
    "environment_allows_blast_radius": _check_radius,
    "environment_allows_duration": _check_duration,
    "account_and_region": _check_account_and_region,
    "environment_allows_risk": _check_risk,
    "environment_allows_cost": _check_cost,
    "environment_allows_owner": _check_owner,
    "promotion": _check_promotion,
    "rollback_plan": _check_rollback_plan,
}
