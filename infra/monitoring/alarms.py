"""Alarms on Squall itself, for parts that must not fail unnoticed. Their names never have the prefix of guard
alarms."""

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk.aws_cloudwatch import Alarm, ComparisonOperator, Metric, TreatMissingData
from aws_cdk.aws_cloudwatch_actions import SnsAction
from aws_cdk.aws_lambda import Function
from aws_cdk.aws_sns import ITopic, Topic
from aws_cdk.aws_sqs import Queue
from constructs import Construct


class OwnAlarms(Construct):
    """Alarms on errors of the control functions, on a pulse that stopped, and on messages in the dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic_arns: Sequence[str],
        control: Mapping[str, Function],
        report: Function,
        dead_letters: Queue,
    ) -> None:
        super().__init__(scope, construct_id)
        self.alarms: list[Alarm] = []
        self._topics: list[ITopic] = [Topic.from_topic_arn(self, f"To{index}", arn) for index, arn in enumerate(topic_arns)]
        for name, function in control.items():
            errors = function.metric_errors(period=Duration.minutes(1), statistic="Sum")
            self._alarm(f"{name}Errors", f"{name} failed: see its log; the other ways of stopping still work", errors)
        self._alarm(
            "ReportErrors",
            "A report could not be made: see its log; results and outcomes stand, `squall show ID --html` makes it again",
            report.metric_errors(period=Duration.minutes(1), statistic="Sum"),
        )
        self._alarm(
            "DeadLetters",
            "An event or scheduled start could not be delivered: see the queue",
            dead_letters.metric_approximate_number_of_messages_visible(period=Duration.minutes(1), statistic="Maximum"),
        )
        self._alarm(
            "PulseSilent",
            "The pulse has not run for five minutes: leases expire and blind guards go unnoticed",
            control["Pulse"].metric_invocations(period=Duration.minutes(5), statistic="Sum"),
            comparison=ComparisonOperator.LESS_THAN_THRESHOLD,
            missing=TreatMissingData.BREACHING,
        )

    def _alarm(
        self,
        construct_id: str,
        description: str,
        metric: Metric,
        comparison: ComparisonOperator = ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        missing: TreatMissingData = TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=1,
            evaluation_periods=1,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        self.alarms.append(alarm)
        for topic in self._topics:
            alarm.add_alarm_action(SnsAction(topic))
