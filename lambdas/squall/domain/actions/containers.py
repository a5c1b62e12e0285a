"""Actions on ECS clusters and tasks, and on EKS clusters, node groups and pods."""

from squall.domain.actions.action import ActionParameter, FisAction, choice, flag, integer, json_text, length, percent, text, text_list

TASK, POD = "aws:ecs:task", "aws:eks:pod"
_INSTALL = flag("installDependencies", default="True")
_ENDPOINTS = flag("useEcsFaultInjectionEndpoints", default="false")
_SOURCES = text_list("sources")
_FLOWS = percent("flowsPercent", default="100")
_DELAY = (integer("delayMilliseconds", 0, default="200"), integer("jitterMilliseconds", 0, default="10"))
_PORT = (integer("port", 1, 65_535, required=True), choice("trafficType", "ingress", "egress"))
_COMMANDS = ("ecs:DescribeTasks", "ssm:SendCommand", "ssm:ListCommands", "ssm:CancelCommand")
_NETWORK_COMMANDS = (
    "ecs:DescribeTasks", "ecs:DescribeContainerInstances", "ec2:DescribeInstances", "ec2:DescribeSubnets", "ssm:SendCommand",
    "ssm:ListCommands", "ssm:CancelCommand",
)  # fmt: skip
_TASK_UNDO = "FIS cancels the command, and the document ends what it began"
_TASK_STATE = "state of the task, and of the commands sent to its agent"
_POD_PERMISSIONS = ("eks:DescribeCluster", "ec2:DescribeSubnets", "tag:GetResources")
_POD_UNDO = "FIS deletes its own pod and ends what runs in the ephemeral container"
_POD_STATE = "phase and restarts of the pod"
_ORCHESTRATION = (
    text("kubernetesServiceAccount", required=True), text("fisPodContainerImage"), percent("maxErrorsPercent", least=0, default="0"),
    text("fisPodLabels"), text("fisPodAnnotations"),
)  # fmt: skip
_POLICY = ActionParameter("fisPodSecurityPolicy", "choice", choices=("privileged", "baseline", "restricted"))
_POLICY_OF_IO = ActionParameter("fisPodSecurityPolicy", "choice", choices=("privileged", "baseline"))
_INTERFACE = text("interface", default="DEFAULT")

ECS = (
    FisAction(
        "aws:ecs:drain-container-instances",
        "Drains a share of the clusters' container instances",
        permissions=("ecs:DescribeClusters", "ecs:UpdateContainerInstancesState", "ecs:ListContainerInstances", "tag:GetResources"),
        undo="FIS sets the container instances to ACTIVE again; tasks that were moved stay where they are",
        state="status of the cluster's container instances, and its running tasks",
        risk="high",
        resource_type="aws:ecs:cluster",
        target_key="Clusters",
        parameters=(percent("drainagePercentage", required=True), length()),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ecs:stop-task",
        "Stops the tasks",
        permissions=("ecs:DescribeTasks", "ecs:ListTasks", "ecs:StopTask", "tag:GetResources"),
        undo="nothing",
        state="state of the task, and the tasks of its service",
        risk="high",
        resource_type=TASK,
        target_key="Tasks",
    ),
    FisAction(
        "aws:ecs:task-cpu-stress",
        "Loads the tasks' CPUs",
        permissions=_COMMANDS,
        undo=_TASK_UNDO,
        state=_TASK_STATE,
        risk="low",
        resource_type=TASK,
        target_key="Tasks",
        parameters=(length(), percent("percent", least=0, default="100"), integer("workers", 0, default="0"), _INSTALL),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ecs:task-io-stress",
        "Fills and stresses the tasks' disks",
        permissions=_COMMANDS,
        undo=_TASK_UNDO,
        state=_TASK_STATE,
        risk="high",
        resource_type=TASK,
        target_key="Tasks",
        parameters=(length(), percent("percent", default="80"), integer("workers", 1, default="1"), _INSTALL),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ecs:task-kill-process",
        "Ends a process in the tasks",
        permissions=_COMMANDS,
        undo="nothing",
        state=_TASK_STATE,
        risk="high",
        resource_type=TASK,
        target_key="Tasks",
        parameters=(text("processName", required=True), choice("signal", "SIGTERM", "SIGKILL", default="SIGTERM"), _INSTALL),
    ),
    FisAction(
        "aws:ecs:task-network-blackhole-port",
        "Drops the tasks' traffic of a port",
        permissions=_COMMANDS,
        undo=_TASK_UNDO,
        state=_TASK_STATE,
        risk="high",
        resource_type=TASK,
        target_key="Tasks",
        parameters=(length(), *_PORT, choice("protocol", "tcp", "udp", default="tcp"), _INSTALL, _ENDPOINTS),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ecs:task-network-latency",
        "Delays what the tasks send",
        permissions=_NETWORK_COMMANDS,
        undo=_TASK_UNDO,
        state=_TASK_STATE,
        risk="medium",
        resource_type=TASK,
        target_key="Tasks",
        parameters=(length(), *_DELAY, _FLOWS, _SOURCES, _INSTALL, _ENDPOINTS),
        length_parameter="duration",
    ),
    FisAction(
        "aws:ecs:task-network-packet-loss",
        "Loses a share of the packets that the tasks send",
        permissions=_NETWORK_COMMANDS,
        undo=_TASK_UNDO,
        state=_TASK_STATE,
        risk="high",
        resource_type=TASK,
        target_key="Tasks",
        parameters=(length(), percent("lossPercent", default="7"), _FLOWS, _SOURCES, _INSTALL, _ENDPOINTS),
        length_parameter="duration",
    ),
)

_KINDS = (
    "AWSChaos", "DNSChaos", "GCPChaos", "HTTPChaos", "IOChaos", "JVMChaos", "KernelChaos", "NetworkChaos", "PhysicalMachineChaos",
    "PodChaos", "PodHttpChaos", "PodIOChaos", "PodNetworkChaos", "Schedule", "StressChaos", "TimeChaos", "ChaosEngine",
)  # fmt: skip

EKS = (
    FisAction(
        "aws:eks:inject-kubernetes-custom-resource",
        "Creates a custom resource of Chaos Mesh or Litmus in the cluster",
        permissions=(),
        undo="FIS deletes the custom resource; Chaos Mesh or Litmus undoes what it did",
        state="status of the custom resource",
        risk="high",
        resource_type="aws:eks:cluster",
        target_key="Cluster",
        parameters=(
            choice("kubernetesApiVersion", "chaos-mesh.org/v1alpha1", "litmuschaos.io/v1alpha1"),
            choice("kubernetesKind", *_KINDS),
            text("kubernetesNamespace", required=True),
            json_text("kubernetesSpec", required=True),
            length("maxDuration"),
        ),
        length_parameter="maxDuration",
    ),
    FisAction(
        "aws:eks:pod-cpu-stress",
        "Loads the pods' CPUs",
        permissions=_POD_PERMISSIONS,
        undo=_POD_UNDO,
        state=_POD_STATE,
        risk="low",
        resource_type=POD,
        target_key="Pods",
        parameters=(
            length(),
            percent("percent", least=0, default="100"),
            integer("workers", 0, default="0"),
            *_ORCHESTRATION,
            _POLICY,
        ),
        length_parameter="duration",
    ),
    FisAction(
        "aws:eks:pod-delete",
        "Deletes the pods",
        permissions=_POD_PERMISSIONS,
        undo="nothing",
        state="the pods of the controller",
        risk="high",
        resource_type=POD,
        target_key="Pods",
        parameters=(integer("gracePeriodSeconds", 0), *_ORCHESTRATION, _POLICY),
    ),
    FisAction(
        "aws:eks:pod-io-stress",
        "Fills and stresses the pods' file systems",
        permissions=_POD_PERMISSIONS,
        undo=_POD_UNDO,
        state=_POD_STATE,
        risk="high",
        resource_type=POD,
        target_key="Pods",
        parameters=(length(), integer("workers", 1, default="1"), percent("percent", default="80"), *_ORCHESTRATION, _POLICY_OF_IO),
        length_parameter="duration",
        refused="actions on pods need a module, which names them by namespace, labels and service account; this one has none",
    ),
    FisAction(
        "aws:eks:pod-memory-stress",
        "Takes the pods' memory",
        permissions=_POD_PERMISSIONS,
        undo=_POD_UNDO,
        state=_POD_STATE,
        risk="high",
        resource_type=POD,
        target_key="Pods",
        parameters=(length(), integer("workers", 1, default="1"), percent("percent", default="80"), *_ORCHESTRATION, _POLICY),
        length_parameter="duration",
    ),
    FisAction(
        "aws:eks:pod-network-blackhole-port",
        "Drops the pods' traffic of a port",
        permissions=_POD_PERMISSIONS,
        undo=_POD_UNDO,
        state=_POD_STATE,
        risk="high",
        resource_type=POD,
        target_key="Pods",
        parameters=(length(), choice("protocol", "tcp", "udp"), *_PORT, *_ORCHESTRATION),
        length_parameter="duration",
    ),
    FisAction(
        "aws:eks:pod-network-latency",
        "Delays the pods' traffic",
        permissions=_POD_PERMISSIONS,
        undo=_POD_UNDO,
        state=_POD_STATE,
        risk="medium",
        resource_type=POD,
        target_key="Pods",
        parameters=(length(), _INTERFACE, *_DELAY, _FLOWS, _SOURCES, *_ORCHESTRATION),
        length_parameter="duration",
    ),
    FisAction(
        "aws:eks:pod-network-packet-loss",
        "Loses a share of the pods' packets",
        permissions=_POD_PERMISSIONS,
        undo=_POD_UNDO,
        state=_POD_STATE,
        risk="high",
        resource_type=POD,
        target_key="Pods",
        parameters=(length(), _INTERFACE, percent("lossPercent", default="7"), _FLOWS, _SOURCES, *_ORCHESTRATION),
        length_parameter="duration",
    ),
    FisAction(
        "aws:eks:terminate-nodegroup-instances",
        "Terminates a share of the node groups' instances",
        permissions=("ec2:DescribeInstances", "ec2:TerminateInstances", "eks:DescribeNodegroup", "tag:GetResources"),
        undo="nothing",
        state="instances and health of the node group",
        risk="high",
        resource_type="aws:eks:nodegroup",
        target_key="Nodegroups",
        parameters=(percent("instanceTerminationPercentage", required=True),),
    ),
)
