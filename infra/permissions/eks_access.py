"""Access entries of EKS clusters: the functions that read targets may view the namespaces that the settings name, and
FIS gets a user name in the cluster."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import Stack
from aws_cdk.aws_eks import CfnAccessEntry
from aws_cdk.aws_iam import IRole
from constructs import Construct

from infra.permissions.holders import HOLDERS

VIEW = "AmazonEKSViewPolicy"
READERS = "squall-readers"
"""The Kubernetes group of those functions: the policy above shows no custom resources, a RoleBinding may."""
INVENTORY_READERS = tuple(sorted(name for name, capabilities in HOLDERS.items() if "inventory" in capabilities))
"""The functions that read pods from Kubernetes, each with its own role."""


def fis_user_name(environment: str) -> str:
    """The Kubernetes user name of an environment's FIS role, for RoleBindings."""
    return f"squall-fis-{environment}"


class EksAccess(Construct):
    """Access entries: functions may view the named namespaces; FIS may do only what the cluster's owner binds to its
    user name."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        namespaces: Sequence[str],
        readers: Mapping[str, IRole],
        fis_roles: Mapping[str, IRole],
    ) -> None:
        """`namespaces`: `<cluster>/<namespace>`; `readers`: roles by function name; `fis_roles`: by environment."""
        super().__init__(scope, construct_id)
        for cluster, names in _group_by_cluster(namespaces).items():
            for function, role in readers.items():
                policy = f"arn:{Stack.of(self).partition}:eks::aws:cluster-access-policy/{VIEW}"
                access_scope = CfnAccessEntry.AccessScopeProperty(type="namespace", namespaces=names)
                access_policy = CfnAccessEntry.AccessPolicyProperty(policy_arn=policy, access_scope=access_scope)
                self._add_entry(cluster, function, role, access_policies=[access_policy], kubernetes_groups=[READERS])
            for environment, role in fis_roles.items():
                self._add_entry(cluster, f"Fis-{environment}", role, username=fis_user_name(environment))

    def _add_entry(self, cluster: str, holder: str, role: IRole, **properties: object) -> None:
        CfnAccessEntry(self, f"{cluster}-{holder}", cluster_name=cluster, principal_arn=role.role_arn, **properties)  # type: ignore[arg-type]


def _group_by_cluster(namespaces: Iterable[str]) -> dict[str, list[str]]:
    by_cluster: dict[str, list[str]] = {}
    for name in sorted(set(namespaces)):
        cluster, _, namespace = name.partition("/")
        by_cluster.setdefault(cluster, []).append(namespace)
    return by_cluster
