"""Whether the alarms that are to stop the fault would: with data, acting, not taking silence for health, quick enough, and not watching
what the fault moves by design."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta

from squall.domain.base.vocabulary import CheckOutcome
from squall.domain.experiment.sentences import sentences
from squall.domain.language.metric_table import published_when_nonzero, watched_by_alarm
from squall.domain.metrics.periods import format_length
from squall.domain.policy.environment import Response
from squall.domain.run.aws_state import AlarmState, Watched
from squall.domain.safety.inputs import Answer, Check, SafetyInput

_COUNTED_ONLY = re.compile(r"HTTPCode_\w+|\w*ErrorCount|RejectedConnectionCount|DroppedInvalidHeaderRequestCount|TCP_\w+_Reset_Count")
"""Metrics of load balancers that have no point where there is nothing to count: their silence is good news (AWS documentation of
Elastic Load Balancing's metrics, "Reporting criteria: there is a nonzero value")."""
_BALANCERS = frozenset({"AWS/ApplicationELB", "AWS/NetworkELB", "AWS/ELB"})


def _has_data(given: SafetyInput) -> Answer:
    found = _watching(given)
    blind = [f"{alarm.name} is INSUFFICIENT_DATA: it would not notice" for alarm in found or () if alarm.state == "INSUFFICIENT_DATA"]
    known = given.named_alarms or {}
    blind += [f"{one.name} is made of {member}, which is not there" for one in found or () for member in one.members if member not in known]
    return _judged(given, found, blind, given.definition.environment.guard_quality.insufficient_data, "every stop alarm has data")


def _acts(given: SafetyInput) -> Answer:
    found = _stop_alarms(given)
    mute = [f"{alarm.name} has its actions disabled: nobody wants to hear it" for alarm in found or () if not alarm.actions_enabled]
    response = given.definition.environment.guard_quality.actions_disabled
    return _judged(given, found, mute, response, "every stop alarm has its actions enabled")


def _silence(given: SafetyInput) -> Answer:
    found = _watching(given)
    deaf = [
        f"{alarm.name} treats missing data as {_MEANING[alarm.missing_data]}: silence of {_names(alarm.watches)} looks well"
        for alarm in found or ()
        if alarm.missing_data in _MEANING and not all(_counted_only(watched) for watched in alarm.watches)
    ]
    response = given.definition.environment.guard_quality.missing_data_is_good
    return _judged(given, found, deaf, response, "no stop alarm takes silence for health")


_MEANING = {"notBreaching": "good (notBreaching)", "ignore": "no news (ignore)"}


def _quick(given: SafetyInput) -> Answer:
    found, length = _watching(given), given.definition.experiment.length
    needs = {alarm.name: alarm.seconds_to_alarm for alarm in found or ()}
    needs |= {guard.name: max(metric.period_seconds for metric in guard.metrics) * guard.evaluation_periods for guard in given.guards}
    slow = [
        f"{name} evaluates {format_length(timedelta(seconds=seconds))} of data, "
        f"the fault lasts {format_length(length)}: it may come too late"
        for name, seconds in needs.items()
        if timedelta(seconds=seconds) > length
    ]
    response = given.definition.environment.guard_quality.slower_than_fault
    return _judged(given, found, slow, response, f"every guard and stop alarm evaluates less than the fault's {format_length(length)}")


def _watches_workload(given: SafetyInput) -> Answer:
    found, moved = _watching(given), set(given.moves_metrics)
    own = [f'"{t.text}" watches {t.metric}' for _, t in sentences(given.definition.experiment).conditions if t.metric in moved]
    theirs = [
        f"{alarm.name} watches {watched.metric_name}"
        for alarm in found or ()
        for watched in alarm.watches
        if watched_by_alarm(watched.namespace, watched.metric_name) & moved
    ]
    wrong = [f"{said}, which the fault moves by design: it would watch the fault itself, not the workload" for said in (*own, *theirs)]
    response = given.definition.environment.guard_quality.watches_fault
    return _judged(given, found, wrong, response, "no guard watches what the fault manipulates")


def _stop_alarms(given: SafetyInput) -> list[AlarmState] | None:
    """The user's own; one that is not there fails alarms_ready. None: could not be asked."""
    names = given.definition.experiment.stop_alarm_names
    if given.named_alarms is None:
        return None if names else []
    return [given.named_alarms[name] for name in names if name in given.named_alarms]


def _watching(given: SafetyInput) -> list[AlarmState] | None:
    """The stop alarms and, of composite ones, whatever they are made of: a composite is as good as its members, who need no action."""
    found, known = _stop_alarms(given), given.named_alarms or {}
    if found is None:
        return None
    names = [alarm.name for alarm in found]
    for name in names:  # which grows meanwhile
        names += [member for member in known[name].members if member in known and member not in names]
    return [known[name] for name in names]


def _judged(given: SafetyInput, found: list[AlarmState] | None, wrong: Sequence[str], response: Response, good: str) -> Answer:
    if found is None:
        return None, f"{', '.join(given.definition.experiment.stop_alarm_names)} could not be asked"
    if not wrong:
        return True, good
    return (CheckOutcome.WARNED if response == "warn" else False), "; ".join(wrong)


def _counted_only(watched: Watched) -> bool:
    listed = watched.namespace in _BALANCERS and _COUNTED_ONLY.fullmatch(watched.metric_name) is not None
    return listed or published_when_nonzero(watched.namespace, watched.metric_name)


def _names(watches: Sequence[Watched]) -> str:
    return ", ".join(dict.fromkeys(watched.metric_name for watched in watches)) or "its metric"


ALWAYS: Mapping[str, Check] = {
    "guards_have_data": _has_data,
    "guards_act": _acts,
    "guards_hear_silence": _silence,
    "guards_quick_enough": _quick,
    "guards_watch_workload": _watches_workload,
}
