"""Lambda functions as targets. A fault does not take a function away: it disturbs a share of the invocations."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.resources.base import Resource

SHARE = "invocation_percent"
"""The parameter of a fault that gives this share, in percent."""


class Extended(Model):
    """The parts of a function's configuration that FIS's extension needs. Each published version has its own."""

    id: str
    package: str = "Zip"
    """Zip or Image."""
    timeout_seconds: int = 3
    layers: tuple[str, ...] = ()
    """ARNs of the layer versions."""
    wrapper: str = ""
    """AWS_LAMBDA_EXEC_WRAPPER."""
    configuration_location: str = ""
    """AWS_FIS_CONFIGURATION_LOCATION: the ARN of the folder in S3 where the extension looks for faults."""
    poll_wait_milliseconds: int = 0
    """AWS_FIS_POLL_MAX_WAIT_MILLISECONDS: how long an invocation waits for the extension's look for faults."""
    snap_start: bool = False
    """Whether new environments of the function start from a snapshot."""


class LambdaFunction(Extended, Resource):
    """A Lambda function, as it is without a qualifier, with the versions that its aliases serve. It belongs to no zone."""

    USABLE = frozenset({"Active"})
    IDENTITY = ("arn", "state", "layers", "wrapper", "configuration_location", "timeout_seconds", "versions")

    type: Literal[ResourceType.FUNCTION] = ResourceType.FUNCTION
    updating: bool = False
    """Whether an update of the function is in progress, or failed."""
    versions: tuple[Extended, ...] = ()
    """The published versions that aliases serve, each with the id `<name>:<version>`."""
    shifting: tuple[str, ...] = ()
    """Names of the aliases that serve two versions, as they do while a deployment shifts traffic."""
    registered: tuple[str, ...] = ()
    """The ARNs by which target groups know it: its own, or those of versions and aliases."""
    disturbed_percent: int = 100
    """Percent of its invocations that the fault disturbs."""

    @property
    def everything(self) -> tuple[Extended, ...]:
        """The function without a qualifier, and each version that an alias serves: FIS disturbs all of them."""
        return (self, *self.versions)

    @property
    def registered_names(self) -> frozenset[str]:
        return frozenset(self.registered)

    def known_as(self, registered: frozenset[str], /) -> Self:
        own = sorted(name for name in registered if name == self.arn or name.startswith(f"{self.arn}:"))
        return self.model_copy(update={"registered": tuple(own)})

    @property
    def agent(self) -> str | None:
        return None

    @property
    def own_domain(self) -> str:
        return f"lambda/{self.id}"

    @property
    def standing(self) -> frozenset[str]:
        """A hundred parts, one for each percent of its invocations; none if the function is not usable."""
        return self._hundredths(100) if self.usable else frozenset()

    @property
    def size(self) -> int:
        return 100

    @property
    def hit(self) -> frozenset[str]:
        return self._hundredths(self.disturbed_percent)

    def under(self, _fault_type: FaultType, parameters: Mapping[str, Any], /) -> Self:
        return self.model_copy(update={"disturbed_percent": parameters.get(SHARE, 100)})

    def _hundredths(self, count: int) -> frozenset[str]:
        return frozenset(f"{self.id} {number} %" for number in range(count))
