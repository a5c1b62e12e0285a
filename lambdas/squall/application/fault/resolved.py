"""Asks FIS which resources it resolved for a fault, and compares them with those the run pinned."""

from squall.domain.documents.fault import FaultTemplate
from squall.domain.run.record import ExecutionRecord
from squall.domain.safety.resolved_targets import find_unpinned
from squall.wiring import Wiring


def list_unpinned(w: Wiring, record: ExecutionRecord, experiment_id: str) -> tuple[str, ...]:
    """What FIS resolved beyond the run's pinned targets, a sentence each; empty while FIS has not resolved anything.

    Raises Unavailable if FIS or the run's template can't be asked.
    """
    template = w.documents.get(record.id, FaultTemplate)
    return find_unpinned(template.body, w.faults.resolved_targets(experiment_id)) if template else ()
