"""Pods of EKS clusters as candidates, and their controllers, from the Kubernetes API. Only reads."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

from squall.adapters.aws import call, list_items, split_chunks
from squall.adapters.inventory.inventories import Found
from squall.adapters.inventory.kubernetes import CLOSED, NOT_FOUND, UNREACHABLE
from squall.domain.policy.chaos_mesh import KINDS
from squall.domain.resources.pods import CHAOS_MESH, PRIVILEGED, EksPod
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
_ENFORCED = "pod-security.kubernetes.io/enforce"
"""The label of a namespace that names the Pod Security Standard for its pods, FIS's own pod too. A namespace without
it, and a cluster of EKS, enforces `privileged`, which allows everything."""
_KINDS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets", "ReplicaSet": "replicasets"}
"""Controllers that replace pods, to the names of their lists in the API. Other controllers (a Job, an operator) promise
no number of pods."""


class Api(Protocol):
    """The Kubernetes API."""

    def list(self, cluster: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
        """Every object under a path."""

    def get(self, cluster: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """One object."""


class _Namespace(NamedTuple):
    """One namespace of one cluster, at one moment."""

    cluster: Mapping[str, Any]
    pods: tuple[tuple[EksPod, Mapping[str, str]], ...]
    """Each pod with its labels."""
    groups: Mapping[str, Group]


class EksPods:
    """Finds pods by the ARN or name of their cluster; the filters `namespace` and `deployment`, `labels` or `pod`
    choose among them, and `availability-zone` narrows."""

    def __init__(self, eks: Any, ec2: Any, api: Api) -> None:
        self._eks, self._ec2, self._api = eks, ec2, api

    def find(self, names: Sequence[str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> Found:
        wanted = list(dict.fromkeys(names or filters.get("cluster", ())))
        chosen: list[EksPod] = []
        known: list[_Namespace] = []
        missing, unreadable = [], []
        for name in wanted:
            cluster = self._cluster(name)
            if cluster is None or not _is_named(cluster, filters.get("cluster", ())):
                missing.append(name)
                continue
            try:
                places = [self._namespace(cluster, namespace) for namespace in filters.get("namespace", ())]
            except Unavailable as error:
                if (sentence := _explain_closed(cluster, error)) is None:
                    raise
                unreadable.append(sentence)
                continue
            known += places
            chosen += [pod for place in places for pod, labels in place.pods if _matches_selection(pod, labels, tags, filters)]
        return _make_found(chosen, known, tuple(missing), tuple(unreadable))

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        """The same pods, and those that their controllers have started since."""
        before = [resource for resource in resources if isinstance(resource, EksPod)]
        groups = {pod.group for pod in before if pod.group}
        ids = {pod.id for pod in before}
        known: list[_Namespace] = []
        for arn, namespace in sorted({(pod.cluster, pod.namespace) for pod in before}):
            if cluster := self._cluster(arn):
                known.append(self._namespace(cluster, namespace))
        accounts = {pod.cluster: pod.service_account for pod in before}
        pods = [pod for place in known for pod, _ in place.pods if pod.id in ids or pod.group in groups]
        now = [pod.model_copy(update={"service_account": accounts[pod.cluster]}) for pod in pods]
        present = {pod.id for pod in now}
        return _make_found(now, known, tuple(pod.arn for pod in before if pod.id not in present), ())

    def _cluster(self, name: str) -> Mapping[str, Any] | None:
        if name.startswith("arn:") and name.split(":")[3] != str(self._eks.meta.region_name):
            return None
        answer = call(self._eks, "describe_cluster", absent=_NOT_THERE, name=name.rpartition("/")[2])
        described: Mapping[str, Any] | None = answer["cluster"] if answer else None
        return described if described and (not name.startswith("arn:") or described["arn"] == name) else None

    def _namespace(self, cluster: Mapping[str, Any], namespace: str) -> _Namespace:
        place = f"/namespaces/{quote(namespace, safe='')}"
        pod_security = self._pod_security(cluster, place)
        entries = list(self._api.list(cluster, f"/api/v1{place}/pods"))
        owners = _Owners(lambda kind: self._api.list(cluster, f"/apis/apps/v1{place}/{_KINDS[kind]}"))
        zones = self._zones(cluster, entries)
        helpers = tuple(sorted(entry["metadata"]["name"] for entry in entries if _is_running_helper(entry)))
        shared = {"helpers": helpers, "pod_security": pod_security, **self._chaos(cluster, namespace)}
        pods: list[tuple[EksPod, Mapping[str, str]]] = []
        around: dict[str, tuple[str, str]] = {}
        for entry in entries:
            if _is_helper(entry):
                continue
            group = None
            if owner := owners.of(entry):
                group = f"{cluster['name']}/{namespace}/{owner[0].lower()}/{owner[1]}"
                around[group] = owner
            pod = _read_pod(entry, cluster, group, zones).model_copy(update=shared)
            pods.append((pod, entry["metadata"].get("labels", {})))
        groups = {
            name: _make_group(name, owners.entry(*owner) or {}, [pod for pod, _ in pods if pod.group == name])
            for name, owner in around.items()
        }
        return _Namespace(cluster, tuple(pods), groups)

    def _pod_security(self, cluster: Mapping[str, Any], place: str) -> str:
        """The Pod Security Standard that the namespace enforces."""
        try:
            labels = self._api.get(cluster, f"/api/v1{place}")["metadata"].get("labels", {})
        except Unavailable as error:
            if error.code != NOT_FOUND:
                raise
            labels = {}  # the list of its pods is empty
        return str(labels.get(_ENFORCED, PRIVILEGED))

    def _chaos(self, cluster: Mapping[str, Any], namespace: str) -> dict[str, Any]:
        """The custom resources of Chaos Mesh in the namespace, as fields of its pods. Their names are None if it is not installed, or
        if Squall may not list them: faults that need them are refused then."""
        try:
            self._api.get(cluster, f"/apis/{CHAOS_MESH}")  # everybody who is authenticated may ask which resources it has
            place = f"/apis/{CHAOS_MESH}/namespaces/{quote(namespace, safe='')}"
            found = {
                f"{kind}.{CHAOS_MESH.partition('/')[0]}/{entry['metadata']['name']}": _read_selected_pods(entry)
                for kind in (kind.lower() for kind in KINDS)
                for entry in self._api.list(cluster, f"{place}/{kind}")
            }
        except Unavailable as error:
            if error.retryable:
                raise
            return {"chaos": None}
        listed = {name: tuple(pods[namespace]) for name, pods in sorted(found.items()) if set(pods) == {namespace}}
        return {"chaos": tuple(sorted(found)), "chaos_pods": listed}

    def _zones(self, cluster: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The zone of each node, by the node's address. It comes from EC2, where nodes are instances in the cluster's
        VPC, because AmazonEKSViewPolicy does not show the labels of nodes."""
        addresses = sorted({address for entry in entries if (address := entry.get("status", {}).get("hostIP"))})
        vpc = cluster.get("resourcesVpcConfig", {}).get("vpcId", "")
        zones: dict[str, str] = {}
        for chunk in split_chunks(addresses, _ADDRESSES_PER_CALL):
            filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "private-ip-address", "Values": chunk}]
            for reservation in list_items(self._ec2, "describe_instances", "Reservations", Filters=filters):
                for instance in reservation["Instances"]:
                    zones[instance["PrivateIpAddress"]] = instance["Placement"]["AvailabilityZone"]
        return zones


class _Owners:
    """The controllers of pods in a namespace; each kind is listed when it is first needed."""

    def __init__(self, list_kind: Callable[[str], Iterable[Mapping[str, Any]]]) -> None:
        self._list_kind = list_kind
        self._known: dict[str, dict[str, Mapping[str, Any]]] = {}

    def of(self, entry: Mapping[str, Any]) -> tuple[str, str] | None:
        """Kind and name of the pod's controller. If that is the ReplicaSet of a Deployment, those of the Deployment."""
        owner = _find_controller(entry)
        if owner is None or owner[0] not in _KINDS or self.entry(*owner) is None:
            return None
        above = _find_controller(self.entry(*owner) or {}) if owner[0] == "ReplicaSet" else None
        return above if above and above[0] in _KINDS and self.entry(*above) else owner

    def entry(self, kind: str, name: str) -> Mapping[str, Any] | None:
        """The controller as the API describes it; None if there is none of this name."""
        if kind not in self._known:
            self._known[kind] = {entry["metadata"]["name"]: entry for entry in self._list_kind(kind)}
        return self._known[kind].get(name)


def _make_found(pods: Sequence[EksPod], known: Sequence[_Namespace], missing: tuple[str, ...], unreadable: tuple[str, ...]) -> Found:
    around = {pod.group for pod in pods}
    groups = {name: group for place in known for name, group in place.groups.items() if name in around}
    vpcs = {place.cluster["arn"]: place.cluster.get("resourcesVpcConfig", {}).get("vpcId", "") for place in known}
    return Found(
        tuple(sorted(pods, key=lambda pod: pod.id)),
        missing,
        registered={pod.private_ip: vpcs[pod.cluster] for pod in pods if pod.private_ip},
        groups=tuple(groups[name] for name in sorted(groups)),
        unreadable=unreadable,
    )


def _is_named(cluster: Mapping[str, Any], names: Sequence[str]) -> bool:
    return not names or cluster["name"] in names


def _explain_closed(cluster: Mapping[str, Any], error: Unavailable) -> str | None:
    """The reason why asking again does not help, as a sentence; None if it may help."""
    name, vpc = cluster["name"], cluster.get("resourcesVpcConfig", {})
    if error.code in CLOSED:
        return (
            f"{name} does not let this role look ({error.code}): name {name}/<namespace> in the stack's setting eks_namespaces, "
            "or give the function's role an access entry with AmazonEKSViewPolicy for the namespace"
        )
    if error.code != UNREACHABLE:
        return None if error.retryable else str(error)
    if not vpc.get("endpointPublicAccess", True):
        return f"{name} has a private endpoint, which Squall's functions can't reach"
    if _EVERYBODY not in vpc.get("publicAccessCidrs", [_EVERYBODY]):
        return f"{name} lets only {', '.join(vpc['publicAccessCidrs'])} reach its endpoint, and Squall's functions have other addresses"
    return None


def _matches_selection(pod: EksPod, labels: Mapping[str, str], tags: Mapping[str, str], filters: Mapping[str, Sequence[str]]) -> bool:
    owned = (pod.group or "").split("/")[2:]
    deployments, pods, zones = (filters.get(name, ()) for name in ("deployment", "pod", "availability-zone"))
    return (
        (not zones or pod.zone in zones)
        and (not deployments or (owned[:1] == ["deployment"] and owned[1] in deployments))
        and (not pods or pod.name in pods)
        and all(labels.get(key) == value for key, _, value in (label.partition("=") for label in filters.get("labels", ())))
        and tags.items() <= pod.tags.items()
    )


def _is_helper(entry: Mapping[str, Any]) -> bool:
    return str(entry["metadata"]["name"]).startswith(_HELPER)


def _is_running_helper(entry: Mapping[str, Any]) -> bool:
    deleted = "deletionTimestamp" in entry["metadata"]
    return _is_helper(entry) and not deleted and entry.get("status", {}).get("phase") in {"Pending", "Running"}


def _find_controller(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    owners = entry.get("metadata", {}).get("ownerReferences", ())
    return next(((owner["kind"], owner["name"]) for owner in owners if owner.get("controller")), None)


def _make_group(name: str, owner: Mapping[str, Any], pods: Sequence[EksPod]) -> Group:
    spec, status = owner.get("spec", {}), owner.get("status", {})
    return Group(
        kind="eks",
        name=name,
        desired=spec.get("replicas", status.get("desiredNumberScheduled", 0)),
        minimum=0,
        in_service=tuple(sorted(pod.id for pod in pods if pod.usable)),
        rolling_out=_is_rolling_out(owner, status),
    )


def _is_rolling_out(owner: Mapping[str, Any], status: Mapping[str, Any]) -> bool:
    if owner.get("metadata", {}).get("generation", 0) != status.get("observedGeneration", 0):
        return True
    if "updateRevision" in status:
        return bool(status["updateRevision"] != status.get("currentRevision"))
    if "desiredNumberScheduled" in status:
        return bool(status.get("updatedNumberScheduled", 0) < status["desiredNumberScheduled"])
    return "updatedReplicas" in status and bool(status["updatedReplicas"] < status.get("replicas", 0))


def _read_pod(entry: Mapping[str, Any], cluster: Mapping[str, Any], group: str | None, zones: Mapping[str, str]) -> EksPod:
    about, spec, status = entry["metadata"], entry.get("spec", {}), entry.get("status", {})
    labels, containers = about.get("labels", {}), spec.get("containers", ())
    conditions = status.get("conditions", ())
    ready = next((known for known in conditions if known.get("type") == "Ready" and known.get("status") == "True"), None)
    ephemeral = status.get("ephemeralContainerStatuses", ())
    name, namespace, uid = about["name"], about["namespace"], about["uid"]
    partition, region, account = (cluster["arn"].split(":")[n] for n in (1, 3, 4))
    return EksPod(
        id=f"{namespace}/{name}/{uid[:8]}",
        arn=f"arn:{partition}:eks:{region}:{account}:pod/{cluster['name']}/{namespace}/{name}/{uid}",
        state=_state_of(about, status, ready=ready is not None),
        zone=zones.get(status.get("hostIP", ""), labels.get(_ZONE, "")),
        tags={key: value for key, value in cluster.get("tags", {}).items() if labels.get(key.replace(":", ".")) == value},
        group=group,
        launched_at=_parse_time(about.get("creationTimestamp")),
        in_service_at=_parse_time(ready.get("lastTransitionTime")) if ready else None,
        name=name,
        namespace=namespace,
        uid=uid,
        cluster=cluster["arn"],
        cluster_state=cluster["status"],
        pod_ip=status.get("podIP"),
        host_network=bool(spec.get("hostNetwork", False)),
        fargate=_FARGATE in labels,
        read_only_root=any(container.get("securityContext", {}).get("readOnlyRootFilesystem") for container in containers),
        unprivileged=_is_unprivileged(spec.get("securityContext", {})),
        memory_limited=bool(containers) and all("memory" in container.get("resources", {}).get("limits", {}) for container in containers),
        injecting=tuple(sorted(container["name"] for container in ephemeral if "running" in container.get("state", {}))),
    )


def _state_of(about: Mapping[str, Any], status: Mapping[str, Any], *, ready: bool) -> str:
    if "deletionTimestamp" in about:
        return "Terminating"
    phase = str(status.get("phase", "Unknown"))
    if phase != "Running":
        return phase
    return "Ready" if ready else "NotReady"


def _is_unprivileged(context: Mapping[str, Any]) -> bool:
    """Whether the pod's security context keeps its containers from running as root; ephemeral containers inherit it."""
    return bool(context.get("runAsNonRoot")) or context.get("runAsUser", 0) != 0


def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _read_selected_pods(entry: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """The pods that a custom resource of Chaos Mesh lists by name, by namespace. Empty if it chooses them otherwise."""
    return entry.get("spec", {}).get("selector", {}).get("pods") or {}
