"""Targets of type `aws:eks:pod`: found by parameters in a cluster, as the experiment's role, when the experiment
starts."""

from typing import Any

from local.account import eks, iam
from local.account.fis.errors import ExperimentError
from local.account.fis.targets import Resource
from local.kubernetes.client import Client
from local.kubernetes.status import StatusError

Json = dict[str, Any]
POD = "aws:eks:pod"
REQUIRED = ("clusterIdentifier", "namespace", "selectorType", "selectorValue")
OPTIONAL = ("availabilityZoneIdentifier", "targetContainerName")
SELECTORS = ("labelSelector", "deploymentName", "podName")


def find_problem(target: Json) -> str:
    """Why CreateExperimentTemplate refuses such a target; empty if it does not."""
    parameters = target.get("parameters") or {}
    if target.get("resourceArns") or target.get("resourceTags"):
        return "targets of type aws:eks:pod are identified by parameters"
    if missing := [name for name in REQUIRED if not parameters.get(name)]:
        return f"parameters required: {', '.join(missing)}"
    if unknown := sorted(set(parameters) - {*REQUIRED, *OPTIONAL}):
        return f"no parameters {', '.join(unknown)}"
    return "" if parameters["selectorType"] in SELECTORS else f"selectorType is one of {', '.join(SELECTORS)}"


def resolve_pods(name: str, target: Json, role_arn: str) -> list[Resource]:
    """The running pods, by name. Raises ExperimentError if the role may not list them, or the cluster does not
    exist."""
    where, parameters = f"targets.{name}", target["parameters"]
    cluster = eks.find_cluster(parameters["clusterIdentifier"])
    if cluster is None:
        raise ExperimentError("InvalidTarget", f"Cluster {parameters['clusterIdentifier']} does not exist.", where)
    tags = eks.tags_of(cluster["arn"])
    if denied := iam.authorize_role(role_arn, "eks:DescribeCluster", cluster["arn"], tags):
        raise ExperimentError("AuthorizationFailure", denied.message, where)
    try:
        pods = _find_pods(eks.make_client(cluster, role_arn), parameters)
    except StatusError as error:
        raise explain_refusal(error, where) from error
    return [_make_resource(cluster, tags, pod) for pod in pods]


def _make_resource(cluster: Json, tags: dict[str, str], pod: Json) -> Resource:
    name = pod["metadata"]["name"]
    arn = f"{cluster['arn']}/{pod['metadata']['namespace']}/{name}"  # a pod has no ARN; this one only identifies it
    return Resource(arn, name, tags, {"cluster": cluster, "pod": pod})


def explain_refusal(error: StatusError, where: str) -> ExperimentError:
    """Kubernetes' error answer as FIS reports it."""
    code = "AuthorizationFailure" if error.code in {401, 403} else "DependentServiceFailure"
    return ExperimentError(code, f"Kubernetes answered {error.code}: {error}", where)


def _find_pods(client: Client, parameters: Json) -> list[Json]:
    place, value = f"/namespaces/{parameters['namespace']}", parameters["selectorValue"]
    if parameters["selectorType"] == "podName":
        pods = [client.find(f"/api/v1{place}/pods/{name}") for name in value.split(",")]
    else:
        selector = value
        if parameters["selectorType"] == "deploymentName":
            labels = client.get(f"/apis/apps/v1{place}/deployments/{value}")["spec"]["selector"]["matchLabels"]
            selector = ",".join(f"{key}={value}" for key, value in labels.items())
        pods = client.get(f"/api/v1{place}/pods?labelSelector={selector}")["items"]
    return [pod for pod in pods if pod and pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]]
