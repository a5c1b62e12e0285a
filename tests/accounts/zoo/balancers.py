"""Load balancers and networks: of which kind, how many, with which listeners, and whose subnets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.accounts.network import ARN, CIDR_6, Inhabited, Network
from tests.accounts.run import experiment
from tests.accounts.zoo.shape import INTERNAL, NETWORK, PUBLIC, add_group, declared, shape
from tests.fakes.workload import ACCOUNT, REGION

if TYPE_CHECKING:
    from tests.accounts.account import Account

OWNER = "999999999999"
CUT_OFF = {"type": "service_unavailable", "blast_radius": "single_az"}
UNLISTED = {"parameter_values": {"scope": ["availability-zone", "vpc", "all"]}}


@shape("network load balancer", refused="no application load balancer was found")
def network(account: Account, failing: float) -> dict[str, Any]:
    return experiment(add_group(account, failing, balancer=NETWORK))


@shape("network load balancer and a declared metric")
def network_declared(account: Account, failing: float) -> dict[str, Any]:
    return declared(account, add_group(account, failing, balancer=NETWORK), failing)


@shape("application and network load balancer", refused="serve in 2 target groups")
def both(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, 0)
    account.serve("tcp", NETWORK, ids, failing=failing)
    return experiment(ids)


@shape("classic load balancer beside an application load balancer", refused="loadbalancer/old behind old", fast=True)
def classic(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, 0 * failing)  # those who come through the classic load balancer fail
    account.classic["old"] = ids
    return experiment(ids)


@shape("classic load balancer beside an application load balancer whose target group is named")
def classic_named(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.classic["old"] = ids
    return experiment(ids, service=next(iter(account.target_groups)))


@shape("classic load balancer alone", refused="no application load balancer was found")
def classic_alone(account: Account, _failing: float) -> dict[str, Any]:
    account.classic["old"] = ids = [entry.id for entry in account.group("web")]
    return experiment(ids)


@shape("classic load balancer alone and a declared metric")
def classic_declared(account: Account, failing: float) -> dict[str, Any]:
    ids = [entry.id for entry in account.group("web")]
    account.classic["old"] = list(ids)
    return declared(account, ids, failing)


@shape("VPC Lattice beside an application load balancer", refused="vpc-lattice")
def lattice(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, 0 * failing)
    account.lattice["web"] = f"arn:aws:vpc-lattice:{REGION}:{ACCOUNT}:targetgroup/tg-0123456789abcdef0"
    return experiment(ids)


@shape("weighted listener over two groups")
def weighted(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.target_groups[next(iter(account.target_groups))].weight = 90
    account.serve("canary", PUBLIC, [entry.id for entry in account.group("canary")], weight=10)
    return experiment(ids)


@shape("several listeners with rules")
def rules(account: Account, failing: float) -> dict[str, Any]:
    account.redirects = True
    account.serve("front", PUBLIC, [item.id for item in account.group("front")])
    ids = [entry.id for entry in account.group("api")]
    account.attach("api", account.serve("api", PUBLIC, ids, by_rule=True, failing=failing))
    return experiment(ids)


@shape("no load balancer and a declared metric")
def unbalanced(account: Account, failing: float) -> dict[str, Any]:
    return declared(account, [entry.id for entry in account.group("workers")], failing)


@shape("subnet whose pods have addresses of prefixes", fast=True, policy=UNLISTED)
def prefixes(account: Account, failing: float) -> dict[str, Any]:
    Network(account, Inhabited([{"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.4.10"}]}]))
    account.serve("k8s-web", PUBLIC, ["10.0.5.3", "10.0.8.3"], kind="ip", failing=failing)
    return experiment([ARN], **CUT_OFF)


@shape("subnet whose pods have addresses of IPv6 prefixes")
def prefixes_6(account: Account, failing: float) -> dict[str, Any]:
    Network(account, Inhabited([{"Ipv6Addresses": [{"Ipv6Address": CIDR_6.replace("/64", "10")}]}]))
    account.serve("k8s-web", PUBLIC, [CIDR_6.replace("/64", "a:3"), "2001:db8:5::3"], kind="ip", failing=failing)
    return experiment([ARN], **CUT_OFF)


@shape("subnet whose pods are in two target groups", refused="serve in 2 target groups")
def prefixes_twice(account: Account, failing: float) -> dict[str, Any]:
    Network(account, Inhabited([{"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.4.10"}]}]))
    account.serve("web", PUBLIC, ["10.0.4.10"], kind="ip")
    account.serve("k8s-web", INTERNAL, ["10.0.5.3"], kind="ip", failing=failing)
    return experiment([ARN], **CUT_OFF)


@shape("subnet around a group with an instance refresh", refused="instance refresh 08b91cf7 of web is InProgress")
def refreshed(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.refreshing.add("web")
    Network(account, Inhabited([{"Attachment": {"InstanceId": ids[0]}, "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.4.10"}]}]))
    return experiment([ARN], **CUT_OFF)


@shape("subnet with nodes of a load balancer, cut off from its clients", refused="requests to these would be lost", policy=UNLISTED)
def balancer_nodes(account: Account, failing: float) -> dict[str, Any]:
    node = {"Description": "ELB app/public/fedcba9876543210", "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.4.200"}]}
    Network(account, Inhabited([{"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.4.10"}]}, node]))
    account.serve("web", PUBLIC, ["10.0.4.10"], kind="ip", failing=failing)
    return experiment([ARN], parameters={"scope": "all"}, **CUT_OFF)


@shape("subnet of a shared VPC", refused="does not exist")
def shared_subnet(account: Account, failing: float) -> dict[str, Any]:
    Network(account, Inhabited([{"PrivateIpAddresses": [{"PrivateIpAddress": "10.0.4.10"}]}], owner=OWNER))
    account.serve("web", PUBLIC, ["10.0.4.10"], kind="ip", failing=failing)
    return experiment([ARN], **CUT_OFF)


@shape("instances in a subnet of a shared VPC")
def shared_vpc(account: Account, failing: float) -> dict[str, Any]:
    ids = add_group(account, failing)
    account.interfaces = {entry: {"OwnerId": OWNER} for entry in ids}
    return experiment(ids)
