"""`aws:eks:pod-…`: FIS makes a pod of its own in the target's namespace, which acts there as the service account that
the action names."""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from local.account import eks
from local.account.fis.actions.base import Action
from local.account.fis.pods import POD, explain_refusal
from local.account.fis.targets import Resource
from local.kubernetes.client import Client
from local.kubernetes.pod_security import BASELINE, CONFORMING, PRIVILEGED, RESTRICTED
from local.kubernetes.status import StatusError

Json = dict[str, Any]
POLL_SECONDS = 0.5
APPEAR_SECONDS = 120.0
"""Seconds that FIS's pod may take to bring the fault to its target."""
GONE_SECONDS = 60.0
OVERDUE_SECONDS = 30.0
GRACE_SECONDS = 10
_COMMON = {"kubernetesServiceAccount": True, "fisPodContainerImage": False, "maxErrorsPercent": False, "fisPodLabels": False,
           "fisPodAnnotations": False}  # fmt: skip
_POLICY = "fisPodSecurityPolicy"
_ANY_POLICY = {**_COMMON, _POLICY: False}
"""Actions on the network do not take the policy: they are privileged."""


@dataclass
class _Helper:
    """FIS's own pod for one target."""

    client: Client
    place: str
    name: str
    config: str
    container: str
    target: str


class _Pods(Action):
    target_key = "Pods"
    resource_type = POD
    injects: ClassVar[str]
    """The arguments of `local.kubernetes.injection`. `delete` puts nothing into the target."""
    policies: ClassVar[tuple[str, ...]] = (PRIVILEGED, BASELINE, RESTRICTED)

    def start(self) -> None:
        self._helpers: list[_Helper] = []
        if self._policy not in self.policies:
            raise self.fail("ConfigurationFailure", f"{self._policy} is no {_POLICY} of {self.action_id}.")
        try:
            for resource in self.resources:
                self._helpers.append(self._send(resource))
            self._await_all()
        except StatusError as error:
            self._sweep()
            raise explain_refusal(error, f"actions.{self.name}") from error
        except Exception:
            self._sweep()
            raise

    @property
    def _policy(self) -> str:
        return self.values.get(_POLICY, PRIVILEGED)

    def _await_all(self) -> None:
        deadline = time.monotonic() + APPEAR_SECONDS
        while not all(self._begun(helper) for helper in self._helpers):
            if time.monotonic() > deadline:
                raise self.fail("DependentServiceFailure", "The FIS pod did not bring the fault to its target in time.")
            time.sleep(POLL_SECONDS)

    def _send(self, resource: Resource) -> _Helper:
        cluster, pod = resource.attributes["cluster"], resource.attributes["pod"]
        self.authorize("eks:DescribeCluster", cluster["arn"], resource.tags)
        client, number, namespace = eks.make_client(cluster, self.role_arn), uuid.uuid4().hex[:10], pod["metadata"]["namespace"]
        place = f"/api/v1/namespaces/{namespace}"
        helper = _Helper(client, place, f"fispod-{number}", f"fis-{number}", f"fis-{number}", resource.identifier)
        own = {key: value for key, value in self.values.items() if key not in _ANY_POLICY}
        security = CONFORMING[self._policy]
        orders = {
            "action": self.injects,
            "pod": resource.identifier,
            "container": helper.container,
            "parameters": own,
            "security": security,
        }
        client.create(f"{place}/configmaps", {"metadata": {"name": helper.config}, "data": {"orders": json.dumps(orders)}})
        container = {"name": "fis", "image": "aws-fis", "securityContext": security}
        client.create(f"{place}/pods", {
            "metadata": {"name": helper.name},
            "spec": {
                "serviceAccountName": self.values["kubernetesServiceAccount"], "restartPolicy": "Never",
                "terminationGracePeriodSeconds": GRACE_SECONDS, "containers": [container],
                "volumes": [{"name": "orders", "configMap": {"name": helper.config}}],
            },
        })  # fmt: skip
        return helper

    def _begun(self, helper: _Helper) -> bool:
        """Whether the fault is in effect. Raises ExperimentError if FIS's pod has failed."""
        phase = self._phase(helper)
        if phase == "Succeeded" or self.injects == "delete":
            return phase != "Pending"
        target = helper.client.find(f"{helper.place}/pods/{helper.target}") or {}
        states = target.get("status", {}).get("ephemeralContainerStatuses", ())
        return any(status["name"] == helper.container and "running" in status["state"] for status in states)

    def _phase(self, helper: _Helper) -> str:
        pod = helper.client.find(f"{helper.place}/pods/{helper.name}")
        if pod is None:
            raise self.fail("DependentServiceFailure", f"The FIS pod {helper.name} is gone.")
        phase = str(pod["status"].get("phase"))
        if phase == "Failed":
            ended = [status["state"].get("terminated", {}) for status in pod["status"].get("containerStatuses", ())]
            why = "; ".join(str(state.get("message", "")) for state in ended)
            code = "AuthorizationFailure" if "is forbidden" in why or why == "Unauthorized" else "DependentServiceFailure"
            raise self.fail(code, f"The FIS pod failed: {why}")
        return phase

    def finished(self) -> bool:
        try:
            over = all(self._phase(helper) == "Succeeded" for helper in self._helpers)
        except StatusError as error:
            self._sweep()
            raise explain_refusal(error, f"actions.{self.name}") from error
        except Exception:
            self._sweep()
            raise
        if not over and time.monotonic() - self.started_at > self.duration_seconds + OVERDUE_SECONDS:
            self._sweep()
            raise self.fail("DependentServiceFailure", "The FIS pod did not end in time.")
        return over

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Delete FIS's pod, which ends what it put into its target first."""
        try:
            for helper in self._helpers:
                helper.client.delete(f"{helper.place}/pods/{helper.name}")
            deadline = time.monotonic() + GONE_SECONDS
            for helper in self._helpers:
                while helper.client.find(f"{helper.place}/pods/{helper.name}") and time.monotonic() < deadline:
                    time.sleep(POLL_SECONDS)
                helper.client.delete(f"{helper.place}/configmaps/{helper.config}")
        except StatusError as error:
            raise explain_refusal(error, f"actions.{self.name}") from error

    def _sweep(self) -> None:
        """Clean up after an action that failed, as far as possible."""
        for helper in self._helpers:
            for path in (f"{helper.place}/pods/{helper.name}", f"{helper.place}/configmaps/{helper.config}"):
                try:
                    helper.client.delete(path)
                except StatusError:
                    continue


class PodDelete(_Pods):
    action_id = "aws:eks:pod-delete"
    description = "Delete the specified Kubernetes pods."
    parameters: ClassVar[dict[str, bool]] = {**_ANY_POLICY, "gracePeriodSeconds": False}
    injects = "delete"


class PodCpuStress(_Pods):
    action_id = "aws:eks:pod-cpu-stress"
    description = "Run CPU stress on the target pods."
    parameters: ClassVar[dict[str, bool]] = {**_ANY_POLICY, "duration": True, "percent": False, "workers": False}
    injects = "cpu-stress"


class PodMemoryStress(_Pods):
    action_id = "aws:eks:pod-memory-stress"
    description = "Run memory stress on the target pods."
    parameters: ClassVar[dict[str, bool]] = {**_ANY_POLICY, "duration": True, "percent": False, "workers": False}
    injects = "memory-stress"


class PodIoStress(_Pods):
    action_id = "aws:eks:pod-io-stress"
    description = "Run I/O stress on the target pods."
    parameters: ClassVar[dict[str, bool]] = {**_ANY_POLICY, "duration": True, "percent": False, "workers": False}
    injects = "io-stress"
    policies = (PRIVILEGED, BASELINE)


class PodNetworkLatency(_Pods):
    action_id = "aws:eks:pod-network-latency"
    description = "Add latency to the network of the target pods."
    parameters: ClassVar[dict[str, bool]] = {
        **_COMMON, "duration": True, "delayMilliseconds": False, "jitterMilliseconds": False, "sources": False, "interface": False,
        "flowsPercent": False,
    }  # fmt: skip
    injects = "network-latency"


class PodNetworkPacketLoss(_Pods):
    action_id = "aws:eks:pod-network-packet-loss"
    description = "Add packet loss to the network of the target pods."
    parameters: ClassVar[dict[str, bool]] = {
        **_COMMON,
        "duration": True,
        "lossPercent": False,
        "flowsPercent": False,
        "sources": False,
        "interface": False,
    }
    injects = "network-packet-loss"


class PodNetworkBlackholePort(_Pods):
    action_id = "aws:eks:pod-network-blackhole-port"
    description = "Drop traffic of a protocol and port of the target pods."
    parameters: ClassVar[dict[str, bool]] = {**_COMMON, "duration": True, "protocol": True, "port": True, "trafficType": True}
    injects = "network-blackhole-port"


KINDS = (PodDelete, PodCpuStress, PodMemoryStress, PodIoStress, PodNetworkLatency, PodNetworkPacketLoss, PodNetworkBlackholePort)
