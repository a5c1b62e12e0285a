"""Runs experiments on the wall clock: one thread each, from ``pending`` to a terminal state."""

# ruff: noqa: SLF001 - the emulator offers no public way to what is mended here

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from ministack.services import cloudwatch

from local.account import iam
from local.account.events import events
from local.account.fis import pods, store
from local.account.fis.actions.base import Action
from local.account.fis.actions.registry import ACTIONS
from local.account.fis.errors import ExperimentError
from local.account.fis.store import Experiment
from local.account.fis.targets import Resource, resolve_target
from local.account.profile import holder

logger = logging.getLogger("squall.fis")

SERVICE = "fis.amazonaws.com"
TICK_SECONDS = 0.1
LEVER_REASON = "Experiment was stopped because the safety lever was engaged."
LEVER_CANCELS = "Experiment was cancelled because the safety lever is engaged."
STOP_CONDITION_REASON = "Experiment halted by stop condition."
USER_REASON = "Experiment was stopped by a user."


def launch_experiment(experiment: Experiment, lever_engaged: bool) -> None:
    """Run the experiment in its own thread, in the request's account and Region."""
    run = Run(experiment)
    target = run.cancel if lever_engaged else run.go
    context = copy_context()
    threading.Thread(target=context.run, args=(target,), daemon=True, name=f"fis-{experiment.id}").start()


def ask_to_stop(experiment: Experiment, reason: str) -> None:
    """Order the experiment to stop. It is ``stopping`` as soon as its thread sees the order (at most a tick later)."""
    with store.lock:
        if not experiment.terminal and experiment.stop_reason is None:
            experiment.stop_reason = reason
            if experiment.state["status"] in ("pending", "initiating", "running"):
                change_state(experiment, "stopping", reason)


def change_state(experiment: Experiment, status: str, reason: str, error: dict[str, str] | None = None) -> None:
    """Set the experiment's state and tell EventBridge."""
    with store.lock:
        old = experiment.state
        if experiment.terminal or old["status"] == status:
            return
        if old["status"] == "stopping" and status not in store.TERMINAL:
            return
        if status == "running":
            experiment.start_time = time.time()
        experiment.state = {"status": status, "reason": reason, **({"error": error} if error else {})}
        if status in store.TERMINAL:
            experiment.end_time = time.time()
    detail = {
        "experiment-id": experiment.id,
        "experiment-template-id": experiment.experiment_template_id,
        "new-state": {"status": status, "reason": reason},
        "old-state": {"status": old["status"], "reason": old["reason"]},
    }
    events.publish_event("aws.fis", "FIS Experiment State Change", detail, [experiment.arn])


class Run:
    """One experiment being run."""

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.running: dict[str, Action] = {}
        self.ending: dict[str, Future[None]] = {}
        """What undoes an action that is over. Actions end beside each other: none waits for another's clean-up."""
        self.due: dict[str, float] = {}
        """When each action begins that nothing holds back any more."""
        self.resources: dict[str, list[Resource]] = {}
        self.pool = ThreadPoolExecutor(max_workers=store.MOST_ACTIONS, thread_name_prefix=f"fis-{experiment.id}")

    def cancel(self) -> None:
        for action in self.experiment.actions.values():
            _set_action(action, "cancelled", LEVER_CANCELS)
        change_state(self.experiment, "cancelled", LEVER_CANCELS)

    def go(self) -> None:
        try:
            self._initiate()
            if self.experiment.skips_actions:
                for action in self.experiment.actions.values():
                    _set_action(action, "skipped", "Action was skipped by actionsMode.")
            elif self.experiment.stop_reason is None:
                change_state(self.experiment, "running", "Experiment is running.")
                self._run_actions()
            self._close()
        except ExperimentError as failure:
            self._fail(failure)
        except Exception as error:
            logger.exception("experiment %s", self.experiment.id)
            self._fail(ExperimentError("InternalFailure", str(error), "experiment"))
        finally:
            self.pool.shutdown(wait=False)

    def _initiate(self) -> None:
        experiment = self.experiment
        change_state(experiment, "initiating", "Experiment is initiating.")
        if not iam.role_trusts(experiment.role_arn, SERVICE, experiment.arn):
            raise ExperimentError("AuthorizationFailure", f"FIS may not assume {experiment.role_arn}", "roleArn")
        self._check_stop_conditions()
        fails_on_empty = experiment.experiment_options["emptyTargetResolutionMode"] == "fail"
        for name, target in experiment.targets.items():
            by_parameters = target["resourceType"] == pods.POD
            resources = pods.resolve_pods(name, target, experiment.role_arn) if by_parameters else resolve_target(name, target)
            if not resources and fails_on_empty:
                raise ExperimentError("InvalidTarget", "Target resolution returned empty set.", f"targets.{name}")
            self.resources[name] = resources
            experiment.resolved.extend(
                {"resourceType": target["resourceType"], "targetName": name, "targetInformation": {"arn": r.arn}} for r in resources
            )

    def _check_stop_conditions(self) -> None:
        for arn in _alarm_arns(self.experiment.stop_conditions):
            name = arn.rpartition(":alarm:")[2]
            if name not in cloudwatch._alarms and name not in cloudwatch._composite_alarms:
                raise ExperimentError("ConfigurationFailure", f"Alarm {name} does not exist.", "stopConditions")

    def _run_actions(self) -> None:
        while True:
            self._start_ready()
            # Checked after the first actions have started: FIS starts even if an alarm already fires, and stops immediately.
            if not holder.current.disable_stop_conditions and is_firing(self.experiment.stop_conditions):
                ask_to_stop(self.experiment, STOP_CONDITION_REASON)
            if self.experiment.stop_reason is not None:
                return
            self._finish_done()
            if all(a["state"]["status"] in ("completed", "skipped") for a in self.experiment.actions.values()):
                return
            time.sleep(TICK_SECONDS)

    def _start_ready(self) -> None:
        actions = self.experiment.actions
        over = {n for n, a in actions.items() if a["state"]["status"] in ("completed", "skipped")}
        for name, action in actions.items():
            if action["state"]["status"] != "pending" or not set(action.get("startAfter") or []) <= over:
                continue
            if self.experiment.stop_reason is not None:
                return
            late = self.due.setdefault(name, time.monotonic() + holder.between(*holder.current.fis_action_delay_seconds))
            if time.monotonic() >= late:
                self._start(name, action)

    def _start(self, name: str, action: dict[str, Any]) -> None:
        kind = ACTIONS[action["actionId"]]
        resources = [r for target in (action.get("targets") or {}).values() for r in self.resources[target]]
        if kind.target_key and not resources:
            _set_action(action, "skipped", "Action was skipped because no targets were resolved.")
            return
        effect = kind(name, self.experiment.role_arn, action.get("parameters") or {}, resources)
        action["startTime"] = time.time()
        _set_action(action, "initiating", "Action is initiating.")
        self.running[name] = effect
        try:
            effect.begin()
        except ExperimentError as failure:
            del self.running[name]
            _set_action(action, "failed", failure.reason)
            raise
        _set_action(action, "running", "Action is running.")

    def _finish_done(self) -> None:
        for name, effect in list(self.running.items()):
            action = self.experiment.actions[name]
            try:
                if name not in self.ending and not effect.finished():
                    continue
                ending = self._end(name, effect.finish)
                if not ending.done():
                    continue
                ending.result()
            except ExperimentError as failure:
                self.running.pop(name, None)
                _set_action(action, "failed", failure.reason)
                raise
            del self.running[name]
            _set_action(action, "completed", "Action was completed.")

    def _end(self, name: str, how: Callable[[], None]) -> Future[None]:
        """Undo an action in a thread of its own, once."""
        if name not in self.ending:
            self.ending[name] = self.pool.submit(copy_context().run, how)
        return self.ending[name]

    def _close(self) -> None:
        reason = self.experiment.stop_reason
        if reason is None:
            change_state(self.experiment, "completed", "Experiment completed.")
            return
        failure = self._stop_running("stopped", "Action was stopped.")
        time.sleep(holder.current.fis_stopping_seconds)
        if failure:
            self._fail(failure)
        else:
            change_state(self.experiment, "stopped", reason)

    def _stop_running(self, status: str, reason: str) -> ExperimentError | None:
        """Stop running actions and cancel pending ones. A stop that IAM refuses leaves the effect in place; the refusal
        is returned."""
        failure: ExperimentError | None = None
        for name in self.running:
            _set_action(self.experiment.actions[name], "stopping", "Action is stopping.")
        endings = {name: self._end(name, effect.stop) for name, effect in self.running.items()}
        for name, ending in endings.items():
            try:
                ending.result()
                _set_action(self.experiment.actions[name], status, reason)
            except ExperimentError as error:
                _set_action(self.experiment.actions[name], "failed", error.reason)
                failure = error
            del self.running[name]
        for action in self.experiment.actions.values():
            if action["state"]["status"] == "pending":
                _set_action(action, "cancelled", "Action was cancelled.")
        return failure

    def _fail(self, failure: ExperimentError) -> None:
        self._stop_running("stopped", "Action was stopped because the experiment failed.")
        error = {"accountId": self.experiment.account_id, "code": failure.code, "location": failure.location}
        change_state(self.experiment, "failed", failure.reason[:512], error)


def _set_action(action: dict[str, Any], status: str, reason: str) -> None:
    action["state"] = {"status": status, "reason": reason[:512]}
    if status in ("completed", "stopped", "failed", "cancelled", "skipped"):
        action["endTime"] = time.time()


def _alarm_arns(conditions: list[dict[str, str]]) -> list[str]:
    return [c["value"] for c in conditions if c["source"] == "aws:cloudwatch:alarm"]


def is_firing(conditions: list[dict[str, str]]) -> bool:
    """Whether an alarm among the stop conditions is in ALARM."""
    for arn in _alarm_arns(conditions):
        name = arn.rpartition(":alarm:")[2]
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
        if alarm and alarm["StateValue"] == "ALARM":
            return True
    return False
