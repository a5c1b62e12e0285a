"""FIS's faults on ECS tasks in the local account: what they need of the role and of the task, what the agent is sent, how it ends."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.workload.cloud import Cloud
from local.workload.tasks.resources import ON_FARGATE, Service
from tests.local.account_rig import ACCOUNT, REGION, Account, Agent
from tests.patience import until

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

TAGS = {"squall:environment": "staging"}
OPTED_IN = {"StringEquals": {"aws:ResourceTag/squall:environment": "staging"}}
TASKS, NODES = f"arn:aws:ecs:*:{ACCOUNT}:task/*/*", f"arn:aws:ssm:*:{ACCOUNT}:managed-instance/*"
DOCUMENTS = "arn:aws:ssm:*::document/AWSFIS-*"


def allow(action: str, resource: str, conditions: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": conditions} if conditions else {})}


STOPPING = (allow("ecs:DescribeTasks", TASKS), allow("ecs:StopTask", TASKS, OPTED_IN))
COMMANDING = (
    allow("ssm:SendCommand", NODES, OPTED_IN),
    allow("ssm:SendCommand", DOCUMENTS),
    allow("ssm:ListCommands", "*"),
    allow("ssm:CancelCommand", "*"),
    allow("ecs:DescribeTasks", TASKS),
    allow("ec2:DescribeSubnets", "*"),
)
NETWORK = {"installDependencies": "true", "useEcsFaultInjectionEndpoints": "true", "duration": "PT1S"}
BLACKHOLE = ("aws:ecs:task-network-blackhole-port", {"protocol": "tcp", "port": "8080", "trafficType": "egress", **NETWORK})
COMMANDS = [
    (*BLACKHOLE, "AWSFIS-Run-Network-Blackhole-Port-ECS", {"Protocol": "tcp", "Port": "8080", "TrafficType": "egress"}),
    (
        "aws:ecs:task-network-latency",
        {"delayMilliseconds": "120", "jitterMilliseconds": "5", "sources": "10.0.0.9", **NETWORK},
        "AWSFIS-Run-Network-Latency-ECS",
        {"DelayMilliseconds": "120", "JitterMilliseconds": "5", "Sources": "10.0.0.9"},
    ),
    (
        "aws:ecs:task-network-packet-loss",
        {"lossPercent": "100", "sources": "10.0.0.9", **NETWORK},
        "AWSFIS-Run-Network-Packet-Loss-ECS",
        {"LossPercent": "100", "Sources": "10.0.0.9"},
    ),
    (
        "aws:ecs:task-cpu-stress",
        {"percent": "70", "workers": "2", "installDependencies": "true", "duration": "PT1S"},
        "AWSFIS-Run-CPU-Stress",
        {"LoadPercent": "70", "CPU": "2"},
    ),
    (
        "aws:ecs:task-io-stress",
        {"percent": "60", "workers": "1", "installDependencies": "true", "duration": "PT1S"},
        "AWSFIS-Run-IO-Stress",
        {"Percent": "60", "Workers": "1"},
    ),
]


class Shop:
    """One task, as the workload would report it."""

    def __init__(self, account: Account) -> None:
        self.account, self.ecs, self.ssm, self.fis = account, *(account.client(name) for name in ("ecs", "ssm", "fis"))
        self.cloud = Cloud(account.endpoint, REGION)
        Service(self.ecs, ON_FARGATE).ensure("arn:aws:elasticloadbalancing:::targetgroup/none/0", ["subnet-1"], 100.0, TAGS)
        self.task = self.node = ""
        self.hosts: list[dict[str, Any]] = []

    def renew(self) -> None:
        """Another task, and no other."""
        self.task = secrets.token_hex(16)
        self.node = f"mi-{secrets.token_hex(9)[:17]}"
        self.report()

    @property
    def arn(self) -> str:
        return f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{ON_FARGATE.cluster}/{self.task}"

    def report(self, *, registered: bool = True, **changes: Any) -> None:
        answer = {
            "id": self.task, "zone": f"{REGION}a", "address": "172.31.1.9", "last": "RUNNING", "desired": "RUNNING", "created": time.time(),
            "started": time.time(), "stopping": None, "stopped": None, "stop_code": "", "reason": "",
            "node": self.node if registered else None, "host": "", **changes,
        }  # fmt: skip
        service = {"cluster": ON_FARGATE.cluster, "service": ON_FARGATE.service, "tasks": [answer], "hosts": self.hosts}
        self.cloud.report({"groups": {}, "target_health": {}, "services": {ON_FARGATE.service: service}})

    def run(self, action: str, parameters: dict[str, str], statements: tuple[dict[str, Any], ...], kind: str = "task") -> str:
        role = self.account.role("fis.amazonaws.com", list(statements))
        arn = self.arn if kind == "task" else f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{ON_FARGATE.cluster}"
        target = {"resourceType": f"aws:ecs:{kind}", "resourceArns": [arn], "selectionMode": "ALL"}
        value = {"parameters": parameters} if parameters else {}
        template = self.fis.create_experiment_template(
            description="test",
            roleArn=role,
            stopConditions=[{"source": "none"}],
            targets={"hit": target},
            actions={"fault": {"actionId": action, "targets": {f"{kind.title()}s": "hit"}, **value}},
        )["experimentTemplate"]["id"]
        return str(self.fis.start_experiment(experimentTemplateId=template)["experiment"]["id"])

    def state(self, experiment: str) -> dict[str, Any]:
        return dict(self.fis.get_experiment(id=experiment)["experiment"]["state"])

    def ended(self, experiment: str) -> dict[str, Any]:
        until(lambda: self.state(experiment)["status"] in ("completed", "stopped", "failed"), what="the experiment ended")
        return self.state(experiment)

    def invocations(self) -> list[dict[str, Any]]:
        return list(self.ssm.list_command_invocations(InstanceId=self.node, Details=True)["CommandInvocations"])

    def nodes(self) -> list[dict[str, Any]]:
        wanted = [{"Key": "tag:ECS_TASK_ARN", "Values": [self.arn]}]
        return list(self.ssm.describe_instance_information(Filters=wanted)["InstanceInformationList"])

    def clean(self) -> None:
        for experiment in self.fis.list_experiments()["experiments"]:
            with contextlib.suppress(ClientError):
                self.fis.stop_experiment(id=experiment["id"])
        for experiment in self.fis.list_experiment_templates()["experimentTemplates"]:
            self.fis.delete_experiment_template(id=experiment["id"])


@pytest.fixture(scope="module")
def opened(running_account: Account) -> Iterator[Shop]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "test")
        yield Shop(running_account)


@pytest.fixture
def shop(opened: Shop, account: Account, agent: Agent) -> Iterator[Shop]:
    assert account is opened.account
    agent.begun.clear()
    agent.stopped.clear()
    opened.renew()
    yield opened
    opened.clean()


def test_a_task_is_what_the_workload_says_with_the_services_tags_and_its_agent_is_a_node(shop: Shop) -> None:
    (task,) = shop.ecs.describe_tasks(cluster=ON_FARGATE.cluster, tasks=[shop.arn], include=["TAGS"])["tasks"]
    assert (task["lastStatus"], task["availabilityZone"], task["group"]) == ("RUNNING", f"{REGION}a", f"service:{ON_FARGATE.service}")
    assert task["tags"] == [{"key": "squall:environment", "value": "staging"}]
    definition = shop.ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    assert (definition["pidMode"], definition["networkMode"], definition["enableFaultInjection"]) == ("task", "awsvpc", True)
    assert [node["InstanceId"] for node in shop.nodes()] == [shop.node]
    tags = shop.ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=shop.node)["TagList"]
    assert {"Key": "squall:environment", "Value": "staging"} in tags
    shop.report(registered=False)
    assert shop.nodes() == []
    assert shop.ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=shop.node)["TagList"] == []


@pytest.mark.parametrize(("action", "parameters", "document", "sent"), COMMANDS, ids=[each[0] for each in COMMANDS])
def test_a_command_goes_to_the_tasks_node_and_is_cancelled_when_the_action_is_over(
    shop: Shop, agent: Agent, action: str, parameters: dict[str, str], document: str, sent: dict[str, str]
) -> None:
    assert shop.ended(shop.run(action, parameters, COMMANDING))["status"] == "completed"
    (begun,) = agent.begun.values()
    assert begun["path"] == f"/instances/{shop.node}/faults"
    assert begun["document"] == document
    assert begun["parameters"] == {**sent, "InstallDependencies": "true", "DurationSeconds": "1"}
    assert [each["Status"] for each in shop.invocations()] == ["Cancelled"]
    assert begun["command_id"] in agent.ended


def test_a_stop_cancels_the_command(shop: Shop, agent: Agent) -> None:
    experiment = shop.run(BLACKHOLE[0], {**BLACKHOLE[1], "duration": "PT5M"}, COMMANDING)
    until(lambda: agent.begun, what="the agent has the fault")
    shop.fis.stop_experiment(id=experiment)
    assert shop.ended(experiment)["status"] == "stopped"
    assert [each["Status"] for each in shop.invocations()] == ["Cancelled"]


def test_a_process_is_ended_in_a_moment(shop: Shop, agent: Agent) -> None:
    inputs = {"processName": "sample-web", "signal": "SIGKILL", "installDependencies": "true"}
    assert shop.ended(shop.run("aws:ecs:task-kill-process", inputs, COMMANDING))["status"] == "completed"
    (begun,) = agent.begun.values()
    assert begun["parameters"] == {"ProcessName": "sample-web", "Signal": "SIGKILL", "InstallDependencies": "true"}
    assert [each["Status"] for each in shop.invocations()] == ["Success"]


@pytest.mark.parametrize("left_out", range(len(COMMANDING)))
def test_each_grant_of_the_role_is_needed_for_a_network_fault(shop: Shop, agent: Agent, left_out: int) -> None:
    statements = tuple(entry for number, entry in enumerate(COMMANDING) if number != left_out)
    ended = shop.ended(shop.run(*BLACKHOLE, statements))
    assert ended["status"] == "failed"
    assert ended["error"]["code"] == "AuthorizationFailure"
    assert bool(agent.begun) == (COMMANDING[left_out]["Action"] == "ssm:CancelCommand"), "nothing was sent, unless it can't be cancelled"


@pytest.mark.parametrize("left_out", range(len(STOPPING)))
def test_each_grant_of_the_role_is_needed_to_stop_a_task(shop: Shop, agent: Agent, left_out: int) -> None:
    statements = tuple(entry for number, entry in enumerate(STOPPING) if number != left_out)
    ended = shop.ended(shop.run("aws:ecs:stop-task", {}, statements))
    assert (ended["status"], ended["error"]["code"]) == ("failed", "AuthorizationFailure")
    assert agent.stopped == []


def test_a_task_is_stopped_by_the_workload_and_shown_as_stopping(shop: Shop, agent: Agent) -> None:
    assert shop.ended(shop.run("aws:ecs:stop-task", {}, STOPPING))["status"] == "completed"
    assert agent.stopped == [shop.task]
    (task,) = shop.ecs.describe_tasks(cluster=ON_FARGATE.cluster, tasks=[shop.arn])["tasks"]
    assert (task["desiredStatus"], task["stopCode"]) == ("STOPPED", "UserInitiated")


def test_the_tag_of_the_task_does_not_open_its_node(shop: Shop, agent: Agent) -> None:
    shop.ssm.remove_tags_from_resource(ResourceType="ManagedInstance", ResourceId=shop.node, TagKeys=["squall:environment"])
    ended = shop.ended(shop.run(*BLACKHOLE, COMMANDING))
    assert ended["error"]["code"] == "AuthorizationFailure"
    assert "managed-instance" in ended["reason"]
    assert agent.begun == {}


def test_a_task_that_no_agent_registered_is_no_target_of_a_command(shop: Shop) -> None:
    shop.report(registered=False)
    ended = shop.ended(shop.run(*BLACKHOLE, COMMANDING))
    assert ended["status"] == "failed"
    assert "not registered as an SSM managed instance" in ended["reason"]


def test_a_network_fault_needs_ecs_own_endpoints_on_fargate(shop: Shop) -> None:
    inputs = {name: value for name, value in BLACKHOLE[1].items() if name != "useEcsFaultInjectionEndpoints"}
    assert "useEcsFaultInjectionEndpoints" in shop.ended(shop.run(BLACKHOLE[0], inputs, COMMANDING))["reason"]


@pytest.mark.parametrize(
    ("field", "value", "expected_text"), [("enableFaultInjection", False, "enableFaultInjection is off"), ("pidMode", "", "pidMode")]
)
def test_a_task_definition_that_does_not_allow_it_fails_the_action(shop: Shop, field: str, value: object, expected_text: str) -> None:
    (task,) = shop.ecs.describe_tasks(cluster=ON_FARGATE.cluster, tasks=[shop.arn])["tasks"]
    known = shop.ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    kept = ("family", "networkMode", "containerDefinitions", "requiresCompatibilities", "cpu", "memory", "pidMode", "enableFaultInjection")
    own = {name: known[name] for name in kept if name in known} | {field: value}
    other = shop.ecs.register_task_definition(**{name: entry for name, entry in own.items() if entry != ""})["taskDefinition"][
        "taskDefinitionArn"
    ]
    shop.ecs.update_service(cluster=ON_FARGATE.cluster, service=ON_FARGATE.service, taskDefinition=other)
    try:
        shop.report()
        assert expected_text in shop.ended(shop.run(*BLACKHOLE, COMMANDING))["reason"]
    finally:
        shop.ecs.update_service(cluster=ON_FARGATE.cluster, service=ON_FARGATE.service, taskDefinition=task["taskDefinitionArn"])


@pytest.mark.parametrize(
    ("action", "on", "words"),
    [
        ("ecs:DescribeTasks", TASKS, "describe_tasks"),
        ("ecs:DescribeServices", f"arn:aws:ecs:*:{ACCOUNT}:service/*/*", "describe_services"),
        ("ssm:ListTagsForResource", NODES, "list_tags_for_resource"),
    ],
)
def test_iam_judges_reads_by_what_aws_judges_them(shop: Shop, action: str, on: str, words: str) -> None:
    asked: dict[str, dict[str, Any]] = {
        "describe_tasks": {"cluster": ON_FARGATE.cluster, "tasks": [shop.arn]},
        "describe_services": {"cluster": ON_FARGATE.cluster, "services": [ON_FARGATE.service]},
        "list_tags_for_resource": {"ResourceType": "ManagedInstance", "ResourceId": shop.node},
    }
    service = action.partition(":")[0]
    assert getattr(shop.account.client_as(service, [allow(action, on)]), words)(**asked[words])
    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(shop.account.client_as(service, [allow(action, f"arn:aws:{service}:*:{ACCOUNT}:cluster/*")]), words)(**asked[words])


DRAINING = (
    allow("ecs:UpdateContainerInstancesState", f"arn:aws:ecs:*:{ACCOUNT}:container-instance/*/*", OPTED_IN),
    allow("ecs:DescribeClusters", f"arn:aws:ecs:*:{ACCOUNT}:cluster/*"),
    allow("ecs:ListContainerInstances", f"arn:aws:ecs:*:{ACCOUNT}:cluster/*"),
)
DRAIN = ("aws:ecs:drain-container-instances", {"drainagePercentage": "34", "duration": "PT5M"})


@pytest.fixture
def hosted(shop: Shop) -> Iterator[Shop]:
    """The task runs on the first of three container instances."""
    shop.hosts = [{"id": f"{n:032x}", "instance": f"i-{n}", "zone": f"{REGION}a", "tags": TAGS} for n in range(3)]
    shop.report(host=shop.hosts[0]["id"])
    yield shop
    shop.hosts = []
    shop.report()


def described(shop: Shop) -> list[dict[str, Any]]:
    arns = shop.ecs.list_container_instances(cluster=ON_FARGATE.cluster)["containerInstanceArns"]
    return list(shop.ecs.describe_container_instances(cluster=ON_FARGATE.cluster, containerInstances=arns)["containerInstances"])


def count_draining(shop: Shop) -> int:
    return [host["status"] for host in described(shop)].count("DRAINING")


def test_container_instances_are_what_the_workload_says_and_their_status_is_what_was_ordered(hosted: Shop) -> None:
    first, *others = described(hosted)
    assert (first["ec2InstanceId"], first["status"], first["agentConnected"], first["runningTasksCount"]) == ("i-0", "ACTIVE", True, 1)
    assert [host["runningTasksCount"] for host in others] == [0, 0]
    (task,) = hosted.ecs.describe_tasks(cluster=ON_FARGATE.cluster, tasks=[hosted.arn])["tasks"]
    assert task["containerInstanceArn"] == first["containerInstanceArn"]
    named = {"cluster": ON_FARGATE.cluster, "containerInstances": [first["containerInstanceArn"]]}
    hosted.ecs.update_container_instances_state(**named, status="DRAINING")
    hosted.report(host=hosted.hosts[0]["id"])
    assert count_draining(hosted) == 1, "a report of the workload changes no status"
    hosted.ecs.update_container_instances_state(**named, status="ACTIVE")
    assert count_draining(hosted) == 0


def test_fis_drains_a_share_rounded_up_and_a_stop_makes_them_active_again(hosted: Shop) -> None:
    experiment = hosted.run(*DRAIN, DRAINING, "cluster")
    until(lambda: count_draining(hosted) == 2, what="two of three drain")
    hosted.fis.stop_experiment(id=experiment)
    assert hosted.ended(experiment)["status"] == "stopped"
    assert count_draining(hosted) == 0


@pytest.mark.parametrize("left_out", range(len(DRAINING)))
def test_each_grant_of_the_role_is_needed_to_drain(hosted: Shop, left_out: int) -> None:
    statements = tuple(entry for number, entry in enumerate(DRAINING) if number != left_out)
    ended = hosted.ended(hosted.run(*DRAIN, statements, "cluster"))
    assert (ended["status"], ended["error"]["code"]) == ("failed", "AuthorizationFailure")
    assert count_draining(hosted) == 0


def test_a_cluster_without_container_instances_cannot_be_drained(shop: Shop) -> None:
    ended = shop.ended(shop.run(*DRAIN, DRAINING, "cluster"))
    assert (ended["status"], ended["error"]["code"]) == ("failed", "InvalidTarget")
