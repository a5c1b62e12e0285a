"""`guards.json`: the guard alarms of a run and the metrics they watch."""

from squall.domain.base.model import Model
from squall.domain.documents.document import Document


class AlarmMetric(Model):
    """An entry of an alarm's list of metrics: a query, or an expression over other entries."""

    id: str
    expression: str | None = None
    namespace: str | None = None
    metric_name: str | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str | None = None
    period_seconds: int
    return_data: bool


class GuardSpec(Model):
    """Everything that defines a guard alarm."""

    name: str
    """`squall-<stack>-<execution>-<n>`."""
    condition: str
    """The sentence of the abort condition."""
    metric: str
    metrics: tuple[AlarmMetric, ...]
    comparison: str
    """CloudWatch's ComparisonOperator: the alarm fires when the comparison is true."""
    threshold: float
    datapoints_to_alarm: int
    evaluation_periods: int
    treat_missing_data: str
    reaction_seconds: int
    """The longest time from breach to alarm, as CloudWatch documents it: period × M + lag + evaluation."""


class StopGuard(Model):
    """Squall's composite alarm on the experiment's stop alarms.

    FIS alone stops the fault when a stop alarm fires. The composite alarm also aborts the run, as a guard does.
    """

    name: str
    """The last of the guards' names."""
    alarms: tuple[str, ...]
    rule: str


class Guards(Document):
    """`guards.json`, by ArmGuards: the guard alarms of a run."""

    NAME = "guards"

    guards: tuple[GuardSpec, ...]
    stop: StopGuard | None = None
    """The composite alarm on the experiment's stop alarms; None if the experiment names none."""

    @property
    def every(self) -> tuple[GuardSpec | StopGuard, ...]:
        return (*self.guards, self.stop) if self.stop else self.guards

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(guard.name for guard in self.every)

    @property
    def words(self) -> dict[str, str]:
        """Alarm name to a phrase for what the alarm guards."""
        conditions = {guard.name: f"guard {guard.condition!r}" for guard in self.guards}
        return {**conditions, **({self.stop.name: f"guard of the stop alarms ({', '.join(self.stop.alarms)})"} if self.stop else {})}
