"""EKS: managed nodes and pods, whose targets a controller registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.accounts.clusters import ARN, Cluster
from tests.accounts.run import experiment
from tests.accounts.zoo.shape import INTERNAL, PUBLIC, add_group, ip_group, shape

if TYPE_CHECKING:
    from tests.accounts.account import Account

POLICY = {"eks_service_account": "fis"}
PODS = {"resource_type": "aws:eks:pod", "arns": [ARN], "filters": {"namespace": ["shop"], "deployment": ["web"]}}


def add_nodes(account: Account) -> list[str]:
    """A managed node group: an Auto Scaling group that is attached to no target group."""
    ids = [entry.id for entry in account.group("eks-nodes")]
    for number, node in enumerate(ids):
        account.addresses[node] = [f"10.0.4.{number + 10}"]
    return ids


@shape("EKS managed nodes, registered by a controller")
def nodes(account: Account, failing: float) -> dict[str, Any]:
    ids = add_nodes(account)
    group = account.serve("k8s-web", PUBLIC, [], failing=failing)
    account.registrars.append(lambda asked: [member.id for member in account.world.fleet.members("eks-nodes")] if asked is group else [])
    return experiment(ids)


@shape("EKS managed nodes, pods registered by addresses of a prefix")
def prefix(account: Account, failing: float) -> dict[str, Any]:
    ids = add_nodes(account)
    for number, node in enumerate(ids):
        account.interfaces[node] = {"Ipv4Prefixes": [{"Ipv4Prefix": f"10.0.5.{16 * number}/28"}]}
    account.serve("k8s-web", PUBLIC, [f"10.0.5.{16 * number + 3}" for number in range(3)], kind="ip", failing=failing)
    return experiment(ids)


@shape("EKS managed nodes, pods registered by addresses of an IPv6 prefix", fast=True)
def prefix_6(account: Account, failing: float) -> dict[str, Any]:
    ids = add_nodes(account)
    for number, node in enumerate(ids):
        account.interfaces[node] = {"Ipv6Prefixes": [{"Ipv6Prefix": f"2001:db8:0:1:{number}::/80"}]}
    account.serve("k8s-web", PUBLIC, [f"2001:db8:0:1:{number}::3" for number in range(3)], kind="ip", failing=failing)
    return experiment(ids)


@shape("EKS managed nodes whose pods have interfaces of their own", refused="EC2 does not list under it")
def trunk(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, 0)
    account.interfaces = {entry: {"InterfaceType": "trunk"} for entry in ids}
    account.serve("k8s-web", INTERNAL, ["10.0.7.1"], kind="ip", failing=failing)
    return experiment(ids)


@shape("EKS pods, registered by address", fast=True, policy=POLICY)
def pods(account: Account, failing: float) -> dict[str, Any]:
    hosts = [account.addresses[node][0] for node in add_nodes(account)]
    Cluster(account, [ip_group(account, failing, "k8s-web")], hosts)
    return experiment(target=PODS)


@shape("EKS pods behind two load balancers", refused="serve in 2 target groups", policy=POLICY)
def pods_twice(account: Account, failing: float) -> dict[str, Any]:
    hosts = [account.addresses[node][0] for node in add_nodes(account)]
    Cluster(account, [ip_group(account, failing, "k8s-web"), ip_group(account, 0, "k8s-inside", INTERNAL)], hosts)
    return experiment(target=PODS)


@shape("EKS pods behind their nodes' ports", refused="name in service", policy=POLICY)
def node_ports(account: Account, failing: float) -> dict[str, Any]:
    ids = add_nodes(account)
    account.serve("k8s-web", PUBLIC, ids, failing=failing)
    Cluster(account, [], [account.addresses[node][0] for node in ids])
    return experiment(target=PODS)
