"""Links into the AWS console, and commands that show the same.

Links are never presigned: people who follow them need their own access.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from squall.domain.documents.metrics.metric_models import MetricBinding
from squall.domain.run.commands import shell_command
from squall.domain.run.record import ExecutionRecord

HOSTS = {"aws": "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn"}


class ExecutionConsole:
    """The console of the partition and Region in which an execution of Step Functions ran, of a run or of a campaign."""

    def __init__(self, execution_arn: str, bucket: str) -> None:
        self.execution_arn, self.bucket = execution_arn, bucket

    @property
    def region(self) -> str:
        return [*self.execution_arn.split(":"), "", "", "", ""][3]

    @property
    def base(self) -> str:
        partition = [*self.execution_arn.split(":"), ""][1]
        return f"https://{self.region}.{HOSTS.get(partition, HOSTS['aws'])}"

    @property
    def execution(self) -> str:
        return f"{self.base}/states/home?region={self.region}#/v2/executions/details/{self.execution_arn}"

    def file_of(self, execution_id: str, name: str) -> str:
        """A file in S3 of this execution or of another one."""
        return f"{self.base}/s3/object/{self.bucket}?region={self.region}&prefix=results/{execution_id}/{name}"


class Console(ExecutionConsole):
    """What the console has of a run."""

    def __init__(self, record: ExecutionRecord, bucket: str) -> None:
        super().__init__(record.execution_arn, bucket)
        self.record = record

    @property
    def fault(self) -> str | None:
        """The FIS experiment; None if none was started."""
        if not self.record.fis_experiment_id:
            return None
        return f"{self.base}/fis/home?region={self.region}#ExperimentDetails:ExperimentId={self.record.fis_experiment_id}"

    def file(self, name: str) -> str:
        """A file of the run in S3."""
        return self.file_of(self.record.id, name)

    def key(self, name: str) -> str:
        """The S3 key of a file of the run, such as `report.html`."""
        return f"results/{self.record.id}/{name}"

    def metrics(self, binding: MetricBinding, start: datetime, end: datetime, period_seconds: int) -> str:
        """CloudWatch's graph of the metrics behind a binding, from `start` to `end`."""
        lines = [
            _encode_list(
                [
                    _encode_text(query.namespace),
                    _encode_text(query.metric_name),
                    *(_encode_text(part) for pair in query.dimensions for part in pair),
                ]
            )
            for query in binding.queries
        ]
        graph = {
            "metrics": _encode_list(lines),
            "view": _encode_text("timeSeries"),
            "stacked": "~false",
            "region": _encode_text(self.region),
            "stat": _encode_text(binding.queries[0].statistic),
            "period": f"~{period_seconds}",
            "start": _encode_text(f"{start:%Y-%m-%dT%H:%M:%S}.000Z"),
            "end": _encode_text(f"{end:%Y-%m-%dT%H:%M:%S}.000Z"),
        }
        packed = "~".join(f"{name}{value}" for name, value in graph.items())
        return f"{self.base}/cloudwatch/home?region={self.region}#metricsV2:graph=~({packed})"

    def commands(self) -> Iterable[str]:
        """AWS CLI commands that show the same as the links."""
        region = ("--region", self.region)
        yield shell_command("aws", "s3", "cp", f"s3://{self.bucket}/{self.key('result.json')}", "-", *region)
        yield shell_command("aws", "stepfunctions", "describe-execution", "--execution-arn", self.record.execution_arn, *region)
        if self.record.fis_experiment_id:
            yield shell_command("aws", "fis", "get-experiment", "--id", self.record.fis_experiment_id, *region)


def _encode_list(items: Iterable[str]) -> str:
    return f"~({''.join(items)})"


def _encode_text(value: str) -> str:
    """A string as CloudWatch's console encodes it: `AWS/EC2` is `~'AWS*2fEC2`."""
    return "~'" + re.sub(r"[^A-Za-z0-9_.-]", lambda letter: "".join(f"*{byte:02x}" for byte in letter[0].encode()), value)
