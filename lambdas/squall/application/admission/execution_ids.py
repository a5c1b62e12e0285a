"""The record ids of an execution. An id becomes an S3 key, part of an alarm's name, and a path on somebody's laptop."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from squall.domain.run.record import ExecutionRecord

LEGAL_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")
"""Step Functions allows more characters."""
START_TOLERANCE = timedelta(seconds=1)
"""The context object, the event and DescribeExecution give the start time with different precision."""


def list_candidate_ids(name: str, started_at: datetime) -> Iterator[str]:
    """The name, then the name with the start time: Step Functions lets a name be used again after 90 days."""
    safe = name if LEGAL_NAME.fullmatch(name) else "illegal-" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
    yield safe
    yield f"{safe[:60]}-{started_at:%Y%m%dT%H%M%S}"


def belongs_to_execution(record: ExecutionRecord, execution_arn: str, started_at: datetime) -> bool:
    """Whether the record is this execution's, not that of another execution with the same name."""
    return record.execution_arn == execution_arn and abs(record.started_at - started_at) < START_TOLERANCE
