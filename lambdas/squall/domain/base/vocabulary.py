"""The closed sets of words in definitions, policies, records and results. An unknown word is an error, never a
default."""

from enum import StrEnum
from typing import Literal

Risk = Literal["low", "medium", "high"]
"""How much damage a fault may do to the workload, as its module declares it. `RISKS` has the words in rising order."""
RISKS: tuple[Risk, ...] = ("low", "medium", "high")


class FaultType(StrEnum):
    INSTANCE_TERMINATION = "instance_termination"
    NETWORK_LATENCY = "network_latency"
    DISK_FILL = "disk_fill"
    CPU_STRESS = "cpu_stress"
    MEMORY_STRESS = "memory_stress"
    SERVICE_UNAVAILABLE = "service_unavailable"
    DATABASE_FAILURE = "database_failure"
    DEPENDENCY_TIMEOUT = "dependency_timeout"
    CUSTOM = "custom"
    """A FIS action that the environment's policy lists under `custom_actions`."""
    NO_FAULT = "no_fault"
    """Nothing is injected: a Region of a run over several that carries the load of the others. Written only by the split of
    `regions`, never by people."""
    REBOOT_INSTANCES = "aws:ec2:reboot-instances"
    STOP_INSTANCES = "aws:ec2:stop-instances"
    SPOT_INTERRUPTION = "aws:ec2:send-spot-instance-interruptions"
    VOLUME_IO_LATENCY = "aws:ebs:volume-io-latency"
    DRAIN_CONTAINER_INSTANCES = "aws:ecs:drain-container-instances"
    TERMINATE_NODES = "aws:eks:terminate-nodegroup-instances"
    REBOOT_DATABASES = "aws:rds:reboot-db-instances"
    STREAM_THROUGHPUT_EXCEPTION = "aws:kinesis:stream-provisioned-throughput-exception"
    STREAM_ITERATOR_EXCEPTION = "aws:kinesis:stream-expired-iterator-exception"
    DSQL_CONNECTION_FAILURE = "aws:dsql:cluster-connection-failure"
    API_INTERNAL_ERROR = "aws:fis:inject-api-internal-error"
    API_THROTTLE_ERROR = "aws:fis:inject-api-throttle-error"
    API_UNAVAILABLE_ERROR = "aws:fis:inject-api-unavailable-error"
    API_NO_CAPACITY = "aws:ec2:api-insufficient-instance-capacity-error"
    GLOBAL_TABLE_PAUSE = "aws:dynamodb:global-table-pause-replication"
    MULTI_REGION_CLUSTER_PAUSE = "aws:memorydb:multi-region-cluster-pause-replication"
    VIRTUAL_INTERFACE_DISCONNECT = "aws:directconnect:virtual-interface-disconnect"
    VPC_ENDPOINT_DISRUPTION = "aws:network:disrupt-vpc-endpoint"
    TRANSIT_GATEWAY_DISRUPTION = "aws:network:transit-gateway-disrupt-cross-region-connectivity"
    ROUTE_TABLE_DISRUPTION = "aws:network:route-table-disrupt-cross-region-connectivity"
    CUSTOM_RESOURCE = "aws:eks:inject-kubernetes-custom-resource"
    ZONAL_AUTOSHIFT = "aws:arc:start-zonal-autoshift"
    BUCKET_PAUSE = "aws:s3:bucket-pause-replication"
    CACHE_ZONE_POWER = "aws:elasticache:replicationgroup-interrupt-az-power"

    @property
    def is_fis_action(self) -> bool:
        """Whether it is the id of a FIS action. An environment allows such a type only if its policy names it."""
        return self.value.startswith(FIS_ACTION)


FIS_ACTION = "aws:"
"""How the ids of FIS actions begin."""


class ResourceType(StrEnum):
    """The type of a target, as FIS names it."""

    INSTANCE = "aws:ec2:instance"
    DATABASE = "aws:rds:db"
    DATABASE_CLUSTER = "aws:rds:cluster"
    SUBNET = "aws:ec2:subnet"
    ECS_TASK = "aws:ecs:task"
    FUNCTION = "aws:lambda:function"
    VOLUME = "aws:ec2:ebs-volume"
    SCALING_GROUP = "aws:ec2:autoscaling-group"
    POD = "aws:eks:pod"
    NODEGROUP = "aws:eks:nodegroup"
    ECS_CLUSTER = "aws:ecs:cluster"
    STREAM = "aws:kinesis:stream"
    DSQL_CLUSTER = "aws:dsql:cluster"
    ROLE = "aws:iam:role"
    GLOBAL_TABLE = "aws:dynamodb:global-table"
    MULTI_REGION_CLUSTER = "aws:memorydb:multi-region-cluster"
    VIRTUAL_INTERFACE = "aws:directconnect:virtual-interface"
    VPC_ENDPOINT = "aws:ec2:vpc-endpoint"
    TRANSIT_GATEWAY = "aws:ec2:transit-gateway"
    SHIFTABLE = "aws:arc:zonal-shift-managed-resource"
    BUCKET = "aws:s3:bucket"
    REPLICATION_GROUP = "aws:elasticache:replicationgroup"

    @property
    def words(self) -> str:
        """The type in words, such as `EC2 instance`."""
        return _WORDS[self]

    @property
    def with_article(self) -> str:
        """The words with their article: `an EC2 instance`."""
        return f"{'an' if self.words[0] in 'AEIR' or self is ResourceType.BUCKET else 'a'} {self.words}"


CHOSEN_BY_TAGS = frozenset({ResourceType.BUCKET, ResourceType.REPLICATION_GROUP})
"""Types of which FIS takes no ARNs: it chooses everything that carries the tags of its template. An experiment says such targets
by tags alone, and all that carry them are hit."""
_WORDS = {
    ResourceType.INSTANCE: "EC2 instance",
    ResourceType.DATABASE: "RDS DB instance",
    ResourceType.DATABASE_CLUSTER: "RDS DB cluster",
    ResourceType.SUBNET: "EC2 subnet",
    ResourceType.ECS_TASK: "ECS task",
    ResourceType.FUNCTION: "Lambda function",
    ResourceType.VOLUME: "EBS volume",
    ResourceType.SCALING_GROUP: "Auto Scaling group",
    ResourceType.POD: "EKS pod",
    ResourceType.NODEGROUP: "EKS node group",
    ResourceType.ECS_CLUSTER: "ECS cluster",
    ResourceType.STREAM: "Kinesis data stream",
    ResourceType.DSQL_CLUSTER: "Aurora DSQL cluster",
    ResourceType.ROLE: "IAM role",
    ResourceType.GLOBAL_TABLE: "DynamoDB global table",
    ResourceType.MULTI_REGION_CLUSTER: "MemoryDB multi-Region cluster",
    ResourceType.VIRTUAL_INTERFACE: "Direct Connect virtual interface",
    ResourceType.VPC_ENDPOINT: "VPC endpoint",
    ResourceType.TRANSIT_GATEWAY: "transit gateway",
    ResourceType.SHIFTABLE: "ARC zonal shift resource",
    ResourceType.BUCKET: "S3 bucket",
    ResourceType.REPLICATION_GROUP: "ElastiCache replication group",
}


class BlastRadius(StrEnum):
    SINGLE_INSTANCE = "single_instance"
    SINGLE_AZ = "single_az"
    MULTIPLE_AZ = "multiple_az"
    SINGLE_REGION = "single_region"
    MULTIPLE_REGION = "multiple_region"


class Mode(StrEnum):
    RUN = "run"
    PLAN = "plan"


class Status(StrEnum):
    """Status of an execution. The last five are final."""

    RUNNING = "running"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    PLANNED = "planned"
    COMPLETED = "completed"
    ABORTED = "aborted"
    REJECTED = "rejected"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        return self in FINAL_STATUSES


FINAL_STATUSES = frozenset({Status.PLANNED, Status.COMPLETED, Status.ABORTED, Status.REJECTED, Status.FAILED})


class Verdict(StrEnum):
    VALIDATED = "validated"
    REFUTED = "refuted"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"
    ABORTED = "aborted"


class CriterionOutcome(StrEnum):
    MET = "met"
    NOT_MET = "not_met"
    CANNOT_TELL = "cannot_tell"


class CheckOutcome(StrEnum):
    PASSED = "passed"
    WARNED = "warned"
    """Something is wrong that the policy allows. Messages, reports and results name it."""
    FAILED = "failed"
    NOT_EVALUATED = "not_evaluated"
    """The check could not be evaluated. It counts as failed."""


class AbortSource(StrEnum):
    """Who ended a fault early, by evidence and never by the texts of FIS."""

    GUARD = "guard"
    BLIND_GUARD = "blind_guard"
    OPERATOR = "operator"
    HALT = "halt"
    OUTSIDE = "outside"
    """The execution was stopped or died outside the workflow."""
    PEER = "peer"
    """In a run over several Regions: another Region ended early, can't be read, or looks after nothing any more."""
    UNKNOWN = "unknown"
    """FIS says `stopped`, and no record, alarm or safety lever explains it."""


class RollbackOutcome(StrEnum):
    RESTORED = "restored"
    RECOVERED = "recovered"
    NOT_RESTORED = "not_restored"
    NOT_NEEDED = "not_needed"
    """Nothing was injected."""
