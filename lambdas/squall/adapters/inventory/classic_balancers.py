"""Classic load balancers, which have no target groups, and the instances behind them. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.domain.resources.workload import CLASSIC, TargetGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from squall.adapters.inventory.names import Names

_GONE = frozenset({"LoadBalancerNotFound", "AccessPointNotFound"})
_SERVES = "InService"


class ClassicBalancers:
    """Finds classic load balancers by what is registered in them. In a workload, each of them counts as a target group
    of its own."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def find(self, known: Collection[str], names: Mapping[str, Names]) -> Iterator[TargetGroup]:
        """The load balancers with these names in a workload, and those behind which one of these targets (by VPC) is
        registered."""
        for entry in list_items(self._client, "describe_load_balancers", "LoadBalancerDescriptions"):
            registered = [instance["InstanceId"] for instance in entry.get("Instances", ())]
            wanted = names.get(entry.get("VPCId", ""))
            if CLASSIC + entry["LoadBalancerName"] in known or (wanted and wanted.match(registered)):
                answer = call(self._client, "describe_instance_health", absent=_GONE, LoadBalancerName=entry["LoadBalancerName"])
                if answer is not None:
                    yield _read_balancer(entry, answer["InstanceStates"])


def _read_balancer(entry: Mapping[str, Any], states: list[Mapping[str, Any]]) -> TargetGroup:
    name, check = CLASSIC + entry["LoadBalancerName"], entry.get("HealthCheck", {})
    listeners = [description["Listener"] for description in entry.get("ListenerDescriptions", ())]
    ports = tuple(sorted({int(listener["InstancePort"]) for listener in listeners}))
    asked = str(check.get("Target", "")).partition(":")[2].partition("/")[0]
    serving = {state["InstanceId"] for state in states if state["State"] == _SERVES}
    return TargetGroup(
        arn=name,
        load_balancer=name,
        in_use=bool(listeners),
        protocol=next((listener["Protocol"] for listener in listeners), None),
        ports=ports,
        health_ports=(int(asked),) if asked.isdecimal() else ports,
        unhealthy_after_seconds=check["Interval"] * check["UnhealthyThreshold"] + check["Timeout"] if check else None,
        healthy=tuple(sorted(serving)),
        unhealthy=tuple(sorted(state["InstanceId"] for state in states if state["InstanceId"] not in serving)),
    )
