"""Failovers of databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.proposals.idea import Idea, Obstacle, Surroundings, Users
from squall.domain.base.vocabulary import FaultType, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.analysis.services import Service


def propose_for_databases(service: Service, _users: Users, around: Surroundings) -> Iterator[Idea | Obstacle]:
    """A failover, if a standby or a reader can take over."""
    database = around.lookup.databases[service.id]
    if not database.standby:
        missing = "no reader is available to take over" if database.cluster else "it is not Multi-AZ: there is no standby to fail over to"
        unknown = around.why_unknown("rds:DescribeDBInstances") if database.cluster else ""
        yield Obstacle(service.id, "Failover", unknown or missing)
        return
    if database.state != "available":
        yield Obstacle(service.id, "Failover", f"its status is {database.state}")
        return
    target: dict[str, Any] = {"target_resources": [service.id]}
    yield Idea(
        service=service,
        fault=FaultType.DATABASE_FAILURE,
        resource=ResourceType.DATABASE_CLUSTER if database.cluster else ResourceType.DATABASE,
        name="failover",
        title=f"Failover of {service.name}",
        condition=f"the {'writer' if database.cluster else 'primary'} of {service.name} is lost",
        mitigation=f"go on with the {'reader' if database.cluster else 'standby'} that takes over, without a restart",
        why="Patches and lost hosts cause failovers. Only a failover shows connection pools that keep dead connections.",
        teaches=82,
        target=target,
        rollback_plan="Nothing to undo. The old primary comes back as a standby; to have it write again, fail over once more",
    )
