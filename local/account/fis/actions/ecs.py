"""Faults on ECS tasks: stopping them, and commands to the Systems Manager agent in a container of the task.

The document has the action's duration, too. Its command starts later than the action, so that FIS cancels it when the
action's time is over: the command's status is then Cancelled, and nothing has failed.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from ministack.core.responses import get_account_id, get_region

from local.account.fis.actions.base import Action
from local.account.fis.actions.ssm import CANCEL_WAIT_SECONDS
from local.account.fis.targets import TASK, Resource
from local.account.ssm import commands, nodes
from local.account.tasks import ecs

LATE_SECONDS = 30.0
"""How much later than the action its command would end: FIS cancels it first, however late FIS itself is."""
_ON = {"installDependencies": False}
_NETWORK = {**_ON, "useEcsFaultInjectionEndpoints": False, "duration": True}


class _Tasks(Action):
    target_key = "Tasks"
    resource_type = TASK


class StopTask(_Tasks):
    """Stops tasks. The action is finished once ECS has accepted the request."""

    action_id = "aws:ecs:stop-task"
    description = "Stop the specified ECS tasks."

    def start(self) -> None:
        for task in self.resources:
            for permission in ("ecs:DescribeTasks", "ecs:StopTask"):
                self.authorize(permission, task.arn, task.tags)
        for task in self.resources:
            try:
                ecs.order_stop(task.arn, "Task stopped by AWS FIS")
            except ecs.TaskError as error:
                raise self.fail("DependentServiceFailure", f"{task.arn}: {error}") from error


class TaskCommand(_Tasks):
    """A command to the managed instances that the tasks are registered as."""

    document: ClassVar[str]
    taken: ClassVar[Mapping[str, str]]
    """The document's parameter names by the action's."""
    of_processes: ClassVar[bool] = False
    of_network: ClassVar[bool] = False
    command_id = ""

    def start(self) -> None:
        for task in self.resources:
            self._look(task)
        addressed = [self._node(task) for task in self.resources]
        document = f"arn:aws:ssm:{get_region()}::document/{self.document}"
        for node in addressed:
            arn = f"arn:aws:ssm:{get_region()}:{get_account_id()}:managed-instance/{node}"
            self.authorize("ssm:SendCommand", arn, nodes.tags_of(node))
        self.authorize("ssm:SendCommand", document, {})
        self.authorize("ssm:ListCommands", "*", {})
        document_parameters: dict[str, Any] = {name: [self.values[own]] for own, name in self.taken.items() if own in self.values}
        if "duration" in self.values:
            document_parameters["DurationSeconds"] = [str(int(self.duration_seconds))]
        grace = LATE_SECONDS if "duration" in self.values else 0.0
        try:
            parameters = {"Parameters": document_parameters, "Comment": f"AWS FIS action {self.name}"}
            record = commands.start_command(document, addressed, parameters, grace)
        except commands.CommandError as error:
            raise self.fail("DependentServiceFailure", f"{error.code}: {error}") from error
        self.command_id = str(record["CommandId"])

    def _look(self, task: Resource) -> None:
        """Check that a task meets what FIS and ECS require before a command is sent to it. Raises ExperimentError."""
        self.authorize("ecs:DescribeTasks", task.arn, task.tags)
        definition = ecs.definition_of(task.arn)
        if task.attributes.get("enableExecuteCommand"):
            raise self.fail("InvalidTarget", f"{task.arn} has ECS Exec enabled")
        if (self.of_processes or self.of_network) and definition.get("pidMode") != "task":
            raise self.fail("InvalidTarget", f"{task.arn}: pidMode must be task for {self.action_id}")
        if not self.of_network:
            return
        self.authorize("ec2:DescribeSubnets", "*", {})
        if self.values.get("useEcsFaultInjectionEndpoints") != "true" and task.attributes["launchType"] == "FARGATE":
            raise self.fail("InvalidTarget", f"{task.arn} runs on Fargate: useEcsFaultInjectionEndpoints must be true")
        if not definition.get("enableFaultInjection"):
            raise self.fail("InvalidTarget", f"{task.arn}: enableFaultInjection is off in its task definition")

    def _node(self, task: Resource) -> str:
        node = nodes.find_node(task.identifier)
        if node is None:
            raise self.fail("InvalidTarget", f"{task.arn} is not registered as an SSM managed instance")
        return node

    def finished(self) -> bool:
        status = commands.read_status(self.command_id)
        if status in ("Failed", "TimedOut"):
            raise self.fail("DependentServiceFailure", f"command {self.command_id} is {status}")
        return self.elapsed if "duration" in self.values else status in commands.TERMINAL

    def finish(self) -> None:
        self.stop()

    def stop(self) -> None:
        self.authorize("ssm:CancelCommand", "*", {})
        commands.cancel_invocations(self.command_id, CANCEL_WAIT_SECONDS)


class CpuStress(TaskCommand):
    action_id = "aws:ecs:task-cpu-stress"
    description = "Run CPU stress on the specified ECS tasks."
    document = "AWSFIS-Run-CPU-Stress"
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "percent": False, "workers": False, **_ON}
    taken = {"percent": "LoadPercent", "workers": "CPU", "installDependencies": "InstallDependencies"}


class IoStress(TaskCommand):
    action_id = "aws:ecs:task-io-stress"
    description = "Run I/O stress on the specified ECS tasks."
    document = "AWSFIS-Run-IO-Stress"
    parameters: ClassVar[dict[str, bool]] = {"duration": True, "percent": False, "workers": False, **_ON}
    taken = {"percent": "Percent", "workers": "Workers", "installDependencies": "InstallDependencies"}


class KillProcess(TaskCommand):
    """Ends a process. The action is finished as soon as the command is."""

    action_id = "aws:ecs:task-kill-process"
    description = "Stop a process in the specified ECS tasks."
    document = "AWSFIS-Run-Kill-Process"
    parameters: ClassVar[dict[str, bool]] = {"processName": True, "signal": False, **_ON}
    taken = {"processName": "ProcessName", "signal": "Signal", "installDependencies": "InstallDependencies"}
    of_processes = True


class _Network(TaskCommand):
    of_network = True


class Latency(_Network):
    action_id = "aws:ecs:task-network-latency"
    description = "Delay what the specified ECS tasks send."
    document = "AWSFIS-Run-Network-Latency-ECS"
    parameters: ClassVar[dict[str, bool]] = {
        "delayMilliseconds": False,
        "jitterMilliseconds": False,
        "flowsPercent": False,
        "sources": False,
        **_NETWORK,
    }
    taken = {
        "delayMilliseconds": "DelayMilliseconds",
        "jitterMilliseconds": "JitterMilliseconds",
        "flowsPercent": "FlowsPercent",
        "sources": "Sources",
        "installDependencies": "InstallDependencies",
    }


class PacketLoss(_Network):
    action_id = "aws:ecs:task-network-packet-loss"
    description = "Lose what the specified ECS tasks send."
    document = "AWSFIS-Run-Network-Packet-Loss-ECS"
    parameters: ClassVar[dict[str, bool]] = {"lossPercent": False, "flowsPercent": False, "sources": False, **_NETWORK}
    taken = {
        "lossPercent": "LossPercent",
        "flowsPercent": "FlowsPercent",
        "sources": "Sources",
        "installDependencies": "InstallDependencies",
    }


class BlackholePort(_Network):
    action_id = "aws:ecs:task-network-blackhole-port"
    description = "Drop traffic of a protocol and port of the specified ECS tasks."
    document = "AWSFIS-Run-Network-Blackhole-Port-ECS"
    parameters: ClassVar[dict[str, bool]] = {"protocol": True, "port": True, "trafficType": False, **_NETWORK}
    taken = {"protocol": "Protocol", "port": "Port", "trafficType": "TrafficType", "installDependencies": "InstallDependencies"}
