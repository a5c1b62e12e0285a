"""Applications of Resilience Hub: their resources and recovery time objectives."""

from collections.abc import Iterator
from typing import Any

from discovery.things.base import Account, Thing


class Application(Thing):
    policy: str
    recovery_seconds: dict[str, int]
    """The recovery time objective by disruption: `Software`, `Hardware`, `AZ`, `Region`."""
    resources: tuple[str, ...]
    """Ids and ARNs of its resources."""


def read_applications(account: Account) -> Iterator[Application]:
    """Every application with a resiliency policy."""
    policies = {entry["policyArn"]: entry for entry in account.items("resiliencehub", "list_resiliency_policies", "resiliencyPolicies")}
    if not policies:
        return
    for summary in account.items("resiliencehub", "list_apps", "appSummaries"):
        if known := account.resumed(Application, summary["appArn"]):
            yield known
            continue
        app = account.ask("resiliencehub", "describe_app", appArn=summary["appArn"]).get("app", {})
        if policy := policies.get(app.get("policyArn", "")):
            yield _read(account, summary, policy)


def _read(account: Account, summary: dict[str, Any], policy: dict[str, Any]) -> Application:
    resources = account.items(
        "resiliencehub", "list_app_version_resources", "physicalResources", appArn=summary["appArn"], appVersion="release"
    )
    return Application(
        id=summary["appArn"],
        name=summary["name"],
        policy=policy["policyName"],
        recovery_seconds={kind: rule["rtoInSecs"] for kind, rule in policy.get("policy", {}).items() if "rtoInSecs" in rule},
        resources=tuple(resource["physicalResourceId"]["identifier"] for resource in resources),
    )
