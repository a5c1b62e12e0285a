"""Each way to end a fault, tried alone on a FIS experiment that does nothing: `aws:fis:wait`, without a target.

The deployed functions, rules and schedules do the stopping; the doctor only makes what they stop, with the operator's own credentials.
Whatever it makes carries the stack's tag and an execution's name that no record has, so that the sweep takes it away if the doctor dies.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.finding import Finding, Outcome, unknown
from cli.doctor.setting import TERMINAL, Setting
from squall.adapters.dynamodb.records import DynamoRecords
from squall.domain.run.commands import delete_alarms_command, delete_template_command, shell_command, stop_experiment_command
from squall.domain.run.record import Abort, ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.domain.vocabulary import AbortSource, Status

WAIT = "PT5M"
"""How long the experiment lasts if nothing stops it."""
STARTS_WITHIN, STOPS_WITHIN, HISTORY_WITHIN = 120, 120, 60
GONE = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
LONG_DEAD = timedelta(minutes=11)
"""An execution that Step Functions does not know counts as dead after ten minutes."""


@dataclass(frozen=True)
class Path:
    """One way to end a fault."""

    name: str
    promise: str
    bound: int
    """Seconds from the trip to FIS stopping."""
    trip: Callable[[Trial], None]
    alarm: bool = True
    stop_condition: bool = False
    tied: bool = True
    """Whether the alarm's description names the template, which the abort function goes by."""
    action: bool = False
    """Whether the alarm's own action is on."""
    check: Callable[[Trial], str] | None = None
    """What else must be true: the reason why it is not, or nothing."""


@dataclass
class Trial:
    """One experiment of one path, and what it made."""

    setting: Setting
    path: Path
    name: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    template_id: str = ""
    experiment_id: str = ""
    made_alarm: bool = False
    recorded: bool = False
    _last: dict[str, Any] = field(default_factory=dict)

    @property
    def alarm(self) -> str:
        return f"squall-{self.setting.stack}-{self.name}-1"

    @property
    def tags(self) -> dict[str, str]:
        return {"squall:stack": self.setting.stack, "squall:execution": self.name, "Name": f"squall-{self.name}"}

    @property
    def execution_arn(self) -> str:
        return self.setting.execution_arn(self.name)

    def prepare(self) -> None:
        """Alarm, template, experiment; returns when it runs."""
        fis = self.setting.client("fis")
        self.made_alarm = True
        self.put_alarm(f"execution={self.execution_arn}")
        alarm_arn = self.setting.arn("cloudwatch", f"alarm:{self.alarm}")
        stop = {"source": "aws:cloudwatch:alarm", "value": alarm_arn} if self.path.stop_condition else {"source": "none"}
        self.template_id = fis.create_experiment_template(
            clientToken=self.name,
            description="squall doctor: waits, touches nothing",
            stopConditions=[stop],
            targets={},
            actions={"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": WAIT}}},
            roleArn=self.setting.role_arns[0],
            tags=self.tags,
        )["experimentTemplate"]["id"]
        if self.path.tied:
            self.put_alarm(f"fis-template={self.template_id} execution={self.execution_arn}")
        started = fis.start_experiment(clientToken=self.name, experimentTemplateId=self.template_id, tags=self.tags)
        self.experiment_id = started["experiment"]["id"]
        if self.until(lambda: self.status() not in {"pending", "initiating"}, STARTS_WITHIN) is None or self.status() != "running":
            raise TrialError(f"the experiment is {self.status()}, not running: {self._last.get('reason', '')}")

    def put_alarm(self, description: str) -> None:
        self.setting.client("cloudwatch").put_metric_alarm(
            AlarmName=self.alarm,
            AlarmDescription=description,
            ActionsEnabled=self.path.action,
            AlarmActions=[self.setting.abort_arn],
            Namespace="Squall/Doctor",
            MetricName="NobodyPublishesThis",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
            Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
        )

    def status(self) -> str:
        self._last = self.setting.client("fis").get_experiment(id=self.experiment_id)["experiment"]["state"]
        return str(self._last["status"])

    def until(self, look: Callable[[], bool], seconds: float) -> float | None:
        """Seconds until it is so; None if it is not in time."""
        began = self.clock()
        while not look():
            if self.clock() - began > seconds:
                return None
            self.sleep(0.5)
        return self.clock() - began

    def clean(self) -> list[str]:
        """Take away what was made; returns the commands for what could not be."""
        results = f"s3://{self.setting.bucket}/results/{self.name}/"
        undo: list[tuple[bool, str, Callable[[], object]]] = [
            (
                bool(self.template_id),
                delete_template_command(self.template_id),
                self._delete_template,
            ),
            (bool(self.experiment_id), stop_experiment_command(self.experiment_id), self._stop),
            (self.made_alarm, delete_alarms_command(self.alarm), self._delete_alarm),
            (
                self.recorded,
                shell_command("aws", "s3", "rm", "--recursive", results),
                self._delete_results,
            ),
            (self.recorded, self.setting.delete_record_command(self.name), self._delete_record),
        ]
        left = []
        for needed, command, act in undo:
            try:
                if needed:
                    act()
            except (ClientError, BotoCoreError) as error:
                if getattr(error, "response", {}).get("Error", {}).get("Code") not in GONE:
                    left.append(command)
        return left

    def _delete_template(self) -> None:
        self.setting.client("fis").delete_experiment_template(id=self.template_id)

    def _stop(self) -> None:
        if self.status() not in TERMINAL | {"stopping"}:
            with suppress(ClientError):  # it ended in between
                self.setting.client("fis").stop_experiment(id=self.experiment_id)

    def _delete_alarm(self) -> None:
        self.setting.client("cloudwatch").delete_alarms(AlarmNames=[self.alarm])

    def _delete_results(self) -> None:
        s3, prefix = self.setting.client("s3"), f"results/{self.name}/"
        for one in s3.list_objects_v2(Bucket=self.setting.bucket, Prefix=prefix).get("Contents", ()):
            s3.delete_object(Bucket=self.setting.bucket, Key=one["Key"])

    def _delete_record(self) -> None:
        self.setting.delete_record(self.name)


class TrialError(Exception):
    """The experiment could not be brought to where the path can be tried."""


def examine(trial: Trial) -> Finding:
    """Try one path; nothing of it stays."""
    path = trial.path
    try:
        trial.prepare()
        began = trial.clock()
        path.trip(trial)
        stopping = trial.until(lambda: trial.status() in TERMINAL | {"stopping"}, 3 * path.bound)
        took = trial.clock() - began
        stopped = stopping is not None and trial.until(lambda: trial.status() in TERMINAL, STOPS_WITHIN) is not None
        whole = trial.clock() - began
        wrong = path.check(trial) if stopped and path.check else ""
        finding = _judged(path, took if stopped else None, whole, trial.status(), wrong)
    except (ClientError, BotoCoreError, TrialError) as error:
        finding = unknown(path.name, error, path.promise)
    finally:
        left = trial.clean()
    if left:
        return Finding(
            path.name, Outcome.FAILED, f"{finding.detail}; STILL THERE, by hand: {'; '.join(left)}", path.promise, finding.measured
        )
    return finding


def _judged(path: Path, took: float | None, whole: float, status: str, wrong: str) -> Finding:
    if took is None or status != "stopped":
        return Finding(path.name, Outcome.FAILED, f"the experiment is {status} after {whole:.0f} s: this way stops nothing", path.promise)
    measured = f"{took:.1f} s, stopped after {whole:.1f} s"
    if wrong:
        return Finding(path.name, Outcome.FAILED, wrong, path.promise, measured)
    outcome = Outcome.OK if took <= path.bound else Outcome.SLOW
    return Finding(path.name, outcome, "stopped by this way alone", path.promise, measured)


def _alarm_fires(trial: Trial) -> None:
    trial.setting.client("cloudwatch").set_alarm_state(AlarmName=trial.alarm, StateValue="ALARM", StateReason="tripped by squall doctor")


def _operator(trial: Trial) -> None:
    payload = json.dumps({"execution_id": trial.name, "reason": "squall doctor", "requested_by": "squall doctor"})
    answer = trial.setting.client("lambda").invoke(FunctionName=trial.setting.abort_arn, Payload=payload)
    if answer.get("FunctionError"):
        raise TrialError(f"the abort function failed: {answer['Payload'].read().decode()[:200]}")


def _forgotten(trial: Trial) -> None:
    """A record of a run whose execution nobody knows: what the pulse closes. Written now, so that FIS's own events came too early."""
    now = datetime.now(UTC)
    trial.recorded = True
    record = ExecutionRecord(
        id=trial.name,
        execution_arn=trial.execution_arn,
        started_at=now - LONG_DEAD,
        status=Status.RUNNING,
        phase="WatchFault",
        phase_since=now,
        experiment="squall doctor",
        requested_by="squall doctor",
        guard_names=(trial.alarm,),
        template_id=trial.template_id,
        fis_experiment_id=trial.experiment_id,
        # What people will read of its end.
        abort=Abort(AbortSource.OPERATOR, "squall doctor tries the pulse: nothing is wrong", now, "squall doctor"),
    )
    DynamoRecords(trial.setting.client("dynamodb"), trial.setting.table).create(record)


def _by_action(trial: Trial) -> str:
    """The rule hears every guard, too: CloudWatch's history tells whether its own action was carried out."""
    wanted = f"Successfully executed action {trial.setting.abort_arn}"

    def carried_out() -> bool:
        history = trial.setting.client("cloudwatch").describe_alarm_history(AlarmName=trial.alarm, HistoryItemType="Action")
        return any(item["HistorySummary"].startswith(wanted) for item in history["AlarmHistoryItems"])

    if trial.until(carried_out, HISTORY_WITHIN) is None:
        return "CloudWatch did not call the abort function; the EventBridge rule stopped it"
    return ""


def _closed(trial: Trial) -> str:
    records = DynamoRecords(trial.setting.client("dynamodb"), trial.setting.table)

    def closed() -> bool:
        record = records.get(trial.name)
        return record is not None and record.final and bool(record.happened(EventName.NOTIFIED))

    return "" if trial.until(closed, STOPS_WITHIN) is not None else "its record was not closed and told of"


PATHS = (
    Path("stop-condition", "alarm to stopping: 10 s", 10, _alarm_fires, stop_condition=True, tied=False),
    Path("alarm-action", "alarm to stopping: 15 s", 15, _alarm_fires, action=True, check=_by_action),
    Path("event-rule", "alarm to stopping: 30 s", 30, _alarm_fires),
    Path("abort-function", "call to stopping: 10 s", 10, _operator, tied=False),
    Path("pulse", "dead run to stopping: 120 s", 120, _forgotten, tied=False, check=_closed),
)
