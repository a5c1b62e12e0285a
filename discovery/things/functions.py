"""Lambda functions, what invokes them, and where their failed events go."""

from collections.abc import Iterator
from typing import Any

from discovery.things.base import Account, Thing, list_tags


class Function(Thing):
    timeout_seconds: int
    package: str
    extension: bool
    """Whether it has a layer with FIS's extension, and the wrapper that starts the extension."""
    fault_folder: str
    """The folder where the extension looks for faults; empty if none is set."""
    in_vpc: bool
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    dead_letter: bool
    """Whether failed asynchronous events are kept: a dead-letter queue, or a destination on failure."""
    sources: tuple[str, ...] = ()
    """ARNs of the queues, streams and tables that invoke it."""
    uses: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def read_functions(account: Account) -> Iterator[Function]:
    """Every function. The values of environment variables are compared and forgotten."""
    tags = list_tags(account, "lambda:function")
    sources: dict[str, list[str]] = {}
    for entry in account.items("lambda", "list_event_source_mappings", "EventSourceMappings"):
        if entry.get("EventSourceArn") and entry.get("State") in {"Enabled", "Enabling", "Updating", None}:
            sources.setdefault(_without_qualifier(entry["FunctionArn"]), []).append(entry["EventSourceArn"])
    for entry in account.items("lambda", "list_functions", "Functions"):
        arn = entry["FunctionArn"]
        yield account.resumed(Function, arn) or _read(account, entry, tags.get(arn, {}), tuple(sources.get(arn, ())))


def _without_qualifier(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def _read(account: Account, entry: dict[str, Any], tags: dict[str, str], sources: tuple[str, ...]) -> Function:
    variables = entry.get("Environment", {}).get("Variables", {})
    uses, hosts = account.match(str(value) for value in variables.values())
    dead_letter = bool(entry.get("DeadLetterConfig", {}).get("TargetArn"))
    network = entry.get("VpcConfig", {})
    return Function(
        id=entry["FunctionArn"],
        name=entry["FunctionName"],
        tags=tags,
        timeout_seconds=entry.get("Timeout", 3),
        package=entry.get("PackageType", "Zip"),
        extension=any("aws-fis-extension" in layer["Arn"] for layer in entry.get("Layers", ()))
        and "aws-fis" in variables.get("AWS_LAMBDA_EXEC_WRAPPER", ""),
        fault_folder=variables.get("AWS_FIS_CONFIGURATION_LOCATION", ""),
        in_vpc=bool(network.get("SubnetIds")),
        subnets=tuple(network.get("SubnetIds", ())),
        security_groups=tuple(sorted(network.get("SecurityGroupIds", ()))),
        dead_letter=dead_letter or (not sources and _has_failure_destination(account, entry["FunctionName"])),
        sources=sources,
        uses=uses,
        hosts=hosts,
    )


def _has_failure_destination(account: Account, name: str) -> bool:
    configs = account.items("lambda", "list_function_event_invoke_configs", "FunctionEventInvokeConfigs", FunctionName=name)
    return any(config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination") for config in configs)
