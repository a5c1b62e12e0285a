"""The sample's cluster by itself: an account and the pods' processes, without the manager."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.kubernetes import authentication, manifests
from local.kubernetes.part import CLUSTER, Pods
from local.workload.cloud import Cloud
from local.workload.network.routes import Routes
from local.workload.parts import Surroundings
from local.workload.processes.child import Child
from local.workload.settings import Settings
from squall.adapters.inventory.pods import EksPods
from squall.domain.resources.pods import EksPod
from tests.local.account_rig import REGION, Account
from tests.patience import until

WITH_PODS = Settings(pods=True, load_rps=20.0)
ENVIRONMENT = {"squall:environment": "staging"}
FILTERS = {"namespace": [manifests.NAMESPACE], "deployment": [manifests.DEPLOYMENT]}
LOOK = {
    "Effect": "Allow",
    "Action": "eks:DescribeCluster",
    "Resource": "*",
    "Condition": {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}},
}


class Sample:
    """The part of the workload that runs pods; it gets its turns while a test waits."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account, self.settings = account, WITH_PODS
        self.cloud = Cloud(account.endpoint, REGION)
        result = self.cloud.client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        subnets = {
            entry["AvailabilityZone"]: entry["SubnetId"] for entry in sorted(result, key=lambda entry: str(entry["AvailabilityZone"]))[:2]
        }
        around = Surroundings(self.cloud, subnets, REGION, folder, 7, threading.RLock(), self._brief, lambda: None)
        self.part = Pods(around)
        self.fis, self.eks = account.client("fis"), account.client("eks")

    def _brief(self, child: Child) -> None:
        child.order(op="settings", settings=self.settings.as_dict())
        child.order(op="routes", routes=Routes().as_dict())

    def tick(self) -> None:
        self.part.tick(self.settings)
        self.part.route()
        self.cloud.report({"groups": {}, "target_health": {}, **self.part.report()})

    def until(self, condition: Callable[[], object]) -> Any:
        """Give the part its turns until the condition holds; returns what the condition returned."""

        def look() -> object:
            self.tick()
            return condition()

        return until(look)

    def whole(self) -> bool:
        return self.part.whole(self.settings)

    def pod(self, name: str) -> dict[str, Any] | None:
        return self.part.objects.find("pods", manifests.NAMESPACE, name)

    def names(self) -> set[str]:
        return {entry["metadata"]["name"] for entry in self.part.objects.all("pods", manifests.NAMESPACE)}

    def url(self, name: str) -> str:
        return next(f"http://127.0.0.1:{entry.port}/" for entry in self.part.served() if entry.id == name)

    def role(self, *, username: str = manifests.FIS_USER) -> str:
        arn = self.account.role("fis.amazonaws.com", [LOOK])
        if username:
            self.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn, username=username)
        return arn

    def start(self, role: str, pod: str, action: str, account: str = manifests.SERVICE_ACCOUNT, **parameters: str) -> str:
        """Start a FIS experiment with one action on one pod; returns its id."""
        chosen = {
            "clusterIdentifier": f"arn:aws:eks:{REGION}:000000000000:cluster/{CLUSTER}",
            "namespace": manifests.NAMESPACE,
            "selectorType": "podName",
            "selectorValue": pod,
        }
        made = self.fis.create_experiment_template(
            description="one action",
            roleArn=role,
            stopConditions=[{"source": "none"}],
            targets={"pods": {"resourceType": "aws:eks:pod", "selectionMode": "ALL", "parameters": chosen}},
            actions={
                "act": {"actionId": action, "parameters": {**parameters, "kubernetesServiceAccount": account}, "targets": {"Pods": "pods"}}
            },
        )
        return str(self.fis.start_experiment(experimentTemplateId=made["experimentTemplate"]["id"])["experiment"]["id"])

    def state(self, experiment: str) -> dict[str, Any]:
        return dict(self.fis.get_experiment(id=experiment)["experiment"])

    def ended(self, experiment: str) -> dict[str, Any]:
        over = {"completed", "failed", "stopped"}
        return dict(self.until(lambda: result if (result := self.state(experiment))["state"]["status"] in over else None))

    def acting(self, experiment: str, action: str = "act") -> None:
        self.until(lambda: self.state(experiment)["actions"][action]["state"]["status"] == "running")

    @property
    def overview(self) -> Any:
        return self.part.overview()["pods"]

    def target_health(self) -> dict[str, str]:
        result = self.account.client("elbv2").describe_target_health(TargetGroupArn=self.overview["target_group_arn"])
        return {description["Target"]["Id"]: description["TargetHealth"]["State"] for description in result["TargetHealthDescriptions"]}

    def find(self, api: Any) -> tuple[EksPod, ...]:
        """Find the pods as Squall does."""
        candidates = EksPods(self.eks, self.account.client("ec2"), api).find([CLUSTER], ENVIRONMENT, FILTERS)
        assert candidates.unreadable == (), candidates.unreadable
        return tuple(resource for resource in candidates.resources if isinstance(resource, EksPod))


@pytest.fixture(scope="module")
def opened(running_account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setattr(authentication, "KNOWN_SECONDS", 0.0)
        sample = Sample(running_account, tmp_path_factory.mktemp("pods"))
        try:
            sample.until(sample.whole)
            yield sample
            sample.settings = Settings()
            sample.until(sample.whole)
            assert sample.part.overview() == {}
        finally:
            sample.part.kill()
