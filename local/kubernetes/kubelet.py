"""Pods as processes: scheduled, started, probed and ended with their grace period; and the ephemeral containers added
to them.

The application's pods are processes behind the cluster's target group (`local.workload.processes.containers`). FIS's
own pod is a process that calls the API server with its service account's token. `tick` is called on the manager's main
thread.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from local.kubernetes import injection, status
from local.kubernetes.authentication import Authentication
from local.kubernetes.deployments import is_active
from local.kubernetes.objects import GRACE_SECONDS, Objects, format_now
from local.workload.processes.child import Child
from local.workload.processes.containers import Container, Containers
from local.workload.processes.served import Fault

Json = dict[str, Any]
APPLICATION = "sample-web"
"""The sample's own image; every other image is FIS's."""
PULL_SECONDS = 0.5
"""Seconds until an ephemeral container or a pod of FIS runs: its image is pulled."""
DEREGISTER_SECONDS = 1.0
"""Seconds from a pod's deletion until the load balancer's controller has deregistered it."""
PROBE_SECONDS = 1.0
FAILURES = 3
"""Failed probes in a row until a pod is not ready. A real cluster probes every ten seconds, this one every second."""
RESTART_SECONDS = 2.0
STOP_SECONDS = 20.0
NODE_GONE_SECONDS = 4.0
"""Seconds from the loss of a node until the cluster removes it with its pods. A real one takes up to a minute."""
_PROBER = build_opener(ProxyHandler({}))


@dataclass
class Node:
    """A machine of the cluster."""

    zone: str
    address: str

    @property
    def name(self) -> str:
        return f"ip-{self.address.replace('.', '-')}.ec2.internal"


@dataclass
class Running:
    """A pod that is bound to a node."""

    uid: str
    namespace: str
    name: str
    node: Node
    began: float = field(default_factory=time.monotonic)
    container: Container | None = None
    child: Child | None = None
    """The process of FIS's pod."""
    failures: int = 0
    passed: bool = False
    ready: bool | None = None
    since: str = ""
    deadline: float | None = None
    """When the pod is killed; None while it is not being deleted."""
    asked: float = 0.0
    told_to_end: bool = False
    dead_since: float | None = None
    restarts: int = 0
    last_message: dict[str, Any] = field(default_factory=dict)
    """The last message of FIS's pod."""
    injected: dict[str, float] = field(default_factory=dict)
    """Ephemeral containers, and when they were first seen."""


class Kubelet:
    """The kubelet of all nodes."""

    def __init__(
        self,
        objects: Objects,
        authentication: Authentication,
        containers: Containers,
        folder: Path,
        secrets: Mapping[str, str],
        changed: Callable[[], None],
    ) -> None:
        """`secrets`: the `api` server's address and the `authority`'s certificate, which every pod gets."""
        self._objects, self._authentication, self._containers = objects, authentication, containers
        self._nodes: list[Node] = []
        self._lost: dict[str, float] = {}
        """Nodes that are gone, by name, and when the cluster notices it."""
        self._folder, self._secrets, self._changed = folder, secrets, changed
        self._running: dict[str, Running] = {}
        self._lock = containers.lock
        self._probes = ThreadPoolExecutor(8, thread_name_prefix="probe")
        self._closing = threading.Event()
        threading.Thread(target=self._probe_all, name="kubelet-probes", daemon=True).start()

    # --- nodes ----------------------------------------------------------------------------------------------------

    def join(self, node: Node) -> None:
        """Take a node into the cluster."""
        self._nodes.append(node)
        self._objects.add_node(node.name, node.zone, node.address)

    def lose(self, node: Node) -> None:
        """Kill everything on a node whose machine is gone. The load balancer is not told, and until the cluster notices it, the
        pods look as before."""
        self._nodes = [known for known in self._nodes if known is not node]
        self._lost[node.name] = time.monotonic() + NODE_GONE_SECONDS
        for run in self._on(node.name):
            if run.child is not None:
                run.child.kill()
            if run.container is not None:
                self._containers.kill(run.container)

    def _on(self, node: str) -> list[Running]:
        return [run for run in self._running.values() if run.node.name == node]

    def _remove_lost(self) -> None:
        """Remove the nodes that have been gone for a while, and their pods."""
        for name in [name for name, at in self._lost.items() if at <= time.monotonic()]:
            del self._lost[name]
            self._objects.remove("nodes", "", name)
            for run in self._on(name):
                self._bury(run)
                self._objects.remove("pods", run.namespace, run.name)

    # --- what is looked at again and again ------------------------------------------------------------------------

    def tick(self, *, room: bool) -> None:
        """Start, probe and end pods as the objects demand. `room`: whether the nodes have room left for the
        application's pods."""
        self._remove_lost()
        pods = {pod["metadata"]["uid"]: pod for pod in self._objects.all("pods")}
        for gone in [run for uid, run in self._running.items() if uid not in pods]:
            self._bury(gone)
        for uid, pod in pods.items():
            if (run := self._running.get(uid)) is None:
                self._schedule(pod, room=room)
            elif run.node.name in self._lost:
                continue
            elif "deletionTimestamp" in pod["metadata"]:
                self._end(pod, run)
            elif is_active(pod):
                self._look_after(pod, run)

    def _schedule(self, pod: Json, *, room: bool) -> None:
        about = pod["metadata"]
        if "deletionTimestamp" in about:
            self._objects.remove("pods", about["namespace"], about["name"])
            return
        own = pod["spec"]["containers"][0].get("image") == APPLICATION
        if not self._nodes or (own and not room):
            self._tell(
                pod,
                lambda current: current["status"].update(
                    conditions=[_make_condition("PodScheduled", format_now(), "False", "Unschedulable")]
                ),
            )
            return
        used = [run.node for run in self._running.values() if run.container is not None]
        node = min(self._nodes, key=used.count)
        run = Running(about["uid"], about["namespace"], about["name"], node)
        self._running[run.uid] = run
        if own:
            run.container = self._containers.start(run.name, node.zone)
        self._tell(pod, lambda current: _bind(current, node))

    def _look_after(self, pod: Json, run: Running) -> None:
        if run.container is None:
            self._look_after_fis(pod, run)
            return
        if run.container.ended or run.container.late:
            self._restart(pod, run)
            return
        run.ready = run.passed if run.container.port is not None else False
        self._inject(pod, run)
        self._say(pod, run)

    def _restart(self, pod: Json, run: Running) -> None:
        """Restart a container that ended by itself, after a while."""
        if run.dead_since is None:
            run.dead_since, run.passed, run.ready, run.failures = time.monotonic(), False, False, 0
            if run.container is not None:
                self._containers.kill(run.container)
            self._say(pod, run)
        elif time.monotonic() - run.dead_since >= RESTART_SECONDS and run.container is not None:
            self._containers.forget(run.container)
            run.container, run.dead_since, run.restarts = self._containers.start(run.name, run.node.zone), None, run.restarts + 1

    def _say(self, pod: Json, run: Running) -> None:
        """Write the pod's present status to the API server."""
        container = run.container
        running = container is not None and container.port is not None and run.dead_since is None
        then = [condition for condition in pod.get("status", {}).get("conditions", ()) if condition["type"] == "Ready"]
        word = "True" if run.ready else "False"
        since = then[0]["lastTransitionTime"] if then and then[0]["status"] == word else format_now()
        pod_status: Json = {"phase": "Running" if running or run.restarts or run.dead_since else "Pending", "hostIP": run.node.address}
        if container is not None and pod_status["phase"] == "Running":
            pod_status |= {"podIP": str(container.address), "podIPs": [{"ip": str(container.address)}]}
        first = pod["spec"]["containers"][0]["name"]
        pod_status["conditions"] = [
            _make_condition("PodScheduled", pod["metadata"]["creationTimestamp"]),
            _make_condition("Ready", since, word),
        ]
        state: Json = {"running": {}} if running else {"waiting": {"reason": "ContainerCreating"}}
        pod_status["containerStatuses"] = [{"name": first, "ready": bool(run.ready), "restartCount": run.restarts, "state": state}]
        if run.injected:
            pod_status["ephemeralContainerStatuses"] = [{"name": name, "state": self._injected_state(run, name)} for name in run.injected]
        self._tell(pod, lambda current: current.update(status=pod_status))

    def _tell(self, pod: Json, change: Callable[[Json], object]) -> None:
        about = pod["metadata"]
        if self._objects.find("pods", about["namespace"], about["name"]) is not None:
            self._objects.update("pods", about["namespace"], about["name"], _make_change(change))

    # --- how a pod ends -------------------------------------------------------------------------------------------

    def _end(self, pod: Json, run: Running) -> None:
        """End a pod: the preStop hook, SIGTERM, and SIGKILL when the grace period is over. The target group follows a
        moment later."""
        at = time.monotonic()
        if run.deadline is None:
            run.asked = at
        run.deadline = run.asked + float(pod["metadata"].get("deletionGracePeriodSeconds", GRACE_SECONDS))
        hook = pod["spec"]["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        container = run.container
        if container is not None and container.leaving_since is None and at - run.asked >= DEREGISTER_SECONDS:
            self._containers.drain(container)
        if not run.told_to_end and at - run.asked >= min(float(hook), run.deadline - run.asked):
            run.told_to_end = True
            for child in (run.child, container.child if container else None):
                if child is not None:
                    child.terminate()
        self._bury_when_over(run, over=at >= run.deadline)

    def _bury_when_over(self, run: Running, *, over: bool) -> None:
        container = run.container
        if container is None:
            if over or run.child is None or not run.child.alive:
                self._bury(run)
                self._objects.remove("pods", run.namespace, run.name)
        elif run.told_to_end and (over or container.ended) and container.leaving_since is not None:
            self._bury(run)
            self._objects.remove("pods", run.namespace, run.name)

    def _bury(self, run: Running) -> None:
        if run.child is not None:
            run.child.kill()
        if run.container is not None:
            self._containers.forget(run.container)
        shutil.rmtree(self._folder / run.name, ignore_errors=True)
        self._running.pop(run.uid, None)

    # --- FIS's own pod --------------------------------------------------------------------------------------------

    def _look_after_fis(self, pod: Json, run: Running) -> None:
        account = pod["spec"].get("serviceAccountName", "default")
        if run.child is None:
            if time.monotonic() - run.began >= PULL_SECONDS:
                self._start_fis(pod, run, account)
            return
        event = run.last_message.get("event", "")
        phase = {"done": "Succeeded", "failed": "Failed", "ready": "Running"}.get(event, "Pending")
        if phase in {"Pending", "Running"} and not run.child.alive:
            phase = "Failed"
        state: Json = {"running": {}}
        if phase in {"Succeeded", "Failed"}:
            state = {"terminated": {"exitCode": int(phase == "Failed"), "message": run.last_message.get("message", "")}}
        statuses = [{"name": "fis", "ready": phase == "Running", "restartCount": 0, "state": state}]
        self._tell(pod, lambda current: current.update(status={"phase": phase, "hostIP": run.node.address, "containerStatuses": statuses}))

    def _start_fis(self, pod: Json, run: Running, account: str) -> None:
        folder = self._folder / run.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ca.crt").write_text(self._secrets["authority"])
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(self._authentication.issue(run.namespace, account, run.name))
        config = pod["spec"]["volumes"][0]["configMap"]["name"]

        def on_event(event: dict[str, Any]) -> None:
            run.last_message = event
            self._changed()

        arguments = ["--api", self._secrets["api"], "--secrets", str(folder), "--namespace", run.namespace, "--config", config]
        run.child = Child("local.kubernetes.fispod", arguments, self._folder / "logs" / f"{run.name}.log", on_event)

    # --- ephemeral containers -------------------------------------------------------------------------------------

    def _inject(self, pod: Json, run: Running) -> None:
        container = run.container
        for ephemeral in pod["spec"].get("ephemeralContainers", ()):
            name = ephemeral["name"]
            since = run.injected.setdefault(name, time.monotonic())
            if container is None or container.child is None or name in container.faults or time.monotonic() - since < PULL_SECONDS:
                continue
            try:
                injected = injection.parse_injection(ephemeral.get("args", ()))
            except ValueError as error:
                container.faults[name] = Fault(name, "", {}, 0, status="refused", error=str(error))
                continue
            with self._lock:
                container.faults[name] = Fault(name, injected.document, injected.parameters, injected.seconds)
            container.child.order(
                op="fault", command_id=name, document=injected.document, parameters=injected.parameters, duration_seconds=injected.seconds
            )

    @staticmethod
    def _injected_state(run: Running, name: str) -> Json:
        fault = run.container.faults.get(name) if run.container is not None else None
        if fault is None or fault.status == "sent":
            return {"waiting": {"reason": "ContainerCreating"}} if run.restarts == 0 else {"terminated": {"exitCode": 137}}
        if fault.status == "started":
            return {"running": {}}
        code = {"refused": 1, "lost": 137}.get(fault.status, 0)
        return {"terminated": {"exitCode": code, "message": fault.error}}

    def execute(self, namespace: str, name: str, container: str, command: str) -> str:
        """Handle the command `stop` in an ephemeral container: it ends its effect. From any thread. Raises
        StatusError."""
        with self._lock:
            run = next((pod for pod in self._running.values() if (pod.namespace, pod.name) == (namespace, name)), None)
            fault = run.container.faults.get(container) if run is not None and run.container is not None else None
        if run is None or run.container is None or fault is None or command != "stop":
            raise status.bad_request(f"container {container} is not valid for pod {name}")
        if fault.status != "started" or run.container.child is None:
            return fault.status
        fault.known.clear()
        if run.container.child.order(op="clear", command_id=container):
            fault.known.wait(STOP_SECONDS)
        fault.known.set()
        return fault.status

    # --- probes ---------------------------------------------------------------------------------------------------

    def _probe_all(self) -> None:
        while not self._closing.wait(PROBE_SECONDS):
            with self._lock:
                ports = [(run, run.container.port) for run in self._running.values() if run.container is not None]
            for run, port in ports:
                if port is not None:
                    self._probes.submit(self._probe, run, port)

    def _probe(self, run: Running, port: int) -> None:
        try:
            with _PROBER.open(f"http://127.0.0.1:{port}/health", timeout=PROBE_SECONDS):
                healthy = True
        except OSError:
            healthy = False
        run.failures = 0 if healthy else run.failures + 1
        passed = healthy or (run.passed and run.failures < FAILURES)
        if passed != run.passed:
            run.passed = passed
            self._changed()

    def pods(self) -> list[Running]:
        return list(self._running.values())

    def close(self) -> None:
        """Kill every process."""
        self._closing.set()
        self._probes.shutdown(wait=False, cancel_futures=True)
        for run in list(self._running.values()):
            if run.child is not None:
                run.child.kill()
        self._running.clear()


def _bind(pod: Json, node: Node) -> None:
    pod["spec"]["nodeName"] = node.name
    pod["status"] = {"phase": "Pending", "hostIP": node.address}


def _make_change(change: Callable[[Json], object]) -> Callable[[Json], None]:
    def change_status(pod: Json) -> None:
        pod.setdefault("status", {})
        change(pod)

    return change_status


def _make_condition(kind: str, since: str, word: str = "True", reason: str = "") -> Json:
    return {"type": kind, "status": word, "lastTransitionTime": since, **({"reason": reason} if reason else {})}
