"""A stretch of a window that another experiment disturbed and that is left out."""

from datetime import datetime

from squall.domain.model import Model


class Cut(Model):
    """Periods that were left out because of another execution."""

    execution_id: str
    experiment: str
    since: datetime
    """When its fault began."""
    until: datetime
    """When its recovery was no longer watched, or it was over."""
    periods: int
    """Of the environment's length, left out because of it."""

    @property
    def said(self) -> str:
        whose = f"{self.experiment or 'an experiment'} ({self.execution_id})"
        when = f"from {self.since:%H:%M:%S} to {self.until:%H:%M:%S} UTC"
        return f"{self.periods} periods are left out, because {whose} disturbed the workload {when}"
