"""The sample's EKS cluster: a node group of two nodes, the Deployment `web` in the namespace `shop` behind a load balancer, and its
access entries.

The cluster is in the EKS API from the start, so that a stack may create access entries for it. Its API server and its
pods run only while the setting `pods` asks for them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from local.kubernetes import certificates, manifests
from local.kubernetes.authentication import Authentication
from local.kubernetes.deployments import Deployments, is_ready
from local.kubernetes.kubelet import Kubelet, Running
from local.kubernetes.nodes import Nodes
from local.kubernetes.objects import Objects
from local.kubernetes.server import ApiServer
from local.workload.cloud import ENVIRONMENT_TAG
from local.workload.metrics import Datum, Stamp
from local.workload.parts import Surroundings
from local.workload.processes.containers import Containers, Measured
from local.workload.processes.served import Served
from local.workload.settings import Settings

CLUSTER = "sample"
ROLE = "sample-eks"
BLOCK = 9
"""The third octet of the addresses of pods in zone a."""
INSIGHTS = "ContainerInsights"


class Pods:
    """A part of the workload (`local.workload.parts`)."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._eks, self._ec2, self._iam = (around.cloud.client(service) for service in ("eks", "ec2", "iam"))
        self._containers = Containers("sample-pods", BLOCK, "PodName", around, self._measure)
        self._open = False
        self._whole_once = False
        self.description: dict[str, str] = {}
        self._register()

    def _register(self) -> None:
        """Create the cluster with its owner's tags; its creator is its administrator."""
        vpc = self._ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        trust = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        with contextlib.suppress(self._iam.exceptions.EntityAlreadyExistsException):
            self._iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=policy)
        try:
            self._eks.create_cluster(
                name=CLUSTER,
                roleArn=self._iam.get_role(RoleName=ROLE)["Role"]["Arn"],
                resourcesVpcConfig={"subnetIds": list(self._around.subnets.values())},
                accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
                tags={ENVIRONMENT_TAG: "staging"},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUseException":
                raise
        self.description = {"name": CLUSTER, "vpc": vpc}

    # --- start and end --------------------------------------------------------------------------------------------

    def tick(self, settings: Settings) -> None:
        if settings.pods and not self._open:
            self._start(settings)
        elif not settings.pods and self._open:
            self._end()
        if self._open:
            self._whole_once = self._whole_once or self.whole(settings)
            self.nodes.tick(settings, self._kubelet)
            self._deployments.tick()
            self._kubelet.tick(room=settings.replace or not self._whole_once)

    def _start(self, settings: Settings) -> None:
        folder = self._around.folder / "cluster"
        authority, certificate = certificates.make_certificates(folder)
        self.objects = Objects(manifests.NAMESPACES, self._around.changed)
        authentication = Authentication(CLUSTER, self._around.cloud.endpoint, self._eks, self.objects)
        self._server = ApiServer(self.objects, authentication, self._execute)
        address = f"https://127.0.0.1:{self._server.serve(certificate)}"
        self._containers.open(settings)
        secrets = {"api": address, "authority": authority}
        self._kubelet = Kubelet(self.objects, authentication, self._containers, folder, secrets, self._around.changed)
        self.nodes = Nodes(self._around, CLUSTER, self._iam.get_role(RoleName=ROLE)["Role"]["Arn"])
        self._deployments = Deployments(self.objects)
        for plural, namespace, body in manifests.ALL:
            self.objects.create(plural, namespace, body)
        self.description = {**self.description, "endpoint": address, "authority": authority}
        self._open, self._whole_once = True, False
        self._around.changed()

    def _end(self) -> None:
        self._server.close()
        self._kubelet.close()
        self._containers.close()
        self.nodes.close()
        self._open = False
        self._around.changed()

    def _execute(self, namespace: str, pod: str, container: str, command: str) -> str:
        return self._kubelet.execute(namespace, pod, container, command)

    def kill(self) -> None:
        if self._open:
            self._server.close()
            self._kubelet.close()
        self._containers.end()

    # --- what the manager asks ------------------------------------------------------------------------------------

    def settle(self, settings: Settings) -> None:
        self._containers.settle(settings)

    def whole(self, settings: Settings) -> bool:
        if not settings.pods or not self._open:
            return self._open == settings.pods
        pods = self.objects.all("pods")
        running = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and is_ready(pod)]
        with self._around.lock:
            healthy = [container for container in self._containers.served() if container.target_state == "healthy"]
        return self.nodes.whole and len(pods) == len(running) == len(healthy) == manifests.REPLICAS

    def served(self) -> list[Served]:
        return self._containers.served()

    def find(self, name: str) -> Served | None:  # noqa: ARG002 - the protocol's
        """Always None: no pod has a Systems Manager agent."""
        return None

    def route(self) -> None:
        self._containers.route()

    def report(self) -> Mapping[str, Any]:
        nodes = self.nodes.report() if self._open else {}
        return {**self._containers.report(), **nodes, "kubernetes": self.description}

    def overview(self) -> Mapping[str, object]:
        if not self._open:
            return {}
        pods = [
            {
                **{key: pod["metadata"][key] for key in ("name", "namespace", "uid")},
                "ready": is_ready(pod),
                "phase": pod.get("status", {}).get("phase"),
                "deleting": "deletionTimestamp" in pod["metadata"],
            }
            for pod in self.objects.all("pods")
        ]  # fmt: skip
        helpers = [run.child.pid for run in self._kubelet.pods() if run.child is not None]
        return {
            "pods": {
                **self._containers.overview(),
                "cluster": CLUSTER,
                "api": self.description["endpoint"],
                "all": pods,
                "nodes": self.nodes.overview(),
                "helpers": helpers,
            }
        }

    # --- Container Insights ---------------------------------------------------------------------------------------

    def _measure(self, start: float, used: Measured) -> Mapping[str, list[Datum]]:
        """Container Insights with enhanced observability: the usage of each pod as a share of its limits."""
        runs = {run.name: run for run in self._kubelet.pods() if run.container is not None} if self._open else {}
        return {INSIGHTS: [datum for name, usage in used.items() if name in runs for datum in _of_pod(Stamp(start), runs[name], usage)]}


def _of_pod(stamp: Stamp, run: Running, used: tuple[float, float]) -> list[Datum]:
    around = {"ClusterName": CLUSTER, "Namespace": run.namespace, "PodName": manifests.DEPLOYMENT}
    values = dict(zip(("pod_cpu_utilization_over_pod_limit", "pod_memory_utilization_over_pod_limit"), used, strict=True))
    return [
        stamp.datum(name, "Percent", dimensions, Value=value)
        for name, value in values.items()
        for dimensions in (around, {**around, "FullPodName": run.name})
    ]
