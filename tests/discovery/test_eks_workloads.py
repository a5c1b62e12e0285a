"""Workloads of EKS: read with what AmazonEKSViewPolicy shows, each pod in the zone of the instance that it runs on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from discovery.things.base import Account
from discovery.things.eks_workloads import PodWorkload, read_eks_workloads

CLUSTER = {
    "name": "shop",
    "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/shop",
    "endpoint": "https://cluster.example",
    "resourcesVpcConfig": {"vpcId": "vpc-1"},
    "tags": {"squall:environment": "staging"},
}
POD_LABELS = {"app": "web"}


def pod(name: str, host: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    status = {"phase": "Running", "hostIP": host, "podIP": "10.0.9.9", "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "namespace": "web", "labels": POD_LABELS | (labels or {})}, "status": status}


class OneCluster:
    """An account with one cluster. `asked` are the listings it was asked for, with their arguments."""

    def __init__(self, nodes: dict[str, str], pods: list[dict[str, Any]]) -> None:
        self._nodes, self._pods = nodes, pods
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def items(self, service: str, method: str, _key: str, **arguments: Any) -> Iterator[Any]:
        self.asked.append((service, method, arguments))
        match method:
            case "list_clusters":
                yield "shop"
            case "deployments":
                template = {"metadata": {"labels": POD_LABELS}, "spec": {"containers": [{"name": "web"}]}}
                spec = {"replicas": 3, "template": template, "selector": {"matchLabels": POD_LABELS}}
                yield {"metadata": {"name": "web", "namespace": "web"}, "spec": spec}
            case "pods":
                yield from self._pods
            case "describe_instances":
                wanted = next(f["Values"] for f in arguments["Filters"] if f["Name"] == "private-ip-address")
                found = [{"PrivateIpAddress": ip, "Placement": {"AvailabilityZone": self._nodes[ip]}} for ip in wanted if ip in self._nodes]
                yield {"Instances": found}

    def ask(self, *_: object, **__: object) -> dict[str, Any]:
        return {"cluster": CLUSTER}

    def match(self, _values: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (), ()


def read(nodes: dict[str, str], pods: list[dict[str, Any]]) -> tuple[PodWorkload, OneCluster]:
    account = OneCluster(nodes, pods)
    (workload,) = read_eks_workloads(cast("Account", account))
    return workload, account


def test_a_pod_is_in_the_zone_of_the_instance_that_has_its_nodes_address() -> None:
    nodes = {"10.0.0.1": "eu-west-1a", "10.0.1.1": "eu-west-1b"}
    workload, account = read(nodes, [pod("web-1", "10.0.0.1"), pod("web-2", "10.0.1.1")])
    assert [(p.name, p.zone) for p in workload.pods] == [("web-1", "eu-west-1a"), ("web-2", "eu-west-1b")]
    assert "nodes" not in [method for _, method, _ in account.asked], "AmazonEKSViewPolicy does not show nodes"
    (asked,) = [arguments for _, method, arguments in account.asked if method == "describe_instances"]
    assert asked["Filters"][0] == {"Name": "vpc-id", "Values": ["vpc-1"]}


def test_a_pod_on_no_instance_is_in_the_zone_of_its_label_or_in_none_that_is_known() -> None:
    zone = {"topology.kubernetes.io/zone": "eu-west-1c"}
    workload, _ = read({}, [pod("fargate", "10.0.0.9", zone), pod("unknown", "10.0.0.8")])
    assert [(p.name, p.zone) for p in workload.pods] == [("fargate", "eu-west-1c"), ("unknown", "")]


def test_many_nodes_are_asked_for_in_as_many_calls_as_the_filter_needs() -> None:
    nodes = {f"10.0.{n // 250}.{n % 250}": "eu-west-1a" for n in range(401)}
    workload, account = read(nodes, [pod(f"web-{ip}", ip) for ip in nodes])
    assert len([call for call in account.asked if call[1] == "describe_instances"]) == 3
    assert {p.zone for p in workload.pods} == {"eu-west-1a"}
