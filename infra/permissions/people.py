"""What people may do: the statements of the managed policies that the stack makes for them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from aws_cdk.aws_iam import ManagedPolicy, PolicyStatement
from aws_cdk.aws_lambda import Function
from constructs import Construct

from infra.permissions.names import Names
from squall.domain.experiment.published import FOLDER
from squall.domain.run.stack import stack_parameter


@dataclass(frozen=True)
class CalledFunctions:
    """The ARNs of the functions that people call."""

    abort: str
    halt: str
    note: str
    approve: str
    report: str
    schedule: str


def make_people_policies(scope: Construct, names: Names, functions: Mapping[str, Function]) -> dict[str, ManagedPolicy]:
    """Makes the managed policies by the name of the job; the deployer attaches them. CloudFormation chooses their names, so
    that stacks of several Regions of one account have no name in common."""
    called = CalledFunctions(**{field.name: functions[field.name.capitalize()].function_arn for field in fields(CalledFunctions)})
    return {
        name: ManagedPolicy(scope, f"{name}Policy", description=role.description, statements=list(role.statements))
        for name, role in make_roles(names, called).items()
    }


@dataclass(frozen=True)
class Role:
    """A managed policy for people who do one job."""

    description: str
    statements: tuple[PolicyStatement, ...]


def make_roles(names: Names, functions: CalledFunctions) -> dict[str, Role]:
    """The policies by name. Each is enough for its job, so nobody needs two for one command."""
    viewing = (
        *find_stack(names),
        *_read_runs(names),
        *_read_catalogue(names),
        call_functions(functions.report),
        *use_key(names, "kms:Decrypt"),
    )
    return {
        "Viewer": Role("Squall: see runs, results, reports and the catalogue", viewing),
        "Operator": Role(
            "Squall: start, abort and halt experiments",
            (*viewing, *_start_runs(names), call_functions(functions.abort, functions.halt, functions.note)),
        ),
        "Publisher": Role(
            "Squall: publish and retire experiments",
            (
                *find_stack(names),
                *_read_catalogue(names),
                *_write_catalogue(names),
                call_functions(functions.report, functions.schedule),
                *use_key(names, "kms:Decrypt", "kms:GenerateDataKey"),
            ),
        ),
        "Approver": Role("Squall: approve and reject runs", (*viewing, call_functions(functions.approve))),
    }


def find_stack(names: Names) -> tuple[PolicyStatement, ...]:
    """What finds the stack by its name, or where a StackSet named it, by its own parameter: the first call of every command."""
    return (
        _allow(["cloudformation:DescribeStacks"], [names.arn("cloudformation", f"stack/{names.stack}/*"), names.stack_id]),
        _allow(["ssm:GetParameter"], [names.arn("ssm", f"parameter{stack_parameter(names.stack)}")]),
    )


def _read_runs(names: Names) -> tuple[PolicyStatement, ...]:
    """What `status`, `show`, `history`, `compare`, `report` and following a run read."""
    return (
        _allow(["dynamodb:GetItem", "dynamodb:Query"], [names.table_arn]),
        _allow(["dynamodb:Query"], [f"{names.table_arn}/index/{index}" for index in ("open", "period", "experiment")]),
        _allow(["s3:GetObject"], [f"{names.bucket_arn}/{folder}/*" for folder in ("results", "reports")]),
        # Without ListBucket, S3 answers AccessDenied instead of NoSuchKey for a document that was never written.
        _allow(["s3:ListBucket"], [names.bucket_arn]),
        _allow(
            ["states:DescribeExecution"],
            [names.arn("states", f"execution:{name}:*") for name in (names.state_machine_name, names.campaign_machine_name)],
        ),
        _allow(["ssm:GetParameter"], [names.arn("ssm", f"parameter/squall/{names.stack}/{name}") for name in ("halt", "home")]),
        # These two APIs authorize on no resource.
        _allow(["cloudwatch:GetMetricData", "fis:ListExperiments"], ["*"]),
    )


def _read_catalogue(names: Names) -> tuple[PolicyStatement, ...]:
    return (
        _allow(["s3:GetObject"], [f"{names.bucket_arn}/{FOLDER}/*"]),
        _allow(["s3:ListBucket"], [names.bucket_arn], {"StringLike": {"s3:prefix": [f"{FOLDER}/*"]}}),
    )


def _write_catalogue(names: Names) -> tuple[PolicyStatement, ...]:
    """New versions only: no version is replaced, and none is deleted."""
    return (_allow(["s3:PutObject"], [f"{names.bucket_arn}/{FOLDER}/*"], {"Null": {"s3:if-none-match": "false"}}),)


def _start_runs(names: Names) -> tuple[PolicyStatement, ...]:
    machines = (names.state_machine_name, names.campaign_machine_name)
    return (_allow(["states:StartExecution"], [names.arn("states", f"stateMachine:{name}") for name in machines]),)


def call_functions(*functions: str) -> PolicyStatement:
    """What calls these functions, by their ARNs."""
    return _allow(["lambda:InvokeFunction"], functions)


def use_key(names: Names, *actions: str) -> tuple[PolicyStatement, ...]:
    """The customer's key, by way of S3 and DynamoDB; nothing if AWS manages the keys."""
    if names.kms_key_arn is None:
        return ()
    services = [f"{service}.{names.region}.{suffix}" for suffix in ("amazonaws.com", names.url_suffix) for service in ("dynamodb", "s3")]
    return (_allow(actions, [names.kms_key_arn], {"StringEquals": {"kms:ViaService": list(dict.fromkeys(services))}}),)


def _allow(actions: Iterable[str], resources: Iterable[str], conditions: Mapping[str, Any] | None = None) -> PolicyStatement:
    return PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
