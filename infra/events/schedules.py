"""The schedules: the pulse every minute, the periodic reports, and the deployed experiments and campaigns that have a schedule. Those of
published ones are made by a function, in a group of their own."""

import json
from collections.abc import Mapping
from typing import Literal

from aws_cdk import Stack
from aws_cdk.aws_iam import PolicyDocument, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import Function
from aws_cdk.aws_scheduler import CfnSchedule, CfnScheduleGroup
from aws_cdk.aws_sqs import Queue
from aws_cdk.aws_stepfunctions import StateMachine
from constructs import Construct

from squall.domain.campaign.definition import Campaign
from squall.domain.experiment.experiment import Experiment, Schedule
from squall.domain.experiment.scheduling import (
    MAXIMUM_EVENT_AGE_SECONDS,
    RETRY_ATTEMPTS,
    make_schedule_input,
    name_published_group,
)

REPORTS = {"weekly": (7, "cron(0 6 ? * MON *)"), "monthly": (30, "cron(0 6 1 * ? *)")}
"""Report name to the days it covers and its schedule, in UTC."""


class Schedules(Construct):
    """Everything that EventBridge Scheduler starts."""

    def __init__(self, scope: Construct, construct_id: str, *, stack_name: str, dead_letters: Queue) -> None:
        super().__init__(scope, construct_id)
        self._dead_letters = dead_letters
        # The group's name is composed, not referenced, so that a role's trust policy can contain it.
        self._group_name = f"squall-{stack_name}"
        self._group = CfnScheduleGroup(self, "Group", name=self._group_name)
        self._published_group_name = name_published_group(stack_name)
        self._published_group = CfnScheduleGroup(self, "PublishedGroup", name=self._published_group_name)

    def add_pulse(self, pulse: Function) -> CfnSchedule:
        """Adds the pulse, every minute and without retries: the next one comes a minute later anyway."""
        return self._add_schedule(
            "Pulse",
            name="pulse",
            description="Reads guards, renews leases, wakes and sweeps",
            schedule=Schedule(expression="rate(1 minute)"),
            target=CfnSchedule.TargetProperty(
                arn=pulse.function_arn,
                role_arn=self._make_role("PulseRole", "lambda:InvokeFunction", pulse.function_arn).role_arn,
                input=json.dumps({"source": "schedule"}),
                retry_policy=CfnSchedule.RetryPolicyProperty(maximum_event_age_in_seconds=60, maximum_retry_attempts=0),
            ),
        )

    def add_fleet(self, heartbeat: Function, collect: Function) -> None:
        """At the home of a fleet: adds the heartbeat to its members, and the copying of their runs. Without
        retries: the next pass does it again."""
        for name, function, rate, description in (
            ("heartbeat", heartbeat, "rate(1 minute)", "Tells the members of the fleet that home is there"),
            ("collecting", collect, "rate(5 minutes)", "Copies how the runs of the members ended"),
        ):
            self._add_schedule(
                name.capitalize(),
                name=name,
                description=description,
                schedule=Schedule(expression=rate),
                target=CfnSchedule.TargetProperty(
                    arn=function.function_arn,
                    role_arn=self._make_role(f"{name.capitalize()}Role", "lambda:InvokeFunction", function.function_arn).role_arn,
                    input="{}",
                    retry_policy=CfnSchedule.RetryPolicyProperty(maximum_event_age_in_seconds=60, maximum_retry_attempts=0),
                ),
            )

    def make_published_role(self, *machine_arns: str) -> Role:
        """Makes the role with which Scheduler starts published experiments and campaigns. The ARNs are composed: the functions, one
        of which passes this role, are made before the state machines."""
        return self._make_role("PublishedRole", "states:StartExecution", *machine_arns, group_name=self._published_group_name)

    def add_published(self, align: Function, *machines: StateMachine) -> None:
        """Adds the passes that bring the schedules of published experiments and campaigns in line with the catalogue."""
        self._add_schedule(
            "Alignment",
            name="alignment",
            description="Aligns the schedules of published experiments and campaigns with the catalogue",
            schedule=Schedule(expression="rate(15 minutes)"),
            target=CfnSchedule.TargetProperty(
                arn=align.function_arn,
                role_arn=self._make_role("AlignmentRole", "lambda:InvokeFunction", align.function_arn).role_arn,
                input="{}",
                retry_policy=CfnSchedule.RetryPolicyProperty(maximum_event_age_in_seconds=600, maximum_retry_attempts=0),
            ),
        )
        # Scheduler deletes the schedules of a group with it: on deletion of the stack, before the workflows.
        self._published_group.node.add_dependency(*machines)

    def add_reports(self, report: Function) -> None:
        """Adds the weekly and the monthly report, which the topic's subscribers get as a digest."""
        role = self._make_role("ReportRole", "lambda:InvokeFunction", report.function_arn)
        for name, (days, expression) in REPORTS.items():
            self._add_schedule(
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
        """Adds a schedule per experiment that has one."""
        self._add_starts("experiment", {name: experiment.schedule for name, experiment in catalogue.items()}, machine)

    def add_campaigns(self, campaigns: Mapping[str, Campaign], machine: StateMachine) -> None:
        """Adds a schedule per campaign that has one."""
        self._add_starts("campaign", {name: campaign.schedule for name, campaign in campaigns.items()}, machine)

    def _add_starts(self, kind: Literal["experiment", "campaign"], declared: Mapping[str, Schedule | None], machine: StateMachine) -> None:
        """Adds the schedules that start executions; their input has the scheduled time, by which a duplicate or late start
        is recognized."""
        schedules = {name: schedule for name, schedule in sorted(declared.items()) if schedule}
        if not schedules:
            return
        role = self._make_role(f"{kind.capitalize()}Role", "states:StartExecution", machine.state_machine_arn)
        for name, schedule in schedules.items():
            self._add_schedule(
                f"{kind.capitalize()}-{name}",
                name=f"{kind}-{name}"[:64],
                description=f"Starts the {kind} {name}",
                schedule=schedule,
                target=CfnSchedule.TargetProperty(
                    arn=machine.state_machine_arn,
                    role_arn=role.role_arn,
                    input=json.dumps(make_schedule_input(name, kind)),
                    dead_letter_config=CfnSchedule.DeadLetterConfigProperty(arn=self._dead_letters.queue_arn),
                    retry_policy=CfnSchedule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=MAXIMUM_EVENT_AGE_SECONDS, maximum_retry_attempts=RETRY_ATTEMPTS
                    ),
                ),
            )

    def _add_schedule(
        self, construct_id: str, *, name: str, description: str, schedule: Schedule, target: CfnSchedule.TargetProperty
    ) -> CfnSchedule:
        window = CfnSchedule.FlexibleTimeWindowProperty(mode="OFF")
        if schedule.flexible_minutes:
            window = CfnSchedule.FlexibleTimeWindowProperty(mode="FLEXIBLE", maximum_window_in_minutes=schedule.flexible_minutes)
        resource = CfnSchedule(
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
        resource.add_resource_dependency(self._group)
        return resource

    def _make_role(self, construct_id: str, action: str, *resources: str, group_name: str | None = None) -> Role:
        stack = Stack.of(self)
        group = f"arn:{stack.partition}:scheduler:{stack.region}:{stack.account}:schedule-group/{group_name or self._group_name}"
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
                        PolicyStatement(actions=[action], resources=list(resources)),
                        PolicyStatement(actions=["sqs:SendMessage"], resources=[self._dead_letters.queue_arn]),
                    ]
                )
            },
        )
