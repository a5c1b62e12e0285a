"""FIS with its lifecycle: effects on the fleet, stop conditions, stops that take a while, and refusals."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from squall.domain.run.fis_state import ActionState, FisExperiment, FisTemplate, ResolvedTarget
from squall.domain.safety.fis_template import CHECKED_TAG
from squall.errors import Refused, Unavailable
from tests.fakes.counting import Count
from tests.fakes.effects import EFFECTS, drain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tests.fakes.clock import FakeClock
    from tests.fakes.monitoring import FakeAlarm, FakeAlarms
    from tests.fakes.workload import FakeCommands, FakeFleet

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_ENDS = {"completed", "stopped", "failed", "cancelled"}
TASK_DOCUMENTS = {
    "aws:ecs:task-cpu-stress": "AWSFIS-Run-CPU-Stress",
    "aws:ecs:task-io-stress": "AWSFIS-Run-IO-Stress",
    "aws:ecs:task-kill-process": "AWSFIS-Run-Kill-Process",
    "aws:ecs:task-network-blackhole-port": "AWSFIS-Run-Network-Blackhole-Port-ECS",
    "aws:ecs:task-network-latency": "AWSFIS-Run-Network-Latency-ECS",
    "aws:ecs:task-network-packet-loss": "AWSFIS-Run-Network-Packet-Loss-ECS",
}


@dataclass
class FakeRun:
    experiment: FisExperiment
    body: Mapping[str, Any]
    commands: list[str] = field(default_factory=list)
    undo: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    """What FIS does when an action ends, by the action's name."""
    chosen: dict[str, list[str]] = field(default_factory=dict)
    """The ARNs of what FIS chose by tags when it started, by the target's name."""
    begun: set[str] = field(default_factory=set)
    """Names of the actions that have begun."""


class FakeFaults:
    """FIS: terminates and stops instances, and sends commands, in the fleet. Any other action only lasts its duration."""

    def __init__(self, clock: FakeClock, fleet: FakeFleet, commands: FakeCommands, alarms: FakeAlarms) -> None:
        self._clock, self._fleet, self._commands, self._alarms = clock, fleet, commands, alarms
        self.templates: dict[str, Mapping[str, Any]] = {}
        self.foreign: dict[str, Mapping[str, Any]] = {}
        """Templates of other owners, as GetExperimentTemplate returns them."""
        self.runs: dict[str, FakeRun] = {}
        self.refuse_template: Refused | None = None
        self.refuse_start: Refused | None = None
        self.refuses_firing_alarms = False
        """Whether StartExperiment refuses while a stop condition is in ALARM, instead of starting and stopping."""
        self.start_seconds: float = 0
        """Seconds from StartExperiment to `running`."""
        self.stop_seconds: float = 0
        """Seconds from StopExperiment to `stopped`."""
        self.between_seconds: float = 0
        """Seconds from the end of an action to the start of those that wait for it."""
        self.lingering_commands = False
        """Whether agents ignore a cancel, as AWS warns they may."""
        self.automation_seconds: float = 0
        """Seconds that an Automation document runs. FIS stops it when its `maxDuration` is over."""
        self.limit = 5
        self.lever_engaged = False
        self.idle: set[str] = set()
        """Names of actions that FIS reports as done, and that do nothing."""
        self.resolve_seconds: float = 0
        """Seconds from StartExperiment until FIS tells what it resolved."""
        self.resolved_besides: list[ResolvedTarget] = []
        """What FIS resolves in every experiment besides the targets of its template."""
        self.listeners: list[Callable[[FisExperiment], None]] = []
        """Called at each change of an experiment's status, like EventBridge."""
        self.template_times: dict[str, datetime] = {}
        self._deleted: set[str] = set()
        self._template_tokens: dict[str, str] = {}
        self._start_tokens: dict[str, str] = {}
        self._numbers = Count(1)
        alarms.listeners.append(self._on_alarm)

    def create_template(self, body: Mapping[str, Any], client_token: str) -> str:
        if self.refuse_template:
            raise self.refuse_template
        known = self._template_tokens.get(client_token)
        if known in self.templates:
            return known
        template_id = f"EXT{next(self._numbers)}"
        self.templates[template_id] = body
        self.template_times[template_id] = self._clock.now()
        self._template_tokens[client_token] = template_id
        return template_id

    def template(self, template_id: str) -> Mapping[str, Any] | None:
        if template_id in self._deleted:  # roles may read what has the stack's tag, and this has none any more
            raise Unavailable("fis", "GetExperimentTemplate", "AccessDeniedException", "is not authorized", retryable=False)
        return self.foreign.get(template_id) or self.templates.get(template_id)

    def mark_checked(self, template_arn: str) -> None:
        template_id = template_arn.rpartition("/")[2]
        if template_id not in self.templates:  # it has no stack's tag any more
            raise Unavailable("fis", "TagResource", "AccessDeniedException", "is not authorized", retryable=False)
        body = self.templates[template_id]
        self.templates[template_id] = {**body, "tags": {**body.get("tags", {}), CHECKED_TAG: "true"}}

    def start(self, template_id: str, client_token: str, tags: Mapping[str, str]) -> FisExperiment:
        if client_token in self._start_tokens:
            return self.runs[self._start_tokens[client_token]].experiment
        if self.refuse_start:
            raise self.refuse_start
        if template_id not in self.templates:
            raise Refused("fis", "StartExperiment", "ResourceNotFoundException", f"template {template_id} does not exist")
        if len(self.active()) >= self.limit:
            raise Refused("fis", "StartExperiment", "ServiceQuotaExceededException", "too many active experiments")
        body = self.templates[template_id]
        if self.refuses_firing_alarms and any(self._firing(condition) for condition in body.get("stopConditions", [])):
            raise Refused("fis", "StartExperiment", "ConflictException", "a stop condition is in the ALARM state")
        experiment_id = f"EXP{next(self._numbers)}"
        actions = tuple(ActionState(name, action["actionId"], "pending") for name, action in sorted(body.get("actions", {}).items()))
        experiment = FisExperiment(
            experiment_id,
            template_id,
            "initiating",
            actions=actions,
            started_at=self._clock.now(),
            tags=dict(tags),
            created_at=self._clock.now(),
            answer={**deepcopy(dict(body)), "tags": dict(tags), "experimentOptions": _options(body)},
        )
        self.runs[experiment_id] = FakeRun(experiment, body, chosen=self._choose_by_tags(body))
        self._start_tokens[client_token] = experiment_id
        self._clock.after(self.start_seconds, lambda: self._run(experiment_id))
        return experiment

    def _run(self, experiment_id: str) -> None:
        run = self.runs[experiment_id]
        if run.experiment.status != "initiating":
            return
        if self.lever_engaged:
            self._set(experiment_id, "cancelled")
            return
        self._set(experiment_id, "running")
        self._begin_actions(experiment_id)
        if any(self._firing(condition) for condition in run.body.get("stopConditions", [])):
            self.stop(experiment_id)

    def _begin_actions(self, experiment_id: str) -> None:
        """Begin the actions that have not begun and wait for nothing any more."""
        run = self.runs[experiment_id]
        over = {action.name for action in run.experiment.actions if action.status == "completed"}
        for name, action in run.body.get("actions", {}).items():
            waits = set(action.get("startAfter", ())) - over
            if waits or name in run.begun or run.experiment.status != "running":
                continue
            run.begun.add(name)
            actions = tuple(_as(state, "running", self._clock) if state.name == name else state for state in run.experiment.actions)
            run.experiment = replace(run.experiment, actions=actions)
            if name not in self.idle:
                self._effect(run, name, action)
            parameters = action.get("parameters", {})
            seconds = _seconds(parameters.get("duration"))
            if "maxDuration" in parameters:  # a custom resource ends a minute before the action may
                longest = _seconds(parameters["maxDuration"])
                seconds = max(0.0, longest - 60) if "kubernetesSpec" in parameters else min(self.automation_seconds, longest)
            self._clock.after(seconds, lambda name=name: self._end_action(experiment_id, name))  # type: ignore[misc]

    def _effect(self, run: FakeRun, name: str, action: Mapping[str, Any]) -> None:
        arns = [arn for target in action.get("targets", {}).values() for arn in self._arns(run, target)]
        if action["actionId"] in {"aws:rds:reboot-db-instances", "aws:rds:failover-db-cluster"}:
            in_place = action.get("parameters", {}).get("forceFailover") == "false"
            for arn in arns:
                self._fleet.reboot_database(arn) if in_place else self._fleet.fail_over(arn)
            return
        if action["actionId"] in EFFECTS:
            run.undo.setdefault(name, []).extend(EFFECTS[action["actionId"]](self._fleet, arn) for arn in arns)
            return
        if action["actionId"] == "aws:ecs:drain-container-instances":
            percent = int(action["parameters"]["drainagePercentage"])
            run.undo.setdefault(name, []).extend(drain(self._fleet, arn, percent) for arn in arns)
            return
        if action["actionId"] == "aws:eks:terminate-nodegroup-instances":
            for arn in arns:
                self._fleet.terminate_nodes(arn, int(action["parameters"]["instanceTerminationPercentage"]))
            return
        if action["actionId"].startswith("aws:eks:"):
            self._on_pods(run, action)
            return
        if action["actionId"].startswith("aws:ecs:"):
            self._on_tasks(run, action, arns)
        elif not action["actionId"].startswith("aws:lambda:"):  # written into a folder: what reads that folder finds it
            self._on_instances(run, action, arns)

    def _on_instances(self, run: FakeRun, action: Mapping[str, Any], arns: Sequence[str]) -> None:
        instances = [arn.rpartition("/")[2] for arn in arns]
        kind = action["actionId"]
        for instance_id in instances:
            if instance_id not in self._fleet.instances:
                self._end(run.experiment.id, "failed", {"running"}, "InvalidTarget")
            elif kind == "aws:ec2:terminate-instances":
                self._fleet.terminate(instance_id)
            elif kind == "aws:ec2:stop-instances":
                self._fleet.stop(instance_id)
                if restart := _seconds(action.get("parameters", {}).get("startInstancesAfterDuration")):
                    self._clock.after(restart, lambda instance_id=instance_id: self._fleet.start(instance_id))  # type: ignore[misc]
            elif kind == "aws:ec2:send-spot-instance-interruptions":
                self._fleet.announce_interruption(instance_id, _seconds(action["parameters"]["durationBeforeInterruption"]))
            elif kind == "aws:ssm:send-command":
                document = action["parameters"]["documentArn"].rpartition("document/")[2]
                command = self._commands.send(instance_id, document)
                run.commands.append(command)
                lasts = self._commands.dispatch_seconds + _command_seconds(action["parameters"])
                self._clock.after(lasts, lambda command=command: self._commands.end(command, "Success"))  # type: ignore[misc]

    def _on_pods(self, run: FakeRun, action: Mapping[str, Any]) -> None:
        for target in action["targets"].values():
            pod = self._fleet.clusters.named(run.body["targets"][target]["parameters"])
            if pod is None:
                self._end(run.experiment.id, "failed", {"running"}, "InvalidTarget")
            elif action["actionId"] == "aws:eks:pod-delete":
                self._fleet.clusters.delete(pod)

    def _on_tasks(self, run: FakeRun, action: Mapping[str, Any], arns: Sequence[str]) -> None:
        if action["actionId"] == "aws:ecs:stop-task":
            for arn in arns:
                self._fleet.services.stop(arn)
            return
        for arn in arns:
            managed = getattr(self._fleet.others[arn], "managed_id", None)
            if managed is None:
                self._end(run.experiment.id, "failed", {"running"}, "InvalidTarget")
                return
            command = self._commands.send(managed, TASK_DOCUMENTS[action["actionId"]])
            run.commands.append(command)
            # FIS cancels a task's document when the action's time is over; to end a process takes a moment
            lasts = _seconds(action["parameters"].get("duration")) or self._commands.dispatch_seconds + 1
            how = "Cancelled" if "duration" in action["parameters"] else "Success"
            self._clock.after(lasts, lambda command=command, how=how: self._commands.end(command, how))  # type: ignore[misc]

    def _choose_by_tags(self, body: Mapping[str, Any]) -> dict[str, list[str]]:
        return {
            name: [
                resource.arn
                for resource in self._fleet.others.values()
                if resource.type == target["resourceType"] and target["resourceTags"].items() <= resource.tags.items()
            ]
            for name, target in body.get("targets", {}).items()
            if "resourceTags" in target
        }

    def _arns(self, run: FakeRun, target: str) -> list[str]:
        return run.chosen[target] if target in run.chosen else list(run.body.get("targets", {}).get(target, {}).get("resourceArns", []))

    def get(self, experiment_id: str) -> FisExperiment | None:
        run = self.runs.get(experiment_id)
        return run.experiment if run else None

    def resolved_targets(self, experiment_id: str) -> Sequence[ResolvedTarget]:
        run = self.runs.get(experiment_id)
        if run is None or run.experiment.status in {"pending", "initiating"} or run.experiment.started_at is None:
            return []
        if self._clock.now() - run.experiment.started_at < timedelta(seconds=self.resolve_seconds):
            return []
        results = []
        for name, target in run.body.get("targets", {}).items():
            names = self._arns(run, name) or target.get("parameters", {}).get("selectorValue", "").split(",")
            results += [ResolvedTarget(name, frozenset({entry})) for entry in names]
        return [*results, *self.resolved_besides]

    def of_template(self, template_id: str) -> Sequence[FisExperiment]:
        return [replace(entry, actions=()) for entry in self._all() if entry.template_id == template_id]

    def of_execution(self, stack: str, execution_id: str) -> Sequence[FisExperiment]:
        return [replace(entry, actions=()) for entry in self._all() if entry.belongs_to(stack, execution_id)]

    def active(self) -> Sequence[FisExperiment]:
        return [replace(entry, actions=()) for entry in self._all() if not entry.terminal]

    def _all(self) -> list[FisExperiment]:
        return [run.experiment for run in self.runs.values()]

    def stop(self, experiment_id: str) -> bool:
        run = self.runs.get(experiment_id)
        if run is None or run.experiment.terminal:
            return False
        if run.experiment.status != "stopping":
            self._set(experiment_id, "stopping")
            self._clock.after(self.stop_seconds, lambda: self._end(experiment_id, "stopped", {"stopping"}))
        return True

    def fail(self, experiment_id: str, error_code: str = "InternalFailure") -> None:
        """End the experiment like a failure of FIS itself."""
        self._end(experiment_id, "failed", {"initiating", "running"}, error_code)

    def delete_template(self, template_id: str) -> bool:
        self._deleted.add(template_id)
        return self.templates.pop(template_id, None) is not None

    def own_templates(self, stack: str) -> Sequence[FisTemplate]:
        tags = {template_id: body.get("tags", {}) for template_id, body in self.templates.items()}
        return [
            FisTemplate(tag, of["squall:execution"], self.template_times.get(tag, self._clock.now()))
            for tag, of in tags.items()
            if of.get("squall:stack") == stack and "squall:execution" in of
        ]

    def _on_alarm(self, alarm: FakeAlarm) -> None:
        if alarm.state != "ALARM":
            return
        for experiment in self._all():
            if experiment.status == "running" and alarm.name in _stop_alarms(self.runs[experiment.id].body.get("stopConditions", [])):
                self.stop(experiment.id)

    def _firing(self, condition: Mapping[str, str]) -> bool:
        return any(self._alarms.alarms[name].state == "ALARM" for name in _stop_alarms([condition]) if name in self._alarms.alarms)

    def _end(self, experiment_id: str, status: str, of: set[str], error_code: str | None = None) -> None:
        run = self.runs[experiment_id]
        if run.experiment.status not in of:
            return
        for command in [] if self.lingering_commands else run.commands:
            self._commands.end(command, "Success" if status == "completed" else "Cancelled")
        for name in list(run.undo):
            self._undo(run, name)
        self._set(experiment_id, status, error_code)

    def _follow(self, run: FakeRun, action: ActionState, status: str) -> ActionState:
        """The action in an experiment of this status. One that has not begun waits, or is cancelled with the experiment."""
        if action.status in _ENDS:
            return action
        if action.name in run.begun:
            return _as(action, status, self._clock)
        return replace(action, status="cancelled") if status in _ENDS else action

    def _end_action(self, experiment_id: str, name: str) -> None:
        experiment = self.runs[experiment_id].experiment
        ended = [
            _as(action, "completed", self._clock) if action.name == name and action.status == "running" else action
            for action in experiment.actions
        ]
        run = self.runs[experiment_id]
        run.experiment = replace(experiment, actions=tuple(ended))
        if experiment.status != "running":
            return
        self._undo(run, name)
        if self.between_seconds:
            self._clock.after(self.between_seconds, lambda: self._begin_actions(experiment_id))
        else:
            self._begin_actions(experiment_id)
        if all(action.status in _ENDS for action in run.experiment.actions):
            self._end(experiment_id, "completed", {"running"})

    def _undo(self, run: FakeRun, name: str) -> None:
        for undo in reversed(run.undo.pop(name, [])):
            undo()

    def _set(self, experiment_id: str, status: str, error_code: str | None = None) -> None:
        run = self.runs[experiment_id]
        actions = tuple(self._follow(run, action, status) for action in run.experiment.actions)
        ended = self._clock.now() if status in _ENDS else None
        run.experiment = replace(run.experiment, status=status, error_code=error_code, actions=actions, ended_at=ended)
        for listener in list(self.listeners):
            listener(run.experiment)


def _options(body: Mapping[str, Any]) -> dict[str, str]:
    """As an experiment has them: the template's, and the mode of its start."""
    return {**body.get("experimentOptions", {}), "actionsMode": "run-all"}


def _as(action: ActionState, status: str, clock: FakeClock) -> ActionState:
    started = action.started_at or clock.now()
    return replace(action, status=status, started_at=started, ended_at=clock.now() if status in _ENDS else None)


def _stop_alarms(conditions: Sequence[Mapping[str, str]]) -> set[str]:
    return {condition["value"].partition(":alarm:")[2] for condition in conditions if condition.get("source") == "aws:cloudwatch:alarm"}


def _command_seconds(parameters: Mapping[str, str]) -> float:
    """Seconds of the command's own duration: the action's is longer."""
    answer = json.loads(parameters.get("documentParameters", "{}")).get("DurationSeconds")
    return float(answer) if answer else _seconds(parameters.get("duration"))


def _seconds(duration: str | None) -> float:
    match = _DURATION.fullmatch(duration or "PT0S")
    if match is None:
        raise Refused("fis", "CreateExperimentTemplate", "ValidationException", f"duration {duration}")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
