"""A stack deployed into a local account, seen from outside: AWS calls, the workload's URLs and the operating system."""

from __future__ import annotations

import itertools
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local import processes
from local.up import Account
from local.workload.instances.report import is_even, is_whole
from tests.patience import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]
GROUP = "sample-web"
AWS_EVENTS = ["aws.fis", "aws.states", "aws.cloudwatch"]
ALONE: dict[str, Any] = {
    "disable_stop_conditions": True,
    "disable_alarm_actions": True,
    "drop_all_events": AWS_EVENTS,
    "disable_schedules": True,
}
"""The profile in which no mechanism ends a fault; a test switches one on again."""
LONGEST_RUN = 4 * PATIENCE
"""Seconds. On an idle machine a run takes three minutes at most, two of them its fault; with eight processes to a core, seven."""
GUARD_PERIODS = 3
"""The newest periods that a guard looks at (`local/environments/staging.yaml`)."""
ENDED = ("completed", "stopped", "failed", "cancelled")
"""The states in which FIS is through with an experiment."""

Json = dict[str, Any]
_numbers = itertools.count(1)


@dataclass
class Inbox:
    """A queue that a topic or rule delivers to; what was read is kept."""

    client: Any
    url: str
    arn: str
    read: list[Json] = field(default_factory=list)

    def look(self) -> list[Json]:
        while result := self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in result:
                self.read.append(json.loads(message["Body"]))
                self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.read


class Rig:
    """The account, the stack in it, and the questions that tests ask of both."""

    def __init__(self, account: Account, state: Path) -> None:
        self.account, self.state = account, state
        self.people = self._inbox("people")
        self.machines = self._inbox("machines")
        self.client("sns").subscribe(TopicArn=account.outputs["NotificationTopicArn"], Protocol="sqs", Endpoint=self.people.arn)
        events = self.client("events")
        events.put_rule(Name="watch-squall", EventPattern=json.dumps({"source": ["squall"]}))
        events.put_targets(Rule="watch-squall", Targets=[{"Id": "queue", "Arn": self.machines.arn}])

    def _inbox(self, name: str) -> Inbox:
        client = self.client("sqs")
        url = client.create_queue(QueueName=f"watch-{name}")["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
        statement = {"Effect": "Allow", "Principal": allowed, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return Inbox(client, url, arn)

    @cache  # noqa: B019 - one rig a session
    def client(self, service: str) -> Any:
        """A client with the account's own credentials."""
        return self.account.client(service)

    @property
    def stack(self) -> str:
        return self.account.stack_name

    # --- account and workload ---

    def profile(self, **changes: Any) -> None:
        self._post(f"{self.account.endpoint}/_squall/profile", changes)

    def settings(self, **changes: Any) -> None:
        self._post(f"{self.account.workload_url}/settings", changes)

    def _post(self, url: str, body: Json) -> Any:
        with urllib.request.urlopen(urllib.request.Request(url, data=json.dumps(body).encode()), timeout=PATIENCE) as answer:
            return json.load(answer)

    def forget(self) -> None:
        """Delete all metrics, so that none of an earlier test is in the next baseline."""
        request = urllib.request.Request(f"{self.account.endpoint}/_squall/metrics", method="DELETE")
        urllib.request.urlopen(request, timeout=PATIENCE).close()

    def forget_runs(self) -> None:
        """Remove earlier runs from the history, whose faults would be cut from the next baseline: a test would wait
        until there is a baseline without them."""
        client, table = self.client("dynamodb"), self.account.outputs["ResultsTableName"]
        pages = client.get_paginator("scan").paginate(TableName=table, FilterExpression="attribute_exists(period_pk)")
        for item in [item for page in pages for item in page["Items"]]:
            key = {name: item[name] for name in ("pk", "sk")}
            client.update_item(TableName=table, Key=key, UpdateExpression="REMOVE period_pk, period_sk")

    @property
    def workload(self) -> Json:
        """Everything the workload reports of itself."""
        with urllib.request.urlopen(f"{self.account.workload_url}/workload", timeout=PATIENCE) as answer:
            return dict(json.load(answer))

    @property
    def webs(self) -> dict[str, Json]:
        """The instances of the group by id, with their processes."""
        with urllib.request.urlopen(f"{self.account.workload_url}/instances", timeout=PATIENCE) as answer:
            return {web["id"]: web for web in json.load(answer)}

    def whole(self) -> bool:
        """Whether three instances are in service, and the zones are even: the group won't replace one by itself."""
        webs = list(self.webs.values())
        return is_whole(webs) and is_even(webs)

    def response_seconds(self, instance_id: str) -> float:
        """How long one instance takes to answer a direct request. An error answer counts as an answer."""
        started = time.monotonic()
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(self.webs[instance_id]["url"] + "/", timeout=PATIENCE).close()
        return time.monotonic() - started

    def wait_until_slow(self, instance_id: str) -> None:
        """The delay of `latency` is felt."""
        until(lambda: self.response_seconds(instance_id) > SLOW_SECONDS, "the instance is slow")

    def wait_until_quick(self, instance_id: str) -> None:
        """Without the delay of `latency` an instance answers in some 20 ms."""
        until(lambda: self.response_seconds(instance_id) < QUICK_SECONDS, "the delay has ended")

    def response_times(self, periods: int) -> list[float]:
        """The response times that the load balancer measured in the newest complete periods, oldest first."""
        end = datetime.fromtimestamp(int(time.time() - 2) // 5 * 5, UTC)
        dimensions = [{"Name": name, "Value": value} for name, value in self.workload["dimensions"].items()]
        metric = {"Namespace": "AWS/ApplicationELB", "MetricName": "TargetResponseTime", "Dimensions": dimensions}
        metric_data = self.client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 5, "Stat": "Average"}}],
            StartTime=end - timedelta(seconds=5 * periods),
            EndTime=end,
            ScanBy="TimestampAscending",
        )
        return list(metric_data["MetricDataResults"][0]["Values"])

    def quiet(self) -> bool:
        """Whether three instances are in service, and the newest periods show nothing of an earlier fault."""
        times = self.response_times(GUARD_PERIODS)
        return self.whole() and len(times) == GUARD_PERIODS and max(times) < 0.2

    # --- the stack ---

    def start(self, text: str) -> Execution:
        """Start an execution with this input, valid or not."""
        name, machine = f"test-{next(_numbers)}", self.account.outputs["ExperimentStateMachineArn"]
        arn = self.client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input=text)["executionArn"]
        return Execution(self, name, arn)

    def execution(self, arn: str) -> Execution:
        return Execution(self, arn.rpartition(":")[2], arn)

    def run(self, definition: Mapping[str, Any]) -> Execution:
        return self.start(json.dumps({"definition": definition}))

    def execution_arns(self) -> list[str]:
        machine = self.account.outputs["ExperimentStateMachineArn"]
        return [
            execution["executionArn"] for execution in self.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        ]

    def function(self, name: str) -> str:
        """The name under which one of the stack's functions is deployed."""
        functions = self.client("lambda").get_paginator("list_functions").paginate()
        results = [
            f["FunctionName"] for page in functions for f in page["Functions"] if f["FunctionName"].startswith(f"{self.stack}-{name}")
        ]
        assert len(results) == 1, results
        return str(results[0])

    def invoke(self, name: str, payload: Mapping[str, Any]) -> Json:
        answer = self.client("lambda").invoke(FunctionName=self.function(name), Payload=json.dumps(payload))
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return dict(body or {})

    def pulse(self) -> Json:
        """Call the pulse, as its schedule does every minute."""
        return self.invoke("Pulse", {"source": "schedule"})

    def logs(self, function: str) -> list[str]:
        client, group = self.client("logs"), f"/squall/{self.stack}/{function}"
        streams = client.describe_log_streams(logGroupName=group)["logStreams"]
        names = [stream["logStreamName"] for stream in streams]
        return [e["message"] for name in names for e in client.get_log_events(logGroupName=group, logStreamName=name)["events"]]

    def log_groups(self) -> list[str]:
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix=f"/squall/{self.stack}/")["logGroups"]
        return [group["logGroupName"].rpartition("/")[2] for group in groups]

    # --- what may be left ---

    def items(self, prefix: str) -> list[Json]:
        table, read = self.account.outputs["ResultsTableName"], TypeDeserializer()
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        items = [{name: read.deserialize(value) for name, value in item.items()} for page in pages for item in page["Items"]]
        return [item for item in items if item["pk"].startswith(prefix)]

    def locks(self) -> list[str]:
        return [item["pk"] for item in self.items("LOCK#")]

    def slots(self) -> list[str]:
        """The taken slots. A slot whose lease has expired is free, though its item stays until it is taken again."""
        return [item["sk"] for item in self.items("SLOTS") if item["until_ms"] > time.time() * 1000]

    def templates(self) -> list[str]:
        return [template["id"] for template in self.client("fis").list_experiment_templates()["experimentTemplates"]]

    def faults(self, template_id: str | None = None) -> list[Json]:
        """The FIS experiments of one template, or all."""
        which = {"experimentTemplateId": template_id} if template_id else {}
        return list(self.client("fis").list_experiments(**which)["experiments"])

    def fault(self, experiment_id: str) -> Json:
        return dict(self.client("fis").get_experiment(id=experiment_id)["experiment"])

    def guards(self) -> list[Json]:
        alarms = self.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"squall-{self.stack}-")
        # The stack's own alarms live as long as it does.
        return [alarm for alarm in alarms["MetricAlarms"] if "execution=" in alarm.get("AlarmDescription", "")]

    def left(self) -> list[str]:
        """What runs leave behind when they are not cleaned up."""
        running = [f["id"] for f in self.faults() if f["state"]["status"] not in ENDED]
        return [*running, *self.templates(), *(guard["AlarmName"] for guard in self.guards()), *self.locks(), *self.slots()]

    def clean(self, seconds: float = PATIENCE) -> None:
        """Wait until nothing is left of any run."""
        results: list[str] = []

        def look() -> bool:
            results[:] = self.left()
            return not results

        try:
            until(look, seconds=seconds)
        except AssertionError:
            answer = {execution.id: execution.record.get("reason") for execution in map(self.execution, self.execution_arns())}
            raise AssertionError(f"after {seconds:g} s there still is {results}; runs: {answer}") from None

    @contextmanager
    def measured(self, record: Callable[[str, object], None], name: str) -> Iterator[None]:
        """Record the duration of the block in the test's report."""
        began = time.monotonic()
        yield
        record(name, round(time.monotonic() - began, 1))

    def children(self) -> list[int]:
        return processes.list_leftovers(self.state)


@dataclass(frozen=True)
class Execution:
    """One run."""

    rig: Rig
    id: str
    arn: str

    @property
    def status(self) -> str:
        return str(self.rig.client("stepfunctions").describe_execution(executionArn=self.arn)["status"])

    @property
    def record(self) -> Json:
        """The table's record at the moment; empty if there is none yet."""
        key = {"pk": {"S": f"EXECUTION#{self.id}"}, "sk": {"S": "RECORD"}}
        table = self.rig.account.outputs["ResultsTableName"]
        item = self.rig.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        read = TypeDeserializer()
        return {name: read.deserialize(value) for name, value in item.items()}

    @property
    def timeline(self) -> list[Json]:
        return list(self.record.get("events", []))

    @property
    def final(self) -> bool:
        return self.record.get("status") in ("completed", "aborted", "rejected", "failed")

    def saw(self, *events: str) -> Json | None:
        """The first of these events in the timeline, or None."""
        return next((event for event in self.timeline if event["event"] in events), None)

    def at(self, event: str) -> datetime:
        result = self.saw(event)
        assert result, f"no {event} in {[e['event'] for e in self.timeline]}"
        return datetime.fromisoformat(result["at"])

    @property
    def result(self) -> Json:
        bucket = self.rig.account.outputs["ResultsBucketName"]
        return dict(json.load(self.rig.client("s3").get_object(Bucket=bucket, Key=f"results/{self.id}/result.json")["Body"]))

    def until(self, *events: str, seconds: float = PATIENCE) -> Json:
        """Wait for one of these events. Fails if the run ends without one."""

        def look() -> Json | None:
            result = self.saw(*events)
            assert result or not self.final, f"ended without {events}: {self.record.get('status')}: {self.record.get('reason')}"
            return result

        return until(look, f"{' or '.join(events)} of {self.id}", seconds=seconds)

    def watched(self) -> str:
        """Wait until the fault runs and the workflow waits for its end; returns the FIS experiment's id."""

        def look() -> str | None:
            record = self.record
            assert record.get("status") in (None, "running"), f"{record['status']}: {record['reason']}"
            return record.get("fis_experiment_id") if record.get("phase") == "WatchFault" and record.get("task_token") else None

        return str(until(look, f"{self.id} watches its fault"))

    def stop(self) -> None:
        """Stop the execution, as in the console."""
        self.rig.client("stepfunctions").stop_execution(executionArn=self.arn)

    def done(self) -> Json:
        """Wait for the end of the execution and of its clean-up; returns the final record."""
        until(lambda: self.status != "RUNNING", f"end of {self.id}", seconds=LONGEST_RUN)
        until(lambda: self.final, f"{self.id} is recorded")
        return self.record

    def message(self) -> Json:
        """The one message that people got about the end of this run."""
        about = re.compile(rf"exit code \d, execution {self.id}$", re.MULTILINE)
        mine = until(lambda: [m for m in self.rig.people.look() if about.search(m["Message"])], f"a message about {self.id}")
        assert len(mine) == 1, [m["Subject"] for m in mine]
        return mine[0]

    @property
    def lifecycle(self) -> list[Json]:
        """The lifecycle events of this run, in order."""
        return [event for event in self.rig.machines.look() if event["detail"].get("execution_id") == self.id]

    def looked_at_again(self) -> bool:
        """Call the pulse; returns whether it swept this run and found nothing left of it."""
        return self.rig.pulse().get(self.id) == "swept"

    @property
    def guard_names(self) -> list[str]:
        return list(self.record.get("guard_names", []))


def rel12_experiment(target_ids: list[str], **changes: Any) -> Json:
    """The definition of REL12-BP05, on these instances."""
    result: Json = json.loads((ROOT / "tests/data/seed-experiment.json").read_text())
    del result["duration_minutes"]
    return {**result, "target_resources": target_ids, "duration": "PT30S", **changes}


LOAD_BALANCER = "172.31.0.10"
DELAY_MS = 2000
"""Health checks have twice as long: on a busy machine, too, the load balancer keeps the instance in service."""
SLOW_SECONDS = 1.2
QUICK_SECONDS = 0.8


def latency(target: str, **changes: Any) -> Json:
    """One instance answers late; nothing has to recover, so a run is over soon after its fault.

    Only what comes from the load balancer is delayed. With the default sources, the VPC, the instance's own calls of the database are
    late, too, and time out: after some 20 s they hold all of its workers, its requests end as 504, and such a request has no
    response time. From then on the average is that of the healthy instances, and no guard on the response time can fire.
    """
    definition = {
        "name": "Latency",
        "description": "Delay one instance behind the load balancer",
        "type": "network_latency",
        "hypothesis": "Somebody ends this before its time",
        "blast_radius": "single_instance",
        "target_resources": [target],
        "parameters": {"latency_ms": DELAY_MS, "sources": LOAD_BALANCER},
        "duration": "PT120S",
        "rollback_plan": "The delay ends by itself after the duration",
        "success_criteria": ["System recovers within 1 minute"],
        "abort_conditions": ["System availability < 50 %"],
        "environment": "staging",
    }
    return {**definition, **changes}


TRIPPED = {"abort_conditions": ["Response time > 0.4 seconds"]}
"""A guard that the delay of one instance in three trips: the average is 0.7 s with it, and 0.02 s without it (0.2 s on a busy machine)."""
