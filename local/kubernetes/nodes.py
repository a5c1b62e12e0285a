"""The managed node group of the sample's cluster: instances that an Auto Scaling group keeps, and the nodes that they are.

Whoever terminates an instance, its node goes down with its pods at once, as on AWS where nothing drains it first: managed node
groups drain only what Auto Scaling itself takes away. The cluster notices later (`local.kubernetes.kubelet`), and the group
launches another instance, which joins after a while.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.kubernetes.kubelet import Kubelet, Node
from local.workload.cloud import ENVIRONMENT_TAG, GROUP, WORKLOAD_TAG
from local.workload.instances.fleet import Activity
from local.workload.parts import Surroundings
from local.workload.settings import Settings

NODEGROUP = "workers"
SIZE = 2
BOOT_SECONDS = 3.0
"""Seconds from the launch of an instance until its node is ready."""
_RUNNING = frozenset({"pending", "running"})


@dataclass
class Instance:
    """An instance of the group."""

    id: str
    node: Node
    launch: Activity
    ready: bool = False


class Nodes:
    """The node group, from its creation to its deletion. All is called on the manager's main thread."""

    def __init__(self, around: Surroundings, cluster: str, role: str) -> None:
        """Create the node group and launch its instances."""
        self._around, self._cluster = around, cluster
        self._eks, self._autoscaling = (around.cloud.client(service) for service in ("eks", "autoscaling"))
        made = self._eks.create_nodegroup(
            clusterName=cluster,
            nodegroupName=NODEGROUP,
            nodeRole=role,
            subnets=list(around.subnets.values()),
            scalingConfig={"minSize": 1, "maxSize": 2 * SIZE, "desiredSize": SIZE},
            tags={ENVIRONMENT_TAG: "staging"},
        )["nodegroup"]
        self.arn = str(made["nodegroupArn"])
        self.group = str(made["resources"]["autoScalingGroups"][0]["name"])
        self._autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=self.group,
            LaunchTemplate={"LaunchTemplateName": GROUP, "Version": "1"},
            MinSize=1,
            MaxSize=2 * SIZE,
            DesiredCapacity=SIZE,
            VPCZoneIdentifier=",".join(around.subnets.values()),
            HealthCheckType="EC2",
        )
        self._instances: dict[str, Instance] = {}
        self._vacant: list[float] = []
        """When each missing instance is to be launched."""
        self.activities: list[Activity] = []
        for _ in range(SIZE):
            self._launch("the node group was created")

    def list_nodes(self) -> list[Node]:
        return [instance.node for instance in self._instances.values()]

    def _launch(self, cause: str) -> None:
        zones = Counter(dict.fromkeys(self._around.subnets, 0))
        zones.update(instance.node.zone for instance in self._instances.values())
        zone = min(zones, key=lambda name: (zones[name], name))
        tags = {
            "Name": "sample-node",
            WORKLOAD_TAG: "node",
            ENVIRONMENT_TAG: "staging",
            f"kubernetes.io/cluster/{self._cluster}": "owned",
            "aws:autoscaling:groupName": self.group,
        }
        machine = self._around.cloud.run_instance(self._around.subnets[zone], tags)
        activity = Activity(f"Launching a new EC2 instance: {machine.id}", cause, self.group)
        self.activities.append(activity)
        with self._around.lock:
            self._instances[machine.id] = Instance(machine.id, Node(zone, machine.address), activity)
        self._around.changed()

    def tick(self, settings: Settings, kubelet: Kubelet) -> None:
        """Notice instances that are gone, replace them, and let those join whose operating system has started."""
        now, states = time.time(), self._around.cloud.states()
        for instance in [one for one in self._instances.values() if states.get(one.id) not in _RUNNING]:
            with self._around.lock:
                del self._instances[instance.id]
            kubelet.lose(instance.node)
            ended = Activity(
                f"Terminating EC2 instance: {instance.id}", "an instance was taken out of service: EC2 health check", self.group
            )
            ended.end()
            self.activities.append(ended)
            self._vacant.append(now + settings.replacement_delay_seconds)
            self._around.changed()
        if settings.replace:
            due = [at for at in self._vacant if at <= now]
            self._vacant = [at for at in self._vacant if at > now]
            for _ in due:
                self._launch("an instance was started in response to a difference between desired and actual capacity")
        for instance in self._instances.values():
            if not instance.ready and now - instance.launch.started >= BOOT_SECONDS:
                instance.ready = True
                instance.launch.end()
                kubelet.join(instance.node)
                self._around.changed()

    @property
    def whole(self) -> bool:
        return len(self._instances) == SIZE and all(instance.ready for instance in self._instances.values())

    def report(self) -> Mapping[str, Any]:
        """The report for the account about the group."""
        with self._around.lock:
            instances = [
                {
                    "InstanceId": instance.id,
                    "AvailabilityZone": instance.node.zone,
                    "LifecycleState": "InService" if instance.ready else "Pending",
                    "HealthStatus": "Healthy",
                    "ProtectedFromScaleIn": False,
                }
                for instance in self._instances.values()
            ]
            launched = {instance.id: instance.launch.started for instance in self._instances.values()}
            activities = [activity.as_dict() for activity in self.activities]
        return {"groups": {self.group: {"instances": instances, "activities": activities, "launched": launched}}}

    def overview(self) -> list[dict[str, object]]:
        return [{"id": one.id, "zone": one.node.zone, "name": one.node.name, "ready": one.ready} for one in self._instances.values()]

    def close(self) -> None:
        """Delete the node group with its instances."""
        self._around.cloud.delete_group(self.group)
        self._around.cloud.terminate(self._instances)
        self._eks.delete_nodegroup(clusterName=self._cluster, nodegroupName=NODEGROUP)
