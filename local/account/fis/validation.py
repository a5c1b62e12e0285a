"""What CreateExperimentTemplate refuses: shapes, limits, unknown actions and targets, bad durations."""

import json
import re
from typing import Any

from local.account.fis import durations, pods, store
from local.account.fis.actions.registry import ACTIONS
from local.account.fis.errors import QuotaExceededError, ValidationError
from local.account.fis.targets import BUCKET
from local.account.profile import holder

Json = dict[str, Any]
NAME = re.compile(r"[\S]{1,64}")
SELECTION = re.compile(r"ALL|COUNT\([1-9]\d*\)|PERCENT\((100|[1-9]?\d)\)")
TARGET_SOURCES = ("resourceArns", "resourceTags", "parameters")


def _require_condition(condition: bool, message: str) -> None:
    if not condition:
        raise ValidationError(message)


def check_template(data: Json, account: str, region: str) -> None:
    """Refuse an invalid template, saying which part is wrong."""
    description = data.get("description")
    _require_condition(isinstance(description, str) and len(description) <= 512, "description is required, at most 512 characters")
    _require_condition(bool(re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/.+", str(data.get("roleArn")))), "roleArn is required")
    _require_condition(len(data.get("tags") or {}) <= 50, "at most 50 tags")
    _check_stop_conditions(data.get("stopConditions"), account, region)
    targets, actions = data.get("targets") or {}, data.get("actions") or {}
    _require_condition(bool(actions), "at least one action is required")
    if len(actions) > store.MOST_ACTIONS:
        raise QuotaExceededError(f"an experiment template has at most {store.MOST_ACTIONS} actions")
    for name, target in targets.items():
        _check_target(name, target)
    for name, action in actions.items():
        _check_action(name, action, targets, actions)
    _check_order(actions)
    unused = set(targets) - {t for a in actions.values() for t in (a.get("targets") or {}).values()}
    _require_condition(not unused, f"targets not used by any action: {', '.join(sorted(unused))}")
    mode = (data.get("experimentOptions") or {}).get("emptyTargetResolutionMode", "fail")
    _require_condition(mode in ("fail", "skip"), "emptyTargetResolutionMode is fail or skip")


def _check_stop_conditions(conditions: Any, account: str, region: str) -> None:
    _require_condition(isinstance(conditions, list) and bool(conditions), "stopConditions is required (source none for none)")
    if len(conditions) > 5:
        raise QuotaExceededError("an experiment template has at most 5 stop conditions")
    for condition in conditions:
        source = condition.get("source")
        _require_condition(source in ("none", "aws:cloudwatch:alarm"), f"stop condition source {source} is not valid")
        if source == "aws:cloudwatch:alarm":
            prefix = f"arn:aws:cloudwatch:{region}:{account}:alarm:"
            _require_condition(str(condition.get("value")).startswith(prefix), f"{condition.get('value')} is not an alarm ARN here")


def _check_target(name: str, target: Json) -> None:
    _require_condition(bool(NAME.fullmatch(name)), f"target name {name} is not valid")
    _require_condition(bool(target.get("resourceType")), f"target {name}: resourceType is required")
    _require_condition(bool(SELECTION.fullmatch(str(target.get("selectionMode")))), f"target {name}: selectionMode is not valid")
    if target["resourceType"] == pods.POD:
        wrong = pods.find_problem(target)
        _require_condition(not wrong, f"target {name}: {wrong}")
        return
    sources = [source for source in TARGET_SOURCES if target.get(source)]
    _require_condition(len(sources) == 1, f"target {name}: exactly one of {', '.join(TARGET_SOURCES)} is required")
    _require_condition(len(target.get("resourceArns") or []) <= 5, f"target {name}: at most 5 resourceArns")
    by_arn = target["resourceType"] == BUCKET and "resourceArns" in sources
    _require_condition(not by_arn, f"target {name}: buckets are selected by resourceTags alone")
    _require_condition(not (target.get("resourceArns") and target.get("filters")), f"target {name}: filters exclude resourceArns")
    for condition in target.get("filters") or []:
        _require_condition(0 < len(str(condition.get("path"))) <= 256, f"target {name}: filter path is not valid")
        values = condition.get("values") or []
        _require_condition(bool(values) and all(len(v) <= 128 for v in values), f"target {name}: filter values are not valid")


def _check_action(name: str, action: Json, targets: Json, actions: Json) -> None:
    _require_condition(bool(NAME.fullmatch(name)), f"action name {name} is not valid")
    kind = ACTIONS.get(str(action.get("actionId")))
    if kind is None:
        raise ValidationError(f"action {name}: {action.get('actionId')} is not available")
    parameters = action.get("parameters") or {}
    for key, value in parameters.items():
        _require_condition(isinstance(value, str) and len(value) <= 1024, f"action {name}: parameter {key} is over 1024 characters")
        _require_condition(key in kind.parameters, f"action {name}: {kind.action_id} has no parameter {key}")
    missing = [key for key, required in kind.parameters.items() if required and not parameters.get(key)]
    _require_condition(not missing, f"action {name}: parameters required: {', '.join(missing)}")
    if kind.duration_parameter in parameters:
        _check_duration(name, parameters[kind.duration_parameter])
    if "documentParameters" in parameters:
        _check_json(name, parameters["documentParameters"])
    _check_action_targets(name, action, kind.target_key, kind.resource_type, targets)
    for earlier in action.get("startAfter") or []:
        _require_condition(earlier in actions and earlier != name, f"action {name}: startAfter {earlier} is no other action")


def _check_duration(name: str, text: str) -> None:
    try:
        length = durations.parse_seconds(text)
    except ValueError as error:
        raise ValidationError(f"action {name}: {error}") from error
    floor = holder.current.fis_minimum_seconds
    _require_condition(floor <= length <= durations.MAXIMUM_SECONDS, f"action {name}: duration must be {floor:g} s to 12 hours")


def _check_json(name: str, text: str) -> None:
    try:
        valid = isinstance(json.loads(text), dict)
    except ValueError:
        valid = False
    _require_condition(valid, f"action {name}: documentParameters is not a JSON object")


def _check_action_targets(name: str, action: Json, key: str | None, resource_type: str | None, targets: Json) -> None:
    used = action.get("targets") or {}
    _require_condition(set(used) == ({key} if key else set()), f"action {name}: targets must be exactly {key or 'none'}")
    for target in used.values():
        _require_condition(target in targets, f"action {name}: target {target} is not defined")
        actual = targets[target].get("resourceType")
        _require_condition(actual == resource_type, f"action {name}: target {target} is {actual}, {resource_type} is needed")


def _check_order(actions: Json) -> None:
    done: set[str] = set()
    while len(done) < len(actions):
        ready = {n for n, a in actions.items() if n not in done and set(a.get("startAfter") or []) <= done}
        _require_condition(bool(ready), "startAfter has a circle")
        done |= ready
    if sum(1 for action in actions.values() if not action.get("startAfter")) > 10:
        raise QuotaExceededError("at most 10 actions run in parallel")
