"""An account whose shape a test chooses: instances and groups of the fake fleet, and load balancers as AWS describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.inventory.classic_balancers import ClassicBalancers
from squall.adapters.inventory.deployments import Deployments
from squall.adapters.inventory.instances import AwsInventory
from squall.adapters.inventory.inventories import Inventories
from squall.adapters.inventory.target_groups import TargetGroups
from tests.accounts.modelled import Modelled
from tests.accounts.traffic import VPC, Metrics, Registered, target_group_arn
from tests.adapters.scripted import error
from tests.fakes.workload import ACCOUNT, REGION, FakeGroup, FakeInstance
from tests.fakes.world import FakeWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from squall.adapters.inventory.inventories import Finder
    from squall.domain.base.vocabulary import ResourceType

STAGING = {"squall:environment": "staging"}


def balancer_arn(name: str, kind: str = "app") -> str:
    return f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/{kind}/{name}/fedcba9876543210"


class Account:
    """The fake world, with an inventory that reads this account through the real adapters."""

    def __init__(self) -> None:
        self.world = FakeWorld()
        self.target_groups: dict[str, Registered] = {}
        self.addresses: dict[str, list[str]] = {}
        """By instance, further addresses of its network interfaces."""
        self.attached: dict[str, list[str]] = {}
        """By Auto Scaling group, ARNs of target groups, deleted ones too."""
        self.weights: dict[str, int] = {}
        """By instance, its weight in its group."""
        self.desired: dict[str, int] = {}
        """By group, its desired capacity in units, where it has weights."""
        self.monitoring: dict[str, str] = {}
        self.interfaces: dict[str, dict[str, Any]] = {}
        """By instance, what more its network interface has: prefixes, a type."""
        self.classic: dict[str, list[str]] = {}
        """By classic load balancer, the ids of the instances behind it."""
        self.lattice: dict[str, str] = {}
        """By Auto Scaling group, the ARN of a target group of VPC Lattice."""
        self.units: dict[str, str] = {}
        """By Auto Scaling group, what its desired capacity counts, where that is not instances."""
        self.suspended: dict[str, list[str]] = {}
        self.refreshing: set[str] = set()
        """Auto Scaling groups with an instance refresh in progress."""
        self.redirects = False
        """Whether every load balancer has a listener besides, which redirects."""
        self.registrars: list[Callable[[Registered], list[str]]] = []
        """What keeps targets of a target group registered: names of those that are registered now."""
        self.signals: dict[str, Callable[[int], float | None]] = {}
        """By name, further metrics as functions of time."""
        self.finders: dict[ResourceType, Callable[[], Finder]] = {}
        elbv2 = Modelled(
            "elbv2", _methods(self, "describe_target_groups", "describe_target_health", "describe_listeners", "describe_rules")
        )
        autoscaling = Modelled(
            "autoscaling",
            _methods(
                self,
                "describe_auto_scaling_groups",
                "describe_auto_scaling_instances",
                "describe_instance_refreshes",
                "describe_scaling_activities",
            ),
        )
        elb = Modelled("elb", _methods(self, "describe_load_balancers", "describe_instance_health"))
        self.ec2 = Modelled("ec2", _methods(self, "describe_instances"))
        self.ssm = Modelled("ssm", _methods(self, "describe_instance_information"))
        target_groups = TargetGroups(elbv2, ClassicBalancers(elb))
        fleet = AwsInventory(self.ec2, autoscaling, target_groups, self.ssm)
        self.world.inventory = Inventories(fleet, target_groups, self.finders)  # type: ignore[assignment]
        self.world.deployments = Deployments(lambda: autoscaling, lambda: None, lambda: None)  # type: ignore[assignment]
        self.world.metrics = Metrics(self)

    def group(self, name: str, size: int = 3) -> list[FakeInstance]:
        """An Auto Scaling group at its desired capacity, over two zones, attached to nothing."""
        self.attached.setdefault(name, [])
        return self.world.fleet.add_group(FakeGroup(name, desired=size, minimum=size, tags=dict(STAGING)))

    def serve(self, name: str, balancer: str | None, targets: list[str], **more: Any) -> Registered:
        """A target group behind a load balancer with these targets."""
        self.target_groups[target_group_arn(name)] = group = Registered(name, balancer, targets=targets, **more)
        return group

    def attach(self, group: str, *target_groups: Registered) -> None:
        """Attach target groups to an Auto Scaling group: its new members are registered there."""
        self.attached[group] += [registered.arn for registered in target_groups]

    def attached_to(self, group: Registered) -> list[str]:
        """Ids of the instances whose Auto Scaling group is attached to the target group."""
        owners = [name for name, arns in self.attached.items() if group.arn in arns]
        return [member.id for name in owners for member in self.world.fleet.members(name)]

    def began(self) -> float | None:
        """When the fault began, in epoch seconds."""
        results = [run.experiment.started_at.timestamp() for run in self.world.faults.runs.values() if run.experiment.started_at]
        return min(results, default=None)

    def since_fault(self, value: float, otherwise: float = 0.0) -> Callable[[int], float]:
        """A metric that has this value since the fault began."""
        return lambda at: value if (began := self.began()) is not None and at >= began else otherwise

    # What AWS answers.

    def describe_target_groups(self, LoadBalancerArn: str | None = None, **_: Any) -> dict[str, Any]:  # noqa: N803
        known = [group for group in self.target_groups.values() if LoadBalancerArn in {None, group.balancer} and not group.deleted]
        return {"TargetGroups": [self._describe(group) for group in known]}

    def _describe(self, group: Registered) -> dict[str, Any]:
        balancers = [group.balancer] if group.balancer and group.weight is not None else []
        function = group.kind == "lambda"  # which has no port, is in no VPC, and whose health is not checked
        place = {} if function else {"Protocol": "HTTP", "Port": 80, "VpcId": group.vpc}
        return {
            "TargetGroupArn": group.arn, "TargetGroupName": group.name, **place, "HealthCheckEnabled": not function,
            "HealthCheckPort": "traffic-port", "HealthCheckIntervalSeconds": 30, "HealthCheckTimeoutSeconds": 5,
            "UnhealthyThresholdCount": 2, "LoadBalancerArns": balancers, "TargetType": group.kind,
        }  # fmt: skip

    def describe_target_health(self, TargetGroupArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        group = self.target_groups.get(TargetGroupArn)
        if group is None or group.deleted:
            raise error("TargetGroupNotFound", "One or more target groups not found")
        states = {target: self._state(group, target) for target in self._targets(group)}
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": target, **({} if group.kind == "lambda" else {"Port": 80})}, "TargetHealth": {"State": state}}
                for target, state in states.items()
                if state
            ]
        }

    def _targets(self, group: Registered) -> list[str]:
        """Its targets, and the new members of the groups that are attached to it."""
        kept = [name for registrar in self.registrars for name in registrar(group)]
        return list(dict.fromkeys([*group.targets, *self.attached_to(group), *kept]))

    def _state(self, group: Registered, target: str) -> str:
        """Empty for a target that is gone."""
        owner = next(
            (instance for instance in self.world.fleet.instances.values() if target in {instance.id, *self.addresses.get(instance.id, [])}),
            None,
        )
        if owner is not None and owner.state != "running":
            return ""
        serving = "unavailable" if group.kind == "lambda" else "healthy"
        return group.states.get(target, serving if group.weight is not None and group.balancer else "unused")

    def describe_listeners(self, LoadBalancerArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        known = [group for group in self.target_groups.values() if not group.deleted]
        behind = [group for group in known if group.balancer == LoadBalancerArn and group.weight is not None and not group.by_rule]
        weighted = [{"TargetGroupArn": group.arn, "Weight": group.weight} for group in behind]
        actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}]
        if self.redirects:
            actions.append({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Protocol": "HTTPS"}})
        listener = LoadBalancerArn.replace("loadbalancer/", "listener/")
        return {
            "Listeners": [
                {"ListenerArn": f"{listener}/{number:016x}", "LoadBalancerArn": LoadBalancerArn, "DefaultActions": [action]}
                for number, action in enumerate(actions)
            ]
        }

    def describe_rules(self, ListenerArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        balancer = ListenerArn.replace("listener/", "loadbalancer/").rpartition("/")
        ruled = [group for group in self.target_groups.values() if group.by_rule and group.balancer == balancer[0] and not group.deleted]
        first = not int(balancer[2], 16)  # the second listener only redirects
        return {
            "Rules": [
                {
                    "RuleArn": f"{ListenerArn}/{number}",
                    "Priority": f"{number}",
                    "Actions": [{"Type": "forward", "TargetGroupArn": group.arn}],
                }
                for number, group in enumerate(ruled if first else ())
            ]
        }

    def describe_load_balancers(self, **_: Any) -> dict[str, Any]:
        return {"LoadBalancerDescriptions": [self._classic(name, ids) for name, ids in self.classic.items()]}

    def _classic(self, name: str, ids: list[str]) -> dict[str, Any]:
        listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstanceProtocol": "HTTP", "InstancePort": 8080}
        check = {"Target": "HTTP:8080/health", "Interval": 30, "Timeout": 5, "UnhealthyThreshold": 2, "HealthyThreshold": 2}
        return {
            "LoadBalancerName": name, "VPCId": VPC, "Instances": [{"InstanceId": entry} for entry in ids],
            "ListenerDescriptions": [{"Listener": listener, "PolicyNames": []}], "HealthCheck": check,
        }  # fmt: skip

    def describe_instance_health(self, LoadBalancerName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        states = {entry: self.world.fleet.instances[entry].state for entry in self.classic[LoadBalancerName]}
        words = {item: "InService" if state == "running" else "OutOfService" for item, state in states.items()}
        return {"InstanceStates": [{"InstanceId": entry, "State": word} for entry, word in words.items()]}

    def describe_instance_refreshes(self, AutoScalingGroupName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        refresh = {"InstanceRefreshId": "08b91cf7", "AutoScalingGroupName": AutoScalingGroupName, "Status": "InProgress"}
        return {"InstanceRefreshes": [refresh] if AutoScalingGroupName in self.refreshing else []}

    def describe_instances(self, Filters: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        wanted = {entry["Name"]: set(entry["Values"]) for entry in Filters}
        known = {"instance-id", "instance-state-name", "availability-zone", "private-ip-address", "vpc-id"}
        if wrong := [name for name in wanted if name not in known and not name.startswith("tag:")]:
            raise error("InvalidParameterValue", f"The filter '{wrong[0]}' is invalid")
        matching_instances = [instance for instance in self.world.fleet.instances.values() if self._matches(instance, wanted)]
        return (
            {"Reservations": [{"OwnerId": ACCOUNT, "Instances": [self._instance(entry) for entry in matching_instances]}]}
            if matching_instances
            else {"Reservations": []}
        )

    def _instance(self, instance: FakeInstance) -> dict[str, Any]:
        addresses = [{"PrivateIpAddress": address} for address in self.addresses.get(instance.id, [])]
        first = {"PrivateIpAddress": self.addresses[instance.id][0]} if addresses else {}
        interface = {"PrivateIpAddresses": addresses, **self.interfaces.get(instance.id, {})}
        launched = {"LaunchTime": instance.launched_at} if instance.launched_at else {}
        return {
            "InstanceId": instance.id, "State": {"Name": instance.state}, "Placement": {"AvailabilityZone": instance.zone}, "VpcId": VPC,
            "Tags": [{"Key": key, "Value": value} for key, value in instance.tags.items()],
            "Monitoring": {"State": self.monitoring.get(instance.id, "enabled")}, "NetworkInterfaces": [interface],
            **launched, **first,
        }  # fmt: skip

    def describe_auto_scaling_instances(self, InstanceIds: list[str], **_: Any) -> dict[str, Any]:  # noqa: N803
        matching_instances = [instance for instance in self.world.fleet.instances.values() if instance.id in InstanceIds and instance.group]
        return {"AutoScalingInstances": [{**_member(entry), "AutoScalingGroupName": entry.group} for entry in matching_instances]}

    def describe_auto_scaling_groups(self, AutoScalingGroupNames: list[str], **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"AutoScalingGroups": [self._group(self.world.fleet.groups[name]) for name in AutoScalingGroupNames]}

    def _group(self, group: FakeGroup) -> dict[str, Any]:
        living = [member for member in self.world.fleet.members(group.name) if not (member.lifecycle or "").startswith("Warmed")]
        members = [{**_member(entry), **self._weight(entry), "ProtectedFromScaleIn": False} for entry in living]
        desired = self.desired.get(group.name, group.desired)
        return {
            "AutoScalingGroupName": group.name, "MinSize": group.minimum, "MaxSize": max(desired, group.desired) + 2,
            "DesiredCapacity": desired, "DefaultCooldown": 300, "AvailabilityZones": sorted({item.zone for item in living}),
            "HealthCheckType": "ELB", "CreatedTime": self.world.clock.now(), "Instances": members,
            "AutoScalingGroupARN": f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0123:autoScalingGroupName/{group.name}",
            "TargetGroupARNs": self.attached.get(group.name, []), "DesiredCapacityType": self.units.get(group.name, "units"),
            "SuspendedProcesses": [{"ProcessName": name, "SuspensionReason": "by hand"} for name in self.suspended.get(group.name, ())],
            "TrafficSources": [{"Identifier": self.lattice[group.name], "Type": "vpc-lattice"}] if group.name in self.lattice else [],
        }  # fmt: skip

    def _weight(self, instance: FakeInstance) -> dict[str, str]:
        return {"WeightedCapacity": str(self.weights[instance.id])} if instance.id in self.weights else {}

    def describe_scaling_activities(self, AutoScalingGroupName: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        joined = [member for member in self.world.fleet.members(AutoScalingGroupName) if member.in_service_at]
        return {"Activities": [_activity(entry, AutoScalingGroupName) for entry in joined]}

    def describe_instance_information(self, **_: Any) -> dict[str, Any]:
        return {"InstanceInformationList": []}

    def _matches(self, instance: FakeInstance, wanted: Mapping[str, set[str]]) -> bool:
        own = {"instance-id": instance.id, "instance-state-name": instance.state, "availability-zone": instance.zone, "vpc-id": VPC}
        own["private-ip-address"] = next(iter(self.addresses.get(instance.id, [])), "")
        values = {**own, **{f"tag:{key}": value for key, value in instance.tags.items()}}
        return all(values.get(name) in allowed for name, allowed in wanted.items())


def _methods(account: Account, *names: str) -> Mapping[str, Callable[..., dict[str, Any]]]:
    return {name: getattr(account, name) for name in names}


def _member(instance: FakeInstance) -> dict[str, Any]:
    return {
        "InstanceId": instance.id, "AvailabilityZone": instance.zone, "LifecycleState": instance.lifecycle or "InService",
        "HealthStatus": "Healthy", "ProtectedFromScaleIn": False,
    }  # fmt: skip


def _activity(instance: FakeInstance, group: str) -> dict[str, Any]:
    return {
        "ActivityId": instance.id, "AutoScalingGroupName": group, "Cause": "capacity",
        "Description": f"Launching a new EC2 instance: {instance.id}",
        "StartTime": instance.in_service_at, "EndTime": instance.in_service_at, "StatusCode": "Successful",
    }  # fmt: skip
