"""Whether something is being deployed: by CodePipeline, by CodeDeploy, or by an Auto Scaling group's instance refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIPELINE_BUSY = frozenset({"InProgress", "Stopping"})
_DEPLOYMENT_BUSY = ("Created", "Queued", "InProgress", "Baking", "Ready")
_REFRESH_BUSY = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})
_REFRESHES = 10
"""The newest: a group has at most one that is not over."""


class Deployments:
    def __init__(self, autoscaling: Any, codepipeline: Any, codedeploy: Any) -> None:
        """`codepipeline` and `codedeploy` are asked for their client only when the policy names something of theirs."""
        self._autoscaling, self._codepipeline, self._codedeploy = autoscaling, codepipeline, codedeploy

    def in_progress(self, groups: Sequence[str], pipelines: Sequence[str], deployment_groups: Sequence[str]) -> Sequence[str]:
        return [
            *(said for name in groups for said in self._refreshes(name)),
            *(said for name in pipelines for said in self._stages(name)),
            *(said for name in deployment_groups for said in self._deployments(name)),
        ]

    def _refreshes(self, group: str) -> Iterator[str]:
        answer = call(self._autoscaling(), "describe_instance_refreshes", AutoScalingGroupName=group, MaxRecords=_REFRESHES)
        for refresh in answer["InstanceRefreshes"]:
            if refresh["Status"] in _REFRESH_BUSY:
                yield f"instance refresh {refresh['InstanceRefreshId']} of {group} is {refresh['Status']}"

    def _stages(self, pipeline: str) -> Iterator[str]:
        for stage in call(self._codepipeline(), "get_pipeline_state", name=pipeline)["stageStates"]:
            status = stage.get("latestExecution", {}).get("status")
            if status in _PIPELINE_BUSY:
                yield f"stage {stage['stageName']} of pipeline {pipeline} is {status}"

    def _deployments(self, group: str) -> Iterator[str]:
        application, _, name = group.partition("/")
        running = list_items(
            self._codedeploy(),
            "list_deployments",
            "deployments",
            applicationName=application,
            deploymentGroupName=name,
            includeOnlyStatuses=list(_DEPLOYMENT_BUSY),
        )
        yield from (f"deployment {deployment} of {group} is not over" for deployment in running)
