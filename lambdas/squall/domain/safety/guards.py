"""Checks of alarms: stop alarms and alarms that must fire are ready; the guards exist, are quiet and measure the targets."""

from collections.abc import Collection, Mapping

from squall.domain.documents.guards import GuardSpec, StopGuard
from squall.domain.documents.metrics.metric_models import MetricBinding, MetricQuery
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.metric_table import measured_by_sentinel
from squall.domain.metrics.alarm_settings import find_alarm_changes
from squall.domain.metrics.scopes import load_balancer_dimension, measured_group, serves_alone
from squall.domain.resources.base import Member
from squall.domain.resources.types import join_ids
from squall.domain.resources.workload import Workload
from squall.domain.run.alarm_state import AlarmState
from squall.domain.safety.inputs import Answer, Check, SafetyInput

SINGLE_RESOURCE_DIMENSIONS = ("InstanceId", "DBInstanceIdentifier", "DBClusterIdentifier", "FunctionName")
"""Dimensions that name a single resource."""


def _check_alarms_ready(inputs: SafetyInput) -> Answer:
    """Stop alarms and alarms that sentences are about exist, and do not fire yet. `guards_have_data` checks stop alarms
    without data."""
    stop_alarms, judged = inputs.definition.experiment.stop_alarm_names, parse_sentences(inputs.definition.experiment).alarms
    names = list(dict.fromkeys([*judged, *stop_alarms]))
    elsewhere = [alarm for alarm in inputs.definition.experiment.stop_alarms if not inputs.definition.is_here(alarm)]
    if elsewhere:
        return False, f"{', '.join(elsewhere)} is not in this account and Region"
    if not names:
        return True, "the experiment names no alarm"
    if inputs.named_alarms is None:
        return None, f"the states of {', '.join(names)} could not be read"
    states = {name: inputs.named_alarms[name].state if name in inputs.named_alarms else "missing" for name in names}
    ready = all(state == "OK" or (state == "INSUFFICIENT_DATA" and name not in judged) for name, state in states.items())
    return ready, ", ".join(f"{name} is {state}" for name, state in states.items())


def _check_measured_targets(inputs: SafetyInput) -> Answer:
    """The metrics that Squall chose measure the targets. Metrics that the experiment declares may measure anything; the
    sentence names them."""
    if inputs.workload_now is None:
        return None, "the targets' groups could not be described"
    declared = inputs.definition.experiment.metrics
    chosen = [binding for binding in inputs.discovery.bindings if not _is_declared(binding.name.partition(":")[0], declared)]
    wrong = [binding for binding in chosen if not all(_measures_targets(query, inputs, inputs.workload_now) for query in binding.queries)]
    if wrong or not inputs.discovery.pinned:
        elsewhere = "; ".join(f"{binding.name} is measured on {_show_dimensions(binding)}" for binding in wrong)
        return False, f"{elsewhere}: not on the group of {join_ids(inputs.discovery.measured)}" if elsewhere else "nothing is pinned"
    places = ", ".join(dict.fromkeys(_show_dimensions(binding) for binding in chosen)) or "events only"
    others = sorted({binding.name for binding in inputs.discovery.bindings if binding not in chosen})
    return True, f"measured on {places}" + (f"; as the experiment declares: {', '.join(others)}" if others else "")


def _is_declared(metric: str, declared: Collection[str]) -> bool:
    """Whether the experiment decides what is measured: its own metrics, and those of the sentinel, which probes its URL."""
    return metric in declared or measured_by_sentinel(metric)


def _measures_targets(query: MetricQuery, inputs: SafetyInput, workload: Workload) -> bool:
    # While a run waits, resources of a group or subnet may be replaced, so their current state is used.
    targets = [workload.now(resource) or resource for resource in inputs.discovery.measured]
    dimensions = dict(query.dimensions)
    if dimensions.keys() & {"TargetGroup", "LoadBalancer"}:
        measured = measured_group(workload, targets)
        if isinstance(measured, str) or not ("TargetGroup" in dimensions or serves_alone(measured)):
            return False  # metrics of a whole load balancer measure the target group only if it serves no other
        place = {"TargetGroup": measured.name, "LoadBalancer": load_balancer_dimension(measured.load_balancer or "")}
        return dimensions.items() <= place.items()
    if group := _read_group_name(dimensions):
        groups = {resource.id: resource.belongs_to for resource in workload.resources if isinstance(resource, Member)}
        return all(groups.get(resource.id) == group for resource in inputs.discovery.measured)
    return {resource.id for resource in targets} == {dimensions[name] for name in SINGLE_RESOURCE_DIMENSIONS if name in dimensions}


def _read_group_name(dimensions: Mapping[str, str]) -> str | None:
    """The group that the dimensions name, as `Member.belongs_to` names it; None if they name none."""
    if {"ClusterName", "ServiceName"} <= dimensions.keys():
        return f"{dimensions['ClusterName']}/{dimensions['ServiceName']}"
    return dimensions.get("AutoScalingGroupName")


def _show_dimensions(binding: MetricBinding) -> str:
    return " ".join(value for _, value in binding.queries[0].dimensions) or "no dimension"


def _check_guard_states(inputs: SafetyInput) -> Answer:
    if inputs.guard_states is None:
        return None, "the guards' states could not be read"
    if not inputs.guards:
        return False, "there is no guard"
    wanted: list[tuple[GuardSpec | StopGuard, str]] = [(guard, f'{guard.name} ("{guard.condition}")') for guard in inputs.guards]
    if inputs.definition.experiment.stop_alarms:
        if inputs.stop_guard is None:
            return False, "Squall's alarm on the stop alarms is missing"
        wanted.append((inputs.stop_guard, f"{inputs.stop_guard.name} (on {', '.join(inputs.stop_guard.alarms)})"))
    states = inputs.guard_states
    problems = [problem for guard, text in wanted if (problem := _explain_guard(guard, text, states.get(guard.name)))]
    return not problems, "; ".join(problems) or f"{len(wanted)} guards are OK, as specified, with their actions enabled"


def _explain_guard(guard: GuardSpec | StopGuard, words: str, state: AlarmState | None) -> str:
    """What is wrong with the guard; empty if nothing is."""
    if state is None:
        return f"{words} does not exist"
    if state.state != "OK":
        return f"{words} is {state.state}"
    if changes := find_alarm_changes(guard, state.settings):
        return f"{words} was changed: {', '.join(changes)}"
    return "" if state.actions_enabled else f"{words} has its actions disabled"


ALWAYS: Mapping[str, Check] = {
    "alarms_ready": _check_alarms_ready,
    "guards_measure_targets": _check_measured_targets,
}
FINAL: Mapping[str, Check] = {
    "guards_healthy": _check_guard_states,
}
