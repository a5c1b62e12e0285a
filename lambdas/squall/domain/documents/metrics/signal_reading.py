"""The reading of a fault signal: whether a metric confirms the fault."""

from typing import Annotated, Literal

from pydantic import Field

from squall.domain.base.model import Model

Reading = Literal["moved", "contradicted", "not_told"]


class SignalReading(Model):
    """What a fault signal shows about some targets of a run."""

    targets: tuple[str, ...]
    metric: str
    """Namespace and name; empty if no metric is known for this fault."""
    reading: Reading
    detail: str
    """A sentence with the values that decided the reading."""
    fault: Annotated[str, Field(exclude_if=lambda fault: not fault)] = ""
    """The fault's name in a scenario."""
