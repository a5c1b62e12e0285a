"""What an execution says in Step Functions when it has ended, for consoles, pipelines and whoever started it."""

from typing import Any

from squall.domain.judging.verdict import exit_code
from squall.domain.messages.console import Console
from squall.domain.run.record import ExecutionRecord

LONGEST_REASON = 2000
"""The most characters of the reason. The whole reason is in `result.json`."""


def describe_ending(record: ExecutionRecord, bucket: str) -> dict[str, Any]:
    """The output of an execution that ended SUCCEEDED, which every recorded outcome does.

    `status` is `failed` where Squall itself failed, and `exit_code` is what `squall run` exits with.
    """
    console = Console(record, bucket)
    return {
        "execution_id": record.id,
        "experiment": record.experiment,
        "environment": record.environment,
        "status": record.status.value,
        "verdict": record.verdict.value if record.verdict else None,
        "hypothesis_validated": record.hypothesis_validated,
        "exit_code": exit_code(record.status, record.verdict),
        "reason": record.reason[:LONGEST_REASON],
        "result": f"s3://{bucket}/{console.key('result.json')}",
        "report": console.file("report.html"),
    }
