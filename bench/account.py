"""The local account for measurements: started with the stack deployed, with deliveries switched off on demand, stopped
afterwards."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from local import up as launcher
from local.up import Account
from squall.domain.run.timeline import EventName

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".local" / "bench"
"""A folder of its own, so that an account that already runs elsewhere is not touched."""
DEADLINE_SECONDS = 600.0
SETTLE_SECONDS = 40.0
"""The wait before the first experiment: the workload needs a history to compare with."""


class MeasurementError(RuntimeError):
    """The event to measure did not happen."""


@dataclass(frozen=True)
class Run:
    """A finished execution, with its times as seen from outside."""

    id: str
    began: float
    ended: float
    """`began` and `ended` are epoch seconds of this process: before the call that starts it, and after the end was
    seen."""
    result: dict[str, Any]

    @property
    def wall(self) -> float:
        return self.ended - self.began

    def at(self, *events: EventName) -> float | None:
        """The epoch seconds of the first of these events in the timeline; None if there is none."""
        return next(
            (datetime.fromisoformat(event["at"]).timestamp() for event in self.result["timeline"] if event["event"] in events), None
        )


class Bench:
    """A running account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._names = count(1)

    @cached_property
    def fis(self) -> Any:
        return self.account.client("fis")

    @cached_property
    def cloudwatch(self) -> Any:
        return self.account.client("cloudwatch")

    @cached_property
    def workflow(self) -> Any:
        return self.account.client("stepfunctions")

    @cached_property
    def _bucket(self) -> Any:
        return self.account.client("s3")

    @cached_property
    def _lambda(self) -> Any:
        return self.account.client("lambda")

    def start(self, payload: dict[str, Any]) -> tuple[str, str]:
        """Starts an execution and returns its name and ARN."""
        name = f"bench-{int(time.time())}-{next(self._names)}"
        machine = self.account.outputs["ExperimentStateMachineArn"]
        return name, self.workflow.start_execution(stateMachineArn=machine, name=name, input=json.dumps(payload))["executionArn"]

    def run(self, payload: dict[str, Any]) -> Run:
        """Starts an execution and waits for its end. Raises MeasurementError if it does not succeed."""
        began = time.time()
        name, arn = self.start(payload)
        while (status := self.workflow.describe_execution(executionArn=arn)["status"]) == "RUNNING":
            if time.time() - began > DEADLINE_SECONDS:
                raise MeasurementError(f"{name} still runs after {DEADLINE_SECONDS:g} s")
            time.sleep(0.25)
        ended = time.time()
        if status != "SUCCEEDED":
            raise MeasurementError(f"{name} ended {status}")
        return Run(name, began, ended, self.document(name, "result"))

    def running(self, execution_id: str) -> bool:
        """Whether a fault of this execution runs now."""
        return any(
            experiment["state"]["status"] == "running" and experiment.get("tags", {}).get("squall:execution") == execution_id
            for experiment in self.fis.list_experiments()["experiments"]
        )

    def invoke(self, function: str, payload: dict[str, Any]) -> None:
        """Calls one of the functions in the stack's outputs."""
        name = self.account.outputs[f"{function}FunctionName"]
        answer = self._lambda.invoke(FunctionName=name, Payload=json.dumps(payload))
        if "FunctionError" in answer:
            raise MeasurementError(f"{function}: {answer['Payload'].read().decode(errors='replace')}")

    def document(self, execution_id: str, name: str) -> dict[str, Any]:
        """A JSON document of an execution."""
        answer = self._bucket.get_object(Bucket=self.account.outputs["ResultsBucketName"], Key=f"results/{execution_id}/{name}.json")
        document: dict[str, Any] = json.load(answer["Body"])
        return document

    def experiment(self, **tags: str) -> dict[str, Any]:
        """The FIS experiment with these tags."""
        for summary in self.fis.list_experiments()["experiments"]:
            if tags.items() <= summary.get("tags", {}).items():
                experiment: dict[str, Any] = self.fis.get_experiment(id=summary["id"])["experiment"]
                return experiment
        raise MeasurementError(f"FIS has no experiment with the tags {tags}")

    def fired_at(self, alarms: Sequence[str]) -> float | None:
        """The epoch seconds at which the first of these alarms went to ALARM; None if none did.

        The time is the evaluation's `queryDate`, which has milliseconds; the history items have whole seconds.
        """
        times = []
        for name in alarms:
            for item in self.cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="StateUpdate")["AlarmHistoryItems"]:
                new = json.loads(item["HistoryData"]).get("newState", {})
                if new.get("stateValue") == "ALARM":
                    query_date = new.get("stateReasonData", {}).get("queryDate")
                    times.append(datetime.fromisoformat(query_date).timestamp() if query_date else item["Timestamp"].timestamp())
        return min(times, default=None)

    @contextmanager
    def switched(self, **changes: Any) -> Iterator[None]:
        """Switches some of the account's deliveries off while the context is entered."""
        before = self._profile(None)
        self._profile(changes)
        try:
            yield
        finally:
            self._profile({name: before[name] for name in changes})

    def _profile(self, changes: dict[str, Any] | None) -> dict[str, Any]:
        body = None if changes is None else json.dumps(changes).encode()
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(f"{self.account.endpoint}/_squall/profile", body, {"Content-Type": "application/json"})
        with direct.open(request, timeout=DEADLINE_SECONDS) as answer:
            profile: dict[str, Any] = json.load(answer)
        return profile


@contextmanager
def bench_account(state: Path = STATE, say: Callable[[str], None] = lambda _: None) -> Iterator[Bench]:
    """Starts an account and stops it afterwards; one that already ran in this folder is used and keeps running."""
    was_up = launcher.read_status(state).state == "up"
    try:
        account = launcher.start_account(state, on_progress=say)
        if not was_up:
            say("letting the workload gather a history")
            time.sleep(SETTLE_SECONDS)
        yield Bench(account)
    finally:
        if not was_up:
            launcher.stop_account(state)
