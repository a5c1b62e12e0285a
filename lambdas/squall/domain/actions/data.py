"""Actions on databases, streams, caches and buckets."""

from squall.domain.actions.action import FisAction, flag, length, percent, text, text_list

RDS = (
    FisAction(
        "aws:rds:failover-db-cluster",
        "Makes one of the clusters' readers the writer",
        permissions=("rds:FailoverDBCluster", "rds:DescribeDBClusters", "tag:GetResources"),
        undo="nothing",
        state="members and status of the cluster",
        risk="high",
        resource_type="aws:rds:cluster",
        target_key="Clusters",
    ),
    FisAction(
        "aws:rds:reboot-db-instances",
        "Reboots the databases, with a failover to their standby if it is forced",
        permissions=("rds:RebootDBInstance", "rds:DescribeDBInstances", "tag:GetResources"),
        undo="nothing",
        state="status, zones and restarts of the database",
        risk="high",
        resource_type="aws:rds:db",
        target_key="DBInstances",
        parameters=(flag("forceFailover", default="false"),),
    ),
)

DYNAMODB = (
    FisAction(
        "aws:dynamodb:global-table-pause-replication",
        "Pauses the replication of global tables, by statements in their resource policies",
        permissions=(
            "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy", "dynamodb:GetResourcePolicy", "dynamodb:DescribeTable",
            "tag:GetResources", "dynamodb:InjectError",
        ),
        undo="FIS removes its statements, which also expire by themselves; replication catches up",
        state="resource policies of the table and of its stream, and its replicas",
        risk="high",
        resource_type="aws:dynamodb:global-table",
        target_key="Tables",
        parameters=(length(),),
        length_parameter="duration",
    ),
)  # fmt: skip

DSQL = (
    FisAction(
        "aws:dsql:cluster-connection-failure",
        "Refuses a share of the connections to Aurora DSQL clusters",
        permissions=("dsql:InjectError", "dsql:GetCluster", "tag:GetResources"),
        undo="connections are accepted again",
        state="",
        risk="high",
        resource_type="aws:dsql:cluster",
        target_key="Clusters",
        parameters=(length(), percent("percentage", required=True)),
        length_parameter="duration",
    ),
)

ELASTICACHE = (
    FisAction(
        "aws:elasticache:replicationgroup-interrupt-az-power",
        "Cuts the power of the replication groups' nodes in one zone",
        permissions=("elasticache:InterruptClusterAzPower", "elasticache:DescribeReplicationGroups", "tag:GetResources"),
        undo="ElastiCache replaces the nodes in that zone; a failover stays",
        state="node groups, their members and roles",
        risk="high",
        resource_type="aws:elasticache:replicationgroup",
        target_key="ReplicationGroups",
        parameters=(length(),),
        target_parameters=(text("availabilityZoneIdentifier", required=True),),
        length_parameter="duration",
    ),
)

KINESIS = tuple(
    FisAction(
        f"aws:kinesis:stream-{error}-exception",
        f"Answers a share of the calls on the streams with {words}",
        permissions=("kinesis:InjectApiError",),
        undo="calls are answered again",
        state="",
        risk="medium",
        resource_type="aws:kinesis:stream",
        target_key="KinesisStreams",
        parameters=(length(), percent("percentage", required=True)),
        length_parameter="duration",
    )
    for error, words in (
        ("provisioned-throughput", "ProvisionedThroughputExceededException"),
        ("expired-iterator", "ExpiredIteratorException"),
    )
)

MEMORYDB = (
    FisAction(
        "aws:memorydb:multi-region-cluster-pause-replication",
        "Pauses replication between this Region's cluster and the others",
        permissions=("memorydb:DescribeMultiRegionClusters", "memorydb:PauseMultiRegionClusterReplication", "tag:GetResources"),
        undo="replication goes on; the cluster may need minutes to be available again",
        state="status of the multi-Region cluster",
        risk="high",
        resource_type="aws:memorydb:multi-region-cluster",
        target_key="MultiRegionClusters",
        parameters=(length(),),
        length_parameter="duration",
    ),
)

S3 = (
    FisAction(
        "aws:s3:bucket-pause-replication",
        "Pauses the replication of buckets",
        permissions=(
            "s3:PutReplicationConfiguration", "s3:GetReplicationConfiguration", "s3:PauseReplication", "s3:ListAllMyBuckets",
            "tag:GetResources",
        ),
        undo="replication goes on; existing objects may have been replicated for an hour after the action began",
        state="replication rules of the bucket",
        risk="high",
        resource_type="aws:s3:bucket",
        target_key="Buckets",
        parameters=(length(), text("region", required=True), text_list("destinationBuckets"), text_list("prefixes")),
        length_parameter="duration",
    ),
)  # fmt: skip
