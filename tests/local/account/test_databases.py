"""RDS calls of roles: checked on what AWS checks them on, also where they name nothing."""

import pytest
from botocore.exceptions import ClientError

from local.account.iam import rds_resource
from tests.local.account_rig import ACCOUNT, REGION, Account

pytestmark = pytest.mark.xdist_group("account")  # one account for all of them

ARN = f"arn:aws:rds:{REGION}:{ACCOUNT}"
STOCK = f"{ARN}:db:{ARN}:cluster:orders"
"""What ministack makes of an ARN in the place of a name."""


@pytest.mark.parametrize(
    ("action", "source_text", "resource"),
    [
        ("DescribeDBClusters", "*", f"{ARN}:cluster:*"),
        ("DescribeDBInstances", "*", f"{ARN}:db:*"),
        ("FailoverDBCluster", "*", f"{ARN}:cluster:*"),
        ("DescribeDBClusters", f"{ARN}:cluster:orders", f"{ARN}:cluster:orders"),
        ("DescribeDBClusters", STOCK, f"{ARN}:cluster:orders"),
        ("DescribeEvents", "*", "*"),
        ("DescribeDBClusterSnapshots", "*", "*"),
        ("", "*", "*"),
    ],
)
def test_a_call_that_names_nothing_is_checked_on_all_of_its_kind(action: str, source_text: str, resource: str) -> None:
    query = {"Action": [action]} if action else {}
    assert rds_resource(source_text, query, REGION, ACCOUNT) == resource


@pytest.mark.parametrize(("kind", "action", "other"), [("cluster", "clusters", "db"), ("db", "instances", "cluster")])
def test_a_role_lists_what_its_policy_names_all_of_and_nothing_else(account: Account, kind: str, action: str, other: str) -> None:
    named = f"rds:DescribeDB{action.capitalize()}"

    def listed(resource: str) -> object:
        client = account.client_as("rds", [{"Effect": "Allow", "Action": named, "Resource": resource}])
        return getattr(client, f"describe_db_{action}")()[f"DB{action.capitalize()}"]

    assert isinstance(listed(f"{ARN}:{kind}:*"), list)
    for refused in (f"{ARN}:{other}:*", f"{ARN}:{kind}:orders"):
        with pytest.raises(ClientError, match="AccessDenied"):
            listed(refused)


def test_metrics_can_be_forgotten(account: Account, unique: str) -> None:
    cloudwatch = account.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace=unique, MetricData=[{"MetricName": "Lateness", "Value": 1.0}])
    assert cloudwatch.list_metrics(Namespace=unique)["Metrics"]

    assert account.forget() >= 1

    assert cloudwatch.list_metrics(Namespace=unique)["Metrics"] == []
