"""The times within which a run's fault took effect, was noticed, was stopped and was recovered from, by the recorded
events.
"""

from collections.abc import Mapping
from datetime import datetime

from squall.domain.base.vocabulary import AbortSource
from squall.domain.documents.metrics.statistics import Times
from squall.domain.documents.recovery import Recovery
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName


def compute_times(
    record: ExecutionRecord, effect_at: datetime, fault_end: datetime, alarms: Mapping[str, datetime | None], recovery: Recovery | None
) -> Times:
    """The times of a run. `alarms` maps the workload's alarms that criteria name to when each first fired since the
    effect.
    """
    detected_at, detected_by = _first_alarm(record, effect_at, alarms)
    asked = _find_reason_to_abort(record)
    recovered_at = recovery.recovered_at if recovery else None
    return Times(
        fault_started_at=record.begins_at,
        effect_at=effect_at,
        detected_at=detected_at,
        detected_by=detected_by,
        abort_requested_at=asked,
        fault_ended_at=fault_end,
        recovered_at=recovered_at,
        to_effect_seconds=_seconds_between(record.begins_at, effect_at),
        to_detect_seconds=_seconds_between(effect_at, detected_at),
        to_abort_seconds=_seconds_between(asked, fault_end),
        to_recover_seconds=_seconds_between(effect_at, recovered_at),
    )


def _find_reason_to_abort(record: ExecutionRecord) -> datetime | None:
    """The time of the first reason to end the fault early: the guard fired, or somebody asked for it.

    A guard's abort is recorded later than the guard fired; FIS may have stopped the fault in between.
    """
    if record.abort is None:
        return None
    guard = record.abort.source in {AbortSource.GUARD, AbortSource.BLIND_GUARD}
    return min([record.abort.at, *(event.at for event in record.happened(EventName.ALARM) if guard)])


def _first_alarm(record: ExecutionRecord, effect_at: datetime, alarms: Mapping[str, datetime | None]) -> tuple[datetime | None, str]:
    """The time of the first alarm. Candidates are the guards and stop alarms that StopFault found in their history, the
    alarm that aborted the run, and the workload's alarms."""
    fired = [(event.at, event.detail) for event in record.happened(EventName.ALARM)]
    if record.abort and record.abort.source is AbortSource.GUARD and not fired:
        fired.append((record.abort.at, record.abort.reason))
    fired += [(at, name) for name, at in alarms.items() if at is not None]
    return min((firing for firing in fired if firing[0] >= effect_at), default=(None, ""))


def _seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """The seconds; None if one of the times is not known, or if they are in the other order."""
    return (end - start).total_seconds() if start and end and end >= start else None
