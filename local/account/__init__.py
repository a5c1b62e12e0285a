"""The AWS side of the local chaos account: one process, ministack with what it lacks.

Start it with ``python -m local.account.server --port P --state-dir DIR --workload-url URL``. Every difference from
stock ministack is a patch installed before the server starts, and every patch first checks that the thing it replaces
is still there with the signature it had (``patching``), so an upgrade fails at start and not in a run.

| module | adds |
|---|---|
| ``fis`` | AWS FIS: templates, experiments, targets, stop conditions, safety lever, authorized effects |
| ``ssm`` | Run Command for ``AWSFIS-*`` documents, carried out by the workload's agent; managed nodes; Automation |
| ``tasks`` | the workload's ECS service and its tasks |
| ``ec2`` | zones without capacity, network ACLs, interfaces and endpoints, EBS volumes |
| ``data`` | replication of DynamoDB global tables and of S3 buckets; Athena's queries in CloudFormation |
| ``rds`` | the workload's database as a cluster and as a Multi-AZ instance, its failovers and events |
| ``metrics`` | metric math, percentiles, alarms as CloudWatch evaluates and publishes them; forgotten by ``DELETE /_squall/metrics`` |
| ``events.events`` | EventBridge delivery with permissions, dead-letter queues, and the profile's delays, drops, duplicates |
| ``events.scheduler`` | time zones, context attributes, universal targets, one-second ticks, role checks |
| ``events.workflows`` | Step Functions: ``RedriveCount``, heartbeats |
| ``lambdas`` | handler exceptions under their class name |
| ``iam`` | actions, resources, tags for what ministack's policy check doesn't know |
| ``profile`` | the pessimistic switches, changeable while running at ``/_squall/profile`` |
"""
