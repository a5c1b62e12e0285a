"""The sample's cluster with its pods as processes, and FIS's pod actions on them: what they really do, who may, and what they leave."""

from __future__ import annotations

import base64
import urllib.request
from typing import Any

import pytest

from local.kubernetes import manifests
from local.kubernetes.client import Client
from local.kubernetes.part import CLUSTER
from local.kubernetes.pod_security import BASELINE, ENFORCE
from local.workload.settings import Settings
from squall.adapters.cloudwatch.metrics import CloudWatchMetrics
from tests.local.kubernetes.kubernetes_rig import PODS, VIEW, reader
from tests.local.kubernetes.pods_rig import ENVIRONMENT, WITH_PODS, Sample, opened
from tests.patience import PATIENCE

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

__all__ = ["opened"]


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
    assert {pod.name for pod in pods} == sample.names()
    assert {pod.state for pod in pods} == {"Ready"}
    assert {pod.zone for pod in pods} == {"us-east-1a", "us-east-1b"}
    assert {pod.group for pod in pods} == {"sample/shop/deployment/web"}
    assert all(pod.tags == ENVIRONMENT and pod.memory_limited and not pod.injecting and not pod.helpers for pod in pods)
    sample.until(lambda: sample.target_health() == {pod.private_ip: "healthy" for pod in pods})


def test_container_insights_has_each_pod_by_its_full_name_as_squall_asks_for_it(sample: Sample, target: str) -> None:
    metrics = CloudWatchMetrics(sample.account.client("cloudwatch"))

    def published() -> bool:
        known = (("FullPodName", target),)
        results = [metrics.published("ContainerInsights", f"pod_{kind}_utilization_over_pod_limit", known) for kind in ("cpu", "memory")]
        return all(results)

    sample.until(published)
    data = sample.account.client("cloudwatch").list_metrics(Namespace="SampleWeb", Dimensions=[{"Name": "PodName", "Value": target}])
    assert {"PodName": target, "Service": "sample-pods"} in [
        {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]} for metric in data["Metrics"]
    ]


@pytest.mark.soak
def test_a_deleted_pod_serves_until_nobody_asks_it_any_more_and_is_replaced(sample: Sample, target: str) -> None:
    before = sample.names()
    experiment = sample.start(sample.role(), target, "aws:eks:pod-delete")
    sample.until(lambda: "deletionTimestamp" in (sample.pod(target) or {"metadata": {}})["metadata"])
    sample.until(lambda: "draining" in sample.target_health().values())
    urllib.request.urlopen(sample.url(target) + "health", timeout=PATIENCE).close()
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
    assert [list(status["state"]) for status in pod["status"]["ephemeralContainerStatuses"]] == [["running"]]
    (fault,) = [fault for entry in sample.part.served() if entry.id == target for fault in entry.faults.values()]
    assert (fault.status, fault.parameters["TrafficType"]) == ("started", "egress")
    assert any(name.startswith("fispod-") for name in sample.names())
    sample.fis.stop_experiment(id=experiment)
    assert sample.ended(experiment)["state"]["status"] == "stopped"
    assert fault.status == "cancelled"
    assert not any(name.startswith("fispod-") for name in sample.names())
    answer = sample.until(lambda: [status["state"] for status in (sample.pod(target) or {})["status"]["ephemeralContainerStatuses"]])
    sample.until(lambda: "terminated" in (sample.pod(target) or {})["status"]["ephemeralContainerStatuses"][0]["state"])
    assert answer, "an ephemeral container that has ended stays in its pod's description"


@pytest.mark.soak
def test_a_deaf_pod_is_not_ready_and_is_again_when_the_fault_is_over(sample: Sample, target: str) -> None:
    deaf = {"protocol": "tcp", "port": "80", "trafficType": "ingress", "duration": "PT12S"}
    experiment = sample.start(sample.role(), target, "aws:eks:pod-network-blackhole-port", **deaf)
    sample.until(lambda: not ready(sample.pod(target)))
    with pytest.raises(OSError, match="timed out"):
        urllib.request.urlopen(sample.url(target), timeout=1).close()
    assert sample.ended(experiment)["state"]["status"] == "completed"
    sample.until(lambda: ready(sample.pod(target)))


@pytest.mark.parametrize(
    ("whom", "account", "expected_text"),
    [
        ("", manifests.SERVICE_ACCOUNT, "Kubernetes answered 401"),
        pytest.param("somebody", manifests.SERVICE_ACCOUNT, "Kubernetes answered 403", marks=pytest.mark.soak),
        (manifests.FIS_USER, "nobody", "Unauthorized"),
    ],
)
def test_whom_the_cluster_does_not_let_disturb_its_pods_disturbs_none(
    sample: Sample, target: str, whom: str, account: str, expected_text: str
) -> None:
    before = (sample.pod(target) or {})["spec"]
    experiment = sample.start(sample.role(username=whom), target, "aws:eks:pod-cpu-stress", account, duration="PT60S", percent="50")
    over = sample.ended(experiment)
    assert (over["state"]["status"], over["state"]["error"]["code"]) == ("failed", "AuthorizationFailure"), over["state"]
    assert expected_text in over["state"]["reason"]
    assert (sample.pod(target) or {})["spec"] == before
    sample.until(lambda: sample.part.objects.all("configmaps") == [])
    sample.until(sample.whole)


@pytest.mark.soak
def test_fis_pod_is_refused_where_it_does_not_conform_to_the_namespaces_standard(sample: Sample) -> None:
    labels, role, stress = sample.part.objects.namespace_labels, sample.role(), {"duration": "PT60S", "percent": "50"}
    target = max(sample.names())  # the other tests' target keeps their privileged ephemeral containers
    labels[manifests.NAMESPACE] = {ENFORCE: BASELINE}
    try:
        over = sample.ended(sample.start(role, target, "aws:eks:pod-cpu-stress", **stress))
        assert 'violates PodSecurity "baseline:latest"' in over["state"]["reason"], over["state"]
        experiment = sample.start(role, target, "aws:eks:pod-cpu-stress", fisPodSecurityPolicy=BASELINE, **stress)
        sample.acting(experiment)
        sample.fis.stop_experiment(id=experiment)
        assert sample.ended(experiment)["state"]["status"] == "stopped"
    finally:
        del labels[manifests.NAMESPACE]


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
    waiting = [entry for entry in sample.part.objects.all("pods", manifests.NAMESPACE) if entry["status"]["phase"] == "Pending"]
    assert [run["status"]["conditions"][0]["reason"] for run in waiting] == ["Unschedulable"]


@pytest.mark.soak
def test_a_pod_whose_process_dies_is_started_again_in_place(sample: Sample, target: str) -> None:
    (item,) = [entry for entry in sample.part.served() if entry.id == target]
    assert item.child is not None
    item.child.kill()
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
    return pod is not None and any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in pod["status"].get("conditions", ())
    )
