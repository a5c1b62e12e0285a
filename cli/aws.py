"""The only module of the command line that calls AWS, beside `cli.doctor`: one deployed stack, found by its outputs."""

from __future__ import annotations

import json
import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from cli.aws_errors import error_code, explain
from cli.doctor.setting import Setting, fis_role_names, roles
from cli.errors import CommandError
from cli.exits import Exit
from cli.proof import sign
from cli.text import clean
from squall.adapters.cloudwatch.metrics import CloudWatchMetrics
from squall.adapters.dynamodb.halt_copy import TableHaltFlag
from squall.adapters.dynamodb.history import DynamoHistory
from squall.adapters.dynamodb.locks import DynamoLocks
from squall.adapters.dynamodb.records import DynamoRecords
from squall.adapters.fis.experiments import Fis
from squall.adapters.ssm.halt_flag import ParameterHaltFlag
from squall.domain.approval.identity_proof import Statement
from squall.domain.run.halt import effective, put_flag_command
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from cli.doctor.finding import Finding
    from squall.domain.approval.votes import Decision
    from squall.domain.documents.metric_models import MetricQuery, Series
    from squall.domain.history.summary import RunSummary
    from squall.domain.run.halt import Halt
    from squall.domain.run.queue import Line
    from squall.domain.run.record import ExecutionRecord
    from squall.ports import Metrics, Records

_OUTPUTS = ("ExperimentStateMachineArn", "ResultsTableName", "ResultsBucketName", "AbortFunctionName")
_MISSING = frozenset({"NoSuchKey", "404", "ExecutionDoesNotExist"})


@dataclass(frozen=True)
class Started:
    """An execution just begun."""

    execution_id: str
    arn: str
    started_at: datetime


@dataclass(frozen=True)
class Machine:
    """What Step Functions says of an execution."""

    status: str
    error: str = ""
    cause: str = ""

    @property
    def over(self) -> bool:
        return self.status != "RUNNING"


class Deployment:
    """A deployed Squall stack. Methods raise CommandError, saying what to do next."""

    def __init__(self, session: Any, stack: str, outputs: Mapping[str, str], *, local_hint: bool = False) -> None:
        missing = [name for name in _OUTPUTS if name not in outputs]
        if missing:
            raise CommandError(
                f"The stack {clean(stack)} has no output {', '.join(missing)}: it is not a Squall stack, or its deployment did not finish.",
                "Name the right one with `--stack` or SQUALL_STACK_NAME, or deploy again with `make deploy`.",
            )
        self._session, self.stack, self._local_hint = session, stack, local_hint
        self.machine_arn = outputs["ExperimentStateMachineArn"]
        self.bucket = outputs["ResultsBucketName"]
        self._table, self._abort_function = outputs["ResultsTableName"], outputs["AbortFunctionName"]
        self._halt_function, self._approve_function = outputs.get("HaltFunctionName"), outputs.get("ApproveFunctionName")
        self._report_function = outputs.get("ReportFunctionName")
        self._report_function = outputs.get("ReportFunctionName")
        self._clients: dict[str, Any] = {}

    @classmethod
    def find(cls, stack: str, *, region: str | None = None, local_hint: bool = False) -> Deployment:
        """The stack by name, in the Region and account of the ordinary AWS environment."""
        with _explained(local_hint):
            # Unlike every other SDK, boto3 does not read AWS_REGION.
            session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
            try:
                found = _client(session, "cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
            except Exception as error:
                if error_code(error) == "ValidationError":
                    raise CommandError(
                        f"There is no stack {clean(stack)!r} in {session.region_name}.",
                        "Name it with `--stack` or SQUALL_STACK_NAME, its Region with `--region` or AWS_REGION; `make deploy` deploys one.",
                    ) from error
                raise
        outputs = {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}
        return cls(session, stack, outputs, local_hint=local_hint)

    @property
    def region(self) -> str:
        return str(self._session.region_name)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = _client(self._session, service)
        return self._clients[service]

    def caller(self) -> str:
        """Who runs this command, as AWS knows it."""
        with self._calls():
            return str(self.client("sts").get_caller_identity()["Arn"])

    def start(self, name: str, payload: Mapping[str, Any]) -> Started:
        """Start an execution; refuses a name that is taken."""
        with self._calls():
            try:
                answer = self.client("stepfunctions").start_execution(
                    stateMachineArn=self.machine_arn, name=name, input=json.dumps(payload, allow_nan=False)
                )
            except Exception as error:
                if error_code(error) == "ExecutionAlreadyExists":
                    raise CommandError(
                        f"An execution named {name} exists already.", "Give another `--name`, or none.", code=Exit.REFUSED
                    ) from error
                raise
        return Started(name, answer["executionArn"], answer["startDate"])

    def execution_arn(self, execution_id: str) -> str:
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:', 1)}:{execution_id}"

    def machine(self, execution_id: str) -> Machine | None:
        """None if Step Functions doesn't know the execution."""
        with self._calls():
            try:
                answer = self.client("stepfunctions").describe_execution(executionArn=self.execution_arn(execution_id))
            except Exception as error:
                if error_code(error) in _MISSING:
                    return None
                raise
        return Machine(answer["status"], answer.get("error", ""), answer.get("cause", ""))

    def record(self, execution_id: str) -> ExecutionRecord | None:
        with self._calls():
            return self._records().get(execution_id)

    def open_records(self) -> Sequence[ExecutionRecord]:
        """Executions that are not over, newest first."""
        with self._calls():
            return sorted(self._records().open(), key=lambda record: record.started_at, reverse=True)

    def report_period(self, asked: Mapping[str, Any]) -> Any:
        """Have a period's report made; what the report function answers: the report, and its files' keys."""
        if self._report_function is None:
            raise CommandError(f"The stack {clean(self.stack)} has no report function yet.", "`make deploy` brings it.")
        with self._calls():
            answer = self.client("lambda").invoke(FunctionName=self._report_function, Payload=json.dumps({"period": asked}))
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            said = body.get("errorMessage", "") if isinstance(body, dict) else body
            raise CommandError(f"The report function failed: {clean(said, 500)}", "Try a shorter period; its log has the rest.")
        return body

    def object_text(self, key: str) -> str:
        """An object of the results bucket."""
        with self._calls():
            return str(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())

    def runs_between(self, start: datetime, end: datetime) -> Iterator[RunSummary]:
        """Runs begun in the span, oldest first, a page at a time."""
        with self._calls():
            yield from DynamoHistory(self.client("dynamodb"), self._table).of_period(start, end)

    def runs_of(self, experiment: str, limit: int) -> Sequence[RunSummary]:
        """The newest runs of an experiment, newest first."""
        with self._calls():
            return DynamoHistory(self.client("dynamodb"), self._table).of_experiment(experiment, limit)

    def document(self, execution_id: str, name: str) -> Any | None:
        """A document of a run as plain data; None while it isn't written."""
        with self._calls():
            try:
                answer = self.client("s3").get_object(Bucket=self.bucket, Key=f"results/{execution_id}/{name}.json")
            except Exception as error:
                if error_code(error) in _MISSING:
                    return None
                raise
            return json.loads(answer["Body"].read())

    def document_url(self, execution_id: str, name: str = "result") -> str:
        return self.file_url(execution_id, f"{name}.json")

    def file_url(self, execution_id: str, name: str) -> str:
        return f"s3://{self.bucket}/results/{execution_id}/{name}"

    def file(self, execution_id: str, name: str) -> str | None:
        """A file of a run (`report.html`, `report.md`, `series.csv`) as text; None while it isn't written."""
        with self._calls():
            try:
                answer = self.client("s3").get_object(Bucket=self.bucket, Key=f"results/{execution_id}/{name}")
            except Exception as error:
                if error_code(error) in _MISSING:
                    return None
                raise
            return str(answer["Body"].read().decode())

    def make_report(self, execution_id: str) -> None:
        """Call the report function: it writes the report of a run that is over, also once more."""
        if self._report_function is None:
            raise CommandError(f"The stack {clean(self.stack)} has no report function yet.", "`make deploy` brings it.")
        with self._calls():
            answer = self.client("lambda").invoke(FunctionName=self._report_function, Payload=json.dumps({"execution_id": execution_id}))
        if answer.get("FunctionError"):
            body = json.loads(answer["Payload"].read() or b"null")
            said = body.get("errorMessage", "") if isinstance(body, dict) else body
            raise CommandError(f"The report could not be made: {clean(said, 500)}", f"The result stands: `squall show {execution_id}`.")

    def abort(self, execution_id: str, reason: str, requested_by: str) -> Any:
        """Call the abort function and return what it answered."""
        payload = {"execution_id": execution_id, "reason": reason, "requested_by": requested_by}
        with self._calls():
            answer = self.client("lambda").invoke(FunctionName=self._abort_function, Payload=json.dumps(payload))
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            said = body.get("errorMessage", "") if isinstance(body, dict) else body
            raise CommandError(
                f"The abort function failed: {clean(said, 500)}",
                f"Try again; or stop the FIS experiment tagged squall:execution={execution_id} in the FIS console.",
            )
        return body

    def halt(self, reason: str, requested_by: str, *, engage: bool) -> Any:
        """Call the halt function, to halt or to resume, and return what it answered."""
        hint = f"By hand: {put_flag_command(self.stack, engaged=engage)}; " + (
            "then stop each FIS experiment of the stack: docs/by-hand.md has the commands." if engage else "docs/by-hand.md has the rest."
        )
        if self._halt_function is None:
            raise CommandError(f"The stack {clean(self.stack)} has no halt function yet.", f"`make deploy` brings it. {hint}")
        payload = {"action": "halt" if engage else "resume", "reason": reason, "requested_by": requested_by}
        try:
            with self._calls():
                answer = self.client("lambda").invoke(FunctionName=self._halt_function, Payload=json.dumps(payload))
        except CommandError as error:
            error.hint = f"{error.hint} {hint}".strip()
            raise
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            said = body.get("errorMessage", "") if isinstance(body, dict) else body
            raise CommandError(f"The halt function failed: {clean(said, 500)}", f"Try again. {hint}")
        return body

    def vote(self, execution_arn: str, execution_id: str, plan: str, decision: Decision, comment: str) -> Any:
        """Sign what the caller says to a request for approval, send it, and return what the approve function answered."""
        if self._approve_function is None:
            raise CommandError(f"The stack {clean(self.stack)} has no approve function yet.", "`make deploy` brings it.")
        payload = {"execution_id": execution_id, "plan": plan, "decision": decision.value, "comment": comment}
        with self._calls():
            endpoint = str(self.client("sts").meta.endpoint_url)
            statement = Statement(execution_arn, plan, decision, comment)
            proof = sign(self._session.get_credentials(), endpoint, self.region, statement)
            answer = self.client("lambda").invoke(FunctionName=self._approve_function, Payload=json.dumps({**payload, "proof": proof}))
        body = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            said = body.get("errorMessage", "") if isinstance(body, dict) else body
            raise CommandError(f"The approve function failed: {clean(said, 500)}", "Nothing is recorded. Try again.")
        return body

    def halted(self) -> Halt | None:
        """Whether nothing may start; None if that can't be read, which counts as halted."""
        try:
            with self._calls():
                flag = ParameterHaltFlag(self.client("ssm"), self.stack).get()
                return effective(flag, TableHaltFlag(self.client("dynamodb"), self._table).get())
        except (CommandError, Unavailable):
            return None

    def setting(self) -> tuple[Setting, list[Finding]]:
        """What `squall doctor` examines, and what it found of the roles on the way."""
        with self._calls():
            names = fis_role_names(self.client("cloudformation"), self.stack)
            found = list(roles(self.client("iam"), names))
            abort_arn = self.client("lambda").get_function_configuration(FunctionName=self._abort_function)["FunctionArn"]
        arns = tuple(arn for finding, arn in found if arn)
        setting = Setting(self.client, self.stack, arns, abort_arn, self.machine_arn, self._table, self.bucket)
        return setting, [finding for finding, _ in found]

    def line(self) -> Line | None:
        """Who holds FIS's slots and who waits for one; None if that can't be read."""
        try:
            with self._calls():
                return DynamoLocks(self.client("dynamodb"), self._table).line()
        except CommandError:
            return None

    @property
    def metrics(self) -> Metrics:
        return _ExplainedMetrics(CloudWatchMetrics(self.client("cloudwatch")), self._local_hint)

    def active_faults(self) -> int | None:
        """How many FIS experiments of the account, anyone's, are active in this Region; None if that can't be asked."""
        try:
            with self._calls():
                return len(Fis(self.client("fis")).active())
        except CommandError:
            return None

    def _records(self) -> Records:
        return DynamoRecords(self.client("dynamodb"), self._table)

    @contextmanager
    def _calls(self) -> Iterator[None]:
        with _explained(self._local_hint):
            yield


class _ExplainedMetrics:
    """Metrics whose errors are CommandErrors."""

    def __init__(self, metrics: Metrics, local_hint: bool) -> None:
        self._metrics, self._local_hint = metrics, local_hint

    def series(self, queries: Sequence[MetricQuery], start: int, end: int, period_seconds: int) -> dict[str, Series]:
        with _explained(self._local_hint):
            return self._metrics.series(queries, start, end, period_seconds)

    def over(self, query: MetricQuery, start: int, end: int) -> float | None:
        with _explained(self._local_hint):
            return self._metrics.over(query, start, end)

    def distribution(self, query: MetricQuery, start: int, end: int) -> Mapping[str, float]:
        with _explained(self._local_hint):
            return self._metrics.distribution(query, start, end)

    def published(self, namespace: str, metric_name: str, dimensions: Sequence[tuple[str, str]]) -> Sequence[tuple[tuple[str, str], ...]]:
        with _explained(self._local_hint):
            return self._metrics.published(namespace, metric_name, dimensions)


def _client(session: Any, service: str) -> Any:
    logging.getLogger("botocore").setLevel(logging.ERROR)
    retries = {"mode": "standard", "max_attempts": 5}
    return session.client(service, config=Config(retries=retries, connect_timeout=5, read_timeout=60, user_agent_extra="squall-cli"))


@contextmanager
def _explained(local_hint: bool) -> Iterator[None]:
    """SDK errors, bare or behind an adapter's, as CommandErrors; anything else passes."""
    try:
        yield
    except CommandError:
        raise
    except Exception as error:
        found = explain(error, local_hint=local_hint)
        if found is None:
            raise
        raise found from error
