"""The FIS API as a service of the emulator: routing, the authorization ministack can't know, answers."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core.responses import get_account_id, get_region
from moto.fis.models import fis_backends

from local.account import iam
from local.account.fis import engine, lever, store, validation
from local.account.fis.actions.registry import ACTIONS
from local.account.fis.errors import AccessDeniedError, ApiError, ConflictError, NotFoundError, QuotaExceededError, ValidationError
from local.account.profile import holder

logger = logging.getLogger("squall.fis")

Json = dict[str, Any]
MAXIMUM_ACTIVE = 5


@dataclass(frozen=True)
class Request:
    """One call: the path's parts, the body, the query and, for further checks, the signed headers."""

    path: tuple[str, ...]
    data: Json
    query: dict[str, Any]
    headers: dict[str, str]

    def parameter(self, name: str) -> str | None:
        value = self.query.get(name)
        return str(value[0]) if isinstance(value, list) and value else (str(value) if value else None)

    def authorize(self, action: str, resource: str, context: Json | None = None) -> None:
        denied = iam.check_caller(self.headers, self.query, action, resource, context)
        if denied:
            raise AccessDeniedError(denied.message)


def install_patches() -> None:
    """Register FIS with the emulator."""
    app._loaded_modules["fis"] = sys.modules[__name__]
    app.SERVICE_REGISTRY["fis"] = {"module": "fis"}
    app.SERVICE_HANDLERS["fis"] = app._lazy_handler("fis")


async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query_params: Json) -> Any:
    """Entry point called by ministack, after it has authorized the call's own action."""
    try:
        data = json.loads(body) if body else {}
        if (method, path) == ("POST", "/experiments"):
            await asyncio.sleep(holder.current.fis_start_delay_seconds)
        answer = _answer_request(method, path, Request((), data, query_params, headers))
        return _make_response(200, answer)
    except json.JSONDecodeError:
        return _make_response(400, {"message": "the body is not JSON"}, "ValidationException")
    except ApiError as error:
        return _make_response(error.status, {"message": str(error)}, error.code)


def _make_response(status: int, answer: Json, error: str | None = None) -> Any:
    headers = {"Content-Type": "application/json"}
    if error:
        headers["x-amzn-errortype"] = error
    return status, headers, json.dumps(answer).encode()


def _answer_request(method: str, path: str, request: Request) -> Json:
    for verb, pattern, operation in ROUTES:
        match = pattern.fullmatch(path)
        if verb == method and match:
            parts = tuple(unquote(group) for group in match.groups())
            return operation(Request(parts, request.data, request.query, request.headers))
    raise NotFoundError(f"{method} {path} is not available in the local account")


def _read_scope() -> tuple[str, str, str]:
    account, region = get_account_id(), get_region()
    return account, region, f"arn:aws:fis:{region}:{account}:"


# --- templates ----------------------------------------------------------------------------------------------------


def create_template(request: Request) -> Json:
    """CreateExperimentTemplate; also needs fis:TagResource for tags and iam:PassRole for the role."""
    account, region, prefix = _read_scope()
    _authorize_template(request, "fis:CreateExperimentTemplate", request.data)
    if request.data.get("tags"):
        request.authorize("fis:TagResource", prefix + "experiment-template/*", iam.tag_context(request.data["tags"]))
    validation.check_template(request.data, account, region)
    return {"experimentTemplate": store.create_template(request.data)}


def _authorize_template(request: Request, action: str, data: Json) -> None:
    """The permissions that a template needs besides its own: each action used, and passing the role."""
    prefix = _read_scope()[2]
    context = iam.tag_context(data.get("tags"))
    for used in sorted({str(a.get("actionId")) for a in (data.get("actions") or {}).values()}):
        request.authorize(action, f"{prefix}action/{used}", context)
    if data.get("roleArn"):
        request.authorize("iam:PassRole", str(data["roleArn"]), {"iam:PassedToService": engine.SERVICE})


def update_template(request: Request) -> Json:
    """UpdateExperimentTemplate, validated as a whole."""
    account, region, _ = _read_scope()
    _authorize_template(request, "fis:UpdateExperimentTemplate", request.data)
    before = store.show_template(request.path[0])
    validation.check_template({**before, **request.data}, account, region)
    return {"experimentTemplate": store.update_template(request.path[0], request.data)}


def get_template(request: Request) -> Json:
    """GetExperimentTemplate."""
    return {"experimentTemplate": store.show_template(request.path[0])}


def delete_template(request: Request) -> Json:
    """DeleteExperimentTemplate; its experiments stay."""
    return {"experimentTemplate": store.delete_template(request.path[0])}


def list_templates(request: Request) -> Json:
    """ListExperimentTemplates."""
    items = [t.to_summary_dict(tags=store.tags_of(t.arn)) for t in store.find_backend().experiment_templates.values()]
    return _make_page("experimentTemplates", items, request)


# --- experiments --------------------------------------------------------------------------------------------------


def start_experiment(request: Request) -> Json:
    """StartExperiment: idempotent by clientToken. Refuses a deleted template, and an experiment beyond the quota."""
    prefix, data = _read_scope()[2], request.data
    _need_text(data, "experimentTemplateId")
    context = iam.tag_context(data.get("tags"))
    request.authorize("fis:StartExperiment", prefix + "experiment/*", context)
    if data.get("tags"):
        request.authorize("fis:TagResource", prefix + "experiment/*", context)
    mode = (data.get("experimentOptions") or {}).get("actionsMode", "run-all")
    if mode not in ("run-all", "skip-all"):
        raise ValidationError("actionsMode is run-all or skip-all")
    with store.lock:
        known = store.same_start(data)
        if known is not None:
            return _show_experiment(known)
        template = store.find_template(str(data["experimentTemplateId"]))
        if holder.current.refuse_firing_alarms and engine.is_firing(template.stop_conditions):
            raise ConflictError("The experiment cannot start: a stop condition is in the ALARM state.")
        if len(store.list_active()) >= MAXIMUM_ACTIVE:
            raise QuotaExceededError(f"You have reached the limit of {MAXIMUM_ACTIVE} active experiments.")
        experiment = store.create_experiment(data)
    answer = _show_experiment(experiment)
    engine.launch_experiment(experiment, lever.is_engaged())
    return answer


def _need_text(data: Json, key: str) -> None:
    if not isinstance(data.get(key), str) or not data[key]:
        raise ValidationError(f"{key} is required")


def _show_experiment(experiment: store.Experiment) -> Json:
    return {"experiment": experiment.to_dict(tags=store.tags_of(experiment.arn))}


def get_experiment(request: Request) -> Json:
    """GetExperiment."""
    return _show_experiment(store.find_experiment(request.path[0]))


def stop_experiment(request: Request) -> Json:
    """StopExperiment: to stop an experiment that has ended is a validation error, as on AWS."""
    experiment = store.find_experiment(request.path[0])
    if experiment.terminal:
        status = experiment.state["status"]
        raise ValidationError(f"Unable to stop experiment {experiment.id}: it is in the state {status}.")
    engine.ask_to_stop(experiment, engine.USER_REASON)
    return _show_experiment(experiment)


def list_experiments(request: Request) -> Json:
    """ListExperiments, also of a template that is gone."""
    template = request.parameter("experimentTemplateId")
    items = [e.to_summary_dict(tags=store.tags_of(e.arn)) for e in store.list_experiments() if template in (None, e.experiment_template_id)]
    return _make_page("experiments", items, request)


def list_resolved_targets(request: Request) -> Json:
    """ListExperimentResolvedTargets."""
    wanted = request.parameter("targetName")
    resolved = store.find_experiment(request.path[0]).resolved
    return _make_page("resolvedTargets", [t for t in resolved if wanted in (None, t["targetName"])], request)


def _make_page(name: str, items: list[Json], request: Request) -> Json:
    start, size = int(request.parameter("nextToken") or 0), int(request.parameter("maxResults") or 100)
    answer: Json = {name: items[start : start + size]}
    if start + size < len(items):
        answer["nextToken"] = str(start + size)
    return answer


# --- actions, tags, lever -----------------------------------------------------------------------------------------


def _show_action(identifier: str) -> Json:
    kind = ACTIONS.get(identifier)
    if kind is None:
        raise NotFoundError(f"Action {identifier} does not exist.")
    shown: Json = {
        "id": identifier, "arn": f"{_read_scope()[2]}action/{identifier}", "description": kind.description, "tags": {},
        "parameters": {key: {"required": required} for key, required in kind.parameters.items()},
    }  # fmt: skip
    if kind.target_key:
        shown["targets"] = {kind.target_key: {"resourceType": kind.resource_type}}
    return shown


def get_action(request: Request) -> Json:
    """GetAction."""
    return {"action": _show_action(request.path[0])}


def list_actions(request: Request) -> Json:
    """ListActions: what this account can carry out."""
    return _make_page("actions", [_show_action(identifier) for identifier in sorted(ACTIONS)], request)


def tag_resource(request: Request) -> Json:
    """TagResource."""
    store.find_backend().tag_resource(request.path[0], request.data.get("tags") or {})
    return {}


def untag_resource(request: Request) -> Json:
    """UntagResource."""
    store.find_backend().untag_resource(request.path[0], list(request.query.get("tagKeys") or []))
    return {}


def list_tags(request: Request) -> Json:
    """ListTagsForResource."""
    return {"tags": store.tags_of(request.path[0])}


def get_lever(request: Request) -> Json:
    """GetSafetyLever."""
    return lever.get_lever(request.path[0])


def update_lever(request: Request) -> Json:
    """UpdateSafetyLeverState."""
    return lever.update_lever(request.path[0], request.data.get("state") or {})


Operation = Callable[[Request], Json]
ROUTES: list[tuple[str, re.Pattern[str], Operation]] = [
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("POST", r"/experimentTemplates", create_template),
        ("GET", r"/experimentTemplates", list_templates),
        ("GET", r"/experimentTemplates/([^/]+)", get_template),
        ("PATCH", r"/experimentTemplates/([^/]+)", update_template),
        ("DELETE", r"/experimentTemplates/([^/]+)", delete_template),
        ("POST", r"/experiments", start_experiment),
        ("GET", r"/experiments", list_experiments),
        ("GET", r"/experiments/([^/]+)", get_experiment),
        ("DELETE", r"/experiments/([^/]+)", stop_experiment),
        ("GET", r"/experiments/([^/]+)/resolvedTargets", list_resolved_targets),
        ("GET", r"/actions", list_actions),
        ("GET", r"/actions/([^/]+)", get_action),
        ("GET", r"/safetyLevers/([^/]+)", get_lever),
        ("PATCH", r"/safetyLevers/([^/]+)/state", update_lever),
        ("POST", r"/tags/(.+)", tag_resource),
        ("DELETE", r"/tags/(.+)", untag_resource),
        ("GET", r"/tags/(.+)", list_tags),
    )
]


def reset_fis() -> None:
    """Called by the emulator's reset: stop all experiments and forget everything."""
    for account in list(fis_backends.values()):
        for region in list(account.values()):
            for experiment in list(region.experiments.values()):
                if isinstance(experiment, store.Experiment):
                    experiment.stop_reason = experiment.stop_reason or engine.USER_REASON
    fis_backends.reset()
    lever.reset_levers()


def get_state() -> None:
    """No state survives a restart: an experiment ends with the engine that runs it."""


def load_persisted_state(data: Any) -> None:
    """Does nothing, because no state is persisted (``get_state``)."""
