"""A part of a window that is left out because another experiment disturbed it."""

from datetime import datetime

from squall.domain.base.model import Model


class Cut(Model):
    """Periods that are left out because of another execution."""

    execution_id: str
    experiment: str
    since: datetime
    """The time at which its fault began."""
    until: datetime
    """The time at which its recovery was no longer watched, or the execution ended."""
    periods: int
    """How many periods of the environment's length are left out."""

    @property
    def said(self) -> str:
        whose = f"{self.experiment or 'an experiment'} ({self.execution_id})"
        when = f"from {self.since:%H:%M:%S} to {self.until:%H:%M:%S} UTC"
        return f"{self.periods} periods are left out, because {whose} disturbed the workload {when}"
