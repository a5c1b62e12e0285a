"""The controllers: a Deployment keeps a ReplicaSet, which keeps pods. A pod that is being deleted no longer counts: its
successor starts immediately."""

from __future__ import annotations

import copy
import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from local.kubernetes.objects import Objects

Json = dict[str, Any]
_OVER = frozenset({"Succeeded", "Failed"})


def owned_by(owner: Mapping[str, Any]) -> list[Json]:
    """A reference to what controls an object."""
    about = owner["metadata"]
    return [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": about["name"], "uid": about["uid"], "controller": True}]


def list_controlled(objects: list[Json], owner: Mapping[str, Any]) -> list[Json]:
    """The objects that have this owner."""
    uid = owner["metadata"]["uid"]
    return [child for child in objects if any(ref["uid"] == uid for ref in child["metadata"].get("ownerReferences", ()))]


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether the pod is ready, by its condition."""
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in pod.get("status", {}).get("conditions", ()))


def is_active(pod: Mapping[str, Any]) -> bool:
    """Whether the pod counts as a replica: it is not being deleted and has not ended."""
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") not in _OVER


class Deployments:
    """The controllers of a cluster. A Deployment's template does not change after its creation."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def tick(self) -> None:
        for deployment in self._objects.all("deployments"):
            self._keep(deployment)

    def _keep(self, deployment: Json) -> None:
        about, spec = deployment["metadata"], deployment["spec"]
        namespace, name = about["namespace"], about["name"]
        digest = hashlib.sha256(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()[:10]
        replica_set = self._objects.find("replicasets", namespace, f"{name}-{digest}")
        if replica_set is None:
            labels = spec["template"]["metadata"]["labels"]
            own = {"name": f"{name}-{digest}", "ownerReferences": owned_by(deployment), "labels": labels}
            body = {"metadata": own, "spec": copy.deepcopy(spec)}
            replica_set = self._objects.create("replicasets", namespace, body)
        pods = [pod for pod in list_controlled(self._objects.all("pods", namespace), replica_set) if is_active(pod)]
        wanted = int(spec["replicas"])
        pods += [self._start(replica_set) for _ in range(wanted - len(pods))]
        for pod in sorted(pods, key=is_ready)[: max(0, len(pods) - wanted)]:
            self._objects.delete("pods", namespace, pod["metadata"]["name"])
        many = sum(map(is_ready, pods))
        counts = {"replicas": len(pods), "readyReplicas": many, "availableReplicas": many, "updatedReplicas": len(pods)}
        for plural, owner in (("deployments", deployment), ("replicasets", replica_set)):
            self._tell(plural, owner, {key: value for key, value in counts.items() if plural == "deployments" or key != "updatedReplicas"})

    def _start(self, replica_set: Json) -> Json:
        about, template = replica_set["metadata"], copy.deepcopy(replica_set["spec"]["template"])
        template["metadata"] = {
            **template["metadata"],
            "name": f"{about['name']}-{uuid.uuid4().hex[:5]}",
            "ownerReferences": owned_by(replica_set),
        }
        return self._objects.create("pods", about["namespace"], template)

    def _tell(self, plural: str, owner: Json, status: Json) -> None:
        def put_status(current: Json) -> None:
            current["status"] = {**status, "observedGeneration": current["metadata"]["generation"]}

        self._objects.update(plural, owner["metadata"]["namespace"], owner["metadata"]["name"], put_status)
