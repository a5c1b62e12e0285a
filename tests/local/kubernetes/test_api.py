"""The local API server, asked by Squall's own client: whom it lets in, what they may do, how it lists, and how it refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.kubernetes import authentication, manifests, objects, pod_security
from local.kubernetes.access import Grant, User, is_allowed
from local.kubernetes.client import Client
from local.kubernetes.deployments import Deployments
from local.kubernetes.injection import parse_injection
from local.kubernetes.objects import Objects
from local.kubernetes.status import StatusError
from squall.adapters.inventory import kubernetes
from squall.errors import Unavailable
from tests.local.account_rig import ACCOUNT, Account
from tests.local.kubernetes.kubernetes_rig import PODS, VIEW, Cluster, start
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

SHOP = manifests.NAMESPACE
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
"""Who made the cluster."""


@pytest.fixture
def cluster(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(authentication, "KNOWN_SECONDS", 0.0)
    result, server = start(account, tmp_path, {"squall:environment": "staging"})
    yield result
    server.close()


def names(cluster: Cluster, api: Any, path: str = PODS) -> list[str]:
    return [entry["metadata"]["name"] for entry in api.list(cluster.described, path)]


def refused(cluster: Cluster, api: Any, path: str = PODS) -> str:
    with pytest.raises(Unavailable) as caught:
        names(cluster, api, path)
    return caught.value.code


# --- who asks


def test_a_role_is_let_in_by_its_access_entry_and_no_further_than_its_policy(cluster: Cluster) -> None:
    cluster.add_pods(2)
    arn, api = cluster.reader()
    assert refused(cluster, api) == "Unauthorized", "a signature alone opens nothing"
    cluster.let_in(arn)
    assert refused(cluster, api) == "Forbidden", "an entry without a policy knows the role, and allows it nothing"
    scope = {"type": "namespace", "namespaces": [SHOP]}
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    cluster.eks.associate_access_policy(clusterName=cluster.name, principalArn=arn, policyArn=policy, accessScope=scope)
    assert names(cluster, api) == ["pod-000", "pod-001"]
    assert refused(cluster, api, "/api/v1/namespaces/default/pods") == "Forbidden"
    assert refused(cluster, api, f"/apis/rbac.authorization.k8s.io/v1/namespaces/{SHOP}/roles") == "Forbidden"
    cluster.eks.delete_access_entry(clusterName=cluster.name, principalArn=arn)
    assert refused(cluster, api) == "Unauthorized"


def test_all_namespaces_are_listed_for_who_may_view_the_whole_cluster_and_nodes_for_who_may_view_more(cluster: Cluster) -> None:
    cluster.add_pods(2)
    cluster.objects.add_node("ip-172-31-0-9.ec2.internal", "us-east-1a", "172.31.0.9")
    arn, api = cluster.reader()
    cluster.let_in(arn, namespaces=("*",))
    assert refused(cluster, api, "/api/v1/pods") == "Forbidden", "the policy is one of namespaces"
    cluster.eks.associate_access_policy(clusterName=cluster.name, principalArn=arn, policyArn=VIEW, accessScope={"type": "cluster"})
    assert names(cluster, api, "/api/v1/pods") == ["pod-000", "pod-001"]
    assert names(cluster, api, "/apis/apps/v1/statefulsets") == []
    assert refused(cluster, api, "/api/v1/nodes") == "Forbidden", "AmazonEKSViewPolicy has no nodes"
    more = VIEW.replace("ViewPolicy", "AdminViewPolicy")
    cluster.eks.associate_access_policy(clusterName=cluster.name, principalArn=arn, policyArn=more, accessScope={"type": "cluster"})
    nodes = api.list(cluster.described, "/api/v1/nodes")
    assert [node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes] == ["us-east-1a"]
    assert refused(cluster, api, f"/api/v1/namespaces/{SHOP}/nodes") == "404"


def test_a_stack_lets_in_and_takes_it_back(cluster: Cluster) -> None:
    arn, api = cluster.reader()
    formation = cluster.account.client("cloudformation")

    def template(namespace: str) -> str:
        scope = {"Type": "namespace", "Namespaces": [namespace]}
        inputs = {"ClusterName": cluster.name, "PrincipalArn": arn, "AccessPolicies": [{"PolicyArn": VIEW, "AccessScope": scope}]}
        return json.dumps({"Resources": {"Entry": {"Type": "AWS::EKS::AccessEntry", "Properties": inputs}}})

    def settled(status: str) -> None:
        until(lambda: formation.describe_stacks(StackName=cluster.name)["Stacks"][0]["StackStatus"] == status, what=status)

    formation.create_stack(StackName=cluster.name, TemplateBody=template("default"))
    settled("CREATE_COMPLETE")
    assert refused(cluster, api) == "Forbidden"
    formation.update_stack(StackName=cluster.name, TemplateBody=template(SHOP))
    settled("UPDATE_COMPLETE")
    assert names(cluster, api) == []
    formation.delete_stack(StackName=cluster.name)
    until(lambda: cluster.eks.list_access_entries(clusterName=cluster.name)["accessEntries"] == [ROOT], what="the entry is gone")
    assert refused(cluster, api) == "Unauthorized"


def test_a_token_for_another_cluster_is_nobodys(cluster: Cluster) -> None:
    arn, api = cluster.reader()
    cluster.let_in(arn, namespaces=(SHOP,))
    assert names(cluster, api) == []
    assert cluster.authentication.user(f"Bearer {api.token('another')}") is None, "the name is signed"
    assert cluster.authentication.user(f"Bearer {api.token(cluster.name)}") is not None


@pytest.mark.parametrize(
    "change",
    [
        ("Action=GetCallerIdentity", "Action=GetSessionToken"),
        ("x-k8s-aws-id", "x-other"),
        ("X-Amz-Expires=60", "X-Amz-Expires=90000"),
        ("X-Amz-Expires=60", "X-Amz-Expires=61"),
        ("127.0.0.1", "127.0.0.2"),
        ("Version=", "Surplus=1&Version="),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_token_that_is_not_what_was_signed_is_nobodys(cluster: Cluster, change: tuple[str, str]) -> None:
    arn, api = cluster.reader()
    cluster.let_in(arn, namespaces=(SHOP,))
    encoded = api.token(cluster.name).removeprefix("k8s-aws-v1.")
    url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    assert change[0] in url
    forged = base64.urlsafe_b64encode(url.replace(*change).encode()).decode().rstrip("=")
    assert cluster.authentication.user(f"Bearer k8s-aws-v1.{forged}") is None


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Bearer k8s-aws-v1.%%%", "Basic eDp5", "Bearer k8s-aws-v1.aHR0cA"])
def test_whatever_is_no_token_is_nobodys(cluster: Cluster, authorization: str) -> None:
    assert cluster.authentication.user(authorization) is None


def test_a_server_of_another_authority_is_not_spoken_to(cluster: Cluster, tmp_path: Path) -> None:
    _, api = cluster.reader()
    other, server = start(cluster.account, tmp_path / "other", {})
    server.close()
    cluster.described = {**cluster.described, "certificateAuthority": other.described["certificateAuthority"]}
    assert refused(cluster, api) == "Unreachable"


def test_a_service_account_is_its_pods_and_gone_with_it(cluster: Cluster) -> None:
    for plural, namespace, body in manifests.ALL[1:]:
        cluster.objects.create(plural, namespace, body)
    cluster.add_pods(1)
    authority = base64.b64decode(cluster.described["certificateAuthority"]["data"]).decode()
    token = cluster.authentication.issue(SHOP, manifests.SERVICE_ACCOUNT, "pod-000")
    client = Client(cluster.described["endpoint"], authority, lambda: token)
    assert client.get(f"{PODS}/pod-000")["metadata"]["name"] == "pod-000"
    with pytest.raises(StatusError, match=r'User "system:serviceaccount:shop:fis" cannot list resource "deployments"') as caught:
        client.get(f"/apis/apps/v1/namespaces/{SHOP}/deployments")
    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")
    cluster.objects.remove("pods", SHOP, "pod-000")
    with pytest.raises(StatusError) as gone:
        client.get(PODS)
    assert gone.value.code == 401


def test_roles_allow_what_they_say_to_whom_they_are_bound() -> None:
    known = Objects(manifests.NAMESPACES)
    for plural, namespace, body in manifests.ALL:
        known.create(plural, namespace, body)
    fis = User(manifests.FIS_USER)
    assert is_allowed(known, fis, "create", "", "pods", SHOP)
    assert is_allowed(known, fis, "update", "", "pods/ephemeralcontainers", SHOP)
    assert not is_allowed(known, fis, "create", "", "pods", "default"), "a role is of its namespace"
    assert not is_allowed(known, fis, "update", "", "pods", SHOP)
    assert not is_allowed(known, fis, "get", "", "deployments", SHOP), "of another API group"
    assert not is_allowed(known, User("somebody"), "get", "", "pods", SHOP)
    known.remove("rolebindings", SHOP, manifests.ROLE)
    assert not is_allowed(known, fis, "create", "", "pods", SHOP)
    viewer = User("squall", grants=(Grant("AmazonEKSViewPolicy", ("sh*",)),))
    assert is_allowed(known, viewer, "list", "apps", "replicasets", SHOP)
    assert not is_allowed(known, viewer, "delete", "", "pods", SHOP)
    assert is_allowed(known, User("owner", grants=(Grant("AmazonEKSClusterAdminPolicy"),)), "delete", "", "pods", "default")


def test_a_namespace_shows_its_labels_to_whom_its_access_policy_lets_in(cluster: Cluster) -> None:
    cluster.objects.namespace_labels[SHOP] = {pod_security.ENFORCE: pod_security.RESTRICTED}
    arn, api = cluster.reader()
    cluster.let_in(arn, namespaces=(SHOP,))
    assert api.get(cluster.described, f"/api/v1/namespaces/{SHOP}")["metadata"]["labels"][pod_security.ENFORCE] == "restricted"
    with pytest.raises(Unavailable) as caught:
        api.get(cluster.described, "/api/v1/namespaces/default")
    assert caught.value.code == "Forbidden"


@pytest.mark.parametrize("enforced", [pod_security.PRIVILEGED, pod_security.BASELINE, pod_security.RESTRICTED])
@pytest.mark.parametrize("conforms_to", [pod_security.PRIVILEGED, pod_security.BASELINE, pod_security.RESTRICTED])
def test_a_namespace_takes_no_pod_that_violates_the_standard_it_enforces(enforced: str, conforms_to: str) -> None:
    known = Objects(manifests.NAMESPACES)
    known.namespace_labels[SHOP] = {pod_security.ENFORCE: enforced}
    container = {"name": "fis", "securityContext": pod_security.CONFORMING[conforms_to]}
    pod = {"metadata": {"name": "fispod-1"}, "spec": {"containers": [container]}}
    levels = list(pod_security.CONFORMING)
    if levels.index(conforms_to) >= levels.index(enforced):
        assert known.create("pods", SHOP, pod)["status"] == {"phase": "Pending"}
        return
    with pytest.raises(StatusError, match=f'violates PodSecurity "{enforced}:latest"') as caught:
        known.create("pods", SHOP, pod)
    assert (caught.value.code, known.all("pods")) == (403, [])


# --- lists


def test_squall_reads_a_list_page_by_page_as_it_was_when_it_began(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "PAGE", 2)
    arn, api = cluster.reader()
    cluster.let_in(arn, namespaces=(SHOP,))
    cluster.add_pods(5)
    assert names(cluster, api) == [f"pod-{number:03}" for number in range(5)]
    pages = api.list(cluster.described, PODS)
    first = next(pages)["metadata"]["name"]
    cluster.objects.remove("pods", SHOP, "pod-004")
    assert [first, *(page["metadata"]["name"] for page in pages)][-1] == "pod-004", "the list is of one moment"


def test_a_list_that_is_too_old_to_go_on_with_is_expired_and_worth_asking_again(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "PAGE", 2)
    arn, api = cluster.reader()
    cluster.let_in(arn, namespaces=(SHOP,))
    cluster.add_pods(4)
    pages = api.list(cluster.described, PODS)
    next(pages), next(pages)
    cluster.objects.compact()
    with pytest.raises(Unavailable) as caught:
        next(pages)
    assert (caught.value.code, caught.value.retryable) == ("410", True)


@pytest.mark.parametrize("path", ["/api/v1/namespaces/shop/secrets", "/apis/batch/v1/namespaces/shop/pods", "/api/v1/secrets"])
def test_what_there_is_not_is_not_found(cluster: Cluster, path: str) -> None:
    arn, api = cluster.reader()
    cluster.let_in(arn, namespaces=(SHOP,))
    assert refused(cluster, api, path) == "404"


# --- objects


def test_objects_are_refused_as_kubernetes_refuses_them() -> None:
    known = Objects(manifests.NAMESPACES)
    known.create("configmaps", SHOP, {"metadata": {"name": "a"}})
    for body, where, code in (
        ({"metadata": {"name": "a"}}, SHOP, 409),
        ({"metadata": {"name": "A_b"}}, SHOP, 422),
        ({}, SHOP, 422),
        ({"metadata": {"name": "b"}}, "nowhere", 404),
        ({"metadata": {"name": "b", "namespace": "default"}}, SHOP, 400),
    ):
        with pytest.raises(StatusError) as caught:
            known.create("configmaps", where, body)
        assert caught.value.code == code, body
    for query in ({"limit": "x"}, {"continue": "x"}, {"labelSelector": "app"}, {"fieldSelector": "status.phase=Running"}):
        with pytest.raises(StatusError) as refusal:
            known.page("configmaps", SHOP, query)
        assert refusal.value.code == 400, query


def test_a_deleted_pod_ends_before_it_goes_and_a_shorter_grace_counts() -> None:
    known = Objects(manifests.NAMESPACES)
    known.create("pods", SHOP, {"metadata": {"name": "a"}, "spec": {"terminationGracePeriodSeconds": 20}})
    first = known.delete("pods", SHOP, "a")["metadata"]
    again = known.delete("pods", SHOP, "a", 5)["metadata"]
    assert (first["deletionGracePeriodSeconds"], again["deletionGracePeriodSeconds"]) == (20, 5)
    assert again["deletionTimestamp"] == first["deletionTimestamp"]
    assert known.find("pods", SHOP, "a") is not None
    known.remove("pods", SHOP, "a")
    with pytest.raises(StatusError) as caught:
        known.get("pods", SHOP, "a")
    assert caught.value.body["details"] == {"name": "a", "kind": "pods"}


def test_a_deployment_replaces_a_pod_as_soon_as_it_is_deleted() -> None:
    known = Objects(manifests.NAMESPACES)
    known.create(*manifests.ALL[0])
    controllers = Deployments(known)
    controllers.tick()
    pods = known.all("pods", SHOP)
    assert len(pods) == manifests.REPLICAS
    (owner,) = pods[0]["metadata"]["ownerReferences"]
    (replica_set,) = known.all("replicasets", SHOP)
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", replica_set["metadata"]["name"], True)
    known.delete("pods", SHOP, pods[0]["metadata"]["name"])
    controllers.tick()
    assert len(known.all("pods", SHOP)) == manifests.REPLICAS + 1, "the old one is still ending"
    controllers.tick()
    assert len(known.all("pods", SHOP)) == manifests.REPLICAS + 1
    (deployment,) = known.all("deployments", SHOP)
    assert deployment["status"]["observedGeneration"] == deployment["metadata"]["generation"]
    assert deployment["status"]["updatedReplicas"] == deployment["status"]["replicas"] == manifests.REPLICAS


def test_an_ephemeral_container_can_be_added_and_not_taken_out(cluster: Cluster) -> None:
    for plural, namespace, body in manifests.ALL[1:]:
        cluster.objects.create(plural, namespace, body)
    cluster.add_pods(1)
    authority = base64.b64decode(cluster.described["certificateAuthority"]["data"]).decode()
    token = cluster.authentication.issue(SHOP, manifests.SERVICE_ACCOUNT, "pod-000")
    client = Client(cluster.described["endpoint"], authority, lambda: token)
    pod = client.get(f"{PODS}/pod-000")
    added = {**pod, "spec": {**pod["spec"], "ephemeralContainers": [{"name": "fis"}]}}
    after = client.call("PUT", f"{PODS}/pod-000/ephemeralcontainers", added)
    assert [container["name"] for container in after["spec"]["ephemeralContainers"]] == ["fis"]
    with pytest.raises(StatusError) as stale:
        client.call("PUT", f"{PODS}/pod-000/ephemeralcontainers", added)
    assert stale.value.reason == "Conflict"
    with pytest.raises(StatusError) as taken_out:
        client.call("PUT", f"{PODS}/pod-000/ephemeralcontainers", {**after, "spec": pod["spec"]})
    assert taken_out.value.reason == "Invalid"
    client.create(f"{PODS}/pod-000/exec?container=fis&command=stop", {})
    assert cluster.executed == [(SHOP, "pod-000", "fis", "stop")]


def test_what_an_ephemeral_container_does_stands_in_its_arguments() -> None:
    injection = parse_injection(["network-packet-loss", "lossPercent=100", "sources=10.0.0.1", "duration=PT1M30S"])
    assert injection.document == "AWSFIS-Run-Network-Packet-Loss-Sources"
    assert injection.parameters == {"LossPercent": "100", "Sources": "10.0.0.1", "TrafficType": "egress"}
    assert injection.seconds == 90
    for wrong in ([], ["reboot", "duration=PT1S"], ["cpu-stress"], ["cpu-stress", "duration=PT"]):
        with pytest.raises(ValueError, match="no injection"):
            parse_injection(wrong)


def test_a_list_is_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "CONTINUE_SECONDS", -1.0)
    known = Objects(manifests.NAMESPACES)
    for name in ("a", "b"):
        known.create("configmaps", SHOP, {"metadata": {"name": name}})
    token = known.page("configmaps", SHOP, {"limit": "1"})["metadata"]["continue"]
    with pytest.raises(StatusError) as caught:
        known.page("configmaps", SHOP, {"limit": "1", "continue": token})
    assert (caught.value.code, caught.value.reason) == (410, "Expired")
