"""The sample's cluster with its pods as processes, and FIS's pod actions on them: what they really do, who may, and what they leave."""

from __future__ import annotations

import base64
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.kubernetes import authentication, manifests
from local.kubernetes.client import Client
from local.kubernetes.part import CLUSTER, Pods
from local.workload.child import Child
from local.workload.cloud import Cloud
from local.workload.parts import Surroundings
from local.workload.routes import Routes
from local.workload.settings import Settings
from squall.adapters.pods import EksPods
from squall.domain.eks import EksPod
from tests.local.account_rig import REGION, Account
from tests.local.kubernetes_rig import PODS, VIEW, reader

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
    """The part, ticked by whoever waits for something."""

    def __init__(self, account: Account, folder: Path) -> None:
        self.account, self.settings = account, WITH_PODS
        self.cloud = Cloud(account.endpoint, REGION)
        found = self.cloud.client("ec2").describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        subnets = {one["AvailabilityZone"]: one["SubnetId"] for one in sorted(found, key=lambda one: str(one["AvailabilityZone"]))[:2]}
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

    def until(self, condition: Callable[[], object], seconds: float = 30.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, self.part.overview()
            self.tick()
            time.sleep(0.1)
        return found

    def whole(self) -> bool:
        return self.part.whole(self.settings)

    def pod(self, name: str) -> dict[str, Any] | None:
        return self.part.objects.find("pods", manifests.NAMESPACE, name)

    def names(self) -> set[str]:
        return {one["metadata"]["name"] for one in self.part.objects.all("pods", manifests.NAMESPACE)}

    def url(self, name: str) -> str:
        return next(f"http://127.0.0.1:{one.port}/" for one in self.part.served() if one.id == name)

    def role(self, *, username: str = manifests.FIS_USER) -> str:
        arn = self.account.role("fis.amazonaws.com", [LOOK])
        if username:
            self.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn, username=username)
        return arn

    def start(self, role: str, pod: str, action: str, account: str = manifests.SERVICE_ACCOUNT, **parameters: str) -> str:
        """A FIS experiment with one action on one pod."""
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
        return dict(self.until(lambda: found if (found := self.state(experiment))["state"]["status"] in over else None, 60))

    def acting(self, experiment: str) -> None:
        self.until(lambda: self.state(experiment)["actions"]["act"]["state"]["status"] == "running", 40)

    @property
    def overview(self) -> Any:
        return self.part.overview()["pods"]

    def target_health(self) -> dict[str, str]:
        found = self.account.client("elbv2").describe_target_health(TargetGroupArn=self.overview["target_group_arn"])
        return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in found["TargetHealthDescriptions"]}

    def find(self, api: Any) -> tuple[EksPod, ...]:
        """As Squall looks."""
        found = EksPods(self.eks, self.account.client("ec2"), api).find([CLUSTER], ENVIRONMENT, FILTERS)
        assert found.unreadable == (), found.unreadable
        return tuple(one for one in found.resources if isinstance(one, EksPod))


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


@pytest.fixture
def sample(opened: Sample) -> Sample:
    opened.settings = WITH_PODS
    opened.until(opened.whole)
    return opened


@pytest.fixture
def target(sample: Sample) -> str:
    return min(sample.names())


def test_squall_finds_the_pods_with_their_zones_owner_and_addresses(sample: Sample) -> None:
    arn, api = reader(sample.account)
    sample.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
    scope = {"type": "namespace", "namespaces": [manifests.NAMESPACE]}
    sample.eks.associate_access_policy(clusterName=CLUSTER, principalArn=arn, policyArn=VIEW, accessScope=scope)
    pods = sample.find(api)
    assert {one.name for one in pods} == sample.names()
    assert {one.state for one in pods} == {"Ready"}
    assert {one.zone for one in pods} == {"us-east-1a", "us-east-1b"}
    assert {one.group for one in pods} == {"sample/shop/deployment/web"}
    assert all(one.tags == ENVIRONMENT and one.memory_limited and not one.injecting and not one.helpers for one in pods)
    sample.until(lambda: sample.target_health() == {one.private_ip: "healthy" for one in pods})


@pytest.mark.soak
def test_a_deleted_pod_serves_until_nobody_asks_it_any_more_and_is_replaced(sample: Sample, target: str) -> None:
    before = sample.names()
    experiment = sample.start(sample.role(), target, "aws:eks:pod-delete")
    sample.until(lambda: "deletionTimestamp" in (sample.pod(target) or {"metadata": {}})["metadata"])
    sample.until(lambda: "draining" in sample.target_health().values())
    urllib.request.urlopen(sample.url(target) + "health", timeout=2).close()
    over = sample.ended(experiment)
    assert over["state"]["status"] == "completed", over["state"]
    sample.until(sample.whole)
    assert len(sample.names()) == manifests.REPLICAS
    assert len(sample.names() - before) == 1
    assert target not in sample.names()
    assert sample.part.objects.all("configmaps") == []


def test_lost_packets_are_felt_by_the_pods_own_requests_until_fis_is_stopped(sample: Sample, target: str) -> None:
    where = {"lossPercent": "100", "sources": "172.31.0.30", "duration": "PT5M"}
    experiment = sample.start(sample.role(), target, "aws:eks:pod-network-packet-loss", **where)
    sample.acting(experiment)
    pod = sample.pod(target)
    assert pod is not None
    assert [list(one["state"]) for one in pod["status"]["ephemeralContainerStatuses"]] == [["running"]]
    (fault,) = [fault for one in sample.part.served() if one.id == target for fault in one.faults.values()]
    assert (fault.status, fault.parameters["TrafficType"]) == ("started", "egress")
    assert any(name.startswith("fispod-") for name in sample.names())
    sample.fis.stop_experiment(id=experiment)
    assert sample.ended(experiment)["state"]["status"] == "stopped"
    assert fault.status == "cancelled"
    assert not any(name.startswith("fispod-") for name in sample.names())
    told = sample.until(lambda: [one["state"] for one in (sample.pod(target) or {})["status"]["ephemeralContainerStatuses"]])
    sample.until(lambda: "terminated" in (sample.pod(target) or {})["status"]["ephemeralContainerStatuses"][0]["state"])
    assert told, "an ephemeral container that has ended stays in its pod's description"


@pytest.mark.soak
def test_a_deaf_pod_is_not_ready_and_is_again_when_the_fault_is_over(sample: Sample, target: str) -> None:
    deaf = {"protocol": "tcp", "port": "80", "trafficType": "ingress", "duration": "PT12S"}
    experiment = sample.start(sample.role(), target, "aws:eks:pod-network-blackhole-port", **deaf)
    sample.until(lambda: not ready(sample.pod(target)), 40)
    with pytest.raises(OSError, match="timed out"):
        urllib.request.urlopen(sample.url(target), timeout=1).close()
    assert sample.ended(experiment)["state"]["status"] == "completed"
    sample.until(lambda: ready(sample.pod(target)))


@pytest.mark.parametrize(
    ("whom", "account", "said"),
    [
        ("", manifests.SERVICE_ACCOUNT, "Kubernetes answered 401"),
        pytest.param("somebody", manifests.SERVICE_ACCOUNT, "Kubernetes answered 403", marks=pytest.mark.soak),
        (manifests.FIS_USER, "nobody", "Unauthorized"),
    ],
)
def test_whom_the_cluster_does_not_let_disturb_its_pods_disturbs_none(
    sample: Sample, target: str, whom: str, account: str, said: str
) -> None:
    before = (sample.pod(target) or {})["spec"]
    experiment = sample.start(sample.role(username=whom), target, "aws:eks:pod-cpu-stress", account, duration="PT60S", percent="50")
    over = sample.ended(experiment)
    assert (over["state"]["status"], over["state"]["error"]["code"]) == ("failed", "AuthorizationFailure"), over["state"]
    assert said in over["state"]["reason"]
    assert (sample.pod(target) or {})["spec"] == before
    sample.until(lambda: sample.part.objects.all("configmaps") == [])
    sample.until(sample.whole)


@pytest.mark.soak
def test_a_service_account_without_its_role_is_told_by_fis(sample: Sample, target: str) -> None:
    role = sample.role()
    sample.part.objects.create("serviceaccounts", manifests.NAMESPACE, {"metadata": {"name": "bare"}})
    over = sample.ended(sample.start(role, target, "aws:eks:pod-delete", "bare"))
    assert over["state"]["error"]["code"] == "AuthorizationFailure"
    assert 'User "system:serviceaccount:shop:bare" cannot get resource "configmaps"' in over["state"]["reason"]
    assert target in sample.names()


@pytest.mark.soak
def test_without_room_a_deleted_pod_stays_unreplaced(sample: Sample, target: str) -> None:
    sample.settings = Settings(pods=True, replace=False)
    sample.ended(sample.start(sample.role(), target, "aws:eks:pod-delete"))
    sample.until(lambda: target not in sample.names())
    waiting = [one for one in sample.part.objects.all("pods", manifests.NAMESPACE) if one["status"]["phase"] == "Pending"]
    assert [one["status"]["conditions"][0]["reason"] for one in waiting] == ["Unschedulable"]


@pytest.mark.soak
def test_a_pod_whose_process_dies_is_started_again_in_place(sample: Sample, target: str) -> None:
    (one,) = [one for one in sample.part.served() if one.id == target]
    assert one.child is not None
    one.child.kill()
    sample.until(lambda: not ready(sample.pod(target)))
    sample.until(sample.whole)
    pod = sample.pod(target)
    assert pod is not None
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1


@pytest.mark.soak
def test_the_clusters_owner_may_delete_a_pod_by_kubectls_request(sample: Sample, target: str) -> None:
    arn, keys = reader(sample.account)
    sample.eks.create_access_entry(clusterName=CLUSTER, principalArn=arn)
    policy = VIEW.replace("View", "ClusterAdmin")
    sample.eks.associate_access_policy(clusterName=CLUSTER, principalArn=arn, policyArn=policy, accessScope={"type": "cluster"})
    described = sample.eks.describe_cluster(name=CLUSTER)["cluster"]
    authority = base64.b64decode(described["certificateAuthority"]["data"]).decode()
    client = Client(described["endpoint"], authority, lambda: keys.token(CLUSTER))
    client.delete(f"{PODS}/{target}", {"gracePeriodSeconds": 0})
    sample.until(lambda: target not in sample.names())


def ready(pod: dict[str, Any] | None) -> bool:
    return pod is not None and any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", ()))
