"""The workload: what can be hit, and what else is changing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # the abort path loads no pydantic
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from squall.domain.base.vocabulary import ResourceType
    from squall.domain.resources.workload import Workload
    from squall.domain.run.ssm_state import CalendarState


class Inventory(Protocol):
    """What can be hit and what it belongs to, read only."""

    def describe(
        self,
        targets: Sequence[str],
        tags: Mapping[str, str],
        filters: Mapping[str, Sequence[str]],
        at: datetime,
        *,
        resource_type: ResourceType = ...,
        service: str | None = None,
    ) -> Workload:
        """The candidates (by ids or ARNs, or by tags and filters), their groups with the ids of all members, and their
        target groups.

        For other types than instances, also the target group whose ARN is `service`, if there is one.
        """

    def refresh(self, workload: Workload, at: datetime) -> Workload:
        """The same groups, target groups and resources as they are now, including new members of the groups."""


class Calendars(Protocol):
    """Systems Manager Change Calendars."""

    def state(self, names: Sequence[str], at: datetime) -> CalendarState:
        """The state of all calendars together: open only if each of them is."""


class Deployments(Protocol):
    """Rollouts that are in progress."""

    def in_progress(self, groups: Sequence[str], pipelines: Sequence[str], deployment_groups: Sequence[str]) -> Sequence[str]:
        """A sentence for each rollout in progress.

        These are instance refreshes of the Auto Scaling groups, stages of the CodePipeline pipelines, and deployments
        of the CodeDeploy groups (`application/group`). Raises `Unavailable` also if one of them does not exist.
        """
