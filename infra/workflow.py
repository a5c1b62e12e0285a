"""The experiment state machine: the ASL file, with its placeholders checked against the functions in both
directions."""

import re
from collections.abc import Mapping

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk.aws_iam import PolicyDocument, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Function
from aws_cdk.aws_logs import LogGroup
from aws_cdk.aws_stepfunctions import DefinitionBody, LogLevel, LogOptions, StateMachine, StateMachineType
from constructs import Construct

from infra.functions import log_retention
from infra.places import ROOT
from infra.settings import Settings

EXPERIMENT_ASL = ROOT / "statemachines" / "experiment.asl.json"
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_]+)\}")

XRAY_ACTIONS = ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"]
"""What Step Functions needs for traces: unlike Lambda, it asks for the account's sampling rules itself."""


class PlaceholderError(Exception):
    """The definition and the stack disagree about which functions exist."""


def check_placeholders(definition: str, substitutions: Mapping[str, str]) -> None:
    """Raises PlaceholderError for a placeholder without a function, which CloudFormation would keep as text, and for an
    unused function."""
    placeholders = set(_PLACEHOLDER.findall(definition))
    problems = [f"${{{name}}} has no function" for name in sorted(placeholders - substitutions.keys())]
    problems += [f"{name} is used by no state" for name in sorted(substitutions.keys() - placeholders)]
    if problems:
        raise PlaceholderError("The state machine does not fit the stack: " + "; ".join(problems))


class Workflow(Construct):
    """The state machine `<stack>-Experiment`.

    Its name is fixed, so that permissions on its executions can name it without a CloudFormation reference.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: Settings, functions: Mapping[str, Function], definition: str
    ) -> None:
        super().__init__(scope, construct_id)
        substitutions = {f"{name}FunctionArn": function.function_arn for name, function in functions.items()}
        substitutions["Partition"] = Aws.PARTITION
        check_placeholders(definition, substitutions)
        logs = LogGroup(
            self,
            "Logs",
            # With this prefix the log delivery uses none of the account's ten resource policies for CloudWatch Logs.
            log_group_name=f"/aws/vendedlogs/states/{machine_name(settings)}",
            retention=log_retention(settings),
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = self._make_role(functions)
        self.state_machine = StateMachine(
            self,
            "StateMachine",
            state_machine_name=machine_name(settings),
            state_machine_type=StateMachineType.STANDARD,
            definition_body=DefinitionBody.from_string(definition),
            definition_substitutions=substitutions,
            role=role.without_policy_updates(),
            tracing_enabled=True,
            # Never with execution data: it contains task tokens, and whoever reads a token can wake the execution.
            logs=LogOptions(destination=logs, level=LogLevel.ALL, include_execution_data=False),
        )

    def _make_role(self, functions: Mapping[str, Function]) -> Role:
        stack = Stack.of(self)
        return Role(
            self,
            "Role",
            assumed_by=ServicePrincipal("states.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}),
            description="The experiment state machine calls its handlers",
            inline_policies={
                "permissions": PolicyDocument(
                    statements=[
                        PolicyStatement(
                            actions=["lambda:InvokeFunction"], resources=[function.function_arn for function in functions.values()]
                        ),
                        PolicyStatement(actions=XRAY_ACTIONS, resources=["*"]),
                        # Log delivery authorizes on no resource.
                        PolicyStatement(
                            actions=[
                                "logs:CreateLogDelivery",
                                "logs:GetLogDelivery",
                                "logs:UpdateLogDelivery",
                                "logs:DeleteLogDelivery",
                                "logs:ListLogDeliveries",
                                "logs:PutResourcePolicy",
                                "logs:DescribeResourcePolicies",
                                "logs:DescribeLogGroups",
                            ],
                            resources=["*"],
                        ),
                    ]
                )
            },
        )


def machine_name(settings: Settings) -> str:
    """The name of a stack's experiment state machine."""
    return f"{settings.stack_name}-Experiment"
