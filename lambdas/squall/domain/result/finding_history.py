"""Findings over several runs of an experiment: which are new, seen again, or closed."""

from collections.abc import Collection, Sequence
from datetime import datetime

from squall.domain.documents.finding import Finding, FindingStatus, StoredFinding


def merged(
    seen: Sequence[Finding], disproved: Collection[str], known: Sequence[StoredFinding] | None, execution_id: str, started_at: datetime
) -> tuple[Finding, ...]:
    """This run's findings with their history, then those of earlier runs that it proves fixed; `known` None: history can't be read.

    Repeatable: what this very execution has already stored is not counted again.
    """
    if known is None:
        return tuple(seen)
    by_id = {one.finding.id: one for one in known}
    found = [_again(finding, by_id.get(finding.id), execution_id, started_at) for finding in seen]
    closed = [_closed(one, execution_id) for one in known if one.finding.id in disproved and _open_before(one, execution_id)]
    return (*found, *closed)


def _again(finding: Finding, known: StoredFinding | None, execution_id: str, started_at: datetime) -> Finding:
    before = known.finding if known else finding
    counted = known is not None and known.last_execution == execution_id
    return finding.model_copy(
        update={"first_seen": before.first_seen or started_at, "seen_count": (before.seen_count or 0) + (0 if counted else 1)}
    )


def _open_before(one: StoredFinding, execution_id: str) -> bool:
    return one.finding.status is FindingStatus.OPEN or one.finding.closed_by == execution_id


def _closed(one: StoredFinding, execution_id: str) -> Finding:
    return one.finding.model_copy(update={"status": FindingStatus.CLOSED, "closed_by": execution_id})
