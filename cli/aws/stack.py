"""A deployed Squall stack, found by its outputs. Apart from `cli.doctor`, commands reach AWS only through it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import boto3

from cli.aws.calls import ExplainedMetrics, explain_failures, make_client
from cli.aws.catalogue import ExplainedCatalogue
from cli.aws.errors import error_code
from cli.aws.functions import StackFunctions
from cli.aws.versions import OUTPUT as VERSION_OUTPUT
from cli.doctor.checks import check_fis_roles, list_fis_roles
from cli.doctor.setting import Setting
from cli.errors import CommandError, NameInUseError
from cli.exits import Exit
from cli.text import clean_line
from squall.adapters.cloudwatch.metrics import CloudWatchMetrics
from squall.adapters.dynamodb.campaigns import DynamoCampaigns
from squall.adapters.dynamodb.collected import DynamoCollected
from squall.adapters.dynamodb.halt_copy import TableHaltFlag
from squall.adapters.dynamodb.history import DynamoHistory
from squall.adapters.dynamodb.locks import DynamoLocks
from squall.adapters.dynamodb.records import DynamoRecords
from squall.adapters.fis.experiments import Fis
from squall.adapters.s3.catalogue import S3Catalogue
from squall.adapters.ssm.halt_flag import ParameterHaltFlag
from squall.adapters.ssm.home_contact import ParameterHomeContact
from squall.adapters.stacks import find_stack, read_outputs
from squall.domain.run.halt import combine_flags
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from cli.doctor.finding import Finding
    from squall.domain.campaign.record import CampaignRecord
    from squall.domain.history.collected import Mark
    from squall.domain.history.summary import RunSummary
    from squall.domain.run.halt import Halt
    from squall.domain.run.queue import Line
    from squall.domain.run.record import ExecutionRecord
    from squall.ports.metrics import Metrics
    from squall.ports.records import Records

_OUTPUTS = ("ExperimentStateMachineArn", "ResultsTableName", "ResultsBucketName", "AbortFunctionName")
_MISSING = frozenset({"NoSuchKey", "404", "ExecutionDoesNotExist"})


@dataclass(frozen=True)
class Started:
    """An execution that was just started."""

    execution_id: str
    arn: str
    started_at: datetime


@dataclass(frozen=True)
class Machine:
    """The state of an execution in Step Functions."""

    status: str
    error: str = ""
    cause: str = ""

    @property
    def over(self) -> bool:
        return self.status != "RUNNING"


class Deployment(StackFunctions):
    """A deployed stack: its functions, and everything that is read from it. Methods raise CommandError, which says what
    to do next."""

    def __init__(self, session: Any, stack: str, outputs: Mapping[str, str], *, local_hint: bool = False) -> None:
        missing = [name for name in _OUTPUTS if name not in outputs]
        if missing:
            raise CommandError(
                f"The stack {clean_line(stack)} has no output {', '.join(missing)}: it is not a Squall stack, "
                "or its deployment did not finish.",
                "Name the right one with `--stack` or SQUALL_STACK_NAME, or deploy again with `make deploy`.",
                code=Exit.REFUSED,
            )
        super().__init__(session, stack, outputs, local_hint=local_hint)
        self.stack_id = stack
        """The ARN of the CloudFormation stack, or its name, by which CloudFormation finds it."""
        self.machine_arn = outputs["ExperimentStateMachineArn"]
        self.bucket = outputs["ResultsBucketName"]
        self.version = outputs.get(VERSION_OUTPUT)
        self._table = outputs["ResultsTableName"]

    @classmethod
    def find(cls, stack: str, *, region: str | None = None, local_hint: bool = False, session: Any = None) -> Deployment:
        """Finds the stack by name, in the account and Region of the session; without one, in those of the ordinary AWS
        environment variables and files.

        This is a command's first call. If it fails, nothing has been started: credentials, Region and name are the
        caller's, so the error is a refusal and no failure of Squall.
        """
        with explain_failures(local_hint=local_hint, first=True):
            # Unlike the other AWS SDKs, boto3 does not read AWS_REGION.
            session = session or boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
            found = find_stack(lambda service: make_client(session, service), stack)
        if found is None:
            raise CommandError(
                f"There is no stack {clean_line(stack)!r} in {session.region_name}.",
                "Name it with `--stack` or SQUALL_STACK_NAME, its Region with `--region` or AWS_REGION; `make deploy` deploys one.",
                code=Exit.REFUSED,
            )
        deployment = cls(session, stack, read_outputs(found), local_hint=local_hint)
        deployment.stack_id = str(found["StackId"])
        return deployment

    def find_output(self, name: str) -> str | None:
        """An output of the stack; None if it has none of this name."""
        return self._outputs.get(name)

    def start(self, name: str, payload: Mapping[str, Any]) -> Started:
        """Starts an execution; refuses a name that is in use."""
        answer = self._start_execution(self.machine_arn, name, payload)
        return Started(name, answer["executionArn"], answer["startDate"])

    def start_campaign(self, name: str, payload: Mapping[str, Any]) -> None:
        """Starts an execution of the campaign machine; refuses a name that is in use."""
        self._start_execution(self._campaign_machine_arn(), name, payload)

    def _start_execution(self, machine_arn: str, name: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._explained():
            try:
                answer: Mapping[str, Any] = self.client("stepfunctions").start_execution(
                    stateMachineArn=machine_arn, name=name, input=json.dumps(payload, allow_nan=False)
                )
            except Exception as error:
                if error_code(error) == "ExecutionAlreadyExists":
                    raise NameInUseError(name) from error
                raise
        return answer

    def _campaign_machine_arn(self) -> str:
        machine = self._outputs.get("CampaignStateMachineArn")
        if machine is None:
            raise CommandError(f"The stack {clean_line(self.stack)} runs no campaigns yet.", "`make deploy` adds them.", code=Exit.REFUSED)
        return machine

    def campaign(self, campaign_id: str) -> CampaignRecord | None:
        """The record of a campaign; None if there is none."""
        with self._explained():
            return DynamoCampaigns(self.client("dynamodb"), self._table).get(campaign_id)

    def newest_campaigns(self, limit: int) -> Sequence[CampaignRecord]:
        """The newest campaigns, the newest first."""
        with self._explained():
            return DynamoCampaigns(self.client("dynamodb"), self._table).list_newest(limit)

    def campaign_machine(self, campaign_id: str) -> Machine | None:
        """The state of a campaign's execution in Step Functions; None if Step Functions does not know it."""
        return self._describe_execution(f"{self._campaign_machine_arn().replace(':stateMachine:', ':execution:', 1)}:{campaign_id}")

    def execution_arn(self, execution_id: str) -> str:
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:', 1)}:{execution_id}"

    def machine(self, execution_id: str) -> Machine | None:
        """The state of an execution in Step Functions; None if Step Functions does not know it."""
        return self._describe_execution(self.execution_arn(execution_id))

    def _describe_execution(self, arn: str) -> Machine | None:
        with self._explained():
            try:
                answer = self.client("stepfunctions").describe_execution(executionArn=arn)
            except Exception as error:
                if error_code(error) in _MISSING:
                    return None
                raise
        return Machine(answer["status"], answer.get("error", ""), answer.get("cause", ""))

    def record(self, execution_id: str) -> ExecutionRecord | None:
        with self._explained():
            return self._records().get(execution_id)

    def open_records(self) -> Sequence[ExecutionRecord]:
        """The records of executions that are not over, newest first."""
        with self._explained():
            return sorted(self._records().open(), key=lambda record: record.started_at, reverse=True)

    def runs_between(self, start: datetime, end: datetime) -> Iterator[RunSummary]:
        """Yields the runs that started in a period, oldest first; reads a page at a time."""
        with self._explained():
            yield from DynamoHistory(self.client("dynamodb"), self._table).of_period(start, end)

    def runs_of(self, experiment: str, limit: int) -> Sequence[RunSummary]:
        """The newest runs of an experiment, newest first."""
        with self._explained():
            return DynamoHistory(self.client("dynamodb"), self._table).of_experiment(experiment, limit)

    def object_text(self, key: str) -> str | None:
        """An object of the results bucket as text; None if there is none."""
        with self._explained():
            try:
                return str(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read().decode())
            except Exception as error:
                if error_code(error) in _MISSING:
                    return None
                raise

    def file(self, execution_id: str, name: str) -> str | None:
        """A file of a run (`report.html`, `report.md`, `series.csv`) as text; None if it is not written yet."""
        return self.object_text(f"results/{execution_id}/{name}")

    def document(self, execution_id: str, name: str) -> Any | None:
        """A document of a run as plain data; None if it is not written yet."""
        text = self.file(execution_id, f"{name}.json")
        return None if text is None else json.loads(text)

    def document_url(self, execution_id: str, name: str = "result") -> str:
        return self.file_url(execution_id, f"{name}.json")

    def file_url(self, execution_id: str, name: str) -> str:
        return f"s3://{self.bucket}/results/{execution_id}/{name}"

    def halted(self) -> Halt | None:
        """The halt flag; None if it cannot be read, which counts as halted."""
        try:
            with self._explained():
                flag = ParameterHaltFlag(self.client("ssm"), self.stack).get()
                return combine_flags(flag, TableHaltFlag(self.client("dynamodb"), self._table).get())
        except (CommandError, Unavailable):
            return None

    def collected(self, member: str, start: datetime, end: datetime) -> tuple[Mark | None, list[RunSummary]]:
        """At the home of a fleet: how far the copies of a member's runs go, and those of a period."""
        with self._explained():
            copies = DynamoCollected(self.client("dynamodb"), self._table)
            return copies.mark(member), list(copies.of_period(member, start, end))

    def home_seen(self) -> str:
        """When the home of the stack's fleet wrote to it last, as ISO 8601; else `never`, or why it is not known."""
        try:
            with self._explained():
                seen = ParameterHomeContact(self.client("ssm"), self.stack).last_seen()
        except (CommandError, Unavailable) as error:
            return f"not known: {error}"
        return seen.astimezone(UTC).isoformat() if seen else "never"

    def setting(self) -> tuple[Setting, list[Finding]]:
        """What `squall doctor` examines, and its findings about the stack's FIS roles."""
        with self._explained():
            names = list_fis_roles(self.client("cloudformation"), self.stack_id)
            examined_roles = list(check_fis_roles(self.client("iam"), names))
            abort_function = self._outputs["AbortFunctionName"]
            abort_arn = self.client("lambda").get_function_configuration(FunctionName=abort_function)["FunctionArn"]
        role_arns = tuple(arn for _, arn in examined_roles if arn)
        setting = Setting(self.client, self.stack, role_arns, abort_arn, self.machine_arn, self._table, self.bucket)
        return setting, [finding for finding, _ in examined_roles]

    def line(self) -> Line | None:
        """The holders of FIS slots and the queue for them; None if they cannot be read."""
        try:
            with self._explained():
                return DynamoLocks(self.client("dynamodb"), self._table).line()
        except CommandError:
            return None

    @property
    def published(self) -> ExplainedCatalogue:
        """The catalogue of published experiments."""
        return ExplainedCatalogue(S3Catalogue(self.client("s3"), self.bucket), local_hint=self._local_hint)

    @property
    def metrics(self) -> Metrics:
        return ExplainedMetrics(CloudWatchMetrics(self.client("cloudwatch")), local_hint=self._local_hint)

    def active_faults(self) -> int | None:
        """The number of active FIS experiments of the account in this Region, whoever started them; None if FIS cannot
        be asked."""
        try:
            with self._explained():
                return len(Fis(self.client("fis")).active())
        except CommandError:
            return None

    def _records(self) -> Records:
        return DynamoRecords(self.client("dynamodb"), self._table)
