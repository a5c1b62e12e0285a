"""The surroundings of the workload: change calendars, deployments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from squall.domain.run.ssm_state import CalendarState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class FakeCalendars:
    def __init__(self) -> None:
        self.open = True
        self.changes_at: datetime | None = None
        self.asked: list[tuple[str, ...]] = []

    def state(self, names: Sequence[str], at: datetime) -> CalendarState:
        self.asked.append(tuple(names))
        return CalendarState(self.open, self.changes_at)


class FakeDeployments:
    def __init__(self) -> None:
        self.running: dict[str, str] = {}
        """By name of a group, pipeline or deployment group, its reported state."""
        self.asked: list[str] = []

    def in_progress(self, groups: Sequence[str], pipelines: Sequence[str], deployment_groups: Sequence[str]) -> Sequence[str]:
        self.asked = [*groups, *pipelines, *deployment_groups]
        return [self.running[name] for name in self.asked if name in self.running]
