"""Deployments in progress: by CodePipeline, by CodeDeploy, or by an Auto Scaling group's instance refresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PIPELINE_BUSY = frozenset({"InProgress", "Stopping"})
_DEPLOYMENT_BUSY = ("Created", "Queued", "InProgress", "Baking", "Ready")
_REFRESH_BUSY = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"})
_REFRESHES = 10
"""How many of the newest instance refreshes are read: a group has at most one that is not over."""


class Deployments:
    """Finds deployments in progress: Auto Scaling's instance refreshes, CodePipeline's stages, CodeDeploy's
    deployments."""

    def __init__(self, autoscaling: Any, codepipeline: Any, codedeploy: Any) -> None:
        """Takes functions that make clients. Those of CodePipeline and CodeDeploy are made only if the policy names
        something of theirs."""
        self._autoscaling, self._codepipeline, self._codedeploy = autoscaling, codepipeline, codedeploy

    def in_progress(self, groups: Sequence[str], pipelines: Sequence[str], deployment_groups: Sequence[str]) -> Sequence[str]:
        """A sentence for each deployment in progress."""
        return [
            *(refresh for name in groups for refresh in self._find_refreshes(name)),
            *(stage for name in pipelines for stage in self._find_stages(name)),
            *(deployment for name in deployment_groups for deployment in self._find_deployments(name)),
        ]

    def _find_refreshes(self, group: str) -> Iterator[str]:
        answer = call(self._autoscaling(), "describe_instance_refreshes", AutoScalingGroupName=group, MaxRecords=_REFRESHES)
        for refresh in answer["InstanceRefreshes"]:
            if refresh["Status"] in _REFRESH_BUSY:
                yield f"instance refresh {refresh['InstanceRefreshId']} of {group} is {refresh['Status']}"

    def _find_stages(self, pipeline: str) -> Iterator[str]:
        for stage in call(self._codepipeline(), "get_pipeline_state", name=pipeline)["stageStates"]:
            status = stage.get("latestExecution", {}).get("status")
            if status in _PIPELINE_BUSY:
                yield f"stage {stage['stageName']} of pipeline {pipeline} is {status}"

    def _find_deployments(self, group: str) -> Iterator[str]:
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
