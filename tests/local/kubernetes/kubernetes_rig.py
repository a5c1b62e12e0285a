"""A cluster of the local account whose API server runs in the test: objects without processes."""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.kubernetes import certificates, manifests
from local.kubernetes.authentication import Authentication
from local.kubernetes.objects import Objects
from local.kubernetes.server import ApiServer
from squall.adapters.inventory.kubernetes import Kubernetes
from tests.local.account_rig import ACCOUNT, REGION, Account
from tests.patience import until

PODS = f"/api/v1/namespaces/{manifests.NAMESPACE}/pods"
VIEW = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"


def reader(account: Account) -> tuple[str, Kubernetes]:
    """A role without an access entry, and Squall's own client with that role's credentials."""
    arn = account.role(f"arn:aws:iam::{ACCOUNT}:root", [])
    keys = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    own = account.client(
        "sts", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"]
    )
    return arn, Kubernetes(own)


@dataclass
class Cluster:
    """A cluster as DescribeCluster describes it, and its API server's objects."""

    account: Account
    name: str
    objects: Objects
    authentication: Authentication
    described: dict[str, Any]
    executed: list[tuple[str, ...]]

    @property
    def eks(self) -> Any:
        return self.account.client("eks")

    def reader(self) -> tuple[str, Kubernetes]:
        return reader(self.account)

    def let_in(self, arn: str, *, namespaces: tuple[str, ...] = (), username: str = "", policy: str = VIEW) -> None:
        """Create an access entry, with the policy for these namespaces if there are any."""
        self.eks.create_access_entry(clusterName=self.name, principalArn=arn, **({"username": username} if username else {}))
        if namespaces:
            scope = {"type": "namespace", "namespaces": list(namespaces)}
            self.eks.associate_access_policy(clusterName=self.name, principalArn=arn, policyArn=policy, accessScope=scope)

    def add_pods(self, number: int) -> None:
        for index in range(number):
            spec = {"containers": [{"name": "web"}]}
            self.objects.create("pods", manifests.NAMESPACE, {"metadata": {"name": f"pod-{index:03}"}, "spec": spec})


def start(account: Account, folder: Path, tags: dict[str, str]) -> tuple[Cluster, ApiServer]:
    """Start another cluster in the account's EKS."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    eks = account.client("eks")
    eks.create_cluster(name=name, roleArn=account.role("eks.amazonaws.com", []), resourcesVpcConfig={}, tags=tags)
    until(lambda: eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE", what="the cluster")
    objects, executed = Objects(manifests.NAMESPACES), []
    authentication = Authentication(name, account.endpoint, eks, objects)

    def execute(*asked: str) -> str:
        executed.append(asked)
        return "stopped"

    server = ApiServer(objects, authentication, execute)
    authority, certificate = certificates.make_certificates(folder)
    described = {
        "name": name,
        "arn": f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}",
        "endpoint": f"https://127.0.0.1:{server.serve(certificate)}",
        "certificateAuthority": {"data": base64.b64encode(authority.encode()).decode()},
    }
    return Cluster(account, name, objects, authentication, described, executed), server
