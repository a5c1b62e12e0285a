"""Finds the users whose requests show whether a service withstands a fault: those of its own target group, or of the
service in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discovery.analysis.relations import find_fronts
from discovery.proposals.idea import Surroundings, Users

if TYPE_CHECKING:
    from discovery.analysis.services import Service

_LOSSES = ("Hardware", "Software", "AZ")
"""The disruptions of Resilience Hub that Squall's faults cause."""


def find_users(service: Service, around: Surroundings) -> Users | str:
    """The users of a service, or the reason why none can be judged. Of several services in front, the busiest counts."""
    fronts = find_fronts(service, around.relations, around.services)
    if not fronts:
        return "no application load balancer is known to be in front of it: nothing shows what its users get"
    front = max(fronts, key=lambda known: around.level_of(known).requests_per_second or 0.0)
    level = around.level_of(front)
    blind = around.lookup.inventory.is_blind("cloudwatch:GetMetricData")
    if not level.requests_per_second and not blind:
        return f"no request reached {front.name} in the last day: nothing could be judged"
    arn = front.target_groups[0]
    alarms = around.lookup.alarms
    return Users(
        front=front,
        group=around.lookup.target_groups[arn],
        level=level,
        alarms=alarms.find_felt(front),
        objectives=alarms.find_objectives(front),
        recovery_seconds=_find_recovery(front, service, around),
    )


def _find_recovery(front: Service, service: Service, around: Surroundings) -> int | None:
    names = {front.id, front.name, service.id, service.name}
    applications = [app for app in around.lookup.inventory.applications if names & set(app.resources)]
    seconds = [app.recovery_seconds[kind] for app in applications for kind in _LOSSES if app.recovery_seconds.get(kind)]
    return min(seconds, default=None)
