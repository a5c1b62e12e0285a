"""Lambda functions as candidates. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.adapters.inventory.inventories import Found
from squall.domain.resources.functions import Extended, LambdaFunction
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from squall.domain.resources.types import OtherResource

_ABSENT = frozenset({"ResourceNotFoundException"})
_TYPE = "lambda:function"
_SETTLED = "Successful"
_UNPUBLISHED = "$LATEST"


class LambdaFunctions:
    """Finds functions by ARN, or by tags."""

    def __init__(self, functions: Any, tagging: Any) -> None:
        self._functions, self._tagging = functions, tagging

    def find(self, names: Sequence[str], tags: Mapping[str, str], _filters: Mapping[str, Sequence[str]], /) -> Found:
        if names:
            functions = self._describe(names)
            matching = tuple(function for function in functions.values() if tags.items() <= function.tags.items())
            return _found(matching, tuple(name for name in dict.fromkeys(names) if name not in functions))
        return _found(tuple(self._describe(self._find_tagged(tags)).values()) if tags else ())

    def refresh(self, resources: Sequence[OtherResource]) -> Found:
        functions = self._describe([resource.arn for resource in resources])
        return _found(tuple(functions.values()), tuple(resource.arn for resource in resources if resource.arn not in functions))

    def _find_tagged(self, tags: Mapping[str, str]) -> list[str]:
        """The ARNs of functions with these tags; versions and aliases carry no tags of their own."""
        filters = [{"Key": key, "Values": [value]} for key, value in tags.items()]
        entries = list_items(self._tagging, "get_resources", "ResourceTagMappingList", TagFilters=filters, ResourceTypeFilters=[_TYPE])
        return sorted(entry["ResourceARN"] for entry in entries)

    def _describe(self, arns: Iterable[str]) -> dict[str, LambdaFunction]:
        functions = {arn: self._ask(arn) for arn in dict.fromkeys(arns)}
        return {arn: function for arn, function in functions.items() if function}

    def _ask(self, arn: str) -> LambdaFunction | None:
        if arn.split(":")[3] != str(self._functions.meta.region_name):
            return None
        entry = call(self._functions, "get_function_configuration", absent=_ABSENT, FunctionName=arn)
        if entry is None or entry["FunctionArn"] != arn:
            return None
        tags = call(self._functions, "list_tags", absent=_ABSENT, Resource=arn)
        served = {
            alias["Name"]: [alias["FunctionVersion"], *_list_additional(alias)] for alias in self._list_aliases(entry["FunctionName"])
        }
        versions = {version for versions in served.values() for version in versions} - {_UNPUBLISHED}
        return LambdaFunction(
            id=entry["FunctionName"],
            arn=arn,
            state=entry.get("State", "Active"),
            tags=dict(tags["Tags"]) if tags else {},
            updating=entry.get("LastUpdateStatus", _SETTLED) != _SETTLED,
            versions=tuple(self._describe_version(arn, version) for version in sorted(versions, key=int)),
            shifting=tuple(sorted(name for name, versions in served.items() if len(versions) > 1)),
            **_read_configuration(entry),
        )

    def _list_aliases(self, name: str) -> list[Any]:
        """The function's aliases; none, if it was deleted since it was described."""
        try:
            return list(list_items(self._functions, "list_aliases", "Aliases", FunctionName=name))
        except Unavailable as error:
            if error.code not in _ABSENT:
                raise
            return []

    def _describe_version(self, arn: str, version: str) -> Extended:
        """The configuration of the version that the extension needs; empty if the version was deleted since."""
        entry = call(self._functions, "get_function_configuration", absent=_ABSENT, FunctionName=arn, Qualifier=version)
        return Extended(id=f"{arn.rpartition(':')[2]}:{version}", **_read_configuration(entry or {}))


def _found(functions: tuple[LambdaFunction, ...], missing: tuple[str, ...] = ()) -> Found:
    """What was found. Load balancers know functions by ARN, and functions are in no VPC."""
    return Found(functions, missing, registered={function.arn: "" for function in functions})


def _list_additional(alias: Mapping[str, Any]) -> list[str]:
    """The versions to which the alias sends a share of its invocations, besides its own."""
    weights: Mapping[str, float] = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return [version for version, weight in weights.items() if weight > 0]


def _read_configuration(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of Extended but the id."""
    environment = entry.get("Environment", {}).get("Variables", {})
    return {
        "package": entry.get("PackageType", "Zip"),
        "timeout_seconds": entry.get("Timeout", 3),
        "layers": tuple(layer["Arn"] for layer in entry.get("Layers", ())),
        "wrapper": environment.get("AWS_LAMBDA_EXEC_WRAPPER", ""),
        "configuration_location": environment.get("AWS_FIS_CONFIGURATION_LOCATION", ""),
        "poll_wait_milliseconds": _read_number(environment.get("AWS_FIS_POLL_MAX_WAIT_MILLISECONDS", "")),
        "snap_start": entry.get("SnapStart", {}).get("ApplyOn", "None") != "None",
    }


def _read_number(text: str) -> int:
    """The number; 0 for a text that is no number, which the extension can't use either."""
    return int(text) if text.isdecimal() and text.isascii() else 0
