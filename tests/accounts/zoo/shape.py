"""The shapes of the zoo: how each account is built, and what Squall must say of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.accounts.account import balancer_arn
from tests.accounts.run import experiment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.accounts.account import Account
    from tests.accounts.traffic import Registered

    Build = Callable[[Account, float], dict[str, Any]]
    """Builds the account, and returns the experiment on it. The second argument is the truth: the share of the users'
    requests that fail since the fault."""

PUBLIC, INTERNAL, NETWORK = balancer_arn("public"), balancer_arn("internal"), balancer_arn("network", "net")
FAILED_ORDERS = {
    "namespace": "Shop", "metric_name": "FailedOrders", "statistic": "Sum", "dimensions": {"Shop": "web"}, "unit": "count",
    "published": "always",
}  # fmt: skip
"""What an experiment declares where no load balancer counts its users' requests."""


@dataclass(frozen=True)
class Shape:
    name: str
    build: Build
    refused: str = ""
    """What the refusal says, where Squall can't attribute what users lose; empty: the run is judged."""
    fast: bool = False
    """Whether it walks in every test run: one of each kind does, the others in the soak."""
    policy: dict[str, Any] = field(default_factory=dict)


SHAPES: dict[str, Shape] = {}


def shape(name: str, *, refused: str = "", fast: bool = False, policy: dict[str, Any] | None = None) -> Callable[[Build], Build]:
    """Add an account of this shape to the zoo. `policy`: what its environment's policy says besides."""

    def add(build: Build) -> Build:
        assert name not in SHAPES
        SHAPES[name] = Shape(name, build, refused, fast, policy or {})
        return build

    return add


def add_group(account: Account, failing: float, name: str = "web", balancer: str | None = PUBLIC) -> list[str]:
    """An Auto Scaling group behind a target group of its own: ids of its instances."""
    ids = [entry.id for entry in account.group(name)]
    account.attach(name, account.serve(name, balancer, ids, failing=failing))
    return ids


def declared(account: Account, targets: list[str], failing: float, **changes: Any) -> dict[str, Any]:
    """An experiment whose users' failures are counted by a metric that it declares."""
    account.signals["FailedOrders"] = account.since_fault(3000 * failing)
    criteria = {"success_criteria": ["Failed orders < 100"], "abort_conditions": ["Failed orders > 2900"]}
    return experiment(targets, metrics={"failed_orders": FAILED_ORDERS}, **{**criteria, **changes})


def ip_group(account: Account, failing: float, name: str = "web", balancer: str = PUBLIC, **more: Any) -> Registered:
    """A target group of addresses, in which whatever replaces the targets keeps them registered."""
    return account.serve(name, balancer, [], kind="ip", failing=failing, **more)
