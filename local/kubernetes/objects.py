"""The objects of a cluster: created, listed by page, changed under a resource version, deleted. A pod goes once its
kubelet is done with it."""

from __future__ import annotations

import base64
import copy
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.kubernetes import pod_security, status

Json = dict[str, Any]
Key = tuple[str, str, str]

KINDS: Mapping[str, tuple[str, str]] = {
    "pods": ("", "Pod"),
    "configmaps": ("", "ConfigMap"),
    "serviceaccounts": ("", "ServiceAccount"),
    "deployments": ("apps", "Deployment"),
    "replicasets": ("apps", "ReplicaSet"),
    "statefulsets": ("apps", "StatefulSet"),
    "daemonsets": ("apps", "DaemonSet"),
    "roles": ("rbac.authorization.k8s.io", "Role"),
    "rolebindings": ("rbac.authorization.k8s.io", "RoleBinding"),
    "nodes": ("", "Node"),
}
"""API group and kind by the plural name in the path."""
NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
CONTINUE_SECONDS = 300.0
"""Seconds that a list can be continued: etcd compacts every five minutes."""
GRACE_SECONDS = 30


def format_now() -> str:
    """A time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class _Snapshot:
    """A list as it was when its first page was requested."""

    items: list[Json]
    version: int
    made: float = field(default_factory=time.monotonic)


class Objects:
    """Everything in the cluster. `changed` is called after each change, with no lock held."""

    def __init__(self, namespaces: tuple[str, ...], changed: Callable[[], None] = lambda: None) -> None:
        self.namespaces, self._changed = namespaces, changed
        self.namespace_labels: dict[str, dict[str, str]] = {}
        self.lock = threading.RLock()
        self._known: dict[Key, Json] = {}
        self._version = 100
        self._snapshots: dict[str, _Snapshot] = {}

    def create(self, plural: str, namespace: str, body: Json) -> Json:
        """Create an object. Raises StatusError as kube-apiserver would."""
        group, kind = KINDS[plural]
        created = copy.deepcopy(body)
        about = created.setdefault("metadata", {})
        if about.get("generateName") and not about.get("name"):
            about["name"] = f"{about['generateName']}{uuid.uuid4().hex[:5]}"
        name = str(about.get("name", ""))
        if namespace not in self.namespaces:
            raise status.not_found("namespaces", namespace)
        if not NAME.fullmatch(name):
            raise status.make_invalid(kind, name, f'metadata.name: Invalid value: "{name}": a lowercase RFC 1123 subdomain is expected')
        if about.setdefault("namespace", namespace) != namespace:
            raise status.bad_request("the namespace of the provided object does not match the namespace sent on the request")
        with self.lock:
            if (plural, namespace, name) in self._known:
                raise status.already_exists(plural, name)
            created |= {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind}
            about |= {"uid": str(uuid.uuid4()), "creationTimestamp": format_now(), "generation": 1}
            if plural == "pods":
                pod_security.admit(self.namespace_labels.get(namespace, {}), created)
                created["status"] = {"phase": "Pending"}
            self._put(plural, namespace, name, created)
        self._changed()
        return copy.deepcopy(created)

    def add_node(self, name: str, zone: str, address: str) -> None:
        """Register a node, as its kubelet does: it belongs to no namespace."""
        labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
        addresses = [{"type": "InternalIP", "address": address}]
        node = {"metadata": {"name": name, "labels": labels}, "apiVersion": "v1", "kind": "Node", "status": {"addresses": addresses}}
        with self.lock:
            self._put("nodes", "", name, node)

    def get(self, plural: str, namespace: str, name: str) -> Json:
        return copy.deepcopy(self._at(plural, namespace, name))

    def get_namespace(self, name: str) -> Json:
        if name not in self.namespaces:
            raise status.not_found("namespaces", name)
        labels = {"kubernetes.io/metadata.name": name, **self.namespace_labels.get(name, {})}
        about = {"name": name, "labels": labels}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": about, "status": {"phase": "Active"}}

    def find(self, plural: str, namespace: str, name: str) -> Json | None:
        with self.lock:
            return copy.deepcopy(self._known.get((plural, namespace, name)))

    def all(self, plural: str, namespace: str | None = None) -> list[Json]:
        """The objects of one namespace or of all, by name."""
        with self.lock:
            objects = [known for (kind, where, _), known in sorted(self._known.items()) if kind == plural and namespace in {None, where}]
            return copy.deepcopy(objects)

    def page(self, plural: str, namespace: str, query: Mapping[str, str]) -> Json:
        """A list of one namespace, or of all if it is empty, or a page of one: `limit`, `continue`, `labelSelector`
        (equality), `fieldSelector` (metadata.name)."""
        group, kind = KINDS[plural]
        token, limit = query.get("continue", ""), _parse_number(query.get("limit", "0"))
        snapshot, start = self._resume(token) if token else (self._begin(plural, namespace, query), 0)
        size = limit or len(snapshot.items)
        about: Json = {"resourceVersion": str(snapshot.version)}
        if (left := len(snapshot.items) - start - size) > 0:
            about |= {"continue": self._keep(snapshot, start + size), "remainingItemCount": left}
        shown = snapshot.items[start : start + size]
        items = [{key: value for key, value in item.items() if key not in {"kind", "apiVersion"}} for item in shown]
        version = f"{group}/v1" if group else "v1"
        return {"kind": f"{kind}List", "apiVersion": version, "metadata": about, "items": copy.deepcopy(items)}

    def update(self, plural: str, namespace: str, name: str, change: Callable[[Json], None]) -> Json:
        """Change an object in place. Without a change nothing is written."""
        with self.lock:
            current = self._at(plural, namespace, name)
            after = copy.deepcopy(current)
            change(after)
            if after == current:
                return after
            if after.get("spec") != current.get("spec"):
                after["metadata"]["generation"] = current["metadata"]["generation"] + 1
            self._put(plural, namespace, name, after)
        self._changed()
        return copy.deepcopy(after)

    def delete(self, plural: str, namespace: str, name: str, grace: int | None = None) -> Json:
        """Delete an object. A pod is asked to end, and goes when its kubelet says so (`remove`); every other object
        goes immediately."""
        if plural != "pods":
            with self.lock:
                current = self._at(plural, namespace, name)
                self.remove(plural, namespace, name)
            return current

        def mark_deleted(pod: Json) -> None:
            seconds = grace if grace is not None else int(pod.get("spec", {}).get("terminationGracePeriodSeconds", GRACE_SECONDS))
            pod["metadata"].setdefault("deletionTimestamp", format_now())
            pod["metadata"]["deletionGracePeriodSeconds"] = min(seconds, pod["metadata"].get("deletionGracePeriodSeconds", seconds))

        return self.update(plural, namespace, name, mark_deleted)

    def remove(self, plural: str, namespace: str, name: str) -> None:
        with self.lock:
            self._known.pop((plural, namespace, name), None)
            self._version += 1
        self._changed()

    def _at(self, plural: str, namespace: str, name: str) -> Json:
        with self.lock:
            current = self._known.get((plural, namespace, name))
        if current is None:
            raise status.not_found(plural, name, KINDS[plural][0])
        return current

    def _put(self, plural: str, namespace: str, name: str, body: Json) -> None:
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self._known[(plural, namespace, name)] = body

    def _begin(self, plural: str, namespace: str, query: Mapping[str, str]) -> _Snapshot:
        labels, fields = _parse_selector(query.get("labelSelector", "")), _parse_selector(query.get("fieldSelector", ""))
        if unknown := set(fields) - {"metadata.name"}:
            raise status.bad_request(f"field label not supported: {', '.join(sorted(unknown))}")
        wanted = fields.get("metadata.name")
        objects = [
            known
            for known in self.all(plural, namespace or None)
            if wanted in {None, known["metadata"]["name"]} and labels.items() <= known["metadata"].get("labels", {}).items()
        ]
        return _Snapshot(objects, self._version)

    def _keep(self, snapshot: _Snapshot, start: int) -> str:
        with self.lock:
            known = next((token for token, kept in self._snapshots.items() if kept is snapshot), None) or uuid.uuid4().hex
            self._snapshots[known] = snapshot
        return base64.urlsafe_b64encode(json.dumps([known, start]).encode()).decode()

    def _resume(self, token: str) -> tuple[_Snapshot, int]:
        try:
            known, start = json.loads(base64.urlsafe_b64decode(token))
        except ValueError as error:
            raise status.bad_request("continue key is not valid") from error
        with self.lock:
            snapshot = self._snapshots.get(known)
            if snapshot is None or time.monotonic() - snapshot.made > CONTINUE_SECONDS:
                self._snapshots.pop(known, None)
                raise status.make_expired()
        return snapshot, int(start)

    def compact(self) -> None:
        """Forget expired lists; to continue one of them is then an error."""
        with self.lock:
            self._snapshots.clear()


def _parse_number(text: str) -> int:
    if not text.isdecimal():
        raise status.bad_request(f"limit: {text!r} is no number")
    return int(text)


def _parse_selector(text: str) -> dict[str, str]:
    labels = {}
    for part in filter(None, text.split(",")):
        key, sign, value = part.partition("=")
        if not sign or key.endswith("!"):
            raise status.bad_request(f"unable to parse requirement: {part!r}")
        labels[key] = value.removeprefix("=")
    return labels
