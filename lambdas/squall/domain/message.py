"""The notification a person reads: verdict first, then the numbers, then what to do."""

from squall.domain.documents import Result
from squall.domain.record import ExecutionRecord


def message(result: Result, record: ExecutionRecord, region: str, bucket: str) -> tuple[str, str, dict[str, str]]:
    """Subject, body and message attributes (status, verdict, environment, experiment)."""
    raise NotImplementedError
