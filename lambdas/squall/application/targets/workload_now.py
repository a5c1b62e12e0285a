"""Describes the workload of a run again."""

from datetime import datetime

from squall.domain.documents.discovery import Discovery
from squall.domain.resources.workload import Workload, join_workloads
from squall.wiring import Wiring


def refresh_workload(w: Wiring, discovery: Discovery, at: datetime) -> Workload:
    """The workload of the run as it is now. Raises Unavailable."""
    return join_workloads([w.inventory.refresh(part, at) for part in discovery.parts or (discovery.workload,)])
