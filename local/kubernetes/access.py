"""Authorization: EKS's access policies by access entry, and Kubernetes' own roles by their bindings. Everything else is
forbidden."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.kubernetes.objects import Objects

Json = Mapping[str, Any]
_READ = frozenset({"get", "list", "watch"})
_VIEWED = frozenset({"namespaces", "pods", "configmaps", "serviceaccounts", "deployments", "replicasets", "statefulsets", "daemonsets"})


@dataclass(frozen=True)
class Grant:
    """An access policy associated with an access entry. Without namespaces it is valid in the whole cluster."""

    policy: str
    namespaces: tuple[str, ...] = ()

    def allows(self, verb: str, resource: str, namespace: str) -> bool:
        if self.namespaces and not (namespace and any(fnmatch.fnmatchcase(namespace, pattern) for pattern in self.namespaces)):
            return False
        if self.policy == "AmazonEKSClusterAdminPolicy":
            return True
        if self.policy == "AmazonEKSAdminViewPolicy":
            return verb in _READ
        return self.policy == "AmazonEKSViewPolicy" and verb in _READ and resource in _VIEWED


@dataclass(frozen=True)
class User:
    """The caller, as Kubernetes knows it."""

    name: str
    groups: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()


def is_allowed(objects: Objects, user: User, verb: str, group: str, resource: str, namespace: str) -> bool:
    """Whether the user may do this. `resource` includes the subresource: `pods/ephemeralcontainers`. An empty
    namespace is the whole cluster."""
    if any(grant.allows(verb, resource, namespace) for grant in user.grants):
        return True
    return any(_rule_allows(rule, verb, group, resource) for rule in _list_rules(objects, user, namespace))


def _list_rules(objects: Objects, user: User, namespace: str) -> Iterator[Json]:
    for binding in objects.all("rolebindings", namespace):
        if any(_matches_subject(user, subject, namespace) for subject in binding.get("subjects", ())):
            role = objects.find("roles", namespace, str(binding.get("roleRef", {}).get("name", "")))
            yield from (role or {}).get("rules", ())


def _matches_subject(user: User, subject: Json, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace', namespace)}:{name}"
    return (kind == "User" and user.name == name) or (kind == "Group" and name in user.groups)


def _rule_allows(rule: Json, verb: str, group: str, resource: str) -> bool:
    def matches_any(values: Sequence[str], wanted: str) -> bool:
        return "*" in values or wanted in values

    return (
        matches_any(rule.get("verbs", ()), verb)
        and matches_any(rule.get("apiGroups", ()), group)
        and matches_any(rule.get("resources", ()), resource)
    )
