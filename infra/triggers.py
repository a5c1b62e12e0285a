"""What wakes the control functions: alarms, FIS, dying executions. Each has a second way, so none needs to be reliable."""

from aws_cdk import Duration, Stack
from aws_cdk.aws_events import EventBus, EventPattern, IEventBus, Rule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_iam import ServicePrincipal
from aws_cdk.aws_lambda import CfnEventInvokeConfig, Function
from aws_cdk.aws_sqs import Queue
from aws_cdk.aws_stepfunctions import StateMachine
from constructs import Construct

from squall.domain.vocabulary import FINAL_STATUSES

# An abort or a wake-up older than this says nothing the pulse has not found out.
MAXIMUM_EVENT_AGE = Duration.hours(1)
DEFAULT_BUS = "default"
DEAD_ENDS = ["ABORTED", "FAILED", "TIMED_OUT"]


class Triggers(Construct):
    """EventBridge rules on the account's default bus (AWS services publish nowhere else) and the alarms' direct way."""

    def __init__(self, scope: Construct, construct_id: str, *, stack_name: str, dead_letters: Queue) -> None:
        super().__init__(scope, construct_id)
        self._stack_name = stack_name
        self._dead_letters = dead_letters

    def abort_on_guards(self, abort: Function) -> Rule:
        """A guard's own alarm action, and the rule as its second delivery."""
        stack = Stack.of(self)
        prefix = f"squall-{self._stack_name}-"
        abort.add_permission(
            "GuardAlarms",
            principal=ServicePrincipal("lambda.alarms.cloudwatch.amazonaws.com"),
            action="lambda:InvokeFunction",
            source_account=stack.account,
            source_arn=f"arn:{stack.partition}:cloudwatch:{stack.region}:{stack.account}:alarm:{prefix}*",
        )
        pattern = EventPattern(
            source=["aws.cloudwatch"],
            detail_type=["CloudWatch Alarm State Change"],
            detail={"alarmName": [{"prefix": prefix}], "state": {"value": ["ALARM"]}},
        )
        self._asynchronous("Abort", abort)
        return self._rule("GuardAlarm", "A guard of an experiment fired", pattern, abort)

    def pulse_on_faults(self, pulse: Function) -> Rule:
        """FIS says that an experiment changed: look now instead of at the next minute."""
        pattern = EventPattern(source=["aws.fis"], detail_type=["FIS Experiment State Change"])
        self._asynchronous("Pulse", pulse)
        return self._rule("FaultChange", "A FIS experiment changed state", pattern, pulse)

    def watch_executions(self, watchdog: Function, machine: StateMachine) -> None:
        """An execution that ended without recording: stopped from outside, failed, timed out."""
        pattern = EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={"stateMachineArn": [machine.state_machine_arn], "status": DEAD_ENDS},
        )
        self._rule("DeadExecution", "An execution ended where no Catch runs", pattern, watchdog)
        self._asynchronous("Watchdog", watchdog)

    def never_repeat(self, name: str, function: Function) -> None:
        """Of the sentinel: an invocation that failed or waited is replaced by the next pulse, not repeated minutes later."""
        CfnEventInvokeConfig(
            self,
            f"{name}Invocations",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=60,
        )

    def report_endings(self, report: Function, bus_name: str) -> None:
        """A run was recorded and told: its report is made now, off the workflow, whoever ended the run."""
        pattern = EventPattern(
            source=["squall"],
            detail_type=["Squall Execution State Change"],
            detail={"status": sorted(status.value for status in FINAL_STATUSES)},
        )
        bus = None if bus_name == DEFAULT_BUS else EventBus.from_event_bus_name(self, "Bus", bus_name)
        self._rule("Ending", "An execution is over and told", pattern, report, bus)
        self._asynchronous("Report", report)

    def _rule(self, construct_id: str, description: str, pattern: EventPattern, function: Function, bus: IEventBus | None = None) -> Rule:
        target = LambdaFunction(function, dead_letter_queue=self._dead_letters, max_event_age=MAXIMUM_EVENT_AGE, retry_attempts=10)
        return Rule(self, construct_id, description=description, event_pattern=pattern, event_bus=bus, targets=[target])

    def _asynchronous(self, name: str, function: Function) -> None:
        CfnEventInvokeConfig(
            self,
            f"{name}Invocations",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=int(MAXIMUM_EVENT_AGE.to_seconds()),
            destination_config=CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=CfnEventInvokeConfig.OnFailureProperty(destination=self._dead_letters.queue_arn)
            ),
        )
