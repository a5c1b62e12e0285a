"""An EKS cluster of an account: a Deployment whose pods Kubernetes replaces, as EKS and the Kubernetes API describe it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from squall.adapters.inventory.pods import EksPods
from squall.domain.base.vocabulary import ResourceType
from tests.accounts.account import STAGING
from tests.accounts.modelled import Modelled
from tests.accounts.traffic import VPC
from tests.fakes.workload import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from tests.accounts.account import Account
    from tests.accounts.traffic import Registered

ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/shop"
OWNER = {"kind": "Deployment", "name": "web", "controller": True}


@dataclass
class Pod:
    number: int
    started_at: datetime
    host: str

    @property
    def name(self) -> str:
        return f"web-{self.number:05x}"

    @property
    def address(self) -> str:
        """An address of the prefix that its node was given."""
        return f"10.0.5.{self.number}"

    @property
    def uid(self) -> str:
        return f"{self.number:08x}-0000-4000-8000-000000000000"


class Cluster:
    """The Deployment `web` of three pods, registered by address in these target groups by a controller."""

    def __init__(self, account: Account, target_groups: list[Registered], hosts: list[str]) -> None:
        """`hosts`: addresses of the nodes."""
        self._account, self._target_groups, self._hosts, self._started = account, target_groups, hosts, 0
        self.pods: list[Pod] = []
        for _ in range(3):
            self._start()
        eks = Modelled("eks", {"describe_cluster": self.describe_cluster})
        account.finders[ResourceType.POD] = lambda: EksPods(eks, account.ec2, self)
        account.registrars.append(self._registered)
        account.world.fleet.clusters = self  # type: ignore[assignment]

    def _start(self) -> None:
        self._started += 1
        host = self._hosts[self._started % len(self._hosts)]
        self.pods.append(Pod(self._started, self._account.world.clock.now(), host))

    def _registered(self, group: Registered) -> list[str]:
        return [pod.address for pod in self.pods] if group in self._target_groups else []

    # What the fake FIS does.

    def named(self, parameters: Mapping[str, str]) -> Pod | None:
        return next((pod for pod in self.pods if pod.name == parameters["selectorValue"]), None)

    def delete(self, pod: Pod) -> None:
        self.pods.remove(pod)
        self._account.world.clock.after(20, self._start)

    # What EKS and Kubernetes answer.

    def describe_cluster(self, **_: Any) -> dict[str, Any]:
        return {"cluster": {"name": "shop", "arn": ARN, "status": "ACTIVE", "tags": STAGING, "resourcesVpcConfig": {"vpcId": VPC}}}

    def list(self, _cluster: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
        if path.endswith("/pods"):
            yield from (self._pod(pod) for pod in self.pods)
        elif path.endswith("/deployments"):
            status = {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3}
            yield {"metadata": {"name": "web", "generation": 1}, "spec": {"replicas": 3}, "status": status}

    def get(self, _cluster: Mapping[str, Any], _path: str) -> Mapping[str, Any]:
        return {"metadata": {"labels": {}}}

    def _pod(self, pod: Pod) -> dict[str, Any]:
        at = pod.started_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        labels = {"app": "web", **{key.replace(":", "."): value for key, value in STAGING.items()}}
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": at}
        about = {"name": pod.name, "namespace": "shop", "uid": pod.uid, "labels": labels, "creationTimestamp": at}
        status = {"phase": "Running", "podIP": pod.address, "hostIP": pod.host, "conditions": [ready]}
        return {"metadata": {**about, "ownerReferences": [OWNER]}, "spec": {"containers": [{"name": "web"}]}, "status": status}
