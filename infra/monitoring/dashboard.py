"""The stack's dashboard: what runs, how runs ended, what aborted them, and whether the functions that stop faults are
alive.

The dashboard shows what exists at deployment. The metrics and guards of a run exist only while it runs: the dashboard
links to the guards in CloudWatch, and each message and report links to the graphs of its run. The state of each run
comes from log queries, which cost nothing while nobody views the dashboard.
"""

from collections.abc import Mapping, Sequence

from aws_cdk import Aws, CfnMapping, Duration, Stack
from aws_cdk.aws_cloudwatch import (
    Alarm,
    AlarmStatusWidget,
    Dashboard,
    GraphWidget,
    LogQueryVisualizationType,
    LogQueryWidget,
    MathExpression,
    Metric,
    PeriodOverride,
    TextWidget,
)
from aws_cdk.aws_lambda import Function
from aws_cdk.aws_sqs import Queue
from aws_cdk.aws_stepfunctions import StateMachine
from constructs import Construct

from infra.permissions.holders import WORKFLOW_FUNCTIONS
from squall.domain.messages.console import HOSTS

WIDTH = 24
ACTIVE_FAULTS = "SEARCH('{AWS/Usage,Class,Resource,Service,Type} Service=\"FIS\" MetricName=\"ResourceCount\"', 'Maximum', 60)"
RUN_STATES = [
    "filter ispresent(execution_id) and ispresent(outcome)",
    "stats latest(message) as state, latest(outcome) as said, latest(@timestamp) as at by execution_id",
    "sort at desc",
    "limit 20",
]
ENDED_RUNS = [
    "filter message = 'report' and ispresent(verdict)",
    "fields @timestamp, execution_id, experiment, environment, verdict, reason",
    "sort @timestamp desc",
    "limit 20",
]
VERDICTS = ["filter message = 'report' and ispresent(verdict)", "stats count_distinct(execution_id) as runs by verdict", "sort runs desc"]
TEXT = """
# Squall {stack}
**Stop one run:** `squall abort ID` · **stop everything:** `squall halt --reason "…"`, or invoke `{halt}` with `{{}}` ·
**let it start again:** `squall resume`

[Executions]({base}/states/home?region={region}#/statemachines/view/{machine}) ·
[guards that stand now]({base}/cloudwatch/home?region={region}#alarmsV2:?~(search~'squall-{stack}-)) ·
[FIS experiments]({base}/fis/home?region={region}#Experiments) ·
[results and reports]({base}/s3/buckets/{bucket}?region={region}&prefix=results/)
"""


class LiveDashboard(Construct):
    """The dashboard of one stack and Region; its name contains both because dashboards belong to the whole account."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stack_name: str,
        machine: StateMachine,
        functions: Mapping[str, Function],
        alarms: Sequence[Alarm],
        dead_letters: Queue,
        bucket_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        region = Stack.of(self).region
        hosts = CfnMapping(self, "Consoles", mapping={partition: {"host": host} for partition, host in HOSTS.items()})
        base = f"https://{region}.{hosts.find_in_map(Aws.PARTITION, 'host')}"
        name = f"{stack_name}-{region}"
        self.url = f"{base}/cloudwatch/home?region={region}#dashboards/dashboard/{name}"
        text = TEXT.format(
            stack=stack_name,
            halt=functions["Halt"].function_name,
            base=base,
            region=region,
            machine=machine.state_machine_arn,
            bucket=bucket_name,
        )
        dashboard = Dashboard(
            self, "Dashboard", dashboard_name=name, default_interval=Duration.hours(12), period_override=PeriodOverride.INHERIT
        )
        dashboard.add_widgets(TextWidget(markdown=text.strip(), width=WIDTH, height=4))
        dashboard.add_widgets(*self._run_graphs(machine))
        dashboard.add_widgets(*self._run_tables())
        dashboard.add_widgets(*self._health_graphs(dead_letters))
        dashboard.add_widgets(AlarmStatusWidget(title="Alarms on Squall itself", alarms=alarms, width=WIDTH, height=3))

    def _run_graphs(self, machine: StateMachine) -> list[GraphWidget]:
        period = Duration.minutes(5)
        executions = {
            "started": machine.metric_started(period=period),
            "recorded": machine.metric_succeeded(period=period),
            "stopped from outside": machine.metric_aborted(period=period),
            "failed": machine.metric_failed(period=period),
            "timed out": machine.metric_timed_out(period=period),
        }
        stops = {
            "aborts (guards, operators)": self._count("Abort", "invocations"),
            "halts": self._count("Halt", "invocations"),
            "runs that died (watchdog)": self._count("Watchdog", "invocations"),
        }
        active = MathExpression(expression=ACTIVE_FAULTS, label="active", period=Duration.minutes(1), search_region=Stack.of(self).region)
        return [
            _make_graph("Executions", executions),
            _make_graph("What ended runs early", stops),
            GraphWidget(title="FIS experiments active in the account", left=[active], width=8, height=6, left_y_axis={"min": 0}),
        ]

    def _run_tables(self) -> list[LogQueryWidget]:
        states = [self._functions[name].log_group.log_group_name for name in WORKFLOW_FUNCTIONS]
        report = [self._functions["Report"].log_group.log_group_name]
        return [
            LogQueryWidget(title="Where each run stands (newest 20)", log_group_names=states, query_lines=RUN_STATES, width=12, height=8),
            LogQueryWidget(title="How runs ended (newest 20)", log_group_names=report, query_lines=ENDED_RUNS, width=8, height=8),
            LogQueryWidget(
                title="Runs by verdict",
                log_group_names=report,
                query_lines=VERDICTS,
                view=LogQueryVisualizationType.PIE,
                width=4,
                height=8,
            ),
        ]

    def _health_graphs(self, dead_letters: Queue) -> list[GraphWidget]:
        longest = self._functions["Pulse"].metric_duration(period=Duration.minutes(1), statistic="Maximum")
        pulse = {"pulses a minute": self._count("Pulse", "invocations"), "longest, ms": longest}
        errors = {name: self._count(name, "errors") for name in self._functions}
        waiting = dead_letters.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="Maximum")
        return [
            _make_graph("Pulse: one a minute, or nothing looks after runs", pulse),
            _make_graph("Errors by function", errors),
            _make_graph("Events nobody could be told", {"waiting": waiting}),
        ]

    def _count(self, name: str, metric: str) -> Metric:
        function = self._functions[name]
        make_metric = function.metric_errors if metric == "errors" else function.metric_invocations
        return make_metric(period=Duration.minutes(1), statistic="Sum")


def _make_graph(title: str, lines: Mapping[str, Metric]) -> GraphWidget:
    left = [metric.with_(label=label) for label, metric in lines.items()]
    return GraphWidget(title=title, left=left, width=8, height=6, left_y_axis={"min": 0})
