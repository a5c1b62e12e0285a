"""The base class of actions: an effect that starts, continues for a while, and can be stopped."""

import time
from typing import Any, ClassVar

from local.account import iam
from local.account.fis import durations
from local.account.fis.errors import ExperimentError
from local.account.fis.targets import Resource


class Action:
    """One action of a running experiment. ``start`` checks all permissions before it does anything."""

    action_id: ClassVar[str]
    description: ClassVar[str] = ""
    target_key: ClassVar[str | None] = None
    resource_type: ClassVar[str | None] = None
    #: parameter name → whether it is required
    parameters: ClassVar[dict[str, bool]] = {}
    duration_parameter: ClassVar[str] = "duration"

    def __init__(self, name: str, role_arn: str, values: dict[str, str], resources: list[Resource]) -> None:
        self.name, self.role_arn, self.values, self.resources = name, role_arn, values, resources
        self.started_at = 0.0

    @property
    def duration_seconds(self) -> float:
        text = self.values.get(self.duration_parameter)
        return float(durations.parse_seconds(text)) if text else 0.0

    def begin(self) -> None:
        self.started_at = time.monotonic()
        self.start()

    @property
    def elapsed(self) -> bool:
        return time.monotonic() - self.started_at >= self.duration_seconds

    def start(self) -> None:
        """Start the effect. Raises ``ExperimentError`` if it is not allowed or not possible."""
        raise NotImplementedError

    def finished(self) -> bool:
        """Whether the action has ended. Raises ``ExperimentError`` if it failed meanwhile."""
        return self.elapsed

    def finish(self) -> None:
        """Clean up after an action that ended by itself."""

    def stop(self) -> None:
        """End the effect early, as far as it can be ended."""

    def fail(self, code: str, reason: str) -> ExperimentError:
        return ExperimentError(code, reason, f"actions.{self.name}")

    def authorize(self, action: str, arn: str, tags: dict[str, str], context: dict[str, Any] | None = None) -> None:
        """Raise ``ExperimentError`` if IAM would refuse the experiment's role."""
        denied = iam.authorize_role(self.role_arn, action, arn, tags, context)
        if denied:
            raise self.fail("AuthorizationFailure", denied.message)
