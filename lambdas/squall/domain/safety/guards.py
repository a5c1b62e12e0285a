"""The alarms: those that must be quiet before a fault, and the guards that are to end it."""

from collections.abc import Collection, Mapping

from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery
from squall.domain.experiment.sentences import sentences
from squall.domain.language.metric_table import measured_by_sentinel
from squall.domain.language.sentences import AlarmFires
from squall.domain.metrics.scopes import load_balancer_dimension, measured_group, serves_alone
from squall.domain.resources.base import Member
from squall.domain.resources.types import ids
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import AlarmState
from squall.domain.safety.inputs import Answer, Check, SafetyInput

OF_ONE = ("InstanceId", "DBInstanceIdentifier", "DBClusterIdentifier", "FunctionName")
"""Dimensions that name a single resource."""


def _alarms_ready(given: SafetyInput) -> Answer:
    """Stop alarms and alarms that must fire: there, and not firing already. What a stop alarm without data means, the policy says."""
    stopping, fires = given.definition.experiment.stop_alarm_names, _must_fire(given)
    wanted = list(dict.fromkeys([*fires, *stopping]))
    elsewhere = [alarm for alarm in given.definition.experiment.stop_alarms if not given.definition.is_here(alarm)]
    if elsewhere:
        return False, f"{', '.join(elsewhere)} is not in this account and Region"
    if not wanted:
        return True, "no alarm of the workload's own is involved"
    if given.named_alarms is None:
        return None, f"the states of {', '.join(wanted)} could not be asked"
    states = {name: given.named_alarms[name].state if name in given.named_alarms else "not there" for name in wanted}
    ready = all(state == "OK" or (state == "INSUFFICIENT_DATA" and name not in fires) for name, state in states.items())
    return ready, ", ".join(f"{name} is {state}" for name, state in states.items())


def _guards_measure_targets(given: SafetyInput) -> Answer:
    """Whatever Squall itself chose to measure is about what is hit. What the experiment declares is its own business, and named."""
    if given.workload_now is None:
        return None, "the targets' groups could not be described"
    declared = given.definition.experiment.metrics
    own = [binding for binding in given.discovery.bindings if not _is_declared(binding.name.partition(":")[0], declared)]
    wrong = [binding for binding in own if not all(_is_of_targets(query, given, given.workload_now) for query in binding.queries)]
    if wrong or not given.discovery.pinned:
        said = "; ".join(f"{binding.name} is measured on {_place_of(binding)}" for binding in wrong)
        return False, f"{said}: not on the group of {ids(given.discovery.pinned)}" if said else "nothing is pinned"
    places = ", ".join(dict.fromkeys(_place_of(binding) for binding in own)) or "events only"
    theirs = sorted({binding.name for binding in given.discovery.bindings if binding not in own})
    return True, f"measured on {places}" + (f"; as the experiment declares: {', '.join(theirs)}" if theirs else "")


def _is_declared(metric: str, declared: Collection[str]) -> bool:
    """Whether the experiment says what the metric is about: its own metrics, and the sentinel's, which probe its own URL."""
    return metric in declared or measured_by_sentinel(metric)


def _is_of_targets(query: MetricQuery, given: SafetyInput, workload: Workload) -> bool:
    # As they are now: what lives in a subnet or a group is replaced while a run waits.
    found = [workload.now(resource) or resource for resource in given.discovery.pinned]
    dimensions = dict(query.dimensions)
    if dimensions.keys() & {"TargetGroup", "LoadBalancer"}:
        measured = measured_group(workload, found)
        if isinstance(measured, str) or not ("TargetGroup" in dimensions or serves_alone(measured)):
            return False  # the metrics of a load balancer as a whole are the target group's only if it serves nobody else
        place = {"TargetGroup": measured.name, "LoadBalancer": load_balancer_dimension(measured.load_balancer or "")}
        return dimensions.items() <= place.items()
    if group := _group_in(dimensions):
        now = {one.id: one.belongs_to for one in workload.resources if isinstance(one, Member)}
        return all(now.get(resource.id) == group for resource in given.discovery.pinned)
    return {resource.id for resource in found} == {dimensions[name] for name in OF_ONE if name in dimensions}


def _group_in(dimensions: Mapping[str, str]) -> str | None:
    """The group these dimensions are of, by the name its members have for it."""
    if {"ClusterName", "ServiceName"} <= dimensions.keys():
        return f"{dimensions['ClusterName']}/{dimensions['ServiceName']}"
    return dimensions.get("AutoScalingGroupName")


def _place_of(binding: MetricBinding) -> str:
    return " ".join(value for _, value in binding.queries[0].dimensions) or "no dimension"


def _guards_healthy(given: SafetyInput) -> Answer:
    if given.guard_states is None:
        return None, "the guards' states could not be asked"
    if not given.guards:
        return False, "there is no guard"
    wanted = {guard.name: f'{guard.name} ("{guard.condition}")' for guard in given.guards}
    if given.definition.experiment.stop_alarms:
        if given.stop_guard is None:
            return False, "the stop alarms have no guard of ours"
        wanted[given.stop_guard.name] = f"{given.stop_guard.name} (on {', '.join(given.stop_guard.alarms)})"
    wrong = [fault for name, said in wanted.items() if (fault := _guard_fault(said, given.guard_states.get(name)))]
    return not wrong, "; ".join(wrong) or f"{len(wanted)} guards are OK with their actions enabled"


def _guard_fault(guard: str, state: AlarmState | None) -> str:
    if state is None:
        return f"{guard} does not exist"
    if state.state != "OK":
        return f"{guard} is {state.state}"
    return "" if state.actions_enabled else f"{guard} has its actions disabled"


def _must_fire(given: SafetyInput) -> list[str]:
    return [sentence.alarm for _, _, sentence in sentences(given.definition.experiment).criteria if isinstance(sentence, AlarmFires)]


ALWAYS: Mapping[str, Check] = {
    "alarms_ready": _alarms_ready,
    "guards_measure_targets": _guards_measure_targets,
}
FINAL: Mapping[str, Check] = {
    "guards_healthy": _guards_healthy,
}
