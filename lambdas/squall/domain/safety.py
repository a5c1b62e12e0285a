"""Every safety check, always evaluated, by one pure function shared by CheckSafety and FinalCheck.

Each check answers with an outcome and a sentence with the values that decided. What can't be evaluated is not evaluated, and so failed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from squall.domain.bindings import Sentences, load_balancer_dimension, sentences, serves_alone, target_group_dimension
from squall.domain.closed_hours import first_closed
from squall.domain.documents import Baseline, Definition, Discovery, GuardSpec, Instance, SafetyCheck, Workload
from squall.domain.halt import Halt
from squall.domain.language import AlarmFires, Recovers, Replacement
from squall.domain.metrics import MetricBinding, MetricQuery
from squall.domain.observed import AlarmState, FisExperiment, Held
from squall.domain.recovery import REPLACED, recovery_length
from squall.domain.targets import capacities
from squall.domain.timing import lag_table, problems, spoken
from squall.domain.vocabulary import CheckOutcome

NEEDED_PROCESSES = frozenset({"Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"})
"""Auto Scaling processes without which nothing replaces an instance, or the replacement serves nobody."""


@dataclass(frozen=True)
class SafetyInput:
    """What the checks are made on. An observation that could not be made is None, and its check counts as failed."""

    now: datetime
    definition: Definition
    discovery: Discovery
    workload_now: Workload | None
    """A fresh look at the workload (CheckSafety: discovery.workload will do)."""
    account: str | None
    """Account and Region this function runs in."""
    region: str | None
    domain_holders: Mapping[str, Held | None] | None
    """Failure domain to who holds its lock; None: could not be asked. Held by this execution is free."""
    execution_id: str
    opt_in_tag: str = "squall:environment"
    stop_alarms: Mapping[str, AlarmState] | None = None
    """States of the alarms named in stop_alarms and `alarm … fires` criteria, absent ones left out; None: could not be asked."""
    baseline: Baseline | None = None
    final: bool = False
    """FinalCheck: the checks marked final-only are added."""
    guards: tuple[GuardSpec, ...] = ()
    guard_states: Mapping[str, AlarmState] | None = None
    lease_held: bool | None = None
    """Whether all locks are ours with a lease that outlasts StartFault."""
    definition_hash_now: str | None = None
    """The hash of the definition document as read again."""
    template_id: str | None = None
    prerequisites: tuple[SafetyCheck, ...] | None = None
    """What `registry.get(type).prerequisites(workload_now, discovery.pinned, parameters)` says; None: not asked, and so failed."""
    moves_metrics: tuple[str, ...] = ()
    """The fault's own `moves_metrics`."""
    active_experiments: Sequence[FisExperiment] | None = None
    """FIS experiments running in the account (`faults.active()`); None: could not be asked."""
    halt: Halt | None = None
    """The halt flag; None: could not be read, which counts as halted."""

    @property
    def end(self) -> datetime:
        """When the run would be over: the whole fault and the whole recovery, from now."""
        return self.now + self.definition.experiment.length + recovery_length(self.definition)


Answer = tuple[bool | None, str]
"""Passed, failed, or None for what could not be evaluated; and the sentence."""
Check = Callable[[SafetyInput], Answer]


def evaluate(given: SafetyInput) -> tuple[SafetyCheck, ...]:
    """All checks, whatever the first ones say."""
    checks = {**_ALWAYS, **(_FINAL if given.final else {})}
    answered = [_answer(name, check, given) for name, check in checks.items()]
    return (*answered, *_prerequisites(given))


def _answer(name: str, check: Check, given: SafetyInput) -> SafetyCheck:
    passed, detail = check(given)
    outcome = CheckOutcome.NOT_EVALUATED if passed is None else CheckOutcome.PASSED if passed else CheckOutcome.FAILED
    return SafetyCheck(name=name, outcome=outcome, detail=detail)


def _prerequisites(given: SafetyInput) -> tuple[SafetyCheck, ...]:
    if given.prerequisites is None:
        detail = f"what {given.definition.experiment.type.value} needs of its targets could not be asked"
        return (SafetyCheck(name="fault_prerequisites", outcome=CheckOutcome.NOT_EVALUATED, detail=detail),)
    return tuple(check.model_copy(update={"name": f"fault_prerequisites.{check.name}"}) for check in given.prerequisites)


def _not_halted(given: SafetyInput) -> Answer:
    if given.halt is None:
        return None, "the halt flag could not be read, which counts as halted"
    return not given.halt.engaged, f"the stack is {given.halt}"


def _allows_type(given: SafetyInput) -> Answer:
    policy, kind = given.definition.environment, given.definition.experiment.type
    return kind in policy.allowed_types, f"{policy.name} allows {_words(policy.allowed_types)}; this is {kind.value}"


def _allows_radius(given: SafetyInput) -> Answer:
    policy, radius = given.definition.environment, given.definition.experiment.blast_radius
    return radius in policy.allowed_blast_radius, f"{policy.name} allows {_words(policy.allowed_blast_radius)}; this is {radius.value}"


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


def _targets_exist(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets could not be described"
    now = {instance.id: instance.state for instance in given.workload_now.instances}
    unknown = [*given.discovery.workload.missing, *(m for m in given.workload_now.missing if m not in given.discovery.workload.missing)]
    absent = [f"{i.id} is {now.get(i.id, 'unknown to the account')}" for i in given.discovery.pinned if now.get(i.id) != "running"]
    if unknown or absent or not given.discovery.pinned:
        return False, "; ".join([*(f"{target} does not exist" for target in unknown), *absent]) or "nothing is pinned"
    return True, f"{_ids(given.discovery.pinned)} running"


def _opt_in_tag(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets' tags could not be read"
    wanted = given.definition.environment.name
    now = {instance.id: instance.tags.get(given.opt_in_tag) for instance in given.workload_now.instances}
    wrong = [f"{i.id} has {now.get(i.id) or 'none'}" for i in given.discovery.pinned if now.get(i.id) != wanted]
    ok = bool(given.discovery.pinned) and not wrong
    return ok, f"{given.opt_in_tag} must be {wanted}: {'; '.join(wrong) or (_ids(given.discovery.pinned) or 'nothing is pinned')}"


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


def _alarms_ready(given: SafetyInput) -> Answer:
    """Stop alarms and alarms that must fire: there, and not firing already."""
    wanted = _alarm_names(given)
    if not wanted:
        return True, "no alarm of the workload's own is involved"
    if given.stop_alarms is None:
        return None, f"the states of {', '.join(wanted)} could not be asked"
    states = {name: given.stop_alarms[name].state if name in given.stop_alarms else "not there" for name in wanted}
    return all(state == "OK" for state in states.values()), ", ".join(f"{name} is {state}" for name, state in states.items())


def _guards_watch_workload(given: SafetyInput) -> Answer:
    moved = [f'"{t.text}"' for _, t in sentences(given.definition.experiment).conditions if t.metric in given.moves_metrics]
    if moved:
        return False, f"{', '.join(moved)} would watch the fault itself, not the workload"
    return True, "no guard watches what the fault manipulates"


def _guards_measure_targets(given: SafetyInput) -> Answer:
    """Whatever Squall itself chose to measure is about what is hit. What the experiment declares is its own business, and named."""
    if given.workload_now is None:
        return None, "the targets' groups could not be described"
    declared = given.definition.experiment.metrics
    own = [binding for binding in given.discovery.bindings if binding.name.partition(":")[0] not in declared]
    wrong = [binding for binding in own if not all(_is_of_targets(query, given, given.workload_now) for query in binding.queries)]
    if wrong or not given.discovery.pinned:
        said = "; ".join(f"{binding.name} is measured on {_place_of(binding)}" for binding in wrong)
        return False, f"{said}: not on the group of {_ids(given.discovery.pinned)}" if said else "nothing is pinned"
    places = ", ".join(dict.fromkeys(_place_of(binding) for binding in own)) or "events only"
    theirs = sorted({binding.name for binding in given.discovery.bindings if binding not in own})
    return True, f"measured on {places}" + (f"; as the experiment declares: {', '.join(theirs)}" if theirs else "")


def _is_of_targets(query: MetricQuery, given: SafetyInput, workload: Workload) -> bool:
    pinned = {instance.id for instance in given.discovery.pinned}
    dimensions = dict(query.dimensions)
    around = [group for group in workload.target_groups if group.load_balancer and pinned <= group.registered]
    places = [
        {"TargetGroup": target_group_dimension(group.arn), "LoadBalancer": load_balancer_dimension(group.load_balancer or "")}
        for group in around
    ]
    if "TargetGroup" in dimensions:
        return any(dimensions.items() <= place.items() for place in places)
    if "LoadBalancer" in dimensions:  # of the load balancer as a whole: only if it serves nobody else
        alone = [place for group, place in zip(around, places, strict=True) if serves_alone(group)]
        return any(dimensions.items() <= place.items() for place in alone)
    if "AutoScalingGroupName" in dimensions:
        now = {instance.id: instance.group for instance in workload.instances}
        return all(now.get(one) == dimensions["AutoScalingGroupName"] for one in pinned)
    return pinned == {dimensions.get("InstanceId")}


def _place_of(binding: MetricBinding) -> str:
    return " ".join(value for _, value in binding.queries[0].dimensions) or "no dimension"


def _long_enough(given: SafetyInput) -> Answer:
    experiment, timing = given.definition.experiment, given.definition.environment.timing
    parsed: Sentences = sentences(experiment)
    judged = (*parsed.threshold_criteria, *parsed.conditions)
    found = problems(experiment.length, judged, timing, lag_table(timing, experiment.metrics), recovery=experiment.recovery)
    detail = (
        f"{spoken(experiment.length)} hold enough periods of {timing.metric_period_seconds} s to guard and judge {len(judged)} sentences"
    )
    return not found, "; ".join(str(problem) for problem in found) or detail


def _measurable(given: SafetyInput) -> Answer:
    bound = {binding.name.partition(":")[0] for binding in given.discovery.bindings}
    parsed = sentences(given.definition.experiment)
    missing = [f"{path}: {metric}" for metric, path in parsed.paths.items() if metric not in bound]
    steady = {t.metric for _, t in (*parsed.threshold_criteria, *parsed.steady) if t.relative is None}
    missing += [
        f"{path}: nothing says when {sentence.metric} is recovered; add a threshold on it to steady_state"
        for path, _, sentence in parsed.criteria
        if isinstance(sentence, Recovers) and sentence.metric and sentence.metric not in steady
    ]
    return not missing, f"not measured: {'; '.join(missing)}" if missing else f"measured: {', '.join(sorted(bound)) or 'events only'}"


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


def _steady(given: SafetyInput) -> Answer:
    if given.baseline is None:
        return None, "there is no baseline"
    return given.baseline.steady, "; ".join(given.baseline.violations) or "every threshold held in the baseline"


def _traffic(given: SafetyInput) -> Answer:
    if given.baseline is None:
        return None, "there is no baseline"
    if not any(binding.name == "request_rate" for binding in given.discovery.bindings):
        return True, "no load balancer: traffic is not measured"
    rate, minimum = given.baseline.requests_per_second, given.definition.environment.minimum_requests_per_second
    said = "no requests" if rate is None else f"{rate:.3g} requests per second"
    return rate is not None and rate >= minimum, f"{said} in the baseline, {minimum:g} needed"


def _guards_healthy(given: SafetyInput) -> Answer:
    if given.guard_states is None:
        return None, "the guards' states could not be asked"
    if not given.guards:
        return False, "there is no guard"
    found = [_guard_fault(guard, given.guard_states.get(guard.name)) for guard in given.guards]
    wrong = [one for one in found if one]
    return not wrong, "; ".join(wrong) or f"{len(given.guards)} guards are OK with their actions enabled"


def _guard_fault(guard: GuardSpec, state: AlarmState | None) -> str:
    if state is None:
        return f"{guard.name} does not exist"
    if state.state != "OK":
        return f'{guard.name} ("{guard.condition}") is {state.state}'
    return "" if state.actions_enabled else f"{guard.name} has its actions disabled"


def _lease(given: SafetyInput) -> Answer:
    if given.lease_held is None:
        return None, "the lease on the failure domains could not be read"
    return given.lease_held, "all locks are held past StartFault" if given.lease_held else "a lock was lost, or its lease ends too soon"


def _targets_unchanged(given: SafetyInput) -> Answer:
    if given.workload_now is None:
        return None, "the targets could not be described"
    now = {instance.id: instance for instance in given.workload_now.instances}
    changed = [change for pinned in given.discovery.pinned for change in _changes(pinned, now.get(pinned.id))]
    return bool(given.discovery.pinned) and not changed, "; ".join(changed) or f"{_ids(given.discovery.pinned)} as discovered"


def _changes(then: Instance, now: Instance | None) -> list[str]:
    if now is None:
        return [f"{then.id} is gone"]
    fields = ("arn", "state", "zone", "group", "lifecycle")
    pairs = [(field, getattr(then, field), getattr(now, field)) for field in fields]
    return [f"{then.id}: {field} was {before}, is {after}" for field, before, after in pairs if before != after]


def _definition_unchanged(given: SafetyInput) -> Answer:
    if given.definition_hash_now is None:
        return None, "the definition could not be read again"
    same = given.definition_hash_now == given.definition.definition_hash
    return same, f"admitted {given.definition.definition_hash[:12]}, now {given.definition_hash_now[:12]}"


def _template(given: SafetyInput) -> Answer:
    return bool(given.template_id), given.template_id or "there is no FIS template"


def _alarm_names(given: SafetyInput) -> list[str]:
    experiment = given.definition.experiment
    fires = [sentence.alarm for _, _, sentence in sentences(experiment).criteria if isinstance(sentence, AlarmFires)]
    return list(dict.fromkeys([*fires, *(alarm.rsplit(":", 1)[-1] for alarm in experiment.stop_alarms)]))


def _place(instance: Instance) -> tuple[str, str]:
    parts = [*instance.arn.split(":"), "", "", "", "", ""]
    return parts[3], parts[4]


def _words(words: Sequence[str]) -> str:
    return ", ".join(str(word) for word in words) or "nothing"


def _ids(instances: Sequence[Instance]) -> str:
    return ", ".join(instance.id for instance in instances)


_ALWAYS: dict[str, Check] = {
    "not_halted": _not_halted,
    "environment_allows_type": _allows_type,
    "environment_allows_blast_radius": _allows_radius,
    "environment_allows_duration": _allows_duration,
    "account_and_region": _account_and_region,
    "closed_hours": _closed_hours,
    "rollback_plan": _rollback_plan,
    "targets_exist": _targets_exist,
    "opt_in_tag": _opt_in_tag,
    "minimum_healthy_share": _healthy_share,
    "replacement_possible": _replacement_possible,
    "alarms_ready": _alarms_ready,
    "guards_watch_workload": _guards_watch_workload,
    "guards_measure_targets": _guards_measure_targets,
    "measurable": _measurable,
    "enough_periods": _long_enough,
    "failure_domain_free": _domain_free,
    "no_experiment_running": _nothing_running,
}
_FINAL: dict[str, Check] = {
    "steady_state": _steady,
    "traffic": _traffic,
    "guards_healthy": _guards_healthy,
    "lease_held": _lease,
    "targets_unchanged": _targets_unchanged,
    "definition_unchanged": _definition_unchanged,
    "fis_template_present": _template,
}
