"""Deployments and StatefulSets of EKS clusters that let the caller read them, with their pods."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from discovery.things.base import Account, Thing
from squall.domain.base.model import Model

_ZONE = "topology.kubernetes.io/zone"
_ADDRESSES_PER_CALL = 200
"""The most values that EC2 takes for one filter."""
_SYSTEM = frozenset({"kube-system", "kube-public", "kube-node-lease", "amazon-cloudwatch", "amazon-guardduty"})
"""Namespaces of Kubernetes and AWS, which hold no workload of the account."""
_KINDS = {"deployment": "deployments", "statefulset": "statefulsets"}


class Pod(Model):
    name: str
    zone: str
    address: str | None
    ready: bool


class PodWorkload(Thing):
    """`id` is the cluster's ARN, then `/namespace/kind/name`."""

    cluster: str
    """Name of its cluster."""
    cluster_arn: str
    cluster_tags: dict[str, str]
    namespace: str
    kind: str
    desired: int
    labels: dict[str, str]
    """The labels of its pod template."""
    probed: bool
    """Whether every container has a readiness probe."""
    limited: bool
    """Whether every container has a memory limit."""
    pods: tuple[Pod, ...] = ()
    uses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(sorted({pod.zone for pod in self.pods if pod.zone}))


def read_eks_workloads(account: Account) -> Iterator[PodWorkload]:
    """The workloads of every cluster. A cluster to which the caller has no access leaves a gap."""
    for name in account.items("eks", "list_clusters", "clusters"):
        cluster = account.ask("eks", "describe_cluster", name=name).get("cluster")
        if cluster and cluster.get("endpoint"):
            yield from _read_cluster(account, cluster)


def _read_cluster(account: Account, cluster: Mapping[str, Any]) -> Iterator[PodWorkload]:
    workloads = [
        (kind, entry) for kind, path in _KINDS.items() for entry in account.items("kubernetes", path, "", cluster=cluster, group="apps")
    ]
    if not workloads:
        return
    pods = list(account.items("kubernetes", "pods", "", cluster=cluster))
    zones = _find_zones(account, cluster, pods)
    for kind, entry in workloads:
        if entry["metadata"]["namespace"] not in _SYSTEM:
            yield _read(account, cluster, kind, entry, pods, zones)


def _find_zones(account: Account, cluster: Mapping[str, Any], pods: Iterable[Any]) -> dict[str, str]:
    """Maps each node's address to its zone. Both come from EC2, where nodes are instances in the cluster's VPC, because
    AmazonEKSViewPolicy does not show nodes."""
    addresses = sorted({address for pod in pods if (address := pod.get("status", {}).get("hostIP"))})
    vpc = cluster.get("resourcesVpcConfig", {}).get("vpcId", "")
    zones: dict[str, str] = {}
    for first in range(0, len(addresses), _ADDRESSES_PER_CALL):
        some = addresses[first : first + _ADDRESSES_PER_CALL]
        filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "private-ip-address", "Values": some}]
        for reservation in account.items("ec2", "describe_instances", "Reservations", Filters=filters):
            zones |= {node["PrivateIpAddress"]: node["Placement"]["AvailabilityZone"] for node in reservation["Instances"]}
    return zones


def _read(account: Account, cluster: Mapping[str, Any], kind: str, entry: Any, pods: list[Any], zones: dict[str, str]) -> PodWorkload:
    metadata, spec = entry["metadata"], entry["spec"]
    template = spec.get("template", {})
    containers = template.get("spec", {}).get("containers", [])
    chosen = spec.get("selector", {}).get("matchLabels", {})
    own = [pod for pod in pods if pod["metadata"]["namespace"] == metadata["namespace"] and _has_labels(pod, chosen)]
    uses, hosts = account.match(str(v.get("value", "")) for container in containers for v in container.get("env", ()))
    return PodWorkload(
        id=f"{cluster['arn']}/{metadata['namespace']}/{kind}/{metadata['name']}",
        name=metadata["name"],
        tags=dict(cluster.get("tags", {})),
        cluster=cluster["name"],
        cluster_arn=cluster["arn"],
        cluster_tags=dict(cluster.get("tags", {})),
        namespace=metadata["namespace"],
        kind=kind,
        desired=spec.get("replicas", 1),
        labels=dict(template.get("metadata", {}).get("labels", {})),
        probed=all("readinessProbe" in container for container in containers),
        limited=all("memory" in container.get("resources", {}).get("limits", {}) for container in containers),
        pods=tuple(_read_pod(pod, zones) for pod in own if pod.get("status", {}).get("phase") == "Running"),
        uses=uses,
        hosts=hosts,
    )


def _has_labels(pod: Any, wanted: Mapping[str, str]) -> bool:
    labels = pod["metadata"].get("labels", {})
    return bool(wanted) and all(labels.get(name) == value for name, value in wanted.items())


def _read_pod(pod: Any, zones: Mapping[str, str]) -> Pod:
    status = pod.get("status", {})
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions", ()))
    zone = zones.get(status.get("hostIP", ""), pod["metadata"].get("labels", {}).get(_ZONE, ""))
    return Pod(name=pod["metadata"]["name"], zone=zone, address=status.get("podIP"), ready=ready)
