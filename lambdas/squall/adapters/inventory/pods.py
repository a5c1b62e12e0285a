"""Pods of EKS clusters as candidates, and what controls them, by Kubernetes' own API. Read only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

from squall.adapters.aws import call, list_items, split_chunks
from squall.adapters.inventory.inventories import Found
from squall.adapters.inventory.kubernetes import CLOSED, UNREACHABLE
from squall.domain.resources.pods import EksPod
from squall.domain.resources.workload import Group
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_NOT_THERE = frozenset({"ResourceNotFoundException"})
_ADDRESSES_PER_CALL = 200
_HELPER = "fispod-"
_FARGATE = "eks.amazonaws.com/fargate-profile"
_ZONE = "topology.kubernetes.io/zone"
_EVERYBODY = "0.0.0.0/0"
_KINDS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "ReplicaSet": "replicasets"}
"""What replaces pods, as the API calls its lists. What else may (a Job, an operator) promises no number of them."""


class Api(Protocol):
    """Kubernetes' own."""

    def list(self, cluster: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]: ...


class _Namespace(NamedTuple):
    """One namespace of one cluster, at one moment."""

    cluster: Mapping[str, Any]
    pods: tuple[tuple[EksPod, Mapping[str, str]], ...]
    """Each with its labels."""
    groups: Mapping[str, Group]


class EksPods:
    """By ARN or name of the cluster; `namespace` and `deployment`, `labels` or `pod` choose."""

    def __init__(self, eks: Any, ec2: Any, api: Api) -> None:
        self._eks, self._ec2, self._api = eks, ec2, api

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        asked = list(dict.fromkeys(names or filters.get("cluster", ())))
        chosen: list[EksPod] = []
        known: list[_Namespace] = []
        missing, unreadable = [], []
        for name in asked:
            cluster = self._cluster(name)
            if cluster is None or not _named(cluster, filters.get("cluster", ())):
                missing.append(name)
                continue
            try:
                found = [self._namespace(cluster, namespace) for namespace in filters.get("namespace", ())]
            except Unavailable as error:
                if (sentence := _closed(cluster, error)) is None:
                    raise
                unreadable.append(sentence)
                continue
            known += found
            chosen += [pod for one in found for pod, labels in one.pods if _matches(pod, labels, tags, filters)]
        return _found(chosen, known, tuple(missing), tuple(unreadable))

    def again(self, resources: Sequence[OtherResource]) -> Found:
        """The same pods, and whatever their owners have started since."""
        before = [one for one in resources if isinstance(one, EksPod)]
        groups = {one.group for one in before if one.group}
        ids = {one.id for one in before}
        known: list[_Namespace] = []
        for arn, namespace in sorted({(one.cluster, one.namespace) for one in before}):
            if cluster := self._cluster(arn):
                known.append(self._namespace(cluster, namespace))
        accounts = {one.cluster: one.service_account for one in before}
        pods = [pod for one in known for pod, _ in one.pods if pod.id in ids or pod.group in groups]
        again = [pod.model_copy(update={"service_account": accounts[pod.cluster]}) for pod in pods]
        seen = {one.id for one in again}
        return _found(again, known, tuple(one.arn for one in before if one.id not in seen), ())

    def _cluster(self, name: str) -> Mapping[str, Any] | None:
        if name.startswith("arn:") and name.split(":")[3] != str(self._eks.meta.region_name):
            return None
        answer = call(self._eks, "describe_cluster", absent=_NOT_THERE, name=name.rpartition("/")[2])
        found: Mapping[str, Any] | None = answer["cluster"] if answer else None
        return found if found and (not name.startswith("arn:") or found["arn"] == name) else None

    def _namespace(self, cluster: Mapping[str, Any], namespace: str) -> _Namespace:
        place = f"/namespaces/{quote(namespace, safe='')}"
        entries = list(self._api.list(cluster, f"/api/v1{place}/pods"))
        owners = _Owners(lambda kind: self._api.list(cluster, f"/apis/apps/v1{place}/{_KINDS[kind]}"))
        zones = self._zones(cluster, entries)
        helpers = tuple(sorted(one["metadata"]["name"] for one in entries if _helps(one)))
        pods: list[tuple[EksPod, Mapping[str, str]]] = []
        around: dict[str, tuple[str, str]] = {}
        for entry in entries:
            if _is_helper(entry):
                continue
            group = None
            if owner := owners.of(entry):
                group = f"{cluster['name']}/{namespace}/{owner[0].lower()}/{owner[1]}"
                around[group] = owner
            pod = _pod(entry, cluster, group, zones).model_copy(update={"helpers": helpers})
            pods.append((pod, entry["metadata"].get("labels", {})))
        groups = {
            name: _group(name, owners.entry(*owner) or {}, [pod for pod, _ in pods if pod.group == name]) for name, owner in around.items()
        }
        return _Namespace(cluster, tuple(pods), groups)

    def _zones(self, cluster: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Address of each node to its zone: nodes are instances of the cluster's VPC, and their own labels are not for its readers."""
        addresses = sorted({address for entry in entries if (address := entry.get("status", {}).get("hostIP"))})
        vpc = cluster.get("resourcesVpcConfig", {}).get("vpcId", "")
        found: dict[str, str] = {}
        for some in split_chunks(addresses, _ADDRESSES_PER_CALL):
            filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "private-ip-address", "Values": some}]
            for reservation in list_items(self._ec2, "describe_instances", "Reservations", Filters=filters):
                for instance in reservation["Instances"]:
                    found[instance["PrivateIpAddress"]] = instance["Placement"]["AvailabilityZone"]
        return found


class _Owners:
    """What controls pods in a namespace, each kind listed when it is first needed."""

    def __init__(self, listed: Callable[[str], Iterable[Mapping[str, Any]]]) -> None:
        self._listed = listed
        self._known: dict[str, dict[str, Mapping[str, Any]]] = {}

    def of(self, entry: Mapping[str, Any]) -> tuple[str, str] | None:
        """Kind and name: of a Deployment's ReplicaSet the Deployment."""
        owner = _controller(entry)
        if owner is None or owner[0] not in _KINDS or self.entry(*owner) is None:
            return None
        above = _controller(self.entry(*owner) or {}) if owner[0] == "ReplicaSet" else None
        return above if above and above[0] in _KINDS and self.entry(*above) else owner

    def entry(self, kind: str, name: str) -> Mapping[str, Any] | None:
        if kind not in self._known:
            self._known[kind] = {one["metadata"]["name"]: one for one in self._listed(kind)}
        return self._known[kind].get(name)


def _found(pods: Sequence[EksPod], known: Sequence[_Namespace], missing: tuple[str, ...], unreadable: tuple[str, ...]) -> Found:
    around = {pod.group for pod in pods}
    groups = {name: group for one in known for name, group in one.groups.items() if name in around}
    vpcs = {one.cluster["arn"]: one.cluster.get("resourcesVpcConfig", {}).get("vpcId", "") for one in known}
    return Found(
        tuple(sorted(pods, key=lambda one: one.id)),
        missing,
        registered={pod.private_ip: vpcs[pod.cluster] for pod in pods if pod.private_ip},
        groups=tuple(groups[name] for name in sorted(groups)),
        unreadable=unreadable,
    )


def _named(cluster: Mapping[str, Any], names: Sequence[str]) -> bool:
    return not names or cluster["name"] in names


def _closed(cluster: Mapping[str, Any], error: Unavailable) -> str | None:
    """Why asking again won't help, in words; None where it may."""
    name, vpc = cluster["name"], cluster.get("resourcesVpcConfig", {})
    if error.code in CLOSED:
        return (
            f"{name} lets nobody with this role look ({error.code}): name {name}/<namespace> in the stack's setting eks_namespaces, "
            "or give the function's role an access entry with AmazonEKSViewPolicy for the namespace"
        )
    if error.code != UNREACHABLE:
        return None if error.retryable else str(error)
    if not vpc.get("endpointPublicAccess", True):
        return f"{name} has a private endpoint, which Squall's functions can't reach"
    if _EVERYBODY not in vpc.get("publicAccessCidrs", [_EVERYBODY]):
        return f"{name} lets only {', '.join(vpc['publicAccessCidrs'])} reach its endpoint, and Squall's functions are not there"
    return None


def _matches(pod: EksPod, labels: Mapping[str, str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> bool:
    owned = (pod.group or "").split("/")[2:]
    deployments, pods = filters.get("deployment", ()), filters.get("pod", ())
    return (
        (not deployments or (owned[:1] == ["deployment"] and owned[1] in deployments))
        and (not pods or pod.name in pods)
        and all(labels.get(key) == value for key, _, value in (one.partition("=") for one in filters.get("labels", ())))
        and tags.items() <= pod.tags.items()
    )


def _is_helper(entry: Mapping[str, Any]) -> bool:
    return str(entry["metadata"]["name"]).startswith(_HELPER)


def _helps(entry: Mapping[str, Any]) -> bool:
    going = "deletionTimestamp" in entry["metadata"]
    return _is_helper(entry) and not going and entry.get("status", {}).get("phase") in {"Pending", "Running"}


def _controller(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    owners = entry.get("metadata", {}).get("ownerReferences", ())
    return next(((one["kind"], one["name"]) for one in owners if one.get("controller")), None)


def _group(name: str, owner: Mapping[str, Any], pods: Sequence[EksPod]) -> Group:
    spec, status = owner.get("spec", {}), owner.get("status", {})
    return Group(
        kind="eks",
        name=name,
        desired=spec.get("replicas", status.get("desiredNumberScheduled", 0)),
        minimum=0,
        in_service=tuple(sorted(one.id for one in pods if one.usable)),
        rolling_out=_rolling(owner, status),
    )


def _rolling(owner: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    if owner.get("metadata", {}).get("generation", 0) != status.get("observedGeneration", 0):
        return True
    if "updateRevision" in status:
        return bool(status["updateRevision"] != status.get("currentRevision"))
    if "desiredNumberScheduled" in status:
        return bool(status.get("updatedNumberScheduled", 0) < status["desiredNumberScheduled"])
    return "updatedReplicas" in status and bool(status["updatedReplicas"] < status.get("replicas", 0))


def _pod(entry: Mapping[str, Any], cluster: Mapping[str, Any], group: str | None, zones: Mapping[str, str]) -> EksPod:
    about, spec, status = entry["metadata"], entry.get("spec", {}), entry.get("status", {})
    labels, containers = about.get("labels", {}), spec.get("containers", ())
    ready = next((one for one in status.get("conditions", ()) if one.get("type") == "Ready" and one.get("status") == "True"), None)
    name, namespace, uid = about["name"], about["namespace"], about["uid"]
    partition, region, account = (cluster["arn"].split(":")[n] for n in (1, 3, 4))
    return EksPod(
        id=f"{namespace}/{name}/{uid[:8]}",
        arn=f"arn:{partition}:eks:{region}:{account}:pod/{cluster['name']}/{namespace}/{name}/{uid}",
        state=_state(about, status, ready=ready is not None),
        zone=zones.get(status.get("hostIP", ""), labels.get(_ZONE, "")),
        tags={key: value for key, value in cluster.get("tags", {}).items() if labels.get(key.replace(":", ".")) == value},
        group=group,
        launched_at=_moment(about.get("creationTimestamp")),
        in_service_at=_moment(ready.get("lastTransitionTime")) if ready else None,
        name=name,
        namespace=namespace,
        uid=uid,
        cluster=cluster["arn"],
        cluster_state=cluster["status"],
        pod_ip=status.get("podIP"),
        host_network=bool(spec.get("hostNetwork", False)),
        fargate=_FARGATE in labels,
        read_only_root=any(one.get("securityContext", {}).get("readOnlyRootFilesystem") for one in containers),
        unprivileged=_unprivileged(spec.get("securityContext", {})),
        memory_limited=bool(containers) and all("memory" in one.get("resources", {}).get("limits", {}) for one in containers),
        injecting=tuple(sorted(one["name"] for one in status.get("ephemeralContainerStatuses", ()) if "running" in one.get("state", {}))),
    )


def _state(about: Mapping[str, Any], status: Mapping[str, Any], *, ready: bool) -> str:
    if "deletionTimestamp" in about:
        return "Terminating"
    phase = str(status.get("phase", "Unknown"))
    if phase != "Running":
        return phase
    return "Ready" if ready else "NotReady"


def _unprivileged(context: Mapping[str, Any]) -> bool:
    """Ephemeral containers inherit the pod's own."""
    return bool(context.get("runAsNonRoot")) or context.get("runAsUser", 0) != 0


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
