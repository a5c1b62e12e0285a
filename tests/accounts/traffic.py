"""The target groups of an account, and what CloudWatch counts of their users."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fakes.monitoring import FakeMetrics
from tests.fakes.workload import ACCOUNT, REGION

if TYPE_CHECKING:
    from squall.domain.documents.metrics.metric_models import MetricQuery
    from tests.accounts.account import Account

VPC = "vpc-0123456789abcdef0"
REQUESTS = 3000.0
"""Requests a minute of a target group that has users."""


def target_group_arn(name: str) -> str:
    return f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/0123456789abcdef"


@dataclass
class Registered:
    """A target group, what is registered in it, and how its users fare."""

    name: str
    balancer: str | None = None
    """ARN of its load balancer."""
    weight: int | None = 100
    """Of the listener's action; None: no listener uses it."""
    targets: list[str] = field(default_factory=list)
    """Ids or addresses."""
    states: dict[str, str] = field(default_factory=dict)
    """States of targets other than what their instance says."""
    kind: str = "instance"
    by_rule: bool = False
    """Whether only a rule of the listener sends it requests."""
    vpc: str = VPC
    failing: float = 0.0
    """Share of its users' requests that fail since the fault."""
    balancer_fails: bool = False
    """Whether it is the load balancer that answers these, and not a target."""
    empty_minutes: int = 0
    """Minutes after the fault in which no target is registered: nothing is counted."""

    deleted: bool = False
    """Whether it was deleted during the fault: CloudWatch still has what it counted before."""

    @property
    def arn(self) -> str:
        return target_group_arn(self.name)

    @property
    def used(self) -> bool:
        return self.balancer is not None and bool(self.weight)


class Metrics(FakeMetrics):
    """What CloudWatch counts for each target group, and for each load balancer as a whole."""

    def __init__(self, account: Account) -> None:
        super().__init__(account.world.clock)
        self._account = account

    def _values(self, query: MetricQuery, start: int, end: int, period_seconds: int) -> list[tuple[int, float]]:
        if signal := self._account.signals.get(query.metric_name):
            self.set(query.metric_name, signal)
            return super()._values(query, start, end, period_seconds)
        dimensions = dict(query.dimensions)
        named = dimensions.get("TargetGroup", "")
        groups = [
            group
            for group in self._account.target_groups.values()
            if group.used and group.arn.endswith(named) and (group.balancer or "").endswith(dimensions.get("LoadBalancer", ""))
        ]
        began = self._account.began()
        before = _count(query.metric_name, groups, None)
        self.set(query.metric_name, lambda at: before if began is None or at < began else _count(query.metric_name, groups, at - began))
        return super()._values(query, start, end, period_seconds)


def _count(metric: str, groups: list[Registered], since: float | None) -> float | None:
    """What the groups count in the period that begins so many seconds after the fault did; None: before it."""
    counts = [count for group in groups if (count := _count_one(metric, group, since)) is not None]
    return sum(counts) if counts else None


def _count_one(metric: str, group: Registered, since: float | None) -> float | None:
    if since is not None and (group.deleted or since < 60 * group.empty_minutes):
        return None
    failed = 0.0 if since is None else REQUESTS * group.failing
    values = {
        "RequestCount": REQUESTS,
        "HTTPCode_Target_5XX_Count": failed if not group.balancer_fails else 0.0,
        "HTTPCode_ELB_5XX_Count": failed if group.balancer_fails else 0.0,
        "HTTPCode_ELB_502_Count": failed if group.balancer_fails else 0.0,
        "TargetResponseTime": 0.05,
        "HealthyHostCount": None if group.kind == "lambda" else 3.0,
        "UnHealthyHostCount": None if group.kind == "lambda" else 0.0,
    }
    value = values.get(metric)
    return None if value == 0.0 and "HTTPCode" in metric else value  # errors are published where there are some
