"""Checks of the definition against the policy of its environment."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from squall.domain.base.problems import Problem
from squall.domain.base.vocabulary import RISKS, FaultType, Risk, Verdict
from squall.domain.experiment.experiment import Experiment
from squall.domain.metrics.periods import format_length
from squall.domain.policy.environment import Environment
from squall.domain.policy.promotion import Promotion
from squall.domain.resources.base import Resource
from squall.domain.resources.managed import MANAGED
from squall.domain.run.record import ExecutionRecord
from squall.domain.safety.inputs import Answer, Check, SafetyInput, join_words

Ruling = tuple[bool, str]
"""Whether it is allowed, and the comparison in words."""
Rule = Callable[[Experiment, Environment, timedelta], Ruling]
"""The last argument is how long the faults last together."""


def _allow_type(experiment: Experiment, policy: Environment, _: timedelta) -> Ruling:
    injected = [fault.type for fault in experiment.plan if fault.type is not FaultType.NO_FAULT]
    if not injected:
        return True, f"nothing is injected here, which {policy.name} need not allow"
    allowed = all(fault in policy.allowed_types for fault in injected)
    return allowed, f"{policy.name} allows {join_words(policy.allowed_types)}; this is {experiment.words}"


def _allow_radius(experiment: Experiment, policy: Environment, _: timedelta) -> Ruling:
    radius = experiment.blast_radius
    return radius in policy.allowed_blast_radius, f"{policy.name} allows {join_words(policy.allowed_blast_radius)}; this is {radius.value}"


def _allow_duration(experiment: Experiment, policy: Environment, lasts: timedelta) -> Ruling:
    shortest = timedelta(seconds=policy.timing.minimum_duration_seconds)
    allowed = f"{format_length(shortest)} to {format_length(policy.maximum_duration)}"
    details = [f"{policy.name} allows {allowed}; the fault lasts {format_length(lasts)}"]
    if experiment.observes_longer:
        details[0] += f", its observation {format_length(experiment.observed_length)}"
    short = [f"{fault.name} lasts {format_length(fault.length)}" for fault in experiment.plan if fault.length < shortest and fault.name]
    short += [f"{fault.name} waits {format_length(fault.delay)}" for fault in experiment.plan if timedelta(0) < fault.delay < shortest]
    fits = shortest <= lasts and max(lasts, experiment.observed_length) <= policy.maximum_duration
    return fits and not short, "; ".join([*details, *short])


def _allow_owner(experiment: Experiment, policy: Environment, _: timedelta) -> Ruling:
    owner = experiment.owner
    if not policy.owners:
        return True, f"{policy.name} asks for no owner; this experiment's is {owner or 'nobody'}"
    return owner in policy.owners, f"{policy.name} takes experiments of {', '.join(policy.owners)}; this one's owner is {owner or 'nobody'}"


def _require_rollback_plan(experiment: Experiment, _policy: Environment, _: timedelta) -> Ruling:
    plan = experiment.rollback_plan.strip()
    return bool(plan), f"the plan: {plan[:200]}" if plan else "there is no rollback plan"


def _allow_risk(experiment: Experiment, policy: Environment, risk: Risk) -> Ruling:
    ok = RISKS.index(risk) <= RISKS.index(policy.maximum_risk)
    return ok, f"{policy.name} allows faults up to {policy.maximum_risk} risk; {experiment.words} is of {risk} risk"


_RULES: Mapping[str, tuple[str, Rule]] = {
    "environment_allows_type": ("type", _allow_type),
    "environment_allows_blast_radius": ("blast_radius", _allow_radius),
    "environment_allows_duration": ("duration", _allow_duration),
    "environment_allows_owner": ("owner", _allow_owner),
    "rollback_plan": ("rollback_plan", _require_rollback_plan),
}
"""The checks that need nothing but experiment, policy and the length of all faults: each with the field that it is about."""


def find_forbidden(experiment: Experiment, policy: Environment, risk: Risk, lasts: timedelta) -> Iterator[Problem]:
    """What CheckSafety will refuse of this experiment whatever AWS answers."""
    for field, rule in _RULES.values():
        allowed, detail = rule(experiment, policy, lasts)
        if not allowed:
            yield Problem(path=field, message=detail)
    allowed, detail = _allow_risk(experiment, policy, risk)
    if not allowed:
        yield Problem(path="type", message=detail)


def _as_check(rule: Rule) -> Check:
    return lambda inputs: rule(inputs.definition.experiment, inputs.definition.environment, inputs.lasts)


def _check_account_and_region(inputs: SafetyInput) -> Answer:
    if inputs.account is None or inputs.region is None:
        return None, "the account and Region of this function are unknown"
    definition, policy = inputs.definition, inputs.definition.environment
    accounts, regions = policy.accounts or (definition.account,), policy.regions or (definition.region,)
    ours = (definition.account, definition.region) == (inputs.account, inputs.region)
    here = {(inputs.region, inputs.account), ("", inputs.account)}  # the ARNs of IAM name no Region
    elsewhere = [target.id for target in inputs.discovery.felt if _read_region_and_account(target) not in here and not _is_nameless(target)]
    ok = ours and inputs.account in accounts and inputs.region in regions and not elsewhere
    where = f"running in {inputs.account} {inputs.region}; {policy.name} is in {', '.join(accounts)} {', '.join(regions)}"
    return ok, where + (f"; elsewhere: {', '.join(elsewhere)}" if elsewhere else "")


def _check_risk(inputs: SafetyInput) -> Answer:
    experiment, policy = inputs.definition.experiment, inputs.definition.environment
    if inputs.risk is None:
        return None, f"the risk class of {experiment.words} is unknown"
    return _allow_risk(experiment, policy, inputs.risk)


def _check_cost(inputs: SafetyInput) -> Answer:
    policy = inputs.definition.environment
    if inputs.cost is None:
        return None, "the cost of the run could not be estimated"
    total, minutes = inputs.cost["total_usd"], inputs.cost["action_minutes"]
    estimate = f"about ${total:.2f} ({minutes:g} FIS action-minutes, transitions, metrics, alarms)"
    if policy.maximum_cost_usd is None:
        return True, f"{estimate}; {policy.name} has no cost limit"
    return total <= policy.maximum_cost_usd, f"{estimate}; {policy.name} allows ${policy.maximum_cost_usd:.2f} a run"


def _check_promotion(inputs: SafetyInput) -> Answer:
    policy, promotion = inputs.definition.environment, inputs.definition.environment.promotion
    name = inputs.definition.experiment.name
    if promotion is None:
        return True, f"{policy.name} asks for no proof elsewhere"
    if inputs.proofs is None:
        return None, f"whether {name!r} was validated in {promotion.where} could not be looked up"
    rule = f"{policy.name} asks for {name!r} validated in {promotion.where} within {promotion.within_days} days"
    oldest = inputs.now - timedelta(days=promotion.within_days)
    recent = [proof for proof in inputs.proofs if _is_proof(proof, promotion) and oldest <= proof.started_at <= inputs.now]
    same = [proof for proof in recent if proof.promotion_hash and proof.promotion_hash == inputs.definition.promotion_hash]
    if same:
        return True, f"{rule}: {same[0].id} was, on {same[0].started_at:%Y-%m-%d}, by the same definition"
    others = f"; {len(recent)} were, by another definition (the last is {recent[0].id})" if recent else "; it was not"
    return False, rule + others


def _is_proof(record: ExecutionRecord, promotion: Promotion) -> bool:
    """Whether a record is one of a run that validated in the environment that the policy names, and of that stack's account
    and Region. What was asked for is checked again in what was answered."""
    if record.environment != promotion.environment or record.verdict is not Verdict.VALIDATED or record.only_plans:
        return False
    stack = promotion.stack
    return stack is None or record.execution_arn.split(":")[3:5] == [stack.region, stack.account]


def _is_nameless(resource: Resource) -> bool:
    """Whether ARNs of this type name neither Region nor account. Such resources are found by a call that lists this Region's and
    account's alone."""
    return resource.type in MANAGED and not MANAGED[resource.type].accounted and _read_region_and_account(resource) == ("", "")


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
    **{name: _as_check(rule) for name, (_, rule) in _RULES.items()},
    "account_and_region": _check_account_and_region,
    "environment_allows_risk": _check_risk,
    "environment_allows_cost": _check_cost,
    "promotion": _check_promotion,
}
