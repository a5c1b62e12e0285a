"""`guards.json`: the guard alarms of a run and the metrics they watch."""

from squall.domain.documents.document import Document
from squall.domain.model import Model


class AlarmMetric(Model):
    """A member of an alarm's metric list: a query or an expression over the others."""

    id: str
    expression: str | None = None
    namespace: str | None = None
    metric_name: str | None = None
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str | None = None
    period_seconds: int
    return_data: bool


class GuardSpec(Model):
    """A guard alarm before it exists; `squall-<stack>-<execution>-<n>`."""

    name: str
    condition: str
    """The abort condition's sentence."""
    metric: str
    metrics: tuple[AlarmMetric, ...]
    comparison: str
    """CloudWatch ComparisonOperator under which the alarm fires."""
    threshold: float
    datapoints_to_alarm: int
    evaluation_periods: int
    treat_missing_data: str
    reaction_seconds: int
    """Period × M + lag + evaluation: from breach to alarm, at most as far as CloudWatch keeps its word."""


class StopGuard(Model):
    """A composite alarm of ours on the experiment's stop alarms: they act on FIS alone, this one aborts by our own paths."""

    name: str
    """Among the guards' names, the last."""
    alarms: tuple[str, ...]
    rule: str


class Guards(Document):
    """`guards.json`, by ArmGuards."""

    NAME = "guards"

    guards: tuple[GuardSpec, ...]
    stop: StopGuard | None = None
    """None: the experiment names no stop alarm."""

    @property
    def names(self) -> tuple[str, ...]:
        return (*(guard.name for guard in self.guards), *([self.stop.name] if self.stop else []))

    @property
    def words(self) -> dict[str, str]:
        """Name of each alarm to what its firing means."""
        conditions = {guard.name: f"guard {guard.condition!r}" for guard in self.guards}
        return {**conditions, **({self.stop.name: f"guard of the stop alarms ({', '.join(self.stop.alarms)})"} if self.stop else {})}
