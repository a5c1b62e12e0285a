"""Checks around the abort paths: the roles that FIS assumes, its service-linked role, and its quota."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.finding import Finding, Outcome, unknown_finding
from cli.doctor.setting import TERMINAL
from infra.account.concurrency import FEWEST_RESERVED, UNRESERVED, read_concurrency
from infra.account.stack_resources import list_resources
from squall.domain.run.queue import FIS_ACTIVE_EXPERIMENTS

SERVICE = "fis.amazonaws.com"
DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
LINKED_ROLE = "AWSServiceRoleForFIS"


def list_fis_roles(cloudformation: Any, stack: str) -> list[str]:
    """The physical names of the stack's FIS roles, sorted."""
    return sorted(
        physical for logical, physical in list_resources(cloudformation, stack, "AWS::IAM::Role") if logical.startswith("FisRole")
    )


def check_fis_roles(iam: Any, names: list[str]) -> Iterator[tuple[Finding, str]]:
    """Checks that FIS may assume each role, and for this account only. Yields the finding and the role's ARN ("" if it
    cannot be read)."""
    for name in names:
        try:
            role = iam.get_role(RoleName=name)["Role"]
        except (ClientError, BotoCoreError) as error:
            yield unknown_finding(f"FIS role {name}", error), ""
            continue
        trusting = [statement for statement in _list_statements(role["AssumeRolePolicyDocument"]) if _trusts_fis(statement)]
        bound = [statement for statement in trusting if "aws:SourceAccount" in str(statement.get("Condition", {}))]
        if bound:
            finding = Finding(f"FIS role {name}", Outcome.OK, "FIS may assume it, for this account only")
        elif trusting:
            finding = Finding(f"FIS role {name}", Outcome.FAILED, "FIS may assume it for any account: deploy again")
        else:
            finding = Finding(f"FIS role {name}", Outcome.FAILED, f"{SERVICE} is not trusted: no fault can start; deploy again")
        yield finding, role["Arn"]


def _list_statements(document: Any) -> list[dict[str, Any]]:
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    return statements if isinstance(statements, list) else [statements]


def _trusts_fis(statement: dict[str, Any]) -> bool:
    services = statement.get("Principal", {}).get("Service", ())
    return statement.get("Effect") == "Allow" and SERVICE in ([services] if isinstance(services, str) else services)


def check_linked_role(iam: Any) -> Finding:
    """Checks FIS's service-linked role, which FIS makes with the account's first experiment."""
    try:
        iam.get_role(RoleName=LINKED_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return Finding("service-linked role", Outcome.OK, f"{LINKED_ROLE} does not exist yet: FIS makes it with its first experiment")
        return unknown_finding("service-linked role", error)
    except BotoCoreError as error:
        return unknown_finding("service-linked role", error)
    return Finding("service-linked role", Outcome.OK, f"{LINKED_ROLE} exists")


def check_concurrency(client: Callable[[str], Any], stack: str) -> Finding:
    """Checks whether the functions that stop faults can run while other functions use up the account's concurrent
    executions."""
    name, promise = "concurrent executions", "room for the functions that stop faults"
    try:
        found = read_concurrency(client, stack)
    except (ClientError, BotoCoreError) as error:
        return unknown_finding(name, error, promise)
    reserved = [number for number in found.reserved if number]
    if reserved and len(reserved) == len(found.reserved):
        return Finding(name, Outcome.OK, "Abort, Halt and Pulse have reserved ones", promise, f"{min(reserved)} or more each")
    if found.room >= FEWEST_RESERVED:
        advice = f"deploy with `make deploy`, which reserves some, or with -c stop_reserved_concurrency={FEWEST_RESERVED}"
    else:
        advice = f"{UNRESERVED} have to stay unreserved, so none can be: ask AWS for a higher limit, then deploy again"
    outcome = Outcome.OK if found.limit > UNRESERVED else Outcome.FAILED
    shared = f"the account has {found.limit}, of which all functions share {found.unreserved}"
    return Finding(name, outcome, f"not reserved: {shared}; {advice}", promise, f"{found.unreserved} shared")


def check_resume(client: Callable[[str], Any], stack: str) -> Finding:
    """Checks that a halt can be ended: the stack has a resume function, and whether the caller may invoke it. Lambda is
    asked for a dry run, so nothing is resumed."""
    name, promise = "resume", "a function of its own, with its own permission"
    try:
        resources = list_resources(client("cloudformation"), stack, "AWS::Lambda::Function")
        function = next((physical for logical, physical in resources if logical.startswith("Resume")), None)
        if function is None:
            return Finding(name, Outcome.FAILED, "the stack has no resume function: deploy again", promise)
        client("lambda").invoke(FunctionName=function, InvocationType="DryRun")
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            return unknown_finding(name, error, promise)
        return Finding(name, Outcome.OK, f"you may not invoke {function}: somebody else has to end a halt", promise)
    except BotoCoreError as error:
        return unknown_finding(name, error, promise)
    return Finding(name, Outcome.OK, f"you may invoke {function}", promise)


def check_quota(client: Callable[[str], Any]) -> Finding:
    """Checks how many active FIS experiments the account may have, and counts those it has."""
    promise = f"{FIS_ACTIVE_EXPERIMENTS} at a time"
    try:
        pages = client("fis").get_paginator("list_experiments").paginate()
        active = sum(experiment["state"]["status"] not in TERMINAL for page in pages for experiment in page["experiments"])
    except (ClientError, BotoCoreError) as error:
        return unknown_finding("FIS experiments", error, promise)
    limit, source = _read_limit(client)
    outcome = Outcome.OK if limit >= FIS_ACTIVE_EXPERIMENTS else Outcome.FAILED
    return Finding("FIS experiments", outcome, f"{active} active; {source}", promise, f"{limit:g} at a time")


def _read_limit(client: Callable[[str], Any]) -> tuple[float, str]:
    try:
        for page in client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="fis"):
            for quota in page["Quotas"]:
                if "active experiments" in quota["QuotaName"].lower():
                    return float(quota["Value"]), f"the account's quota, {quota['QuotaName']}"
    except (ClientError, BotoCoreError):
        pass
    return float(FIS_ACTIVE_EXPERIMENTS), "the documented default: the account's own quota could not be read"
