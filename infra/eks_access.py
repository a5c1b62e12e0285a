"""Access entries of EKS clusters: whoever looks at targets may look into the namespaces the settings name, and FIS is known there."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import Stack
from aws_cdk.aws_eks import CfnAccessEntry
from aws_cdk.aws_iam import IRole
from constructs import Construct

from infra.permissions import HOLDERS

VIEW = "AmazonEKSViewPolicy"
LOOKING = tuple(sorted(name for name, capabilities in HOLDERS.items() if "inventory" in capabilities))
"""The functions that ask Kubernetes: each signs with its own role."""


def fis_user(environment: str) -> str:
    """As whom Kubernetes knows an environment's FIS role: what a RoleBinding names."""
    return f"squall-fis-{environment}"


class EksAccess(Construct):
    """Entries a cluster allows nothing beyond: reading in its namespaces, and for FIS what the owner binds to its name."""

    def __init__(
        self, scope: Construct, construct_id: str, *, namespaces: Sequence[str], readers: Mapping[str, IRole], fis: Mapping[str, IRole]
    ) -> None:
        """`namespaces`: `<cluster>/<namespace>`; `readers`: roles by function; `fis`: FIS's roles by environment."""
        super().__init__(scope, construct_id)
        for cluster, names in _by_cluster(namespaces).items():
            for function, role in readers.items():
                policy = f"arn:{Stack.of(self).partition}:eks::aws:cluster-access-policy/{VIEW}"
                within = CfnAccessEntry.AccessScopeProperty(type="namespace", namespaces=names)
                allowed = CfnAccessEntry.AccessPolicyProperty(policy_arn=policy, access_scope=within)
                self._let_in(cluster, function, role, access_policies=[allowed])
            for environment, role in fis.items():
                self._let_in(cluster, f"Fis-{environment}", role, username=fis_user(environment))

    def _let_in(self, cluster: str, whom: str, role: IRole, **more: object) -> None:
        CfnAccessEntry(self, f"{cluster}-{whom}", cluster_name=cluster, principal_arn=role.role_arn, **more)  # type: ignore[arg-type]


def _by_cluster(namespaces: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in sorted(set(namespaces)):
        cluster, _, namespace = one.partition("/")
        found.setdefault(cluster, []).append(namespace)
    return found
