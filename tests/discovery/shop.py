"""A generated account: any number of shops, each with a load balancer, instances, an ECS service, a function, and data stores."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.discovery.answers import ACCOUNT, REGION, Answer, pages

NOW = datetime(2030, 1, 7, 10, tzinfo=UTC)
ZONES = ("eu-west-1a", "eu-west-1b")
VPC = "vpc-0123456789abcdef0"
OPTED_IN = {"squall:environment": "staging"}
RESOURCES = 17
"""Resources of a shop: 1 load balancer, 2 target groups, 1 group, 3 instances, 1 service with 2 tasks, 1 function, 1 database, 1 cache,
1 table, 2 security groups, 1 alarm. Two subnets are shared."""


def arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Shop:
    """One shop. The flags take something away from it."""

    def __init__(self, number: int = 0, **changes: Any) -> None:
        self.name, self.n = f"shop-{number}", number
        self.changes = changes
        self.balancer = arn("elasticloadbalancing", f"loadbalancer/app/{self.name}/{number:016x}")
        self.groups = [arn("elasticloadbalancing", f"targetgroup/{self.name}-{kind}/{number:016x}") for kind in ("web", "tasks")]
        self.scaling_group = arn("autoscaling", f"autoScalingGroup:{number}:autoScalingGroupName/{self.name}")
        self.service = arn("ecs", f"service/main/{self.name}")
        self.function = arn("lambda", f"function:{self.name}-orders")
        self.database = arn("rds", f"db:{self.name}")
        self.cache = arn("elasticache", f"replicationgroup:{self.name}")
        self.table = arn("dynamodb", f"table/{self.name}-carts")
        self.endpoint = f"{self.name}.abc.{REGION}.rds.amazonaws.com"
        self.security_groups = [f"sg-{2 * number:017x}", f"sg-{2 * number + 1:017x}"]

    def flag(self, name: str, default: Any) -> Any:
        return self.changes.get(name, default)

    @property
    def tags(self) -> dict[str, str]:
        return {"app": self.name, **(OPTED_IN if self.flag("opted_in", True) else {})}

    @property
    def instance_ids(self) -> list[str]:
        return [f"i-{3 * self.n + index:017x}" for index in range(self.flag("instances", 3))]

    def address(self, index: int) -> str:
        return f"10.{self.n // 250}.{self.n % 250}.{index + 10}"

    def instances(self) -> list[Any]:
        return [
            {
                "InstanceId": name,
                "InstanceType": "m5.large",
                "Placement": {"AvailabilityZone": ZONES[index % self.flag("zones", 2)]},
                "State": {"Name": "running"},
                "SubnetId": f"subnet-{index % 2:017x}",
                "VpcId": VPC,
                "PrivateIpAddress": self.address(index),
                "SecurityGroups": [{"GroupId": self.security_groups[0]}],
                "Monitoring": {"State": "enabled" if self.flag("detailed", True) else "disabled"},
                "Tags": pairs({**self.tags, "aws:autoscaling:groupName": self.name}),
            }
            for index, name in enumerate(self.instance_ids)
        ]

    def group(self) -> dict[str, Any]:
        members = [
            {"InstanceId": name, "AvailabilityZone": ZONES[0], "LifecycleState": "InService", "HealthStatus": "Healthy",
             "ProtectedFromScaleIn": False}
            for name in self.instance_ids
        ]  # fmt: skip
        return {
            "AutoScalingGroupName": self.name, "AutoScalingGroupARN": self.scaling_group, "MinSize": 1, "MaxSize": 6,
            "DesiredCapacity": len(members), "DefaultCooldown": 0, "AvailabilityZones": list(ZONES[: self.flag("zones", 2)]),
            "HealthCheckType": self.flag("health_check", "ELB"), "CreatedTime": NOW, "Instances": members,
            "TargetGroupARNs": [self.groups[0]], "LaunchTemplate": {"LaunchTemplateName": self.name, "Version": "1"},
            "SuspendedProcesses": [{"ProcessName": name} for name in self.flag("suspended", [])],
            "Tags": [{**pair, "ResourceId": self.name, "ResourceType": "auto-scaling-group"} for pair in pairs(self.tags)],
        }  # fmt: skip

    def user_data(self) -> str:
        lines = ["#!/bin/sh", f"export DATABASE=postgres://shop:S3cret.Pass@{self.endpoint}:5432/shop", *self.flag("user_data", [])]
        return base64.b64encode("\n".join(lines).encode()).decode()

    def target_groups(self) -> list[Any]:
        return [
            {"TargetGroupArn": group, "TargetGroupName": group.split("/")[1], "Protocol": "HTTP", "Port": 8080, "VpcId": VPC,
             "HealthCheckEnabled": True, "HealthCheckProtocol": "HTTP", "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 10,
             "HealthCheckTimeoutSeconds": 5, "UnhealthyThresholdCount": 2, "LoadBalancerArns": [self.balancer]}
            for group in self.groups
        ]  # fmt: skip

    def health(self) -> dict[str, list[str]]:
        return {self.groups[0]: self.instance_ids, self.groups[1]: [self.address(100), self.address(101)]}

    def tasks(self) -> list[Any]:
        return [
            {"taskArn": arn("ecs", f"task/main/{self.n:028x}{index:04x}"), "group": f"service:{self.name}",
             "availabilityZone": ZONES[index], "lastStatus": "RUNNING",
             "attachments": [{"details": [{"name": "privateIPv4Address", "value": self.address(100 + index)}]}],
             "tags": [{"key": key, "value": value} for key, value in self.tags.items()]}
            for index in range(2)
        ]  # fmt: skip

    def ecs_service(self) -> dict[str, Any]:
        return {
            "serviceArn": self.service, "serviceName": self.name, "clusterArn": arn("ecs", "cluster/main"), "status": "ACTIVE",
            "desiredCount": 2, "launchType": "FARGATE", "taskDefinition": arn("ecs", f"task-definition/{self.name}:1"),
            "loadBalancers": [{"targetGroupArn": self.groups[1], "containerName": "web", "containerPort": 8080}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": [], "securityGroups": [self.security_groups[0]]}},
            "propagateTags": "SERVICE", "tags": [{"key": key, "value": value} for key, value in self.tags.items()],
        }  # fmt: skip

    def task_definition(self) -> dict[str, Any]:
        environment = [
            {"name": "MANAGED_INSTANCE_ROLE_NAME", "value": "agent"},
            {"name": "CARTS", "value": f"{self.name}-carts"},
            {"name": "STOCK_URL", "value": "https://stock.example.com/v1?key=t0pSecretToken"},
        ]
        return {
            "family": self.name, "enableFaultInjection": True, "pidMode": "task", "networkMode": "awsvpc",
            "containerDefinitions": [{"name": "web", "environment": environment}],
        }  # fmt: skip

    def lambda_function(self) -> dict[str, Any]:
        wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/aws-fis/bootstrap", "AWS_FIS_CONFIGURATION_LOCATION": "arn:aws:s3:::faults/staging/"}
        return {
            "FunctionName": f"{self.name}-orders", "FunctionArn": self.function, "Timeout": 10, "PackageType": "Zip",
            "Layers": [{"Arn": arn("lambda", "layer:aws-fis-extension-x86_64:1")}],
            "Environment": {"Variables": {**wrapper, "DB_HOST": self.endpoint, "PASSWORD": "hunter2.hunter2.example"}},
        }  # fmt: skip

    def db_instance(self) -> dict[str, Any]:
        return {
            "DBInstanceIdentifier": self.name, "DBInstanceArn": self.database, "Engine": "postgres", "DBInstanceStatus": "available",
            "AvailabilityZone": ZONES[0], "MultiAZ": self.flag("multi_az", True), "SecondaryAvailabilityZone": ZONES[1],
            "Endpoint": {"Address": self.endpoint, "Port": 5432}, "BackupRetentionPeriod": 7, "DeletionProtection": True,
            "VpcSecurityGroups": [{"VpcSecurityGroupId": self.security_groups[1], "Status": "active"}], "TagList": pairs(self.tags),
        }  # fmt: skip

    def alarm(self) -> dict[str, Any]:
        dimensions = {"TargetGroup": self.groups[0].rpartition(":")[2], "LoadBalancer": self.balancer.partition("loadbalancer/")[2]}
        return {
            "AlarmName": f"{self.name} errors", "AlarmArn": arn("cloudwatch", f"alarm:{self.name}-errors"), "StateValue": "OK",
            "ActionsEnabled": True, "AlarmActions": [arn("sns", "ops")] if self.flag("alarm_actions", True) else [],
            "Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 3, "Threshold": 10.0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }  # fmt: skip


def metric_data(levels: Mapping[str, float]) -> Answer:
    """An answer of GetMetricData: the same value in every whole hour of the last day, by the name of the metric (and `.p99`)."""

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        results = []
        for query in params["MetricDataQueries"]:
            stat = query["MetricStat"]
            name = stat["Metric"]["MetricName"]
            value = levels.get(f"{name}.{stat['Stat']}", levels.get(name))
            end = params["EndTime"]
            points = [] if value is None else [end - timedelta(hours=hours) for hours in range(24, 1, -1)]  # none of the running hour yet
            results.append({"Id": query["Id"], "Timestamps": points, "Values": [value] * len(points), "StatusCode": "Complete"})
        return {"MetricDataResults": results}

    return answer


LEVELS = {
    "RequestCount": 36_000.0, "HTTPCode_Target_5XX_Count": 3.6, "TargetResponseTime": 0.08, "TargetResponseTime.p99": 0.3,
    "CPUUtilization": 22.0, "MemoryUtilization": 40.0, "Invocations": 600.0,
}  # fmt: skip


def answers(shops: Iterable[Shop], **more: Answer) -> dict[str, Answer]:
    """What AWS says in the account of these shops; `more` replaces answers, by `service_Operation`."""
    known = list(shops)
    health = {group: targets for shop in known for group, targets in shop.health().items()}
    listeners = {shop.balancer: shop for shop in known}
    by_name = {shop.name: shop for shop in known}
    tasks = {task["taskArn"]: task for shop in known for task in shop.tasks()}
    table = {f"{shop.name}-carts": shop for shop in known}

    def all_of(method: str) -> list[Any]:
        return [entry for shop in known for entry in _as_list(getattr(shop, method)())]

    results: dict[str, Answer] = {
        "sts.GetCallerIdentity": lambda _: {"Account": ACCOUNT},
        "autoscaling.DescribeAutoScalingGroups": pages("AutoScalingGroups", all_of("group")),
        "ec2.DescribeLaunchTemplateVersions": lambda asked: {
            "LaunchTemplateVersions": [{"LaunchTemplateData": {"UserData": by_name[asked["LaunchTemplateName"]].user_data()}}]
        },
        "ec2.DescribeInstances": pages("Reservations", [{"Instances": [entry]} for entry in all_of("instances")]),
        "ec2.DescribeSubnets": lambda _: {
            "Subnets": [{"SubnetId": f"subnet-{i:017x}", "AvailabilityZone": zone, "VpcId": VPC} for i, zone in enumerate(ZONES)]
        },
        "ec2.DescribeSecurityGroups": pages("SecurityGroups", [
            {"GroupId": shop.security_groups[1], "GroupName": f"{shop.name}-db",
             "IpPermissions": [{"UserIdGroupPairs": [{"GroupId": shop.security_groups[0]}]}]} for shop in known
        ]),
        "ssm.DescribeInstanceInformation": pages("InstanceInformationList", [
            {"InstanceId": name, "PingStatus": "Online", "PlatformType": "Linux"}
            for shop in known if shop.flag("managed", True) for name in shop.instance_ids
        ], size=50),
        "ecs.ListClusters": lambda _: {"clusterArns": [arn("ecs", "cluster/main")] if known else []},
        "ecs.ListServices": pages("serviceArns", [shop.service for shop in known], "nextToken", size=10),
        "ecs.DescribeServices": lambda asked: {"services": [by_name[name.rpartition("/")[2]].ecs_service() for name in asked["services"]]},
        "ecs.ListTasks": pages("taskArns", list(tasks), "nextToken"),
        "ecs.DescribeTasks": lambda asked: {"tasks": [tasks[name] for name in asked["tasks"]]},
        "ecs.DescribeTaskDefinition": lambda asked: {
            "taskDefinition": by_name[asked["taskDefinition"].rpartition("/")[2].partition(":")[0]].task_definition()
        },
        "lambda.ListFunctions": pages("Functions", all_of("lambda_function"), "NextMarker", asked="Marker", size=50),
        "resourcegroupstaggingapi.GetResources": pages("ResourceTagMappingList", [
            {"ResourceARN": shop.function, "Tags": pairs(shop.tags)} for shop in known
        ], "PaginationToken"),
        "rds.DescribeDBInstances": pages("DBInstances", all_of("db_instance"), "Marker"),
        "elasticache.DescribeReplicationGroups": pages("ReplicationGroups", [
            {"ReplicationGroupId": shop.name, "ARN": shop.cache, "MemberClusters": [f"{shop.name}-1"], "MultiAZ": "disabled",
             "AutomaticFailover": "disabled"} for shop in known
        ], "Marker"),
        "dynamodb.ListTables": pages("TableNames", list(table), "LastEvaluatedTableName", asked="ExclusiveStartTableName"),
        "dynamodb.DescribeTable": lambda asked: {"Table": {"TableArn": table[asked["TableName"]].table, "TableName": asked["TableName"]}},
        "dynamodb.DescribeContinuousBackups": lambda _: {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
            }
        },
        "elbv2.DescribeLoadBalancers": pages("LoadBalancers", [
            {"LoadBalancerArn": shop.balancer, "LoadBalancerName": shop.name, "Type": "application", "Scheme": "internet-facing",
             "DNSName": f"{shop.name}.elb.amazonaws.com", "AvailabilityZones": [{"ZoneName": zone} for zone in ZONES]} for shop in known
        ], "NextMarker", asked="Marker"),
        "elbv2.DescribeTargetGroups": pages("TargetGroups", all_of("target_groups"), "NextMarker", asked="Marker"),
        "elbv2.DescribeTargetHealth": lambda asked: {
            "TargetHealthDescriptions": [
                {"Target": {"Id": name, "Port": 8080}, "TargetHealth": {"State": "healthy"}} for name in health[asked["TargetGroupArn"]]
            ]
        },
        "elbv2.DescribeListeners": lambda asked: {"Listeners": [{
            "ListenerArn": asked["LoadBalancerArn"].replace("loadbalancer", "listener"),
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": listeners[asked["LoadBalancerArn"]].groups[0]}],
        }]},
        "elbv2.DescribeRules": lambda asked: {"Rules": [{"Actions": [
            {"Type": "forward", "TargetGroupArn": listeners[asked["ListenerArn"].replace("listener", "loadbalancer")].groups[1]}
        ]}]},
        "cloudwatch.DescribeAlarms": pages("MetricAlarms", all_of("alarm")),
        "cloudwatch.GetMetricData": metric_data(LEVELS),
        "application-signals.ListServiceLevelObjectives": pages("SloSummaries", []),
        "resiliencehub.ListResiliencyPolicies": pages("resiliencyPolicies", [], "nextToken"),
    }  # fmt: skip
    return results | {name.replace("_", ".", 1): answer for name, answer in more.items()}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
