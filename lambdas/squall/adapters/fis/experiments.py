"""Templates and experiments of AWS FIS. Every experiment that is started here injects its fault (`run-all`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from squall.adapters.aws import call, list_items
from squall.domain.run.fis_state import ActionState, FisExperiment, FisTemplate, ResolvedTarget
from squall.domain.safety.fis_template import CHECKED_TAG
from squall.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_GONE = frozenset({"ResourceNotFoundException"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


class Fis:
    def __init__(self, client: Any) -> None:
        self._client = client

    def create_template(self, body: Mapping[str, Any], client_token: str) -> str:
        answer = call(self._client, "create_experiment_template", refusable=True, **{**body, "clientToken": client_token})
        return str(answer["experimentTemplate"]["id"])

    def template(self, template_id: str) -> Mapping[str, Any] | None:
        answer = call(self._client, "get_experiment_template", absent=_GONE, id=template_id)
        body: Mapping[str, Any] | None = answer["experimentTemplate"] if answer else None
        return body

    def mark_checked(self, template_arn: str) -> None:
        call(self._client, "tag_resource", resourceArn=template_arn, tags={CHECKED_TAG: "true"})

    def start(self, template_id: str, client_token: str, tags: Mapping[str, str]) -> FisExperiment:
        answer = call(
            self._client,
            "start_experiment",
            refusable=True,
            experimentTemplateId=template_id,
            clientToken=client_token,
            experimentOptions={"actionsMode": "run-all"},
            tags=dict(tags),
        )
        return _make_experiment(answer["experiment"])

    def get(self, experiment_id: str) -> FisExperiment | None:
        answer = call(self._client, "get_experiment", absent=_GONE, id=experiment_id)
        return None if answer is None else _make_experiment(answer["experiment"])

    def resolved_targets(self, experiment_id: str) -> Sequence[ResolvedTarget]:
        try:
            listed = list(list_items(self._client, "list_experiment_resolved_targets", "resolvedTargets", experimentId=experiment_id))
        except Unavailable as error:
            if error.code not in _GONE:
                raise
            return []
        return [ResolvedTarget(item["targetName"], frozenset(item.get("targetInformation", {}).values())) for item in listed]

    def of_template(self, template_id: str) -> Sequence[FisExperiment]:
        return [
            _make_experiment(summary)
            for summary in list_items(self._client, "list_experiments", "experiments", experimentTemplateId=template_id)
        ]

    def of_execution(self, stack: str, execution_id: str) -> Sequence[FisExperiment]:
        return [experiment for experiment in self._all() if experiment.belongs_to(stack, execution_id)]

    def active(self) -> Sequence[FisExperiment]:
        return [experiment for experiment in self._all() if not experiment.terminal]

    def _all(self) -> list[FisExperiment]:
        # The API has no filter by status or tag: it lists the experiments of 120 days, 100 on a page.
        return [
            _make_experiment(summary)
            for summary in list_items(self._client, "list_experiments", "experiments", PaginationConfig={"PageSize": 100})
        ]

    def stop(self, experiment_id: str) -> bool:
        # FIS refuses to stop an experiment that has ended or is stopping with a plain ValidationException. Its state
        # says which it is.
        answer = call(self._client, "stop_experiment", absent=_GONE | {"ValidationException"}, id=experiment_id)
        now = _make_experiment(answer["experiment"]) if answer else self.get(experiment_id)
        if now is None or (now.terminal and (answer is None or now.status != "stopped")):
            return False
        if answer is None and now.status != "stopping":
            raise Unavailable("fis", "StopExperiment", "ValidationException", f"{experiment_id} is {now.status}", retryable=True)
        return True

    def delete_template(self, template_id: str) -> bool:
        try:
            return call(self._client, "delete_experiment_template", absent=_GONE, id=template_id) is not None
        except Unavailable as error:
            # A grant that depends on the template's tag can't match a deleted template, so a denial may mean that the
            # template is gone.
            if error.code not in _DENIED or template_id in self._template_ids():
                raise
            return False

    def _template_ids(self) -> set[str]:
        return {template["id"] for template in list_items(self._client, "list_experiment_templates", "experimentTemplates")}

    def own_templates(self, stack: str) -> Sequence[FisTemplate]:
        listed = list_items(self._client, "list_experiment_templates", "experimentTemplates")
        tagged = ((template, template.get("tags", {})) for template in listed)
        return [
            FisTemplate(template["id"], tags["squall:execution"], template["creationTime"])
            for template, tags in tagged
            if tags.get("squall:stack") == stack and "squall:execution" in tags
        ]


def _make_experiment(description: Mapping[str, Any]) -> FisExperiment:
    state = description["state"]
    return FisExperiment(
        id=description["id"],
        template_id=description["experimentTemplateId"],
        status=state["status"],
        reason=state.get("reason", ""),
        error_code=state.get("error", {}).get("code"),
        actions=tuple(_make_action(name, action) for name, action in sorted(description.get("actions", {}).items())),
        started_at=description.get("startTime"),
        ended_at=description.get("endTime"),
        tags=dict(description.get("tags", {})),
        created_at=description.get("creationTime"),
        answer=description,
    )


def _make_action(name: str, action: Mapping[str, Any]) -> ActionState:
    state = action.get("state", {})
    return ActionState(
        name=name,
        action_id=action.get("actionId", ""),
        status=state.get("status", "pending"),
        reason=state.get("reason", ""),
        started_at=action.get("startTime"),
        ended_at=action.get("endTime"),
    )
