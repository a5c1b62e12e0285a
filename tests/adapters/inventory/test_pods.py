"""EKS pods as candidates: what controls them, where they run, who may look; and what is not there."""

from __future__ import annotations

import base64
import io
import json
import ssl
from datetime import UTC, datetime
from email.message import Message
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from squall.adapters.inventory import kubernetes
from squall.adapters.inventory.kubernetes import Kubernetes
from squall.adapters.inventory.pods import EksPods
from squall.domain.resources.pods import EksPod
from squall.errors import Unavailable
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACCOUNT = "123456789012"
CLUSTER = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/main"
TAGS = {"squall:environment": "staging", "team": "shop"}
FILTERS = {"namespace": ["shop"], "deployment": ["web"]}
CHAOS = "/apis/chaos-mesh.org/v1alpha1"
SHOP, ENFORCED = "/api/v1/namespaces/shop", "pod-security.kubernetes.io/enforce"
PODS, SETS, DEPLOYMENTS = (
    "/api/v1/namespaces/shop/pods",
    "/apis/apps/v1/namespaces/shop/replicasets",
    "/apis/apps/v1/namespaces/shop/deployments",
)


def cluster(**changes: Any) -> dict[str, Any]:
    inputs = {
        "name": "main", "arn": CLUSTER, "status": "ACTIVE", "endpoint": "https://main.example", "tags": TAGS,
        "certificateAuthority": {"data": base64.b64encode(b"pem").decode()}, "resourcesVpcConfig": {"vpcId": "vpc-1"},
    }  # fmt: skip
    return {**inputs, **changes}


def pod(number: int, *, owner: tuple[str, str] | None = ("ReplicaSet", "web-7d9c5b"), **changes: Any) -> dict[str, Any]:
    owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
    entry: dict[str, Any] = {
        "metadata": {
            "name": f"web-7d9c5b-{number}", "namespace": "shop", "uid": f"{number:08x}-aaaa-4000-8000-000000000000",
            "labels": {"app": "web", "squall.environment": "staging"}, "ownerReferences": owners,
            "creationTimestamp": "2026-03-01T10:00:00Z",
        },
        "spec": {"containers": [{"name": "web", "resources": {"limits": {"memory": "64Mi"}}}]},
        "status": {
            "phase": "Running", "podIP": f"10.0.2.{number}", "hostIP": "10.0.1.4",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T10:00:09Z"}],
        },
    }  # fmt: skip
    for part, change in changes.items():
        entry[part] = {**entry[part], **change}
    return entry


def deployment(**status: Any) -> dict[str, Any]:
    inputs = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, **status}
    return {"metadata": {"name": "web", "generation": 3}, "spec": {"replicas": 2}, "status": inputs}


OWNED = {"metadata": {"name": "web-7d9c5b", "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}]}}


class Lists:
    """Kubernetes' API from a script."""

    def __init__(self, **inputs: Any) -> None:
        self.known: dict[str, Any] = {PODS: [pod(1), pod(2)], SETS: [OWNED], DEPLOYMENTS: [deployment()], **inputs}
        self.asked: list[str] = []

    def list(self, cluster: Mapping[str, Any], path: str) -> Iterator[Mapping[str, Any]]:
        self.asked.append(path)
        result = self.known[path]
        if isinstance(result, Exception):
            raise result
        yield from result

    def get(self, cluster: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        unknown = Unavailable("kubernetes", "list", "404", "main answered 404", retryable=False)
        answer = self.known.get(path, unknown if path == CHAOS else {"metadata": {"name": path.rpartition("/")[2]}})
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


def finder(lists: Lists | None = None, described: Any = None) -> tuple[EksPods, Lists, Scripted]:
    api = lists or Lists()
    eks = Scripted("eks", describe_cluster=[described or {"cluster": cluster()}])
    instance = {"PrivateIpAddress": "10.0.1.4", "Placement": {"AvailabilityZone": f"{REGION}b"}}
    ec2 = Scripted("ec2", describe_instances=[{"Reservations": [{"Instances": [instance]}]}])
    return EksPods(eks, ec2, api), api, ec2


def test_a_deployments_pods_with_all_that_faults_ask_of_them() -> None:
    pods, _, ec2 = finder()
    candidates = pods.find([CLUSTER], {"squall:environment": "staging"}, FILTERS)
    entry, two = candidates.resources
    assert isinstance(entry, EksPod)
    assert (entry.id, entry.name, entry.namespace, entry.cluster) == ("shop/web-7d9c5b-1/00000001", "web-7d9c5b-1", "shop", CLUSTER)
    assert (entry.state, entry.zone, entry.group, entry.private_ip) == ("Ready", f"{REGION}b", "main/shop/deployment/web", "10.0.2.1")
    assert (entry.tags, entry.memory_limited) == ({"squall:environment": "staging"}, True), (
        "a tag nobody repeated on the pod is not the pod's"
    )
    assert (entry.launched_at, entry.in_service_at) == (datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 10, 0, 9, tzinfo=UTC))
    (group,) = candidates.groups
    assert (group.kind, group.desired, group.in_service, group.rolling_out) == ("eks", 2, (entry.id, two.id), False)
    assert candidates.registered == {"10.0.2.1": "vpc-1", "10.0.2.2": "vpc-1"}
    (asked,) = ec2.arguments("describe_instances")
    assert asked["Filters"][0] == {"Name": "vpc-id", "Values": ["vpc-1"]}


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"metadata": {"deletionTimestamp": "2026-03-01T11:00:00Z"}}, "state", "Terminating"),
        ({"status": {"phase": "Pending"}}, "state", "Pending"),
        ({"status": {"conditions": []}}, "state", "NotReady"),
        ({"spec": {"hostNetwork": True}}, "private_ip", None),
        ({"metadata": {"labels": {"app": "web", "eks.amazonaws.com/fargate-profile": "p"}}}, "fargate", True),
        ({"metadata": {"labels": {"app": "web", "squall.environment": "production"}}}, "tags", {}),
        ({"spec": {"securityContext": {"runAsNonRoot": True}}}, "unprivileged", True),
        ({"spec": {"securityContext": {"runAsUser": 1000}}}, "unprivileged", True),
        ({"spec": {"containers": [{"name": "a", "securityContext": {"readOnlyRootFilesystem": True}}]}}, "read_only_root", True),
        ({"spec": {"containers": [{"name": "a"}]}}, "memory_limited", False),
        ({"status": {"ephemeralContainerStatuses": [{"name": "fis", "state": {"running": {}}}]}}, "injecting", ("fis",)),
        ({"status": {"hostIP": "10.9.9.9"}}, "zone", ""),
    ],
)
def test_what_a_pod_says_of_itself(changes: dict[str, Any], field: str, value: Any) -> None:
    pods, _, _ = finder(Lists(**{PODS: [pod(1, **changes)]}))
    (resource,) = pods.find([CLUSTER], {}, {"namespace": ["shop"], "pod": ["web-7d9c5b-1"]}).resources
    assert getattr(resource, field) == value


@pytest.mark.parametrize(
    ("labels", "level"), [({}, "privileged"), ({ENFORCED: "restricted"}, "restricted"), ({f"{ENFORCED}-version": "v1.33"}, "privileged")]
)
def test_a_pod_has_the_pod_security_standard_that_its_namespace_enforces(labels: dict[str, str], level: str) -> None:
    pods, _, _ = finder(Lists(**{SHOP: {"metadata": {"name": "shop", "labels": labels}}}))
    resources = pods.find([CLUSTER], {}, FILTERS).resources
    assert [getattr(resource, "pod_security", None) for resource in [*resources, *pods.refresh(resources).resources]] == [level] * 4


def test_a_namespace_that_does_not_exist_has_no_pods() -> None:
    pods, _, _ = finder(Lists(**{SHOP: Unavailable("kubernetes", "list", "404", "no", retryable=False), PODS: []}))
    candidates = pods.find([CLUSTER], {}, FILTERS)
    assert (candidates.resources, candidates.unreadable) == ((), ())


@pytest.mark.parametrize(
    ("filters", "result"),
    [
        ({"labels": ["app=web"]}, 2),
        ({"labels": ["app=web", "tier=front"]}, 0),
        ({"pod": ["web-7d9c5b-2"]}, 1),
        ({"deployment": ["api"]}, 0),
        ({"cluster": ["main"], "deployment": ["web"]}, 2),
    ],
)
def test_filters_narrow(filters: dict[str, list[str]], result: int) -> None:
    pods, _, _ = finder()
    assert len(pods.find([CLUSTER], {}, {"namespace": ["shop"], **filters}).resources) == result


def test_pods_that_nothing_counts_have_no_group_and_fis_own_are_no_candidates() -> None:
    helper = pod(9, owner=None, metadata={"name": "fispod-abc", "namespace": "shop", "uid": "9" * 8})
    pods, _, _ = finder(Lists(**{PODS: [pod(1, owner=("Job", "once")), helper]}))
    candidates = pods.find([CLUSTER], {}, {"namespace": ["shop"], "labels": ["app=web"]})
    (resource,) = candidates.resources
    assert isinstance(resource, EksPod)
    assert (resource.group, resource.helpers, candidates.groups) == (None, ("fispod-abc",), ())


@pytest.mark.parametrize("status", [{"observedGeneration": 2}, {"updatedReplicas": 1}])
def test_a_deployment_that_is_not_through_is_rolling_out(status: dict[str, Any]) -> None:
    pods, _, _ = finder(Lists(**{DEPLOYMENTS: [deployment(**status)]}))
    assert [group.rolling_out for group in pods.find([CLUSTER], {}, FILTERS).groups] == [True]


def test_again_finds_the_same_pods_and_those_that_came() -> None:
    pods, lists, _ = finder()
    before = [resource.model_copy(update={"service_account": "fis"}) for resource in pods.find([CLUSTER], {}, FILTERS).resources]
    lists.known[PODS] = [pod(2), pod(3)]
    again = pods.refresh(before)
    assert [(resource.id, getattr(resource, "service_account", "")) for resource in again.resources] == [
        ("shop/web-7d9c5b-2/00000002", "fis"),
        ("shop/web-7d9c5b-3/00000003", "fis"),
    ]
    assert again.missing == (before[0].arn,)
    assert again.groups[0].in_service == ("shop/web-7d9c5b-2/00000002", "shop/web-7d9c5b-3/00000003")


def test_a_cluster_that_is_not_there_is_named() -> None:
    pods, lists, _ = finder(described=error("ResourceNotFoundException"))
    foreign = CLUSTER.replace(REGION, "us-east-1")
    assert pods.find([CLUSTER, foreign], {}, FILTERS).missing == (CLUSTER, foreign)
    assert lists.asked == []


PRIVATE = {"vpcId": "vpc-1", "endpointPublicAccess": False}
NARROW = {"vpcId": "vpc-1", "endpointPublicAccess": True, "publicAccessCidrs": ["192.0.2.0/24"]}


@pytest.mark.parametrize(
    ("code", "vpc", "expected_text"),
    [
        ("Unauthorized", {}, "an access entry"),
        ("Forbidden", {}, "AmazonEKSViewPolicy"),
        ("Unreachable", PRIVATE, "has a private endpoint"),
        ("Unreachable", NARROW, "only 192.0.2.0/24"),
        ("TooMany", {}, "TooMany"),
    ],
)
def test_a_cluster_nobody_lets_squall_look_into_is_told_in_a_sentence(code: str, vpc: dict[str, Any], expected_text: str) -> None:
    closed = Unavailable("kubernetes", "list", code, "no", retryable=code == "Unreachable")
    pods, _, _ = finder(Lists(**{PODS: closed}), {"cluster": cluster(resourcesVpcConfig=vpc)})
    candidates = pods.find([CLUSTER], {}, FILTERS)
    assert candidates.resources == ()
    (sentence,) = candidates.unreadable
    assert expected_text in sentence


def test_a_cluster_that_may_answer_later_is_asked_again_by_whoever_retries() -> None:
    pods, _, _ = finder(Lists(**{PODS: Unavailable("kubernetes", "list", "Unreachable", "no", retryable=True)}))
    with pytest.raises(Unavailable):
        pods.find([CLUSTER], {}, FILTERS)


class Wire:
    """urllib from a script."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []

    def open(self, fullurl: Any, data: None = None, timeout: float | None = None) -> Any:
        assert timeout is not None
        self.requests.append(fullurl)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return io.BytesIO(answer if isinstance(answer, bytes) else json.dumps(answer).encode())


def refusal(status: int) -> HTTPError:
    return HTTPError("https://main.example", status, "no", Message(), None)


@pytest.fixture
def api() -> Kubernetes:
    return Kubernetes(boto3.client("sts", region_name=REGION, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="x"))


def listed(api: Kubernetes, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> tuple[list[Any], Wire]:
    wire = Wire(*answers)
    monkeypatch.setattr(api, "_opener", lambda cluster: wire)
    return list(api.list(cluster(), PODS)), wire


def test_the_token_is_our_own_identity_signed_for_this_cluster_for_a_minute(api: Kubernetes) -> None:
    token = api.token("main")
    assert token.startswith("k8s-aws-v1.")
    assert "=" not in token
    encoded = token.removeprefix("k8s-aws-v1.")
    url = urlsplit(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode())
    asked = parse_qs(url.query)
    assert url.netloc == f"sts.{REGION}.amazonaws.com"
    assert (asked["Action"], asked["X-Amz-Expires"]) == (["GetCallerIdentity"], ["60"])
    assert asked["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    assert api.token("other") != token


def test_one_object_is_asked_for_with_the_same_token(api: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire({"metadata": {"name": "shop"}}, refusal(404))
    monkeypatch.setattr(api, "_opener", lambda cluster: wire)
    assert api.get(cluster(), SHOP) == {"metadata": {"name": "shop"}}
    assert wire.requests[0].full_url == f"https://main.example{SHOP}"
    assert wire.requests[0].headers["Authorization"].startswith("Bearer k8s-aws-v1.")
    with pytest.raises(Unavailable) as caught:
        api.get(cluster(), SHOP)
    assert caught.value.code == kubernetes.NOT_FOUND


def test_every_page_is_read(api: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    result, wire = listed(api, monkeypatch, {"items": [1], "metadata": {"continue": "a&b"}}, {"items": [2], "metadata": {}})
    assert result == [1, 2]
    assert [request.full_url for request in wire.requests] == [
        f"https://main.example{PODS}?limit=200",
        f"https://main.example{PODS}?limit=200&continue=a%26b",
    ]
    assert wire.requests[0].headers["Authorization"].startswith("Bearer k8s-aws-v1.")


@pytest.mark.parametrize(
    ("answer", "code", "again"),
    [
        (refusal(401), "Unauthorized", False),
        (refusal(403), "Forbidden", False),
        (refusal(404), "404", False),
        (refusal(302), "302", False),
        (refusal(410), "410", True),
        (refusal(429), "429", True),
        (refusal(503), "503", True),
        (URLError("timed out"), "Unreachable", True),
        (TimeoutError(), "Unreachable", True),
        (ssl.SSLError("self-signed"), "Unreachable", True),
        (b"<html>", "Unreadable", False),
        ([], "Unreadable", False),
    ],
)
def test_what_is_no_list_is_an_error_with_a_name(
    api: Kubernetes, monkeypatch: pytest.MonkeyPatch, answer: Any, code: str, again: bool
) -> None:
    with pytest.raises(Unavailable) as caught:
        listed(api, monkeypatch, answer)
    assert (caught.value.code, caught.value.retryable) == (code, again)


def test_what_is_read_is_bounded(api: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "MOST_PAGES", 2)
    more = {"items": [1], "metadata": {"continue": "x"}}
    with pytest.raises(Unavailable, match="TooMany"):
        listed(api, monkeypatch, more, more, more)
    monkeypatch.setattr(kubernetes, "LARGEST", 10)
    with pytest.raises(Unavailable, match="TooLarge"):
        listed(api, monkeypatch, {"items": ["x" * 20]})


@pytest.mark.parametrize("authority", [{}, {"data": ""}, {"data": "%%"}, {"data": "cGVt"}])
def test_a_cluster_without_an_authority_to_trust_is_not_spoken_to(api: Kubernetes, authority: dict[str, str]) -> None:
    with pytest.raises(Unavailable, match="certificate authority"):
        list(api.list(cluster(certificateAuthority=authority), PODS))


@pytest.mark.parametrize("endpoint", ["", "http://main.example", "file:///etc/passwd"])
def test_an_endpoint_that_is_not_https_is_not_spoken_to(api: Kubernetes, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    wire = Wire()
    monkeypatch.setattr(api, "_opener", lambda cluster: wire)
    with pytest.raises(Unavailable, match="the endpoint"):
        list(api.list(cluster(endpoint=endpoint), PODS))
    assert wire.requests == []


KINDS = ("dnschaos", "httpchaos", "iochaos", "networkchaos", "stresschaos", "timechaos")


def chaos(**found: Any) -> dict[str, Any]:
    """What the cluster answers where Chaos Mesh is installed: no resources but these."""
    return {CHAOS: {"kind": "APIResourceList"}, **{f"{CHAOS}/namespaces/shop/{kind}": found.get(kind, []) for kind in KINDS}}


def test_custom_resources_of_chaos_mesh_in_the_namespace_are_told_with_each_pod() -> None:
    known = chaos(networkchaos=[{"metadata": {"name": "slow"}}], iochaos=[{"metadata": {"name": "full"}}])
    pods, api, _ = finder(Lists(**known))
    found = [resource for resource in pods.find([CLUSTER], {}, FILTERS).resources if isinstance(resource, EksPod)]
    names = ("iochaos.chaos-mesh.org/full", "networkchaos.chaos-mesh.org/slow")
    assert [resource.chaos for resource in found] == [names, names]
    assert {path.rpartition("/")[2] for path in api.asked if path.startswith(CHAOS)} == set(KINDS)


def test_only_a_custom_resource_that_lists_pods_of_this_namespace_alone_is_told_with_them() -> None:
    def named(name: str, **selector: Any) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"selector": selector}}

    both = named("both", pods={"shop": ["web-1"], "pay": ["pay-1"]})
    entries = [named("ours", pods={"shop": ["web-1", "web-2"]}), both, named("labels", labelSelectors={"app": "web"})]
    pods, _, _ = finder(Lists(**chaos(networkchaos=entries)))
    found = [resource for resource in pods.find([CLUSTER], {}, FILTERS).resources if isinstance(resource, EksPod)]
    assert {len(resource.chaos or ()) for resource in found} == {3}
    assert [resource.chaos_pods for resource in found] == [{"networkchaos.chaos-mesh.org/ours": ("web-1", "web-2")}] * 2


@pytest.mark.parametrize(("path", "code"), [(CHAOS, "404"), (f"{CHAOS}/namespaces/shop/iochaos", "Forbidden")])
def test_where_they_cannot_be_listed_nothing_is_known_of_them_and_pods_are_read_all_the_same(path: str, code: str) -> None:
    closed = Unavailable("kubernetes", "list", code, "no", retryable=False)
    pods, _, _ = finder(Lists(**{**chaos(), path: closed}))
    found = pods.find([CLUSTER], {}, FILTERS)
    assert [resource.chaos for resource in found.resources if isinstance(resource, EksPod)] == [None, None]
    assert found.unreadable == ()


def test_a_cluster_that_may_answer_later_is_asked_again() -> None:
    busy = Unavailable("kubernetes", "list", "503", "no", retryable=True)
    pods, _, _ = finder(Lists(**{**chaos(), f"{CHAOS}/namespaces/shop/dnschaos": busy}))
    with pytest.raises(Unavailable):
        pods.find([CLUSTER], {}, FILTERS)
