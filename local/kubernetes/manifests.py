"""The manifests that the cluster's owner has applied: the Deployment, and the identity that FIS may act as in its
namespace (AWS's page on `aws:eks:pod` actions)."""

from __future__ import annotations

from typing import Any

from local.workload.network.peers import INVENTORY_URL

Json = dict[str, Any]
NAMESPACE = "shop"
NAMESPACES = ("default", NAMESPACE)
DEPLOYMENT = "web"
REPLICAS = 3
SERVICE_ACCOUNT = "fis"
FIS_USER = "squall-fis-staging"
"""The user name in the access entry of the environment's FIS role."""
ROLE = "fis-experiments"
PRE_STOP_SECONDS = 3
"""A pod keeps serving until the load balancer sends it no more requests."""
RBAC = "rbac.authorization.k8s.io"

_LABELS = {"app": "web", "squall.environment": "staging"}
_CONTAINER = {
    "name": "web",
    "image": "sample-web",
    "ports": [{"containerPort": 80}],
    "env": [{"name": "INVENTORY_URL", "value": INVENTORY_URL}],
    "resources": {"limits": {"cpu": "1", "memory": "96Mi"}},
    "lifecycle": {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}},
    "readinessProbe": {"httpGet": {"path": "/health", "port": 80}, "periodSeconds": 1, "failureThreshold": 3},
}
_RULES = [
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create", "patch", "delete"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "list", "get", "delete", "deletecollection"]},
    {"apiGroups": [""], "resources": ["pods/ephemeralcontainers"], "verbs": ["update"]},
    {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]},
]
ALL: tuple[tuple[str, str, Json], ...] = (
    (
        "deployments",
        NAMESPACE,
        {
            "metadata": {"name": DEPLOYMENT, "labels": {"app": "web"}},
            "spec": {
                "replicas": REPLICAS,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"metadata": {"labels": _LABELS}, "spec": {"containers": [_CONTAINER], "terminationGracePeriodSeconds": 10}},
            },
        },
    ),
    ("serviceaccounts", NAMESPACE, {"metadata": {"name": SERVICE_ACCOUNT}}),
    ("roles", NAMESPACE, {"metadata": {"name": ROLE}, "rules": _RULES}),
    (
        "rolebindings",
        NAMESPACE,
        {
            "metadata": {"name": ROLE},
            "subjects": [
                {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": NAMESPACE},
                {"kind": "User", "apiGroup": RBAC, "name": FIS_USER},
            ],
            "roleRef": {"kind": "Role", "apiGroup": RBAC, "name": ROLE},
        },
    ),
)
