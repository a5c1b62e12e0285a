"""The sample's node group, and FIS's action on it: the pods of a terminated node end at once, the cluster notices it later, and both
come back."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.kubernetes import kubelet, manifests
from local.kubernetes.nodes import NODEGROUP
from local.kubernetes.part import CLUSTER
from local.workload.settings import Settings
from squall.adapters.inventory.containers.nodegroups import Nodegroups
from squall.domain.resources.host_groups import Nodegroup
from tests.local.account_rig import ACCOUNT, REGION
from tests.local.kubernetes.pods_rig import ENVIRONMENT, WITH_PODS, Sample, opened

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

__all__ = ["opened"]
GRANTS: tuple[dict[str, Any], ...] = (
    {
        "Effect": "Allow",
        "Action": "ec2:TerminateInstances",
        "Resource": f"arn:aws:ec2:*:{ACCOUNT}:instance/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}},
    },
    {"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"},
    {"Effect": "Allow", "Action": "eks:DescribeNodegroup", "Resource": f"arn:aws:eks:*:{ACCOUNT}:nodegroup/*/*/*"},
)


@pytest.fixture
def sample(opened: Sample) -> Sample:
    opened.settings = WITH_PODS
    opened.until(opened.whole)
    return opened


def find(sample: Sample) -> Nodegroup:
    """The node group as Squall finds it, by its tag."""
    clients = [sample.account.client(service) for service in ("eks", "autoscaling", "resourcegroupstaggingapi")]
    (nodegroup,) = Nodegroups(*clients).find([], ENVIRONMENT, {}).resources
    assert isinstance(nodegroup, Nodegroup)
    return nodegroup


def terminate(sample: Sample, percent: int, grants: tuple[dict[str, Any], ...] = GRANTS) -> dict[str, Any]:
    role = sample.account.role("fis.amazonaws.com", list(grants))
    target = {"resourceType": "aws:eks:nodegroup", "resourceArns": [sample.part.nodes.arn], "selectionMode": "ALL"}
    values = {"instanceTerminationPercentage": str(percent)}
    made = sample.fis.create_experiment_template(
        description="one action",
        roleArn=role,
        stopConditions=[{"source": "none"}],
        targets={"nodes": target},
        actions={"act": {"actionId": "aws:eks:terminate-nodegroup-instances", "parameters": values, "targets": {"Nodegroups": "nodes"}}},
    )
    return sample.ended(str(sample.fis.start_experiment(experimentTemplateId=made["experimentTemplate"]["id"])["experiment"]["id"]))


def where(sample: Sample) -> dict[str, str]:
    """The node of each pod."""
    pods = sample.part.objects.all("pods", manifests.NAMESPACE)
    return {pod["metadata"]["name"]: pod["spec"].get("nodeName", "") for pod in pods}


def node_names(sample: Sample) -> set[str]:
    return {node["metadata"]["name"] for node in sample.part.objects.all("nodes", "")}


def test_squall_finds_the_node_group_with_two_nodes_in_two_zones(sample: Sample) -> None:
    nodegroup = find(sample)
    assert (nodegroup.id, nodegroup.arn, nodegroup.state) == (f"{CLUSTER}/{NODEGROUP}", sample.part.nodes.arn, "ACTIVE")
    assert sorted(host.zone for host in nodegroup.hosts) == [f"{REGION}a", f"{REGION}b"]
    assert len(nodegroup.standing) == 2
    assert set(where(sample).values()) == node_names(sample)


def test_pods_of_a_terminated_node_end_at_once_and_both_come_back(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubelet, "NODE_GONE_SECONDS", 60.0)
    before, nodes = where(sample), node_names(sample)
    assert terminate(sample, 50)["state"]["status"] == "completed"
    sample.until(lambda: len(find(sample).standing) == 1)
    names = {node["name"] for node in sample.overview["nodes"]}
    (lost,) = nodes - names
    victims = {name for name, node in before.items() if node == lost}
    assert victims
    ended = {container.id: container.child is None or not container.child.alive for container in sample.part.served()}
    assert {name for name, over in ended.items() if over} == victims
    assert where(sample) == before, "the cluster has not noticed it yet"
    monkeypatch.setattr(kubelet, "NODE_GONE_SECONDS", 0.0)
    sample.part._kubelet._lost[lost] = 0.0
    sample.until(lambda: lost not in node_names(sample) and not victims & sample.names())
    sample.until(sample.whole)
    assert len(find(sample).standing) == 2
    assert len(sample.names()) == manifests.REPLICAS


def test_without_replacement_and_room_the_pods_stay_away(sample: Sample) -> None:
    sample.settings = Settings(pods=True, replace=False, load_rps=20.0)
    terminate(sample, 100)
    sample.until(lambda: not node_names(sample))
    sample.until(lambda: list(where(sample).values()) == [""] * manifests.REPLICAS)
    assert not sample.whole()
    sample.settings = WITH_PODS
    sample.until(sample.whole)


@pytest.mark.parametrize("left_out", range(len(GRANTS)))
def test_each_grant_of_the_role_is_needed(sample: Sample, left_out: int) -> None:
    ended = terminate(sample, 50, tuple(entry for number, entry in enumerate(GRANTS) if number != left_out))
    assert (ended["state"]["status"], ended["state"]["error"]["code"]) == ("failed", "AuthorizationFailure")
    assert len(find(sample).standing) == 2


def test_iam_judges_the_description_of_a_node_group_by_its_own_arn(sample: Sample) -> None:
    named = {"clusterName": CLUSTER, "nodegroupName": NODEGROUP}
    described = sample.account.client_as("eks", [GRANTS[2]]).describe_nodegroup(**named)["nodegroup"]
    assert described["nodegroupArn"] == sample.part.nodes.arn
    on_clusters = {**GRANTS[2], "Resource": f"arn:aws:eks:*:{ACCOUNT}:cluster/*"}
    with pytest.raises(ClientError, match="AccessDenied"):
        sample.account.client_as("eks", [on_clusters]).describe_nodegroup(**named)
