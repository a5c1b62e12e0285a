"""Target groups of load balancers and the health of what is registered in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.domain.resources.workload import TargetGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_ARNS_PER_CALL = 20
_LEAVING = "draining"
"""The state of a target that was deregistered: it gets no requests, and is neither healthy nor unhealthy."""


class TargetGroups:
    """Describes target groups, and finds those in which targets are registered."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, arns: Sequence[str], alone: Mapping[str, str]) -> list[TargetGroup]:
        """The groups with these ARNs, and those in which one of the instances in `alone` (id to VPC), which are in no
        Auto Scaling group, is registered."""
        known = list(dict.fromkeys(arns))
        found = [_read_group(group, self._list_registered(group)) for group in self._describe_groups(known)]
        return self._add_counts([*found, *self._find_holding(alone, set(known))])

    def holding(self, names: Mapping[str, str]) -> list[TargetGroup]:
        """The groups in which any of these instances or addresses (name to VPC) is registered."""
        return self._add_counts(self._find_holding(names, set(), ("instance", "ip")))

    def _add_counts(self, groups: Iterable[TargetGroup]) -> list[TargetGroup]:
        """The groups sorted by ARN, each with the number of groups that its load balancer has."""
        every = sorted(groups, key=lambda group: group.arn)
        served = {balancer: self._count_groups(balancer) for balancer in dict.fromkeys(group.load_balancer for group in every) if balancer}
        return [group.model_copy(update={"load_balancer_groups": served.get(group.load_balancer or "")}) for group in every]

    def _count_groups(self, balancer: str) -> int:
        """How many target groups a load balancer has: its own errors are counted for all of them together."""
        return sum(1 for _ in list_items(self._client, "describe_target_groups", "TargetGroups", LoadBalancerArn=balancer))

    def _describe_groups(self, arns: Sequence[str]) -> Iterator[Any]:
        for chunk in split_chunks(arns, _ARNS_PER_CALL):
            yield from list_items(self._client, "describe_target_groups", "TargetGroups", TargetGroupArns=chunk)

    def _find_holding(self, alone: Mapping[str, str], known: set[str], kinds: Collection[str] = ("instance",)) -> Iterator[TargetGroup]:
        """The groups of the VPCs in which one of these targets is registered. ELB cannot be asked by target, so this
        looks through all groups."""
        if not alone:
            return
        for group in list_items(self._client, "describe_target_groups", "TargetGroups"):
            if group["TargetGroupArn"] in known or group.get("TargetType") not in kinds or group.get("VpcId") not in alone.values():
                continue
            registered = self._list_registered(group)
            if alone.keys() & {entry["Target"]["Id"] for entry in registered}:
                yield _read_group(group, registered)

    def _list_registered(self, group: Mapping[str, Any]) -> list[Any]:
        """Every target and its health, once for each port with which it is registered."""
        answer = call(self._client, "describe_target_health", TargetGroupArn=group["TargetGroupArn"])
        return list(answer["TargetHealthDescriptions"])


def _read_group(group: Mapping[str, Any], registered: Sequence[Mapping[str, Any]]) -> TargetGroup:
    health: dict[str, set[str]] = {}
    for entry in registered:
        health.setdefault(entry["Target"]["Id"], set()).add(entry["TargetHealth"]["State"])
    serving = {target: states - {_LEAVING} for target, states in health.items() if states != {_LEAVING}}
    ports = tuple(sorted({entry["Target"]["Port"] for entry in registered if "Port" in entry["Target"]}))
    health_port = str(group.get("HealthCheckPort", "traffic-port"))
    return TargetGroup(
        arn=group["TargetGroupArn"],
        load_balancer=next(iter(group.get("LoadBalancerArns", [])), None),
        protocol=group.get("Protocol"),
        ports=ports,
        health_ports=(int(health_port),) if health_port.isdecimal() else ports,
        unhealthy_after_seconds=_find_unhealthy_after(group),
        healthy=tuple(sorted(target for target, states in serving.items() if states == {"healthy"})),
        unhealthy=tuple(sorted(target for target, states in serving.items() if states != {"healthy"})),
    )


def _find_unhealthy_after(group: Mapping[str, Any]) -> int | None:
    """After how many seconds of silence a target is unhealthy: so many checks fail, and the last one runs into its
    timeout."""
    settings = [group.get(f"HealthCheck{name}Seconds") for name in ("Interval", "Timeout")] + [group.get("UnhealthyThresholdCount")]
    if None in settings or not group.get("HealthCheckEnabled", True):
        return None
    interval, timeout, failures = (int(value) for value in settings if value is not None)
    return interval * failures + timeout
