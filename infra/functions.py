"""One factory for every function: role, log group, tracing, limits and environment, with only the permissions of
`infra.permissions`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Annotations, Duration, RemovalPolicy
from aws_cdk.aws_ec2 import ISecurityGroup, ISubnet, IVpc, SubnetSelection
from aws_cdk.aws_iam import ManagedPolicy, PolicyDocument, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Architecture, Code, Function, ILayerVersion, LayerVersion, LoggingFormat, Runtime, RuntimeFamily, Tracing
from aws_cdk.aws_logs import LogGroup, RetentionDays
from constructs import Construct

from infra.account.stackset import fits_stackset
from infra.permissions.regions import CALLED_BY_PEERS, name_called
from infra.places import BUILD
from infra.settings import LOG_RETENTIONS, Settings
from scripts.build_layer import DEPENDENCIES, STATISTICS, Layer, build_layer
from scripts.bytecode import describe_missing_interpreter, find_interpreter

DEFAULT_TIMEOUT_SECONDS = 60
# Timeouts that differ from the default; each is within the TimeoutSeconds of its state.
TIMEOUT_SECONDS: Mapping[str, int] = {
    "Compare": 110,
    "Abort": 30,
    "AdmitCampaign": 110,
    "Collect": 110,
    "Halt": 110,
    "Pulse": 110,
    "Resume": 110,
    "Sentinel": 900,
    "Watchdog": 110,
}
# The functions that stop faults and end a halt import only the runtime's own boto3: they start faster, and work even if the layer is
# broken.
WITHOUT_LAYER = frozenset({"Abort", "Halt", "Resume"})
STOPPING_FUNCTIONS = frozenset({"Abort", "Halt", "Pulse"})
WITH_STATISTICS = frozenset({"Compare"})
MEMORY_MB: Mapping[str, int] = {"Report": 512, "Sentinel": 512}
"""The memory of the functions that nobody waits for: Report runs after the run, Sentinel mostly waits for answers."""
DEFAULT_MEMORY_MB = 1769
"""The memory that comes with a whole processor. A run goes through its functions one after the other, and most of a
cold start is computing: with less memory it takes longer and costs the same."""


@dataclass(frozen=True)
class Network:
    """The place of a function in a VPC."""

    vpc: IVpc
    subnets: tuple[ISubnet, ...]
    security_groups: tuple[ISecurityGroup, ...]


@dataclass(frozen=True)
class Shared:
    """What all functions of a stack share."""

    settings: Settings
    code: Code
    layer: ILayerVersion
    statistics: ILayerVersion
    environment: Mapping[str, str]


def make_shared(scope: Construct, settings: Settings, code_folder: Path, environment: Mapping[str, str]) -> Shared:
    """Makes the code and layer assets; builds a layer if its archive is not up to date."""
    if find_interpreter(settings.lambda_runtime) is None:
        Annotations.of(scope).add_warning_v2("squall:no-bytecode", describe_missing_interpreter(settings.lambda_runtime))
    dependencies = _make_layer(scope, "Dependencies", DEPENDENCIES, settings, "Locked Python dependencies of Squall's functions")
    statistics = _make_layer(scope, "Statistics", STATISTICS, settings, "scipy and numpy, for the function that compares windows")
    return Shared(settings, Code.from_asset(str(code_folder)), dependencies, statistics, environment)


def _make_layer(scope: Construct, construct_id: str, layer: Layer, settings: Settings, description: str) -> LayerVersion:
    return LayerVersion(
        scope,
        construct_id,
        code=Code.from_asset(str(build_layer(layer, settings.lambda_runtime, settings.lambda_architecture, BUILD))),
        compatible_runtimes=[_read_runtime(settings)],
        compatible_architectures=[_read_architecture(settings)],
        description=description,
    )


class Functions:
    """Makes functions by name: the name decides the handler, the construct id and the log group."""

    def __init__(self, scope: Construct, common: Shared) -> None:
        self._scope = scope
        self._common = common

    def make(
        self,
        name: str,
        statements: Sequence[PolicyStatement],
        environment: Mapping[str, str] | None = None,
        network: Network | None = None,
        elsewhere: Sequence[PolicyStatement] = (),
    ) -> Function:
        """Makes a function: `StartFault` runs `squall.handlers.start_fault.handler`. Without `network` it is in no
        VPC. `elsewhere`: what it may do in other stacks."""
        settings = self._common.settings
        logs = LogGroup(
            self._scope,
            f"{name}Logs",
            log_group_name=f"/squall/{settings.stack_name}/{name}",
            retention=log_retention(settings),
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = Role(
            self._scope,
            f"{name}Role",
            assumed_by=ServicePrincipal("lambda.amazonaws.com"),
            description=f"Squall {name}",
            inline_policies={"permissions": PolicyDocument(statements=[*_logging_statements(logs), *statements])},
            # A policy of its own: the inline policies of a role may have 10,240 characters in all, and Pulse needs most of them.
            managed_policies=[
                ManagedPolicy(self._scope, f"{name}Elsewhere", description=f"Squall {name} in other stacks", statements=list(elsewhere))
            ]
            if elsewhere
            else None,
        )
        is_named = settings.peer_regions and name in CALLED_BY_PEERS and fits_stackset(settings)
        return Function(
            self._scope,
            name,
            function_name=name_called(settings.stack_name, name) if is_named else None,
            runtime=_read_runtime(settings),
            architecture=_read_architecture(settings),
            handler=f"squall.handlers.{to_snake_case(name)}.handler",
            code=self._common.code,
            layers=self._layers(name),
            # Immutable: no construct can add permissions, so `infra.permissions` has all of them.
            role=role.without_policy_updates(),
            log_group=logs,
            logging_format=LoggingFormat.JSON,
            tracing=Tracing.ACTIVE,
            timeout=Duration.seconds(TIMEOUT_SECONDS.get(name, DEFAULT_TIMEOUT_SECONDS)),
            memory_size=MEMORY_MB.get(name, DEFAULT_MEMORY_MB),
            # Not 0: that would keep the function from running at all.
            reserved_concurrent_executions=(settings.stop_reserved_concurrency or None) if name in STOPPING_FUNCTIONS else None,
            environment={**self._common.environment, **(environment or {})},
            vpc=network.vpc if network else None,
            vpc_subnets=SubnetSelection(subnets=list(network.subnets)) if network else None,
            security_groups=list(network.security_groups) if network else None,
        )

    def _layers(self, name: str) -> list[ILayerVersion]:
        if name in WITHOUT_LAYER:
            return []
        return [self._common.layer, self._common.statistics] if name in WITH_STATISTICS else [self._common.layer]


def to_snake_case(name: str) -> str:
    """`StartFault` becomes `start_fault`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")


def log_retention(settings: Settings) -> RetentionDays:
    """How long logs are kept, as CDK's enum."""
    return RetentionDays[LOG_RETENTIONS[settings.log_retention_days]]


def _logging_statements(logs: LogGroup) -> list[PolicyStatement]:
    return [
        PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[logs.log_group_arn]),
        PolicyStatement(actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources=["*"]),
    ]


def _read_runtime(settings: Settings) -> Runtime:
    return Runtime(settings.lambda_runtime, RuntimeFamily.PYTHON)


def _read_architecture(settings: Settings) -> Architecture:
    return Architecture.ARM_64 if settings.lambda_architecture == "arm64" else Architecture.X86_64
