"""Every action that AWS documents for FIS: the actions reference of its user guide.

A test compares the ids, parameters and permissions with a dated copy of what AWS documents.
"""

from squall.domain.actions import compute, containers, data, operations
from squall.domain.actions.action import FisAction

_ROWS = (
    *compute.FIS,
    *operations.RECOVERY,
    *operations.CLOUDWATCH,
    *data.DYNAMODB,
    *data.DSQL,
    *compute.EBS,
    *compute.EC2,
    *containers.ECS,
    *containers.EKS,
    *data.ELASTICACHE,
    *data.KINESIS,
    *compute.LAMBDA,
    *data.MEMORYDB,
    *operations.NETWORK,
    *data.RDS,
    *data.S3,
    *operations.SSM,
    *operations.DIRECT_CONNECT,
)

ACTIONS: dict[str, FisAction] = {action.id: action for action in _ROWS}
"""The actions by id, in the order of AWS's reference."""
