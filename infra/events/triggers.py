"""What starts the control functions: alarms, FIS, executions that die. Each also has a second way, so none of them has
to be reliable."""

from aws_cdk import Duration, Stack
from aws_cdk.aws_events import EventBus, EventPattern, IEventBus, Rule
from aws_cdk.aws_events_targets import LambdaFunction
from aws_cdk.aws_iam import ServicePrincipal
from aws_cdk.aws_lambda import CfnEventInvokeConfig, Function
from aws_cdk.aws_sqs import Queue
from aws_cdk.aws_stepfunctions import StateMachine
from constructs import Construct

from squall.domain.base.vocabulary import FINAL_STATUSES

MAXIMUM_EVENT_AGE = Duration.hours(1)
"""The greatest age of an event that is still delivered. By then the pulse has found out by itself."""
DEFAULT_BUS = "default"
DEAD_ENDS = ["ABORTED", "FAILED", "TIMED_OUT"]


class Triggers(Construct):
    """EventBridge rules on the account's default bus, the only one that AWS services publish to, and permission for
    guard alarms."""

    def __init__(self, scope: Construct, construct_id: str, *, stack_name: str, dead_letters: Queue) -> None:
        super().__init__(scope, construct_id)
        self._stack_name = stack_name
        self._dead_letters = dead_letters

    def abort_on_guards(self, abort: Function) -> Rule:
        """Lets a guard alarm call the abort function, and adds a rule as the second delivery of its alarm."""
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
            account=[Stack.of(self).account],  # a bus may also receive events of other accounts
            source=["aws.cloudwatch"],
            detail_type=["CloudWatch Alarm State Change"],
            detail={"alarmName": [{"prefix": prefix}], "state": {"value": ["ALARM"]}},
        )
        self._set_retries("Abort", abort)
        return self._add_rule("GuardAlarm", "A guard of an experiment fired", pattern, abort)

    def pulse_on_faults(self, pulse: Function) -> Rule:
        """Starts the pulse when FIS reports a change of an experiment, instead of at the next minute."""
        pattern = EventPattern(account=[Stack.of(self).account], source=["aws.fis"], detail_type=["FIS Experiment State Change"])
        self._set_retries("Pulse", pulse)
        return self._add_rule("FaultChange", "A FIS experiment changed state", pattern, pulse)

    def watch_executions(self, watchdog: Function, *machines: StateMachine) -> None:
        """Starts the watchdog when an execution of a machine ended without recording: stopped from outside, failed, or timed out."""
        pattern = EventPattern(
            account=[Stack.of(self).account],  # a bus may also receive events of other accounts
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={"stateMachineArn": [machine.state_machine_arn for machine in machines], "status": DEAD_ENDS},
        )
        self._add_rule("DeadExecution", "An execution ended where no Catch runs", pattern, watchdog)
        self._set_retries("Watchdog", watchdog)

    def never_repeat(self, name: str, function: Function) -> None:
        """Switches off asynchronous retries: the next pulse replaces a failed invocation of the sentinel."""
        CfnEventInvokeConfig(
            self,
            f"{name}Invocations",
            function_name=function.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=0,
            maximum_event_age_in_seconds=60,
        )

    def report_endings(self, report: Function, bus_name: str) -> None:
        """Starts the report function when a run or a campaign has its final status, outside the workflow and whoever
        ended it."""
        pattern = EventPattern(
            account=[Stack.of(self).account],  # a bus may also receive events of other accounts
            source=["squall"],
            detail_type=["Squall Execution State Change", "Squall Campaign State Change"],
            detail={"status": sorted(status.value for status in FINAL_STATUSES)},
        )
        bus = None if bus_name == DEFAULT_BUS else EventBus.from_event_bus_name(self, "Bus", bus_name)
        self._add_rule("Ending", "A run or a campaign is over and told", pattern, report, bus)
        self._set_retries("Report", report)

    def _add_rule(
        self, construct_id: str, description: str, pattern: EventPattern, function: Function, bus: IEventBus | None = None
    ) -> Rule:
        target = LambdaFunction(function, dead_letter_queue=self._dead_letters, max_event_age=MAXIMUM_EVENT_AGE, retry_attempts=10)
        return Rule(self, construct_id, description=description, event_pattern=pattern, event_bus=bus, targets=[target])

    def _set_retries(self, name: str, function: Function) -> None:
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
