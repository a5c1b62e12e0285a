"""Lambda functions as candidates: in an account, and what moto does not do."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from squall.adapters.inventory.functions import LambdaFunctions
from squall.domain.resources.functions import LambdaFunction
from squall.errors import Unavailable
from tests.adapters.conftest import REGION
from tests.adapters.scripted import Scripted, error

if TYPE_CHECKING:
    from collections.abc import Callable

ARN = f"arn:aws:lambda:{REGION}:123456789012:function:"
STAGING = {"squall:environment": "staging"}
PLACE = "arn:aws:s3:::chaos/staging/"
LAYER = f"arn:aws:lambda:{REGION}:1:layer:aws-fis-extension-arm64:9"
ENTRY = {
    "FunctionName": "orders", "FunctionArn": f"{ARN}orders", "State": "Active", "LastUpdateStatus": "Successful", "PackageType": "Zip",
    "Timeout": 6, "Layers": [{"Arn": LAYER}],
    "Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/aws-fis/bootstrap", "AWS_FIS_CONFIGURATION_LOCATION": PLACE}},
}  # fmt: skip


def scripted(*entries: Any) -> tuple[LambdaFunctions, Scripted]:
    functions = Scripted("lambda", get_function_configuration=list(entries), list_tags=[{"Tags": STAGING}], list_aliases=[{"Aliases": []}])
    return LambdaFunctions(functions, Scripted("resourcegroupstaggingapi")), functions


def test_a_function_is_described_with_what_its_extension_needs() -> None:
    finder, _ = scripted(ENTRY)
    (resource,) = finder.find([f"{ARN}orders"], {}, {}).resources
    assert resource == LambdaFunction(
        id="orders", arn=f"{ARN}orders", state="Active", tags=STAGING, timeout_seconds=6, layers=(LAYER,), wrapper="/opt/aws-fis/bootstrap",
        configuration_location=PLACE,
    )  # fmt: skip
    assert (resource.zone, resource.usable) == ("", True)


@pytest.mark.parametrize("status", ["InProgress", "Failed"])
def test_an_update_that_is_not_done_is_told(status: str) -> None:
    finder, _ = scripted({**ENTRY, "LastUpdateStatus": status})
    (resource,) = finder.find([f"{ARN}orders"], {}, {}).resources
    assert isinstance(resource, LambdaFunction)
    assert resource.updating


def test_what_is_not_there_is_named_and_other_regions_are_not_asked() -> None:
    foreign = f"{ARN}orders".replace(REGION, "us-east-1")
    finder, functions = scripted(ENTRY, error("ResourceNotFoundException"))
    candidates = finder.find([f"{ARN}orders", f"{ARN}nobody", foreign], {}, {})
    assert ([resource.id for resource in candidates.resources], candidates.missing) == (["orders"], (f"{ARN}nobody", foreign))
    assert len(functions.arguments("get_function_configuration")) == 2


def test_lambda_that_can_not_be_asked_is_unavailable() -> None:
    finder, _ = scripted(error("AccessDeniedException"))
    with pytest.raises(Unavailable, match="GetFunctionConfiguration"):
        finder.find([f"{ARN}orders"], {}, {})


def test_in_an_account_functions_are_found_by_name_by_tag_and_again(aws: Callable[[str], Any]) -> None:
    functions, code = aws("lambda"), io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = aws("iam").create_role(RoleName="f", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    for name, tags in (("orders", STAGING), ("stray", {})):
        functions.create_function(
            FunctionName=name, Runtime="python3.12", Role=role, Handler="handler.f", Code={"ZipFile": code.getvalue()}, Timeout=9,
            Tags=tags,
            Environment={"Variables": {"AWS_FIS_CONFIGURATION_LOCATION": PLACE}},
        )  # fmt: skip
    finder = LambdaFunctions(functions, aws("resourcegroupstaggingapi"))
    candidates = finder.find([f"{ARN}orders", f"{ARN}stray"], {}, {})
    assert [(resource.id, resource.tags) for resource in candidates.resources] == [("orders", STAGING), ("stray", {})]
    assert [resource.id for resource in finder.find([f"{ARN}orders", f"{ARN}stray"], STAGING, {}).resources] == ["orders"]
    (resource,) = finder.find([], STAGING, {}).resources
    assert isinstance(resource, LambdaFunction)
    assert (resource.id, resource.timeout_seconds, resource.configuration_location) == ("orders", 9, PLACE)
    assert finder.find([], {}, {}).resources == ()
    functions.delete_function(FunctionName="orders")
    again = finder.refresh(candidates.resources)
    assert ([resource.id for resource in again.resources], again.missing) == (["stray"], (f"{ARN}orders",))


@pytest.mark.parametrize(("text", "wait"), [("2000", 2000), ("0", 0), ("", 0), ("soon", 0), ("-5", 0), ("²", 0)])
def test_how_long_an_invocation_waits_for_the_extension_is_read(text: str, wait: int) -> None:
    variables = {**ENTRY["Environment"]["Variables"], "AWS_FIS_POLL_MAX_WAIT_MILLISECONDS": text}  # type: ignore[index]
    finder, _ = scripted({**ENTRY, "Environment": {"Variables": variables}})
    (resource,) = finder.find([f"{ARN}orders"], {}, {}).resources
    assert isinstance(resource, LambdaFunction)
    assert resource.poll_wait_milliseconds == wait


@pytest.mark.parametrize(("inputs", "snap_start"), [({}, False), ({"ApplyOn": "None"}, False), ({"ApplyOn": "PublishedVersions"}, True)])
def test_whether_a_function_starts_from_a_snapshot_is_read(inputs: dict[str, str], snap_start: bool) -> None:
    finder, _ = scripted({**ENTRY, "SnapStart": {"OptimizationStatus": "Off", **inputs}})
    (resource,) = finder.find([f"{ARN}orders"], {}, {}).resources
    assert isinstance(resource, LambdaFunction)
    assert resource.snap_start is snap_start


def test_the_versions_that_aliases_serve_are_described_with_what_they_were_published_with() -> None:
    bare = {**ENTRY, "Layers": [], "Environment": {"Variables": {}}}
    functions = Scripted(
        "lambda",
        get_function_configuration=[ENTRY, bare, ENTRY],
        list_tags=[{"Tags": STAGING}],
        list_aliases=[
            {
                "Aliases": [
                    {"Name": "live", "FunctionVersion": "5", "RoutingConfig": {"AdditionalVersionWeights": {"12": 0.1}}},
                    {"Name": "dev", "FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"5": 0.0}}},
                ]
            }
        ],
    )
    candidates = LambdaFunctions(functions, Scripted("resourcegroupstaggingapi")).find([f"{ARN}orders"], {}, {})
    (resource,) = candidates.resources
    assert isinstance(resource, LambdaFunction)
    assert [(version.id, version.layers) for version in resource.versions] == [("orders:5", ()), ("orders:12", (LAYER,))]
    assert resource.shifting == ("live",)
    assert candidates.registered == {f"{ARN}orders": ""}
    registered = frozenset({f"{ARN}orders:live", f"{ARN}orders-2", "i-1"})
    assert resource.known_as(registered).registered_names == {f"{ARN}orders:live"}
