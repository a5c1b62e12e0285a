"""What stands around the abort paths: the roles FIS takes on, its service-linked role, its quota, the halt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.finding import Finding, Outcome, unknown
from squall.domain.run.commands import delete_item_command
from squall.domain.run.queue import FIS_ACTIVE_EXPERIMENTS

SERVICE = "fis.amazonaws.com"
LINKED_ROLE = "AWSServiceRoleForFIS"
TERMINAL = frozenset({"completed", "stopped", "failed", "cancelled"})


@dataclass(frozen=True)
class Setting:
    """The stack as the examinations need it."""

    client: Callable[[str], Any]
    stack: str
    role_arns: tuple[str, ...]
    """FIS roles, one an environment."""
    abort_arn: str
    machine_arn: str
    table: str
    bucket: str

    def arn(self, service: str, resource: str) -> str:
        """In the stack's account and Region."""
        _, partition, _, region, account, *_ = self.abort_arn.split(":")
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    def delete_record(self, name: str) -> None:
        """Of a run that never was."""
        self.client("dynamodb").delete_item(TableName=self.table, Key={"pk": {"S": f"EXECUTION#{name}"}, "sk": {"S": "RECORD"}})

    def delete_record_command(self, name: str) -> str:
        """The same by hand."""
        return delete_item_command(self.table, f"EXECUTION#{name}", "RECORD")

    def execution_arn(self, name: str) -> str:
        """Of the stack's machine; nothing by this name has to run."""
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"


def fis_role_names(cloudformation: Any, stack: str) -> list[str]:
    """Physical names of the stack's FIS roles."""
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    found = (one for page in pages for one in page["StackResourceSummaries"])
    return sorted(
        one["PhysicalResourceId"]
        for one in found
        if one["ResourceType"] == "AWS::IAM::Role" and one["LogicalResourceId"].startswith("FisRole")
    )


def roles(iam: Any, names: list[str]) -> Iterator[tuple[Finding, str]]:
    """Each FIS role with its ARN ("" if it is not there): FIS may take it on, for this account alone."""
    for name in names:
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except (ClientError, BotoCoreError) as error:
            yield unknown(f"FIS role {name}", error), ""
            continue
        trusted = [one for one in _statements(role["AssumeRolePolicyDocument"]) if _trusts_fis(one)]
        bound = [one for one in trusted if "aws:SourceAccount" in str(one.get("Condition", {}))]
        if bound:
            finding = Finding(f"FIS role {name}", Outcome.OK, "FIS may take it on, for this account alone")
        elif trusted:
            finding = Finding(f"FIS role {name}", Outcome.FAILED, "FIS may take it on for any account: deploy again")
        else:
            finding = Finding(f"FIS role {name}", Outcome.FAILED, f"{SERVICE} is not trusted: no fault can start; deploy again")
        yield finding, role["Arn"]


def _statements(document: Any) -> list[dict[str, Any]]:
    found = document.get("Statement", []) if isinstance(document, dict) else []
    return found if isinstance(found, list) else [found]


def _trusts_fis(statement: dict[str, Any]) -> bool:
    services = statement.get("Principal", {}).get("Service", ())
    return statement.get("Effect") == "Allow" and SERVICE in ([services] if isinstance(services, str) else services)


def linked_role(iam: Any) -> Finding:
    """FIS makes it with the first experiment of the account."""
    try:
        iam.get_role(RoleName=LINKED_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return Finding("service-linked role", Outcome.OK, f"{LINKED_ROLE} is not there yet: FIS makes it with its first experiment")
        return unknown("service-linked role", error)
    except BotoCoreError as error:
        return unknown("service-linked role", error)
    return Finding("service-linked role", Outcome.OK, f"{LINKED_ROLE} is there")


def quota(client: Callable[[str], Any]) -> Finding:
    """FIS's active experiments: how many the account may have, and has."""
    promised = f"{FIS_ACTIVE_EXPERIMENTS} at a time"
    try:
        pages = client("fis").get_paginator("list_experiments").paginate()
        active = sum(one["state"]["status"] not in TERMINAL for page in pages for one in page["experiments"])
    except (ClientError, BotoCoreError) as error:
        return unknown("FIS experiments", error, promised)
    limit, source = _limit(client)
    outcome = Outcome.OK if limit >= FIS_ACTIVE_EXPERIMENTS else Outcome.FAILED
    return Finding("FIS experiments", outcome, f"{active} active; {source}", promised, f"{limit:g} at a time")


def _limit(client: Callable[[str], Any]) -> tuple[float, str]:
    try:
        for page in client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="fis"):
            for one in page["Quotas"]:
                if "active experiments" in one["QuotaName"].lower():
                    return float(one["Value"]), f"the account's quota, {one['QuotaName']}"
    except (ClientError, BotoCoreError):
        pass
    return float(FIS_ACTIVE_EXPERIMENTS), "the documented default: the account's own quota could not be asked"
