"""The present level of a service: what its users get and what it uses, over the last hours."""

from squall.domain.base.model import Model


class Level(Model):
    """The present level. A field is None if it is not known: CloudWatch has no data, or access was denied."""

    requests_per_second: float | None = None
    availability_percent: float | None = None
    """Over all requests; errors of a load balancer that serves several target groups are not counted."""
    response_seconds: float | None = None
    """The highest hourly average."""
    response_p99_seconds: float | None = None
    """The highest hourly 99th percentile."""
    cpu_percent: float | None = None
    memory_percent: float | None = None
    disk_percent: float | None = None
    invocations: float | None = None
    """Invocations of a function per minute."""

    @property
    def busy(self) -> bool:
        """Whether requests or invocations were counted."""
        return bool(self.requests_per_second or self.invocations)


UNKNOWN = Level()
