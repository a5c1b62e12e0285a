"""The workload's resources in the account, created and read through ordinary AWS APIs, and its report to the
account."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from local.workload import rollback
from local.workload.databases.cluster import CLUSTER, MULTI_AZ
from local.workload.network.acls import Acls
from local.workload.network.peers import DATABASE_NODES, DATABASE_PORT, INVENTORY_URL

REPORT_ACTION = "SquallReportWorkload"
ENVIRONMENT_TAG = "squall:environment"
GROUP = rollback.GROUP
WORKLOAD_TAG = "sample:workload"
TEMPLATE = {"ImageId": "ami-0sample00000000", "InstanceType": "t3.micro"}
NO_CAPACITY = "InsufficientInstanceCapacity"
ZONES = 2


@dataclass(frozen=True)
class Resources:
    """The names and ARNs of the registered workload."""

    subnets: dict[str, str]
    load_balancer_arn: str
    target_group_arn: str
    group: str

    @property
    def load_balancer(self) -> str:
        """The LoadBalancer dimension: `app/<name>/<id>`."""
        return self.load_balancer_arn.split(":loadbalancer/", 1)[1]


@dataclass(frozen=True)
class Machine:
    """A launched instance."""

    id: str
    address: str
    volume: str
    """Id of its root volume."""


@dataclass(frozen=True)
class GroupOrders:
    """What was ordered through the API of Auto Scaling: the desired capacity, suspended processes, and an instance
    refresh."""

    desired: int
    suspended: frozenset[str]
    refresh: float | None = None
    """Since when the group is to replace every instance that was launched before, in epoch seconds. None: no refresh goes
    on."""


CALL_SECONDS = 60.0
"""How long a call of the account may take."""


class NoCapacityError(Exception):
    """EC2 has no instance left in the zone."""


class Cloud:
    """The account's APIs, as the workload uses them."""

    def __init__(self, endpoint: str, region: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._session = boto3.Session(region_name=region)
        self._config = Config(retries={"max_attempts": 5, "mode": "standard"}, disable_request_compression=True)
        self._ec2, self._elb, self._autoscaling, self._cloudwatch, self._rds, self._ssm, self._iam = (
            self.client(service) for service in ("ec2", "elbv2", "autoscaling", "cloudwatch", "rds", "ssm", "iam")
        )
        self._http = URLLib3Session(timeout=CALL_SECONDS)
        self._peers: list[Any] | None = None
        """The VPC's subnets, which never change."""

    @property
    def endpoint(self) -> str:
        """The account's endpoint URL."""
        return self._endpoint

    def client(self, service: str) -> Any:
        """A client of this account, for a part of the workload that needs a service of its own."""
        return self._session.client(service, endpoint_url=self._endpoint, config=self._config)

    def ensure(self, desired: int) -> Resources:
        """Create whatever is missing: network, load balancer, group, database and its rollback. Repeatable, by their
        names."""
        subnets = self._subnets()
        balancer = self.ensure_balancer(GROUP, list(subnets.values()))
        targets = self.ensure_target_group(GROUP, balancer, "instance")
        self.ensure_group(GROUP, desired, subnets, targets)
        self._ensure_database(list(subnets))
        rollback.ensure_documents(self._ssm, self._iam)
        return Resources(subnets, balancer, targets, GROUP)

    def ensure_group(self, name: str, desired: int, subnets: Mapping[str, str], target_group_arn: str) -> None:
        """Create the Auto Scaling group of this name, attached to the target group, unless it exists."""
        if self._describe_group(name) is not None:
            return
        self._ensure_template()
        self._autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchTemplate={"LaunchTemplateName": GROUP, "Version": "1"},
            MinSize=desired - 1,
            MaxSize=desired * 2,
            DesiredCapacity=desired,
            AvailabilityZones=list(subnets),
            VPCZoneIdentifier=",".join(subnets.values()),
            HealthCheckType="ELB",
            HealthCheckGracePeriod=30,
            TargetGroupARNs=[target_group_arn],
            Tags=[_group_tag(name, "Name", name), _group_tag(name, ENVIRONMENT_TAG, "staging")],
        )

    def delete_group(self, name: str) -> None:
        """Delete the Auto Scaling group. Its instances are left to the caller."""
        self._autoscaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)

    def _describe_group(self, name: str) -> Any:
        """Auto Scaling's description of the group; None if there is no such group."""
        return next(iter(self._autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]), None)

    def _ensure_template(self) -> None:
        try:
            user_data = base64.b64encode(f"INVENTORY_URL={INVENTORY_URL}\n".encode()).decode()  # what `squall discover` finds
            self._ec2.create_launch_template(LaunchTemplateName=GROUP, LaunchTemplateData={**TEMPLATE, "UserData": user_data})
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidLaunchTemplateName.AlreadyExistsException":
                raise

    def _ensure_database(self, zones: list[str]) -> None:
        if any(cluster["DBClusterIdentifier"] == CLUSTER for cluster in self._rds.describe_db_clusters()["DBClusters"]):
            return
        tags = _tag_list({ENVIRONMENT_TAG: "staging", WORKLOAD_TAG: GROUP})
        owner = {"MasterUsername": "sample", "MasterUserPassword": "not-asked-for"}
        self._rds.create_db_cluster(
            DBClusterIdentifier=CLUSTER, Engine="aurora-postgresql", Port=DATABASE_PORT, AvailabilityZones=zones, Tags=tags, **owner
        )
        common = {"DBInstanceClass": "db.t4g.medium", "Tags": tags}
        for identifier, zone in zip(DATABASE_NODES, zones, strict=True):
            self._rds.create_db_instance(
                DBInstanceIdentifier=identifier, DBClusterIdentifier=CLUSTER, Engine="aurora-postgresql", AvailabilityZone=zone, **common
            )
        self._rds.create_db_instance(
            DBInstanceIdentifier=MULTI_AZ, Engine="postgres", MultiAZ=True, Port=DATABASE_PORT, AllocatedStorage=20, **common, **owner
        )

    def _subnets(self) -> dict[str, str]:
        subnets = self._ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
        by_zone = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in subnets}
        if len(by_zone) < ZONES:
            raise RuntimeError(f"the account has default subnets in {sorted(by_zone)} only; two zones are needed")
        chosen = {zone: by_zone[zone] for zone in sorted(by_zone)[:ZONES]}
        self._ec2.create_tags(Resources=list(chosen.values()), Tags=_tag_list({ENVIRONMENT_TAG: "staging", WORKLOAD_TAG: GROUP}))
        return chosen

    def ensure_balancer(self, name: str, subnets: list[str], scheme: str = "internet-facing") -> str:
        """Create the application load balancer of this name unless it exists; returns its ARN."""
        for balancer in self._elb.describe_load_balancers()["LoadBalancers"]:
            if balancer["LoadBalancerName"] == name:
                return str(balancer["LoadBalancerArn"])
        tags = _tag_list({WORKLOAD_TAG: name})
        created = self._elb.create_load_balancer(Name=name, Subnets=subnets, Scheme=scheme, Type="application", Tags=tags)
        return str(created["LoadBalancers"][0]["LoadBalancerArn"])

    def ensure_target_group(self, name: str, balancer: str | None, kind: str) -> str:
        """Create the target group of this name unless it exists, with a listener of that load balancer if there is one;
        returns its ARN. `kind`: instance or ip."""
        for group in self._elb.describe_target_groups()["TargetGroups"]:
            if group["TargetGroupName"] == name:
                return str(group["TargetGroupArn"])
        vpc = self._ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        created = self._elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=80,
            VpcId=vpc,
            TargetType=kind,
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=3,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )
        arn = str(created["TargetGroups"][0]["TargetGroupArn"])
        if balancer is not None:
            action = {"Type": "forward", "TargetGroupArn": arn}
            self._elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action])
        return arn

    def forward(self, balancer: str, weights: Mapping[str, int]) -> None:
        """Send the requests of the load balancer's only listener to these target groups (ARN to weight)."""
        (listener,) = self._elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        weighted = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weighted}}
        self._elb.modify_listener(ListenerArn=listener["ListenerArn"], DefaultActions=[action])

    def attach(self, group: str, target_group_arn: str) -> None:
        """Attach the target group to the Auto Scaling group."""
        self._autoscaling.attach_load_balancer_target_groups(AutoScalingGroupName=group, TargetGroupARNs=[target_group_arn])

    def detach(self, group: str, target_group_arn: str) -> None:
        """Detach the target group from the Auto Scaling group."""
        self._autoscaling.detach_load_balancer_target_groups(AutoScalingGroupName=group, TargetGroupARNs=[target_group_arn])

    def run_instance(self, subnet: str, tags: Mapping[str, str], *, spot: bool = False) -> Machine:
        """Launch one instance, On-Demand or Spot; raises NoCapacityError."""
        try:
            made = self._launched(subnet, tags, {"InstanceMarketOptions": {"MarketType": "spot"}} if spot else {})
        except ClientError as error:
            if error.response["Error"]["Code"] == NO_CAPACITY:
                raise NoCapacityError(error.response["Error"]["Message"]) from error
            raise
        return Machine(made["InstanceId"], made["PrivateIpAddress"], made["BlockDeviceMappings"][0]["Ebs"]["VolumeId"])

    def _launched(self, subnet: str, tags: Mapping[str, str], market: Mapping[str, object]) -> Any:
        created = self._ec2.run_instances(
            **TEMPLATE,
            **market,
            MinCount=1,
            MaxCount=1,
            SubnetId=subnet,
            TagSpecifications=[{"ResourceType": kind, "Tags": _tag_list(_allowed_tags(tags, kind))} for kind in ("instance", "volume")],
        )
        return created["Instances"][0]

    def acls(self, subnets: Iterable[str]) -> Acls:
        """What the network ACLs of these subnets, and of the VPC's other subnets, let through at the moment."""
        if self._peers is None:
            described = self._ec2.describe_subnets(SubnetIds=list(subnets))["Subnets"]
            self._peers = self._ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [described[0]["VpcId"]]}])["Subnets"]
        return Acls.described(self._peers, self._ec2.describe_network_acls()["NetworkAcls"])

    def states(self) -> dict[str, str]:
        """State by id of every instance of the workload that EC2 knows."""
        pages = self._ec2.get_paginator("describe_instances").paginate(Filters=[{"Name": "tag-key", "Values": [WORKLOAD_TAG]}])
        return {
            instance["InstanceId"]: instance["State"]["Name"]
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }

    def terminate(self, instance_ids: Iterable[str]) -> None:
        """Terminate instances. An instance that EC2 has forgotten counts as terminated."""
        for instance_id in instance_ids:
            try:
                self._ec2.terminate_instances(InstanceIds=[instance_id])
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                    raise

    def orders(self, name: str) -> GroupOrders:
        """What the group's owner ordered, and has not been done yet."""
        group = self._describe_group(name)
        suspended = frozenset(process["ProcessName"] for process in group.get("SuspendedProcesses", []))
        refreshes = self._autoscaling.describe_instance_refreshes(AutoScalingGroupName=name)["InstanceRefreshes"]
        since = [refresh["StartTime"].timestamp() for refresh in refreshes if refresh["Status"] == "InProgress"]
        return GroupOrders(int(group["DesiredCapacity"]), suspended, min(since, default=None))

    def register(self, target_group_arn: str, target: str) -> None:
        """Register a target: an instance's id or an address, depending on the target group."""
        self._elb.register_targets(TargetGroupArn=target_group_arn, Targets=[{"Id": target}])

    def deregister(self, target_group_arn: str, target: str) -> None:
        self._elb.deregister_targets(TargetGroupArn=target_group_arn, Targets=[{"Id": target}])

    def registered(self, target_group_arn: str) -> list[str]:
        health = self._elb.describe_target_health(TargetGroupArn=target_group_arn)
        return [description["Target"]["Id"] for description in health["TargetHealthDescriptions"]]

    def put_metrics(self, namespace: str, data: list[dict[str, Any]]) -> None:
        for start in range(0, len(data), 500):
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + 500])

    def report(self, document: Mapping[str, object]) -> None:
        """Report the workload's state to the account (see ministack_truth). AWS's own services know this state, and no
        public API sets it."""
        body = urlencode({"Action": REPORT_ACTION, "Version": "2011-01-01", "Document": json.dumps(document)})
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        request = AWSRequest(method="POST", url=self._endpoint + "/", data=body, headers=headers)
        credentials = self._session.get_credentials()
        if credentials is None:
            raise RuntimeError("no credentials for the local account in the environment")
        SigV4Auth(credentials, "autoscaling", self._region).add_auth(request)
        answer = self._http.send(request.prepare())
        if answer.status_code != 200:
            raise RuntimeError(f"the account does not take the workload's report: {answer.text[:300]}")


def _allowed_tags(tags: Mapping[str, str], kind: str) -> dict[str, str]:
    """The tags that may be set: tags of Auto Scaling (`aws:…`) on instances only, because volumes get none of them."""
    return {key: value for key, value in tags.items() if kind == "instance" or not key.startswith("aws:")}


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _group_tag(group: str, key: str, value: str) -> dict[str, object]:
    return {"Key": key, "Value": value, "ResourceId": group, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}
