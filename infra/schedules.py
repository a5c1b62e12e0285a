"""EventBridge Scheduler: the pulse every minute, and one schedule for each experiment of the catalogue that has one."""

import json
from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyDocument, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Function
from aws_cdk.aws_scheduler import CfnSchedule, CfnScheduleGroup
from aws_cdk.aws_sqs import Queue
from aws_cdk.aws_stepfunctions import StateMachine
from constructs import Construct

from squall.domain.experiment.experiment import Experiment, Schedule

# A firing later than this is not caught up: Admit would refuse it as stale.
MAXIMUM_EVENT_AGE_SECONDS = 900
RETRY_ATTEMPTS = 10
REPORTS = {"weekly": (7, "cron(0 6 ? * MON *)"), "monthly": (30, "cron(0 6 1 * ? *)")}
"""Name to days and when it is made, UTC."""


class Schedules(Construct):
    """Everything a clock starts."""

    def __init__(self, scope: Construct, construct_id: str, *, stack_name: str, dead_letters: Queue) -> None:
        super().__init__(scope, construct_id)
        self._dead_letters = dead_letters
        # The group's name is composed, not referenced, so that a role can name it in its trust.
        self._group_name = f"squall-{stack_name}"
        self._group = CfnScheduleGroup(self, "Group", name=self._group_name)

    def add_pulse(self, pulse: Function) -> CfnSchedule:
        """Every minute, without retries: the next minute comes by itself."""
        return self._schedule(
            "Pulse",
            name="pulse",
            description="Reads guards, renews leases, wakes and sweeps",
            schedule=Schedule(expression="rate(1 minute)"),
            target=CfnSchedule.TargetProperty(
                arn=pulse.function_arn,
                role_arn=self._role("PulseRole", "lambda:InvokeFunction", pulse.function_arn).role_arn,
                input=json.dumps({"source": "schedule"}),
                retry_policy=CfnSchedule.RetryPolicyProperty(maximum_event_age_in_seconds=60, maximum_retry_attempts=0),
            ),
        )

    def add_reports(self, report: Function) -> None:
        """A digest each week and each month, for whoever listens to the topic."""
        role = self._role("ReportRole", "lambda:InvokeFunction", report.function_arn)
        for name, (days, expression) in REPORTS.items():
            self._schedule(
                f"Report-{name}",
                name=f"report-{name}",
                description=f"The {name} report of all experiments",
                schedule=Schedule(expression=expression),
                target=CfnSchedule.TargetProperty(
                    arn=report.function_arn,
                    role_arn=role.role_arn,
                    input=json.dumps({"period": {"days": days, "digest": True, "name": name}}),
                    dead_letter_config=CfnSchedule.DeadLetterConfigProperty(arn=self._dead_letters.queue_arn),
                    retry_policy=CfnSchedule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=86_400, maximum_retry_attempts=RETRY_ATTEMPTS
                    ),
                ),
            )

    def add_experiments(self, catalogue: Mapping[str, Experiment], machine: StateMachine) -> None:
        """A schedule each; the input names the firing, so that a duplicate or late one is recognized."""
        scheduled = {name: experiment.schedule for name, experiment in sorted(catalogue.items()) if experiment.schedule}
        if not scheduled:
            return
        role = self._role("ExperimentRole", "states:StartExecution", machine.state_machine_arn)
        for name, schedule in scheduled.items():
            self._schedule(
                f"Experiment-{name}",
                name=f"experiment-{name}"[:64],
                description=f"Starts the experiment {name}",
                schedule=schedule,
                target=CfnSchedule.TargetProperty(
                    arn=machine.state_machine_arn,
                    role_arn=role.role_arn,
                    input=json.dumps(_execution_input(name)),
                    dead_letter_config=CfnSchedule.DeadLetterConfigProperty(arn=self._dead_letters.queue_arn),
                    retry_policy=CfnSchedule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=MAXIMUM_EVENT_AGE_SECONDS, maximum_retry_attempts=RETRY_ATTEMPTS
                    ),
                ),
            )

    def _schedule(
        self, construct_id: str, *, name: str, description: str, schedule: Schedule, target: CfnSchedule.TargetProperty
    ) -> CfnSchedule:
        window = CfnSchedule.FlexibleTimeWindowProperty(mode="OFF")
        if schedule.flexible_minutes:
            window = CfnSchedule.FlexibleTimeWindowProperty(mode="FLEXIBLE", maximum_window_in_minutes=schedule.flexible_minutes)
        made = CfnSchedule(
            self,
            construct_id,
            name=name,
            description=description,
            group_name=self._group_name,
            schedule_expression=schedule.expression,
            schedule_expression_timezone=schedule.timezone,
            flexible_time_window=window,
            state="ENABLED" if schedule.enabled else "DISABLED",
            target=target,
        )
        made.add_resource_dependency(self._group)
        return made

    def _role(self, construct_id: str, action: str, resource: str) -> Role:
        stack = Stack.of(self)
        group = f"arn:{stack.partition}:scheduler:{stack.region}:{stack.account}:schedule-group/{self._group_name}"
        return Role(
            self,
            construct_id,
            assumed_by=ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": stack.account, "aws:SourceArn": group}},
            ),
            inline_policies={
                "permissions": PolicyDocument(
                    statements=[
                        PolicyStatement(actions=[action], resources=[resource]),
                        PolicyStatement(actions=["sqs:SendMessage"], resources=[self._dead_letters.queue_arn]),
                    ]
                )
            },
        )


def _execution_input(name: str) -> dict[str, object]:
    # Scheduler replaces the words in angle brackets when it fires.
    trigger = {"schedule_arn": "<aws.scheduler.schedule-arn>", "scheduled_time": "<aws.scheduler.scheduled-time>"}
    return {"experiment": name, "trigger": trigger}
