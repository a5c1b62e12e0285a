"""An execution's name as a record's id: what becomes an S3 key, an alarm name and a path on somebody's laptop."""

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from squall.domain.run.record import ExecutionRecord

LEGAL_NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")
"""Step Functions allows more."""
SAME_MOMENT = timedelta(seconds=1)
"""The context object, the event and DescribeExecution tell the start with different precision."""


def candidate_ids(name: str, started_at: datetime) -> Iterator[str]:
    """The name; and with the start time for a name used again (Step Functions gives them back after 90 days)."""
    safe = name if LEGAL_NAME.fullmatch(name) else "illegal-" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
    yield safe
    yield f"{safe[:60]}-{started_at:%Y%m%dT%H%M%S}"


def is_of(record: ExecutionRecord, execution_arn: str, started_at: datetime) -> bool:
    """Whether the record is this very execution's, not that of another with its name."""
    return record.execution_arn == execution_arn and abs(record.started_at - started_at) < SAME_MOMENT
