"""Lambda in an account: a function with versions and aliases, as AWS describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squall.adapters.inventory.functions import LambdaFunctions
from squall.domain.base.vocabulary import ResourceType
from tests.accounts.account import STAGING
from tests.accounts.modelled import Modelled
from tests.adapters.scripted import error
from tests.fakes.workload import ACCOUNT, REGION

if TYPE_CHECKING:
    from tests.accounts.account import Account

PLACE = "arn:aws:s3:::chaos/staging/"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
LAYER = f"arn:aws:lambda:{REGION}:1:layer:aws-fis-extension-arm64:9"


@dataclass
class Function:
    """The function `orders`."""

    extended: dict[str, bool] = field(default_factory=lambda: {"$LATEST": True})
    """By version, whether it was published with FIS's extension."""
    aliases: dict[str, dict[str, float]] = field(default_factory=dict)
    """By alias, its versions, each with its share of invocations; the first one is the alias's own."""


class Functions:
    """One function of an account, read through the real adapter."""

    def __init__(self, account: Account, function: Function) -> None:
        self._function = function
        answers = {name: getattr(self, name) for name in ("get_function_configuration", "list_aliases", "list_tags")}
        client, tagging = Modelled("lambda", answers), Modelled("resourcegroupstaggingapi", {})
        account.finders[ResourceType.FUNCTION] = lambda: LambdaFunctions(client, tagging)
        account.signals["Errors"] = account.since_fault(20.0)

    def get_function_configuration(self, FunctionName: str, Qualifier: str = "$LATEST") -> dict[str, Any]:  # noqa: N803
        if FunctionName != ARN or Qualifier not in self._function.extended:
            raise error("ResourceNotFoundException")
        variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/aws-fis/bootstrap", "AWS_FIS_CONFIGURATION_LOCATION": PLACE}
        extended = self._function.extended[Qualifier]
        return {
            "FunctionName": "orders", "FunctionArn": ARN if Qualifier == "$LATEST" else f"{ARN}:{Qualifier}", "Version": Qualifier,
            "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip", "Timeout": 6,
            "Layers": [{"Arn": LAYER}] if extended else [], "Environment": {"Variables": variables if extended else {}},
        }  # fmt: skip

    def list_aliases(self, **_: Any) -> dict[str, Any]:
        return {"Aliases": [_alias(name, shares) for name, shares in self._function.aliases.items()]}

    def list_tags(self, **_: Any) -> dict[str, Any]:
        return {"Tags": STAGING}


def _alias(name: str, shares: dict[str, float]) -> dict[str, Any]:
    first, *others = shares
    routing = {"RoutingConfig": {"AdditionalVersionWeights": {version: shares[version] for version in others}}} if others else {}
    return {"AliasArn": f"{ARN}:{name}", "Name": name, "FunctionVersion": first, **routing}
