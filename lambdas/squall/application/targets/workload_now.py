"""Describes the workload of a run again."""

from datetime import datetime

from squall.domain.documents.definition import Definition
from squall.domain.documents.discovery import Discovery
from squall.domain.resources.workload import Workload, join_workloads
from squall.wiring import Wiring


def refresh_workload(w: Wiring, discovery: Discovery, at: datetime) -> Workload:
    """The workload of the run as it is now. Raises Unavailable."""
    return join_workloads([w.inventory.refresh(part, at) for part in discovery.parts or (discovery.workload,)])


def find_workload(w: Wiring, definition: Definition, discovery: Discovery, at: datetime) -> Workload:
    """The workload of the run as it is now, with everything that carries the tags by which FIS chooses targets: also what carries them
    only since the discovery. Raises Unavailable."""
    again = [
        w.inventory.describe([], fault.target.tags, {}, at, resource_type=fault.resource_type, service=None)
        for fault in definition.experiment.plan
        if fault.chosen_by_tags and fault.target
    ]
    return join_workloads([refresh_workload(w, discovery, at), *again])
