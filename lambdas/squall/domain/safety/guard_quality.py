"""Checks whether guards and stop alarms would stop the fault: they have data and actions, do not treat missing data as
good, are quick enough, and watch a metric that the fault does not move by design."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.metric_table import published_when_nonzero, watched_by_alarm
from squall.domain.metrics.bindings import list_slow_metrics
from squall.domain.metrics.periods import format_length
from squall.domain.metrics.short_faults import find_short_fault
from squall.domain.policy.environment import Response
from squall.domain.run.alarm_state import AlarmState, Watched
from squall.domain.safety.inputs import Answer, Check, SafetyInput

_SILENT_AT_ZERO = re.compile(r"HTTPCode_\w+|\w*ErrorCount|RejectedConnectionCount|DroppedInvalidHeaderRequestCount|TCP_\w+_Reset_Count")
"""Metrics of load balancers that have data points only where there is something to count, so that missing data is good
(AWS documentation of Elastic Load Balancing's metrics: "Reporting criteria: There is a nonzero value")."""
_LOAD_BALANCER_NAMESPACES = frozenset({"AWS/ApplicationELB", "AWS/NetworkELB", "AWS/ELB"})


def _check_data(inputs: SafetyInput) -> Answer:
    alarms = _find_alarms_and_members(inputs)
    problems = [
        f"{alarm.name} is INSUFFICIENT_DATA: it could not detect a breach" for alarm in alarms or () if alarm.state == "INSUFFICIENT_DATA"
    ]
    known = inputs.named_alarms or {}
    problems += [
        f"{alarm.name} uses {member}, which does not exist" for alarm in alarms or () for member in alarm.members if member not in known
    ]
    return _judge_alarms(
        inputs, alarms, problems, inputs.definition.environment.guard_quality.insufficient_data, "every stop alarm has data"
    )


def _check_actions(inputs: SafetyInput) -> Answer:
    alarms = _find_stop_alarms(inputs)
    problems = [f"{alarm.name} has its actions disabled: somebody silenced it" for alarm in alarms or () if not alarm.actions_enabled]
    response = inputs.definition.environment.guard_quality.actions_disabled
    return _judge_alarms(inputs, alarms, problems, response, "every stop alarm has its actions enabled")


def _check_missing_data(inputs: SafetyInput) -> Answer:
    alarms = _find_alarms_and_members(inputs)
    problems = [
        f"{alarm.name} treats missing data as {_MEANINGS[alarm.missing_data]}: it would miss that {_join_metric_names(alarm.watches)} stops"
        for alarm in alarms or ()
        if alarm.missing_data in _MEANINGS and not all(_is_silent_at_zero(watched) for watched in alarm.watches)
    ]
    response = inputs.definition.environment.guard_quality.missing_data_is_good
    return _judge_alarms(inputs, alarms, problems, response, "no stop alarm treats missing data as good")


_MEANINGS = {"notBreaching": "good (notBreaching)", "ignore": "no change (ignore)"}


def _check_speed(inputs: SafetyInput) -> Answer:
    alarms, experiment = _find_alarms_and_members(inputs), inputs.definition.experiment
    length, noun = experiment.observed_length, "observation" if experiment.observes_longer else "fault"
    seconds_needed = {alarm.name: alarm.seconds_to_alarm for alarm in alarms or ()}
    seconds_needed |= {
        guard.name: max(metric.period_seconds for metric in guard.metrics) * guard.evaluation_periods for guard in inputs.guards
    }
    problems = [
        f"{name} evaluates {format_length(timedelta(seconds=seconds))} of data, "
        f"the {noun} lasts {format_length(length)}: it may come too late"
        for name, seconds in seconds_needed.items()
        if timedelta(seconds=seconds) > length
    ]
    response = inputs.definition.environment.guard_quality.slower_than_fault
    return _judge_alarms(
        inputs, alarms, problems, response, f"every guard and stop alarm evaluates less than the {noun}'s {format_length(length)}"
    )


def _check_short_fault(inputs: SafetyInput) -> Answer:
    experiment, policy = inputs.definition.experiment, inputs.definition.environment
    if not inputs.lasting:
        return True, "the fault is over at once: no guard could shorten it"
    conditions = [condition for _, condition in parse_sentences(experiment).conditions]
    found = inputs.discovery
    slow = list_slow_metrics(found.bindings, experiment.metrics, found.workload, found.measured, policy.timing)
    short = find_short_fault(experiment, conditions, policy, lasting=inputs.lasting, slow=slow)
    if short is None:
        ends = [f"{name or 'the fault'} before its {format_length(length)} are over" for name, length in inputs.lasting.items()]
        return True, f"a guard can end {', '.join(ends)}"
    return CheckOutcome.WARNED if short.allowed else False, short.detail


def _check_metrics(inputs: SafetyInput) -> Answer:
    alarms, moved = _find_alarms_and_members(inputs), set(inputs.moves_metrics)
    guards = [f'"{t.text}" watches {t.metric}' for _, t in parse_sentences(inputs.definition.experiment).conditions if t.metric in moved]
    stop_alarms = [
        f"{alarm.name} watches {watched.metric_name}"
        for alarm in alarms or ()
        for watched in alarm.watches
        if watched_by_alarm(watched.namespace, watched.metric_name) & moved
    ]
    problems = [f"{watch}, which the fault moves by design: it would stop every fault" for watch in (*guards, *stop_alarms)]
    response = inputs.definition.environment.guard_quality.watches_fault
    return _judge_alarms(inputs, alarms, problems, response, "no guard watches a metric that the fault moves by design")


def _find_stop_alarms(inputs: SafetyInput) -> list[AlarmState] | None:
    """The experiment's stop alarms that exist; a missing one fails alarms_ready. None if they could not be read."""
    names = inputs.definition.experiment.stop_alarm_names
    if inputs.named_alarms is None:
        return None if names else []
    return [inputs.named_alarms[name] for name in names if name in inputs.named_alarms]


def _find_alarms_and_members(inputs: SafetyInput) -> list[AlarmState] | None:
    """The stop alarms, and the members of composite ones: a composite alarm is as good as its members. They need no
    actions of their own."""
    stop_alarms, known = _find_stop_alarms(inputs), inputs.named_alarms or {}
    if stop_alarms is None:
        return None
    names = [alarm.name for alarm in stop_alarms]
    for name in names:  # the loop also visits the names that it appends
        names += [member for member in known[name].members if member in known and member not in names]
    return [known[name] for name in names]


def _judge_alarms(inputs: SafetyInput, alarms: list[AlarmState] | None, problems: Sequence[str], response: Response, praise: str) -> Answer:
    """The answer of a check: `praise` without problems; else the policy's response decides between a warning and a
    failure."""
    if alarms is None:
        return None, f"{', '.join(inputs.definition.experiment.stop_alarm_names)} could not be read"
    if not problems:
        return True, praise
    return (CheckOutcome.WARNED if response == "warn" else False), "; ".join(problems)


def _is_silent_at_zero(watched: Watched) -> bool:
    """Whether missing data of the metric means zero."""
    listed = watched.namespace in _LOAD_BALANCER_NAMESPACES and _SILENT_AT_ZERO.fullmatch(watched.metric_name) is not None
    return listed or published_when_nonzero(watched.namespace, watched.metric_name)


def _join_metric_names(watches: Sequence[Watched]) -> str:
    return ", ".join(dict.fromkeys(watched.metric_name for watched in watches)) or "its metric"


ALWAYS: Mapping[str, Check] = {
    "guards_have_data": _check_data,
    "guards_act": _check_actions,
    "guards_hear_silence": _check_missing_data,
    "guards_quick_enough": _check_speed,
    "guards_end_fault": _check_short_fault,
    "guards_watch_workload": _check_metrics,
}
