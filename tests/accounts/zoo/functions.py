"""Lambda functions: as targets of a load balancer, by alias, by version, and behind something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.accounts.functions import ARN, PLACE, Function, Functions
from tests.accounts.run import experiment
from tests.accounts.zoo.shape import INTERNAL, PUBLIC, shape

if TYPE_CHECKING:
    from tests.accounts.account import Account
    from tests.accounts.traffic import Registered

POLICY = {"lambda_fault_configuration": PLACE}


def fail_invocations(account: Account, function: Function, **changes: Any) -> dict[str, Any]:
    Functions(account, function)
    return experiment([ARN], **{"type": "service_unavailable", "parameters": {"invocation_percent": 40}, **changes})


def serve(account: Account, failing: float, target: str = ARN, name: str = "orders", balancer: str = PUBLIC) -> Registered:
    """A load balancer answers 502 for a function that fails."""
    return account.serve(name, balancer, [target], kind="lambda", failing=failing, balancer_fails=True)


@shape("Lambda function as a target", fast=True, policy=POLICY)
def target(account: Account, failing: float) -> dict[str, Any]:
    serve(account, failing)
    return fail_invocations(account, Function())


@shape("Lambda alias with provisioned concurrency as a target", policy=POLICY)
def alias(account: Account, failing: float) -> dict[str, Any]:
    serve(account, failing, f"{ARN}:live")
    return fail_invocations(account, Function({"$LATEST": True, "5": True}, {"live": {"5": 1.0}}))


@shape("Lambda alias of a version without FIS's extension", refused="orders:5 has no layer with FIS's extension", fast=True, policy=POLICY)
def bare_version(account: Account, failing: float) -> dict[str, Any]:
    serve(account, failing, f"{ARN}:live")
    return fail_invocations(account, Function({"$LATEST": True, "5": False}, {"live": {"5": 1.0}}))


@shape("Lambda alias that shifts between two versions", refused="alias live of orders serves two versions", policy=POLICY)
def shifting(account: Account, failing: float) -> dict[str, Any]:
    serve(account, failing, f"{ARN}:live")
    return fail_invocations(account, Function({"$LATEST": True, "5": True, "6": True}, {"live": {"5": 0.9, "6": 0.1}}))


@shape("Lambda version as a target, without an alias", refused="register an alias", policy=POLICY)
def version(account: Account, failing: float) -> dict[str, Any]:
    serve(account, failing, f"{ARN}:5")
    return fail_invocations(account, Function({"$LATEST": True, "5": True}))


@shape("Lambda function behind two load balancers", refused="serve in 2 target groups", policy=POLICY)
def twice(account: Account, failing: float) -> dict[str, Any]:
    serve(account, failing)
    serve(account, 0, f"{ARN}:live", "inside", INTERNAL)
    return fail_invocations(account, Function({"$LATEST": True, "5": True}, {"live": {"5": 1.0}}))


@shape("Lambda function as a target, another target group named", refused="service names another", policy=POLICY)
def elsewhere(account: Account, failing: float) -> dict[str, Any]:
    serve(account, failing)
    other = account.serve("other", INTERNAL, [entry.id for entry in account.group("other")])
    return fail_invocations(account, Function(), service=other.arn)


@shape("Lambda function behind no load balancer", refused="name in service", policy=POLICY)
def alone(account: Account, failing: float) -> dict[str, Any]:
    account.serve("shop", PUBLIC, [entry.id for entry in account.group("shop")], failing=failing)
    return fail_invocations(account, Function())


@shape("Lambda function that a service calls, whose target group is named", policy=POLICY)
def called(account: Account, failing: float) -> dict[str, Any]:
    shop = account.serve("shop", PUBLIC, [entry.id for entry in account.group("shop")], failing=failing)
    return fail_invocations(account, Function(), service=shop.arn)
