"""The experiment state machine: the ASL file, with its placeholders checked against the functions in both
directions."""

import re
from collections.abc import Iterable, Mapping

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
CAMPAIGN_ASL = ROOT / "statemachines" / "campaign.asl.json"
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
    """A state machine with a fixed name, so that permissions on its executions can name it without a CloudFormation
    reference."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: Settings,
        name: str,
        functions: Mapping[str, Function],
        definition: str,
        starts: StateMachine | None = None,
    ) -> None:
        """`starts`: the machine whose executions this one starts and waits for."""
        super().__init__(scope, construct_id)
        self._name = name
        substitutions = {f"{function_name}FunctionArn": function.function_arn for function_name, function in functions.items()}
        substitutions["Partition"] = Aws.PARTITION
        if starts is not None:
            substitutions["ExperimentStateMachineArn"] = starts.state_machine_arn
        check_placeholders(definition, substitutions)
        logs = LogGroup(
            self,
            "Logs",
            # With this prefix the log delivery uses none of the account's ten resource policies for CloudWatch Logs.
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=log_retention(settings),
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = self._make_role(settings, functions, starts)
        self.state_machine = StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            state_machine_type=StateMachineType.STANDARD,
            definition_body=DefinitionBody.from_string(definition),
            definition_substitutions=substitutions,
            role=role.without_policy_updates(),
            tracing_enabled=True,
            # Never with execution data: it contains task tokens, and whoever reads a token can wake the execution.
            logs=LogOptions(destination=logs, level=LogLevel.ALL, include_execution_data=False),
        )

    def _make_role(self, settings: Settings, functions: Mapping[str, Function], starts: StateMachine | None) -> Role:
        stack = Stack.of(self)
        return Role(
            self,
            "Role",
            assumed_by=ServicePrincipal("states.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}),
            description=f"The state machine {self._name} calls its handlers",
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
                        *(_allow_nested(stack, starts, machine_name(settings)) if starts else ()),
                    ]
                )
            },
        )


def _allow_nested(stack: Stack, machine: StateMachine, name: str) -> Iterable[PolicyStatement]:
    """What `startExecution.sync:2` needs, as AWS documents it: Step Functions starts, describes and stops the nested
    execution, and hears of its end by an EventBridge rule that it manages itself."""
    rule = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    executions = f"arn:{stack.partition}:states:{stack.region}:{stack.account}:execution:{name}:*"
    yield PolicyStatement(actions=["states:StartExecution"], resources=[machine.state_machine_arn])
    yield PolicyStatement(actions=["states:DescribeExecution", "states:StopExecution"], resources=[executions])
    yield PolicyStatement(actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"], resources=[rule])


def campaign_machine_name(settings: Settings) -> str:
    """The name of a stack's campaign state machine."""
    return f"{settings.stack_name}-Campaign"


def machine_name(settings: Settings) -> str:
    """The name of a stack's experiment state machine."""
    return f"{settings.stack_name}-Experiment"
