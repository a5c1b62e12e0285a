"""What the policy of the environment and the definition decide between themselves."""

from collections.abc import Mapping
from datetime import timedelta

from squall.domain.closed_hours import first_closed
from squall.domain.resources import Resource
from squall.domain.safety.given import Answer, Check, SafetyInput, listed
from squall.domain.timing import spoken


def _allows_type(given: SafetyInput) -> Answer:
    policy, kind = given.definition.environment, given.definition.experiment.type
    return kind in policy.allowed_types, f"{policy.name} allows {listed(policy.allowed_types)}; this is {kind.value}"


def _allows_radius(given: SafetyInput) -> Answer:
    policy, radius = given.definition.environment, given.definition.experiment.blast_radius
    return radius in policy.allowed_blast_radius, f"{policy.name} allows {listed(policy.allowed_blast_radius)}; this is {radius.value}"


def _allows_duration(given: SafetyInput) -> Answer:
    policy, length = given.definition.environment, given.definition.experiment.length
    shortest = timedelta(seconds=policy.timing.minimum_duration_seconds)
    detail = f"{policy.name} allows {spoken(shortest)} to {spoken(policy.maximum_duration)}; the fault lasts {spoken(length)}"
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


def _closed_hours(given: SafetyInput) -> Answer:
    hours = given.definition.environment.closed_hours
    if hours is None:
        return True, f"{given.definition.environment.name} has no closed hours"
    span = f"{given.now:%Y-%m-%d %H:%M} to {given.end:%H:%M} UTC, fault and recovery"
    said = f"closed from {hours.start_hour}:00 to {hours.end_hour}:59 {hours.timezone} on {', '.join(hours.days)}"
    try:
        closed = first_closed(hours, given.now, given.end)
    except (KeyError, ValueError) as error:
        return None, f"the closed hours can't be evaluated: {error}"
    if closed is None:
        return True, f"{span}, lies outside the hours {said}"
    return False, f"{span}, meets hours that are {said}: closed at {closed:%Y-%m-%d %H:%M %Z}"


def _rollback_plan(given: SafetyInput) -> Answer:
    plan = given.definition.experiment.rollback_plan.strip()
    return bool(plan), f"the plan: {plan[:200]}" if plan else "there is no rollback plan"


def _place(resource: Resource) -> tuple[str, str]:
    parts = [*resource.arn.split(":"), "", "", "", "", ""]
    return parts[3], parts[4]


ALWAYS: Mapping[str, Check] = {
    "environment_allows_type": _allows_type,
    "environment_allows_blast_radius": _allows_radius,
    "environment_allows_duration": _allows_duration,
    "account_and_region": _account_and_region,
    "closed_hours": _closed_hours,
    "rollback_plan": _rollback_plan,
}
