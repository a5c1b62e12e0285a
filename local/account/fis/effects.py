"""What each action of FIS does in the local account: something real in the sample workload, or a state of the account
alone."""

_REAL_NETWORK = "real: the workload's processes drop or delay the traffic"
_STATE = "state alone: the calls of EC2 show what FIS puts in place and takes away; no traffic changes"
_REAL_LOAD = "real: a process loads the machine"
_REAL_FUNCTION = "real: what stands before the function's process does it"
_REAL_STREAM = "real: the account answers that share of the calls with the error; nothing in the sample uses a stream"
_REAL_ROLE = "real: the account answers that share of the role's calls with the error"

EFFECTS: dict[str, str] = {
    "aws:ec2:terminate-instances": "real: the instance's processes end",
    "aws:ec2:stop-instances": "real: the instance's processes end, and start again",
    "aws:ec2:reboot-instances": "real: the instance's process ends, and starts again seconds later",
    "aws:ec2:send-spot-instance-interruptions": "real: the Spot request shows the notice, and two minutes later the process ends",
    "aws:ssm:send-command": "real: the document acts on the instance's processes",
    "aws:rds:failover-db-cluster": "real: another process serves as the writer",
    "aws:rds:reboot-db-instances": "real: the standby's process takes over, or without `forceFailover` the primary's starts again",
    "aws:network:disrupt-connectivity": "real: traffic is judged by the rules of FIS's network ACL",
    "aws:network:route-table-disrupt-cross-region-connectivity": _STATE,
    "aws:network:disrupt-vpc-endpoint": _STATE,
    "aws:ebs:pause-volume-io": "real: writers of the volume wait",
    "aws:ebs:volume-io-latency": "real: writers of the volume wait that long for each write",
    "aws:ec2:asg-insufficient-instance-capacity-error": "real: the account refuses launches",
    "aws:kinesis:stream-provisioned-throughput-exception": _REAL_STREAM,
    "aws:kinesis:stream-expired-iterator-exception": _REAL_STREAM,
    "aws:fis:inject-api-internal-error": _REAL_ROLE,
    "aws:fis:inject-api-throttle-error": _REAL_ROLE,
    "aws:fis:inject-api-unavailable-error": _REAL_ROLE,
    "aws:ec2:api-insufficient-instance-capacity-error": "real: the account refuses that share of the role's launches in the zones",
    "aws:ecs:drain-container-instances": "real: the service's tasks end there and start elsewhere, as processes",
    "aws:eks:terminate-nodegroup-instances": "real: the pods' processes on the nodes end, and others start on the nodes that are left",
    "aws:ecs:stop-task": "real: the task's process ends",
    "aws:ecs:task-cpu-stress": _REAL_LOAD,
    "aws:ecs:task-io-stress": "real: a file takes the task's disk",
    "aws:ecs:task-kill-process": "real: the process gets the signal",
    "aws:ecs:task-network-latency": _REAL_NETWORK,
    "aws:ecs:task-network-packet-loss": _REAL_NETWORK,
    "aws:ecs:task-network-blackhole-port": _REAL_NETWORK,
    "aws:eks:pod-delete": "real: the pod's process ends",
    "aws:eks:pod-cpu-stress": _REAL_LOAD,
    "aws:eks:pod-memory-stress": "real: a process holds the memory",
    "aws:eks:pod-io-stress": "real: the disturbance runs in the pod's process",
    "aws:eks:pod-network-latency": _REAL_NETWORK,
    "aws:eks:pod-network-packet-loss": _REAL_NETWORK,
    "aws:eks:pod-network-blackhole-port": _REAL_NETWORK,
    "aws:ssm:start-automation-execution": "real: the document calls the account's APIs",
    "aws:dynamodb:global-table-pause-replication": "real: FIS's statements keep the account from replicating the table",
    "aws:s3:bucket-pause-replication": "real: new objects wait for their copies",
    "aws:lambda:invocation-add-delay": _REAL_FUNCTION,
    "aws:lambda:invocation-error": _REAL_FUNCTION,
    "aws:lambda:invocation-http-integration-response": _REAL_FUNCTION,
    "aws:fis:wait": "waits",
}
"""Action to what it does. A test compares its keys with the actions that the account carries out."""
