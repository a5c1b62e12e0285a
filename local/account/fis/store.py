"""Templates and experiments, kept in moto's FIS backend with the states moto doesn't have."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import secrets
import threading
import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from ministack.core.responses import get_account_id, get_region
from moto.fis.models import Experiment as MotoExperiment
from moto.fis.models import ExperimentTemplate, FISBackend, fis_backends
from moto.utilities.tagging_service import TaggingService

from local.account.fis.errors import ConflictError, NotFoundError

Json = dict[str, Any]
MOST_ACTIONS = 20
"""The most actions that FIS takes in an experiment."""
TERMINAL = ("completed", "stopped", "failed", "cancelled")
FIRST_REASON = "Experiment is pending."

lock = threading.RLock()


class Experiment(MotoExperiment):
    """An experiment whose state is set by the engine. (moto's advances with each look.)"""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.state: Json = {"status": "pending", "reason": FIRST_REASON}
        self.resolved: list[Json] = []
        self.stop_reason: str | None = None

    @property
    def terminal(self) -> bool:
        return self.state["status"] in TERMINAL

    @property
    def skips_actions(self) -> bool:
        return bool(self.experiment_options.get("actionsMode") == "skip-all")

    def _sync_state(self) -> str:
        return str(self.state["status"])

    def to_summary_dict(self, tags: dict[str, str] | None = None) -> Json:
        return {**super().to_summary_dict(tags), "state": dict(self.state)}

    def to_dict(self, tags: dict[str, str] | None = None) -> Json:
        shown: Json = {**super().to_dict(tags), "state": dict(self.state)}
        if self.state["status"] in ("pending", "initiating"):
            shown.pop("startTime", None)
        return deepcopy(shown)


def find_backend() -> FISBackend:
    """The store of the request's account and Region."""
    fis_backend: FISBackend = fis_backends[get_account_id()][get_region()]
    return fis_backend


def _make_identifier(prefix: str) -> str:
    return prefix + "".join(secrets.choice("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz") for _ in range(22))


def _tag_resource(arn: str, tags: dict[str, str] | None) -> None:
    if tags:
        find_backend().tagger.tag_resource(arn, TaggingService.convert_dict_to_tags_input(tags))


def tags_of(arn: str) -> dict[str, str]:
    """The tags of a template or an experiment."""
    tags: dict[str, str] = find_backend().tagger.get_tag_dict_for_resource(arn)
    return tags


def list_tagged() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Every resource with its tags, for IAM's ``aws:ResourceTag``."""
    store = find_backend()
    arns = [t.arn for t in store.experiment_templates.values()] + [e.arn for e in store.experiments.values()]
    for arn in arns:
        yield arn, [{"Key": k, "Value": v} for k, v in tags_of(arn).items()]


# --- templates ----------------------------------------------------------------------------------------------------


def create_template(data: Json) -> Json:
    """Store a template, once per clientToken."""
    store = find_backend()
    token = data.get("clientToken")
    with lock:
        known = store._client_token_to_template_id.get(token) if token else None
        if known in store.experiment_templates:
            return show_template(str(known))
        made = store.create_experiment_template(
            client_token=token, description=data["description"], stop_conditions=data["stopConditions"],
            targets=data.get("targets"), actions=data["actions"], role_arn=data["roleArn"], tags=None,
            log_configuration=data.get("logConfiguration"),
            experiment_options=data.get("experimentOptions"),
            experiment_report_configuration=data.get("experimentReportConfiguration"),
        )  # fmt: skip
        item = store.experiment_templates.pop(made["id"])
        item.id = _make_identifier("EXT")
        store.experiment_templates[item.id] = item
        store._client_token_to_template_id[item.client_token] = item.id
    _tag_resource(item.arn, data.get("tags"))
    return show_template(item.id)


def find_template(identifier: str) -> ExperimentTemplate:
    """The template, or ``NotFoundError``."""
    template: ExperimentTemplate | None = find_backend().experiment_templates.get(identifier)
    if template is None:
        raise NotFoundError(f"Experiment template {identifier} does not exist.")
    return template


def show_template(identifier: str) -> Json:
    """The template as the API shows it."""
    item = find_template(identifier)
    shown: Json = item.to_dict(tags=tags_of(item.arn))
    return shown


def delete_template(identifier: str) -> Json:
    """Delete the template; returns it as the API last shows it."""
    with lock:
        shown = show_template(identifier)
        find_backend().delete_experiment_template(identifier)
    return shown


def update_template(identifier: str, data: Json) -> Json:
    """Change those parts of a template that the request names."""
    item = find_template(identifier)
    for key, attribute in (
        ("description", "description"), ("stopConditions", "stop_conditions"), ("targets", "targets"),
        ("actions", "actions"), ("roleArn", "role_arn"), ("logConfiguration", "log_configuration"),
        ("experimentOptions", "experiment_options"),
    ):  # fmt: skip
        if data.get(key) is not None:
            setattr(item, attribute, data[key])
    item.last_update_time = time.time()
    return show_template(identifier)


# --- experiments --------------------------------------------------------------------------------------------------


def same_start(data: Json) -> Experiment | None:
    """The experiment that an earlier call with this clientToken started; None if there is none."""
    store = find_backend()
    known = store._client_token_to_experiment_id.get(data.get("clientToken") or "")
    if known is None:
        return None
    experiment = find_experiment(known)
    if experiment.experiment_template_id != data.get("experimentTemplateId"):
        raise ConflictError("The clientToken was used with different parameters.")
    return experiment


def create_experiment(data: Json) -> Experiment:
    """A pending experiment: its own copy of the template."""
    store = find_backend()
    source = find_template(str(data["experimentTemplateId"]))
    actions = deepcopy(source.actions)
    for action in actions.values():
        action["state"] = {"status": "pending", "reason": "Initial state"}
    options = source.experiment_options or {}
    token = data.get("clientToken") or secrets.token_hex(16)
    now = time.time()
    experiment = Experiment(
        account_id=store.account_id, region_name=store.region_name, id=_make_identifier("EXP"), client_token=token,
        experiment_template_id=source.id, role_arn=source.role_arn, targets=deepcopy(source.targets), actions=actions,
        stop_conditions=deepcopy(source.stop_conditions), log_configuration=deepcopy(source.log_configuration),
        experiment_options={
            "accountTargeting": options.get("accountTargeting", "single-account"),
            "emptyTargetResolutionMode": options.get("emptyTargetResolutionMode", "fail"),
            "actionsMode": (data.get("experimentOptions") or {}).get("actionsMode", "run-all"),
        },
        experiment_report_configuration=None, target_account_configurations={}, creation_time=now, start_time=now,
    )  # fmt: skip
    store.experiments[experiment.id] = experiment
    store._client_token_to_experiment_id[token] = experiment.id
    _tag_resource(experiment.arn, data.get("tags"))
    return experiment


def find_experiment(identifier: str) -> Experiment:
    """The experiment, or ``NotFoundError``."""
    experiment = find_backend().experiments.get(identifier)
    if not isinstance(experiment, Experiment):
        raise NotFoundError(f"Experiment {identifier} does not exist.")
    return experiment


def list_experiments() -> list[Experiment]:
    """All experiments, newest first."""
    return [e for e in reversed(list(find_backend().experiments.values())) if isinstance(e, Experiment)]


def list_active() -> list[Experiment]:
    """The experiments that count against the quota."""
    return [e for e in list_experiments() if not e.terminal]
