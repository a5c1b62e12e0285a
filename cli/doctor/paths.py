"""Tries each way to end a fault alone, on a FIS experiment that does nothing: `aws:fis:wait`, without a target.

The deployed functions, rules and schedules stop the experiment; the doctor only makes it, with the operator's own
credentials. Whatever it makes carries the stack's tag and an execution name without a record: if the doctor dies, the
pulse's sweep removes it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.finding import Finding, Outcome, unknown_finding
from cli.doctor.setting import TERMINAL
from cli.doctor.trial import Path, Trial, TrialError
from squall.adapters.dynamodb.records import DynamoRecords
from squall.domain.base.vocabulary import AbortSource, Status
from squall.domain.run.record import DOCTOR, Abort, ExecutionRecord
from squall.domain.run.timeline import EventName

STOPS_WITHIN, HISTORY_WITHIN = 120, 60
"""Seconds within which FIS must have stopped the experiment, and CloudWatch's history must show the alarm's action."""
LONG_DEAD = timedelta(minutes=11)
"""An execution that Step Functions does not know counts as dead after ten minutes."""


def examine_path(trial: Trial) -> Finding:
    """Tries one path, and removes everything that the trial made."""
    path = trial.path
    try:
        trial.prepare()
        began = trial.clock()
        path.trip(trial)
        stopping = trial.wait_until(lambda: trial.status() in TERMINAL | {"stopping"}, 3 * path.bound)
        stopping_after = trial.clock() - began
        stopped = stopping is not None and trial.wait_until(lambda: trial.status() in TERMINAL, STOPS_WITHIN) is not None
        stopped_after = trial.clock() - began
        problem = path.check(trial) if stopped and path.check else ""
        finding = _judge_trial(path, stopping_after if stopped else None, stopped_after, trial.status(), problem)
    except (ClientError, BotoCoreError, TrialError) as error:
        finding = unknown_finding(path.name, error, path.promise)
    finally:
        remaining = trial.remove()
    if remaining:
        detail = f"{finding.detail}; STILL THERE, by hand: {'; '.join(remaining)}"
        return Finding(path.name, Outcome.FAILED, detail, path.promise, finding.measured)
    return finding


def _judge_trial(path: Path, stopping_after: float | None, stopped_after: float, status: str, problem: str) -> Finding:
    """Times in seconds after the trip; `stopping_after` is None if the experiment did not stop."""
    if stopping_after is None or status != "stopped":
        detail = f"the experiment is {status} after {stopped_after:.0f} s: this path did not stop it"
        return Finding(path.name, Outcome.FAILED, detail, path.promise)
    measured = f"{stopping_after:.1f} s, stopped after {stopped_after:.1f} s"
    if problem:
        return Finding(path.name, Outcome.FAILED, problem, path.promise, measured)
    outcome = Outcome.OK if stopping_after <= path.bound else Outcome.SLOW
    return Finding(path.name, outcome, "stopped by this path alone", path.promise, measured)


def _trip_alarm(trial: Trial) -> None:
    trial.setting.client("cloudwatch").set_alarm_state(AlarmName=trial.alarm, StateValue="ALARM", StateReason="tripped by squall doctor")


def _call_abort(trial: Trial) -> None:
    payload = json.dumps({"execution_id": trial.name, "reason": "squall doctor", "requested_by": "squall doctor"})
    answer = trial.setting.client("lambda").invoke(FunctionName=trial.setting.abort_arn, Payload=payload)
    if answer.get("FunctionError"):
        raise TrialError(f"the abort function failed: {answer['Payload'].read().decode()[:200]}")


def _write_dead_record(trial: Trial) -> None:
    """Writes the record of a run whose execution does not exist, which the pulse closes.

    It is written only now: FIS's events of the experiment's start came before it, so they cannot have stopped the
    experiment.
    """
    now = datetime.now(UTC)
    trial.recorded = True
    record = ExecutionRecord(
        id=trial.name,
        execution_arn=trial.execution_arn,
        started_at=now - LONG_DEAD,
        status=Status.RUNNING,
        phase="WatchFault",
        phase_since=now,
        experiment=DOCTOR,
        requested_by="squall doctor",
        guard_names=(trial.alarm,),
        template_id=trial.template_id,
        fis_experiment_id=trial.experiment_id,
        # People read this reason in the notification of the end.
        abort=Abort(AbortSource.OPERATOR, "squall doctor tries the pulse: nothing is wrong", now, "squall doctor"),
    )
    DynamoRecords(trial.setting.client("dynamodb"), trial.setting.table).create(record)


def _check_alarm_action(trial: Trial) -> str:
    """Checks by CloudWatch's history that the alarm's own action ran, because the EventBridge rule also sees every
    guard alarm."""
    summary = f"Successfully executed action {trial.setting.abort_arn}"

    def is_executed() -> bool:
        history = trial.setting.client("cloudwatch").describe_alarm_history(AlarmName=trial.alarm, HistoryItemType="Action")
        return any(item["HistorySummary"].startswith(summary) for item in history["AlarmHistoryItems"])

    if trial.wait_until(is_executed, HISTORY_WITHIN) is None:
        return "CloudWatch did not call the abort function; the EventBridge rule stopped it"
    return ""


def _check_record_closed(trial: Trial) -> str:
    records = DynamoRecords(trial.setting.client("dynamodb"), trial.setting.table)

    def is_closed() -> bool:
        record = records.get(trial.name)
        return record is not None and record.final and bool(record.happened(EventName.NOTIFIED))

    return "" if trial.wait_until(is_closed, STOPS_WITHIN) is not None else "the record was not closed, or nobody was notified"


PATHS = (
    Path("stop-condition", "alarm to stopping: 10 s", 10, _trip_alarm, stop_condition=True, tied=False),
    Path(
        "composite-stop-condition",
        "alarm of a composite to stopping: 15 s",
        15,
        _trip_alarm,
        stop_condition=True,
        composite=True,
        tied=False,
    ),
    Path("alarm-action", "alarm to stopping: 15 s", 15, _trip_alarm, action=True, check=_check_alarm_action),
    Path("event-rule", "alarm to stopping: 30 s", 30, _trip_alarm),
    Path("abort-function", "call to stopping: 10 s", 10, _call_abort, tied=False),
    Path("pulse", "dead run to stopping: 120 s", 120, _write_dead_record, tied=False, check=_check_record_closed),
)
