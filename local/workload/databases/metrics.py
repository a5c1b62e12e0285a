"""The database's measurements as AWS/RDS publishes them: by DB instance, and for the cluster by role.

A node that is down publishes nothing. A standby publishes its own `AuroraReplicaLag`, the primary none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local.workload.metrics import Datum, Stamp


@dataclass(frozen=True)
class Measured:
    """One DB instance over one period. Latencies in seconds per operation; `lag_ms` is None for a writer."""

    instance: str
    cluster: str | None
    connections: float
    cpu_percent: float
    reads: float
    read_seconds: float
    writes: float
    write_seconds: float
    lag_ms: float | None


def database_data(start: float, nodes: list[Measured]) -> list[Datum]:
    """AWS/RDS for one period."""
    return [datum for node in nodes for datum in _node_data(Stamp(start), node)]


def _node_data(stamp: Stamp, node: Measured) -> Iterator[Datum]:
    for dimensions in _list_dimensions(node):
        yield stamp.datum("DatabaseConnections", "Count", dimensions, Value=node.connections)
        yield stamp.datum("CPUUtilization", "Percent", dimensions, Value=node.cpu_percent)
        yield stamp.datum("ReadLatency", "Seconds", dimensions, Value=node.read_seconds)
        yield stamp.datum("WriteLatency", "Seconds", dimensions, Value=node.write_seconds)
        yield stamp.datum("ReadIOPS", "Count/Second", dimensions, Value=node.reads)
        yield stamp.datum("WriteIOPS", "Count/Second", dimensions, Value=node.writes)
        if node.lag_ms is not None:
            yield stamp.datum("AuroraReplicaLag", "Milliseconds", dimensions, Value=node.lag_ms)
    if node.cluster is not None and node.lag_ms is not None:
        for name in ("AuroraReplicaLagMaximum", "AuroraReplicaLagMinimum"):
            yield stamp.datum(name, "Milliseconds", {"DBClusterIdentifier": node.cluster}, Value=node.lag_ms)


def _list_dimensions(node: Measured) -> list[Mapping[str, str]]:
    by_instance = {"DBInstanceIdentifier": node.instance}
    if node.cluster is None:
        return [by_instance]
    of_cluster = {"DBClusterIdentifier": node.cluster}
    return [by_instance, of_cluster, {**of_cluster, "Role": "WRITER" if node.lag_ms is None else "READER"}]
