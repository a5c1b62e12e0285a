"""One trial of an abort path: makes an alarm, a FIS template and a FIS experiment that does nothing, and removes them
again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.setting import TERMINAL, Setting
from squall.domain.run.commands import delete_alarms_command, delete_template_command, shell_command, stop_experiment_command

WAIT = "PT5M"
"""How long the experiment lasts if nothing stops it."""
STARTS_WITHIN = 120
"""Seconds within which FIS must have started the experiment."""
GONE = frozenset({"ResourceNotFound", "ResourceNotFoundException"})


@dataclass(frozen=True)
class Path:
    """One way to end a fault."""

    name: str
    promise: str
    bound: int
    """The longest time from the trip to the FIS status `stopping`, in seconds."""
    trip: Callable[[Trial], None]
    stop_condition: bool = False
    composite: bool = False
    """Whether the stop condition is a composite alarm on the alarm, as an experiment's `stop_alarms` may be."""
    tied: bool = True
    """Whether the alarm's description names the template, by which the abort function finds the experiment."""
    action: bool = False
    """Whether the alarm's own action is enabled."""
    check: Callable[[Trial], str] | None = None
    """A further condition of success: returns the problem, or an empty string."""


@dataclass
class Trial:
    """One experiment for one path, and the resources made for it."""

    setting: Setting
    path: Path
    name: str
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    template_id: str = ""
    experiment_id: str = ""
    made_alarm: bool = False
    made_composite: bool = False
    recorded: bool = False
    _last: dict[str, Any] = field(default_factory=dict)

    @property
    def alarm(self) -> str:
        return f"squall-{self.setting.stack}-{self.name}-1"

    @property
    def composite(self) -> str:
        return f"squall-{self.setting.stack}-{self.name}-2"

    @property
    def tags(self) -> dict[str, str]:
        return {"squall:stack": self.setting.stack, "squall:execution": self.name, "Name": f"squall-{self.name}"}

    @property
    def execution_arn(self) -> str:
        return self.setting.execution_arn(self.name)

    def prepare(self) -> None:
        """Makes the alarm and the template and starts the experiment. Returns when it runs; raises TrialError if it
        does not."""
        fis = self.setting.client("fis")
        self.made_alarm = True
        self.put_alarm(f"execution={self.execution_arn}")
        if self.path.composite:
            self.made_composite = True
            self._put_composite()
        alarm_arn = self.setting.arn("cloudwatch", f"alarm:{self.composite if self.path.composite else self.alarm}")
        stop_condition = {"source": "aws:cloudwatch:alarm", "value": alarm_arn} if self.path.stop_condition else {"source": "none"}
        self.template_id = fis.create_experiment_template(
            clientToken=self.name,
            description="squall doctor: waits, touches nothing",
            stopConditions=[stop_condition],
            targets={},
            actions={"wait": {"actionId": "aws:fis:wait", "parameters": {"duration": WAIT}}},
            roleArn=self.setting.role_arns[0],
            tags=self.tags,
        )["experimentTemplate"]["id"]
        if self.path.tied:
            self.put_alarm(f"fis-template={self.template_id} execution={self.execution_arn}")
        started = fis.start_experiment(clientToken=self.name, experimentTemplateId=self.template_id, tags=self.tags)
        self.experiment_id = started["experiment"]["id"]
        is_started = self.wait_until(lambda: self.status() not in {"pending", "initiating"}, STARTS_WITHIN) is not None
        if not is_started or self.status() != "running":
            raise TrialError(f"the experiment is {self.status()}, not running: {self._last.get('reason', '')}")

    def put_alarm(self, description: str) -> None:
        """Makes the alarm, or replaces its description."""
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
            Tags=self._tag_list(),
        )

    def _put_composite(self) -> None:
        self.setting.client("cloudwatch").put_composite_alarm(
            AlarmName=self.composite,
            AlarmDescription=f"execution={self.execution_arn}",
            AlarmRule=f'ALARM("{self.alarm}")',
            ActionsEnabled=False,
            Tags=self._tag_list(),
        )

    def _tag_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def status(self) -> str:
        """The status of the FIS experiment now."""
        self._last = self.setting.client("fis").get_experiment(id=self.experiment_id)["experiment"]["state"]
        return str(self._last["status"])

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Waits for the condition. Returns how long that took in seconds; None if it did not hold within `seconds`."""
        began = self.clock()
        while not condition():
            if self.clock() - began > seconds:
                return None
            self.sleep(0.5)
        return self.clock() - began

    def remove(self) -> list[str]:
        """Removes everything the trial made. Returns the commands for what could not be removed."""
        results = f"s3://{self.setting.bucket}/results/{self.name}/"
        undo: list[tuple[bool, str, Callable[[], object]]] = [
            (
                bool(self.template_id),
                delete_template_command(self.template_id),
                self._delete_template,
            ),
            (bool(self.experiment_id), stop_experiment_command(self.experiment_id), self._stop_experiment),
            (self.made_composite, delete_alarms_command(self.composite), partial(self._delete_alarm, self.composite)),
            (self.made_alarm, delete_alarms_command(self.alarm), partial(self._delete_alarm, self.alarm)),
            (
                self.recorded,
                shell_command("aws", "s3", "rm", "--recursive", results),
                self._delete_results,
            ),
            (self.recorded, self.setting.delete_record_command(self.name), self._delete_record),
        ]
        remaining = []
        for needed, command, remove in undo:
            try:
                if needed:
                    remove()
            except (ClientError, BotoCoreError) as error:
                if getattr(error, "response", {}).get("Error", {}).get("Code") not in GONE:
                    remaining.append(command)
        return remaining

    def _delete_template(self) -> None:
        self.setting.client("fis").delete_experiment_template(id=self.template_id)

    def _stop_experiment(self) -> None:
        if self.status() not in TERMINAL | {"stopping"}:
            # The experiment may end between the two calls.
            with suppress(ClientError):
                self.setting.client("fis").stop_experiment(id=self.experiment_id)

    def _delete_alarm(self, name: str) -> None:
        self.setting.client("cloudwatch").delete_alarms(AlarmNames=[name])

    def _delete_results(self) -> None:
        s3, prefix = self.setting.client("s3"), f"results/{self.name}/"
        for item in s3.list_objects_v2(Bucket=self.setting.bucket, Prefix=prefix).get("Contents", ()):
            s3.delete_object(Bucket=self.setting.bucket, Key=item["Key"])

    def _delete_record(self) -> None:
        self.setting.delete_record(self.name)


class TrialError(Exception):
    """The experiment does not run, so the path cannot be tried."""
