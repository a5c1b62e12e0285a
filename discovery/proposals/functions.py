"""Faults on Lambda functions that have FIS's extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discovery.proposals.idea import Idea, Obstacle, Surroundings, Users
from squall.domain.base.vocabulary import FaultType, ResourceType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.analysis.services import Service

SHARE = 30
"""The percentage of invocations that are hit: less than half, and enough to show in the metrics."""
_NEEDS = ("the environment's policy with lambda_fault_configuration: docs/faults.md, Lambda functions",)
_UNDO = "The fault ends by itself, at most 20 seconds late; if it does not, take FIS's layer off the function"


def propose_for_functions(service: Service, users: Users, around: Surroundings) -> Iterator[Idea | Obstacle]:
    """Errors and slow invocations."""
    function = around.lookup.functions[service.id]
    if not function.extension or not function.fault_folder:
        reason = "FIS's extension is not in it (layer, AWS_LAMBDA_EXEC_WRAPPER, AWS_FIS_CONFIGURATION_LOCATION)"
        yield Obstacle(service.id, "Errors and slow invocations", reason)
        return
    target: dict[str, Any] = {"target_resources": [service.id]}
    seconds = function.timeout_seconds
    yield Idea(
        service=service,
        fault=FaultType.SERVICE_UNAVAILABLE,
        resource=ResourceType.FUNCTION,
        name="failing",
        title=f"Failing invocations of {service.name}",
        condition=f"{SHARE} percent of the invocations of {service.name} fail",
        mitigation="ask again, or answer without it",
        why=f"{users.front.name} is in front of it: this shows whether its callers pass failures on to users.",
        teaches=76,
        target=target,
        parameters={"invocation_percent": SHARE},
        needs=_NEEDS,
        rollback_plan=_UNDO,
    )
    if seconds >= 2:
        delay = min(3000, seconds * 1000 // 2)
        yield Idea(
            service=service,
            fault=FaultType.NETWORK_LATENCY,
            resource=ResourceType.FUNCTION,
            name="slow",
            title=f"Slow invocations of {service.name}",
            condition=f"{SHARE} percent of the invocations of {service.name} take {delay} ms longer",
            mitigation="give up in time, or wait without holding up others",
            why="Slow is harder than dead: nothing fails, and callers without a time limit wait.",
            teaches=66,
            target=target,
            parameters={"latency_ms": delay, "invocation_percent": SHARE},
            needs=_NEEDS,
            rollback_plan=_UNDO,
        )
