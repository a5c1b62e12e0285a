"""Auto Scaling groups: how they launch, weigh, replace and are kept from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.accounts.account import STAGING
from tests.accounts.run import AVAILABLE, REPLACED, experiment
from tests.accounts.zoo.shape import PUBLIC, add_group, shape
from tests.fakes.workload import FakeInstance

if TYPE_CHECKING:
    from tests.accounts.account import Account

BOTH = {"success_criteria": [AVAILABLE, REPLACED]}


@shape("two groups in a target group", fast=True)
def two_groups(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    other = [entry.id for entry in account.group("other")]
    (served,) = account.target_groups.values()
    account.attach("other", served)
    assert other
    return experiment(ids, **BOTH)


@shape("lifecycle hook that holds a launch for minutes")
def hook(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.world.fleet.groups["web"].replaces_after = 240
    return experiment(ids, **BOTH)


@shape("warm pool with a stopped instance")
def warm_pool(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    warm = FakeInstance("i-0aaaaaaaaaaaaaaaa", state="stopped", tags=dict(STAGING), group="web", lifecycle="Warmed:Stopped")
    account.world.fleet.add(warm)
    return experiment(ids, success_criteria=[AVAILABLE])


@shape("instance in Standby")
def standby(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.world.fleet.instances[ids[0]].lifecycle = "Standby"
    web = account.world.fleet.groups["web"]
    web.desired = web.minimum = 2  # whoever takes an instance to Standby lowers these
    return experiment(target={"resource_type": "aws:ec2:instance", "tags": STAGING}, success_criteria=[AVAILABLE])


@shape("mixed instances on Spot, weighed alike")
def weighed(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.weights, account.desired["web"] = dict.fromkeys(ids, 4), 12
    return experiment(ids)


@shape("capacity in vCPUs")
def vcpus(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.units["web"], account.desired["web"] = "vcpu", 24
    return experiment(ids)


@shape("mixed instances of which one weighs most", refused="6 of 18 (33 %, needed 50 %)")
def heavy(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.weights, account.desired["web"] = {ids[0]: 12, ids[1]: 3, ids[2]: 3}, 18
    return experiment(ids[:1])


@shape("instance refresh in progress", refused="instance refresh 08b91cf7 of web is InProgress")
def refresh(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.refreshing.add("web")
    return experiment(ids)


@shape("group whose launches are suspended", refused="web has Launch suspended")
def suspended(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.suspended["web"] = ["Launch"]
    return experiment(ids)


@shape("group with processes suspended that replace nothing")
def suspended_harmlessly(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.suspended["web"] = ["AZRebalance", "ScheduledActions"]
    return experiment(ids, **BOTH)


@shape("instances of a group by hand in a second target group", refused="serve in 2 target groups")
def by_hand(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, 0)
    account.serve("by-hand", PUBLIC, ids[:1], failing=failing)
    return experiment(ids[:1])
