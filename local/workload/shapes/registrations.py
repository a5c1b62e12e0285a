"""What somebody has registered in a target group."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from local.workload.cloud import Cloud


class Registrations:
    """The names that are registered in one target group: ids of instances, or addresses."""

    def __init__(self, cloud: Cloud, target_group_arn: str) -> None:
        """Deregister whatever is still registered there from before."""
        self._cloud, self._arn = cloud, target_group_arn
        self._names = frozenset(cloud.registered(target_group_arn))
        self.follow(frozenset())

    def follow(self, names: AbstractSet[str]) -> None:
        """Register the names that are new, and deregister those that are gone."""
        for gone in self._names - names:
            self._cloud.deregister(self._arn, gone)
        for new in names - self._names:
            self._cloud.register(self._arn, new)
        self._names = frozenset(names)
