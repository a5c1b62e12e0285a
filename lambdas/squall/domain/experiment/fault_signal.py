"""A metric that an experiment declares to show whether its fault did anything."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from squall.domain.base.durations import validation_error
from squall.domain.base.model import Model
from squall.domain.base.problems import PLAIN, require_pattern
from squall.domain.experiment.target import Line

Statistic = Annotated[
    str,
    require_pattern(
        r"^(Average|Sum|Minimum|Maximum|SampleCount|p(\d{1,2}(\.\d{1,2})?|100))$", "Average, Sum, Minimum, Maximum, SampleCount or p99"
    ),
]
EACH_TARGET = "$target"
"""What a definition writes for the id of each pinned target in turn."""


class FaultSignal(Model):
    """A metric of the fault's mechanism, published for each target. The fault must move it if it happens at all, and no
    user feels it. A run in which it did not move is invalid, whatever the fault's command reports."""

    namespace: Annotated[str, Field(min_length=1, max_length=255), PLAIN]
    """The CloudWatch namespace of the metric."""
    metric_name: Annotated[str, Field(min_length=1, max_length=255), PLAIN]
    """The name of the metric in its namespace."""
    dimensions: Annotated[dict[Line, Line], Field(min_length=1, max_length=30)]
    """All dimensions that it is published with; `$target` stands for the target's id."""
    statistic: Statistic = "Average"
    """How the values of a period become one."""
    direction: Literal["up", "down"] = "up"
    """Whether the fault makes the metric larger (`up`) or smaller (`down`)."""
    by: Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False, strict=True)]
    """The least distance that it must move from its median before the fault, in the metric's own unit."""
    after_seconds: Annotated[int, Field(ge=0, le=3600, strict=True)] = 0
    """How long the fault lasts before the metric must show it."""

    @field_validator("dimensions")
    @classmethod
    def _require_target(cls, value: dict[str, str]) -> dict[str, str]:
        if not any(EACH_TARGET in text for text in value.values()):
            expected = "a dimension with $target, such as InstanceId: $target"
            raise validation_error("belongs to no single target: one target that moves would count for all", expected)
        return value

    def dimensions_of(self, target: str) -> tuple[tuple[str, str], ...]:
        """The dimensions of one target's metric. `target` is what the target's metrics call it."""
        return tuple(sorted((name, value.replace(EACH_TARGET, target)) for name, value in self.dimensions.items()))
