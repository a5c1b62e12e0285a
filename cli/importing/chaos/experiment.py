"""Reads an experiment of Chaos Toolkit as a FIS template, with what FIS can't say as fields of the experiment."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cli.importing.chaos.actions import STOP, FisAction, read_action, suggest_in_place
from cli.importing.chaos.blocks import Block, Variables
from cli.importing.chaos.probes import Judged, read_probe
from cli.importing.values import Loss, Source, Unknowns
from squall.domain.base.printable import one_line
from squall.domain.base.problems import Problem
from squall.domain.run.fis_state import WAIT
from squall.faults.fis import iso_duration
from squall.faults.instances.termination import RESTART

if TYPE_CHECKING:
    from collections.abc import Mapping

_RESTARTED = timedelta(minutes=10)
"""How long instances stay stopped that a rollback starts again, if no pause says it."""
_START = ("chaosaws.ec2.actions", "start_instances")
_COMMAND = re.compile(r"start-automation-execution\b.*?--document-name[= ]+(?P<document>[\w.:/-]+)")
_OF_FILE = ("version", "contributions", "runtime")
"""Keys about the file and about how Chaos Toolkit runs it."""


@dataclass
class _Method:
    """The actions of FIS in the order of the method."""

    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    last: list[str] = field(default_factory=list)
    """What the next action waits for."""
    unknown: list[Problem] = field(default_factory=list)

    def add(self, name: str, action: Mapping[str, Any], *, background: bool = False) -> None:
        unique = name if name not in self.actions else f"{name}-{len(self.actions)}"
        self.actions[unique] = {**action, **({"startAfter": list(self.last)} if self.last else {})}
        self.last = [*self.last, unique] if background else [unique]

    def wait(self, name: str, seconds: float) -> None:
        self.add(name, {"actionId": WAIT, "parameters": {"duration": iso_duration(timedelta(seconds=seconds))}})


def read_experiment(document: Mapping[str, Any], file: str) -> Source:
    """The experiment as a source; with problems if FIS has none of its actions."""
    unknowns, losses = Unknowns(), list[Loss]()
    clean = unknowns.add_blanks(copy.deepcopy(dict(document)))
    given = clean.pop("configuration", None)
    region = given.get("aws_region") if isinstance(given, dict) else None
    unknowns.region = region if isinstance(region, str) else None
    variables = Variables(given if isinstance(given, dict) else {}, unknowns, losses)
    experiment = Block(variables.replace(clean), "$", losses)
    title = one_line(str(experiment.take("title") or "imported"))
    replaced = [f"{key}: it is about Chaos Toolkit's own file and runs" for key in _OF_FILE if experiment.take(key)]
    judged, hypothesis = Judged(), experiment.take_block("steady-state-hypothesis")
    statement = one_line(str(hypothesis.take("title") or ""))
    for probe in hypothesis.take_blocks("probes"):
        read_probe(probe, judged)
    hypothesis.lose_rest()
    method = _Method()
    for activity in experiment.take_blocks("method"):
        _read_activity(activity, method, unknowns)
    rollback = _read_rollbacks(experiment.take_blocks("rollbacks"), method)
    if not method.actions or all(action["actionId"] == WAIT for action in method.actions.values()):
        nothing = Problem(path="method", message="injects nothing", expected="an action of chaostoolkit-aws that FIS has, too")
        return Source(file, title, {}, unknowns, problems=tuple(method.unknown or [nothing]))
    template = {
        "description": experiment.take("description") or title,
        "actions": method.actions,
        "targets": method.targets,
        "tags": _read_tags(experiment.take("tags")),
    }
    _lose_unused(variables, losses)
    experiment.lose_rest()
    extra = _make_extra(judged, statement, rollback)
    if judged.criteria:
        replaced.append("steady-state-hypothesis: Squall judges it while the fault lasts, not only before and after")
    return Source(file, title, template, unknowns, tuple(losses), extra, tuple(replaced))


def _make_extra(judged: Judged, statement: str, rollback: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if statement:
        extra["hypothesis"] = statement
    if judged.criteria:
        extra["success_criteria"] = list(dict.fromkeys(judged.criteria))
    if judged.sentinel:
        extra["abort_conditions"] = ["Sentinel availability < 95 %"]
    extra |= {"metrics": judged.metrics, "steady_state": judged.steady_state, "sentinel": judged.sentinel, "rollback": rollback}
    return {name: value for name, value in extra.items() if value}


def _read_activity(activity: Block, method: _Method, unknowns: Unknowns) -> None:
    """An action with its pauses. A probe of the method only shows a value, which Squall's series do."""
    if activity.value.get("type") != "action":
        activity.lose("is a probe of the method: Squall reads series all the time, and judges the sentences of the experiment")
        return
    provider = activity.take_block("provider")
    module, function = str(provider.value.get("module")), str(provider.value.get("func"))
    arguments = provider.take_block("arguments")
    before = dict(arguments.value)
    made = read_action(module, function, arguments, unknowns) if provider.value.get("type") == "python" else None
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", str(activity.value.get("name") or function)).strip("-")[:50] or "action"
    if made is None:
        what = f"{module}.{function}" if provider.value.get("type") == "python" else f"an action by {provider.value.get('type')}"
        known = suggest_in_place(module if provider.value.get("type") == "python" else "")
        why = f"Squall has no fault like {what}"
        method.unknown.append(Problem(path=activity.path, message=why, expected=known))
        activity.value["provider"] = {**provider.value, "arguments": before}
        activity.lose(why)
        return
    pauses = activity.take_block("pauses")
    _pause(pauses, "before", f"{name}-before", method)
    _add_action(made, name, method, background=activity.take("background") is True)
    _pause(pauses, "after", f"{name}-after", method)
    for key in ("type", "module", "func"):
        provider.take(key)
    for key in ("type", "name"):
        activity.take(key)
    for block in (arguments, pauses, provider, activity):
        block.lose_rest()


def _add_action(made: FisAction, name: str, method: _Method, *, background: bool) -> None:
    target = f"{name}-target"
    while target in method.targets:
        target += "-"
    method.targets[target] = made.target
    action = {"actionId": made.action_id, "parameters": made.parameters, "targets": {made.key: target}}
    method.add(name, action, background=background)


def _pause(pauses: Block, key: str, name: str, method: _Method) -> None:
    seconds = pauses.value.get(key)
    try:
        length = float(seconds) if seconds is not None else 0.0
    except (TypeError, ValueError):
        return  # it stays, and is lost
    if 0 <= length <= timedelta(hours=12).total_seconds():
        pauses.take(key)
        if length:
            method.wait(name, length)


def _read_rollbacks(rollbacks: list[Block], method: _Method) -> dict[str, Any]:
    """The Automation document that a rollback starts. Starting stopped instances again is FIS's own business."""
    found: dict[str, Any] = {}
    for rollback in rollbacks:
        provider = rollback.value.get("provider")
        provider = provider if isinstance(provider, dict) else {}
        stops = [action for action in method.actions.values() if action["actionId"] == STOP]
        command = f"{provider.get('path', '')} {_join(provider.get('arguments'))}"
        if (provider.get("module"), provider.get("func")) == _START and len(stops) == 1 and RESTART not in stops[0]["parameters"]:
            _restart(rollback, stops[0], method)
        elif not found and provider.get("type") == "process" and (match := _COMMAND.search(command)):
            found["document"] = match["document"].rpartition("/")[2]
            why = "its parameters and its role are in the policy's rollback_documents, where the document has to be listed"
            rollback.lose(f"became `rollback: {found['document']}`; {why}")
        else:
            rollback.lose("is no Automation document: Squall verifies that the fault is undone, and runs a document of the policy after it")
    return found


def _restart(rollback: Block, stop: dict[str, Any], method: _Method) -> None:
    """FIS starts again what it stopped, which is what the rollback is for. It chooses nothing else."""
    provider = rollback.take_block("provider")
    arguments = provider.take_block("arguments")
    stop["parameters"] = {**stop["parameters"], RESTART: _take_pause(method)}
    for block in (arguments, provider, rollback):
        for key in ("instance_ids", "az", "filters", "type", "module", "func", "name"):
            block.take(key)
        block.lose_rest()


def _take_pause(method: _Method) -> str:
    """How long the stopped instances stay stopped: the pauses after the action, which then are the fault itself."""
    waits = [name for name, action in method.actions.items() if action["actionId"] == WAIT and name.endswith("-after")]
    if len(waits) == 1:
        return str(method.actions.pop(waits[0])["parameters"]["duration"])
    return iso_duration(_RESTARTED)


def _join(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {inner}" for key, inner in value.items())
    return " ".join(str(part) for part in value) if isinstance(value, list) else str(value or "")


def _read_tags(tags: Any) -> dict[str, str]:
    return {str(tag): "" for tag in tags} if isinstance(tags, list) else {}


def _lose_unused(variables: Variables, losses: list[Loss]) -> None:
    for name, value in variables.given.items():
        if name not in variables.used and not (name == "aws_region" and isinstance(value, str)):
            losses.append(Loss(f"configuration.{name}", "is used by nothing that is carried over", value))
