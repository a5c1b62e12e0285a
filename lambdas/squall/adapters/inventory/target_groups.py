"""Target groups of load balancers and the health of what is registered in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items, split_chunks
from squall.domain.resources.workload import TargetGroup

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

_ARNS_PER_CALL = 20
_LEAVING = "draining"
"""A target that was taken out on purpose gets no requests: neither healthy nor unhealthy."""


class TargetGroups:
    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, arns: Sequence[str], alone: Mapping[str, str]) -> list[TargetGroup]:
        """The groups by ARN, and those in which an instance that belongs to no Auto Scaling group (id to VPC) is registered."""
        known = list(dict.fromkeys(arns))
        found = [_target_group(group, self._registered(group)) for group in self._groups(known)]
        return self._counted([*found, *self._around(alone, set(known))])

    def holding(self, names: Mapping[str, str]) -> list[TargetGroup]:
        """The groups in which any of these instances and addresses (name to VPC) is registered."""
        return self._counted(self._around(names, set(), ("instance", "ip")))

    def _counted(self, groups: Iterable[TargetGroup]) -> list[TargetGroup]:
        """By ARN, each with how many its load balancer serves."""
        every = sorted(groups, key=lambda group: group.arn)
        served = {balancer: self._served_by(balancer) for balancer in dict.fromkeys(group.load_balancer for group in every) if balancer}
        return [group.model_copy(update={"load_balancer_groups": served.get(group.load_balancer or "")}) for group in every]

    def _served_by(self, balancer: str) -> int:
        """How many target groups listen behind a load balancer: its own errors are counted for all of them together."""
        return sum(1 for _ in list_items(self._client, "describe_target_groups", "TargetGroups", LoadBalancerArn=balancer))

    def _groups(self, arns: Sequence[str]) -> Iterator[Any]:
        for some in split_chunks(arns, _ARNS_PER_CALL):
            yield from list_items(self._client, "describe_target_groups", "TargetGroups", TargetGroupArns=some)

    def _around(self, alone: Mapping[str, str], known: set[str], kinds: Collection[str] = ("instance",)) -> Iterator[TargetGroup]:
        """ELB has no way to ask by target: the VPC's groups of instances are looked through, and only for instances without a group."""
        if not alone:
            return
        for group in list_items(self._client, "describe_target_groups", "TargetGroups"):
            if group["TargetGroupArn"] in known or group.get("TargetType") not in kinds or group.get("VpcId") not in alone.values():
                continue
            registered = self._registered(group)
            if alone.keys() & {entry["Target"]["Id"] for entry in registered}:
                yield _target_group(group, registered)

    def _registered(self, group: Mapping[str, Any]) -> list[Any]:
        """Every target and its health, once for each port it is registered with."""
        answer = call(self._client, "describe_target_health", TargetGroupArn=group["TargetGroupArn"])
        return list(answer["TargetHealthDescriptions"])


def _target_group(group: Mapping[str, Any], registered: Sequence[Mapping[str, Any]]) -> TargetGroup:
    health: dict[str, set[str]] = {}
    for entry in registered:
        health.setdefault(entry["Target"]["Id"], set()).add(entry["TargetHealth"]["State"])
    serving = {target: states - {_LEAVING} for target, states in health.items() if states != {_LEAVING}}
    ports = tuple(sorted({entry["Target"]["Port"] for entry in registered if "Port" in entry["Target"]}))
    asked = str(group.get("HealthCheckPort", "traffic-port"))
    return TargetGroup(
        arn=group["TargetGroupArn"],
        load_balancer=next(iter(group.get("LoadBalancerArns", [])), None),
        protocol=group.get("Protocol"),
        ports=ports,
        health_ports=(int(asked),) if asked.isdecimal() else ports,
        unhealthy_after_seconds=_unhealthy_after(group),
        healthy=tuple(sorted(target for target, states in serving.items() if states == {"healthy"})),
        unhealthy=tuple(sorted(target for target, states in serving.items() if states != {"healthy"})),
    )


def _unhealthy_after(group: Mapping[str, Any]) -> int | None:
    """The last check before the silence, so many that time out, the last of them to its end."""
    told = [group.get(f"HealthCheck{name}Seconds") for name in ("Interval", "Timeout")] + [group.get("UnhealthyThresholdCount")]
    if None in told or not group.get("HealthCheckEnabled", True):
        return None
    interval, timeout, failures = (int(value) for value in told if value is not None)
    return interval * failures + timeout
