"""FIS's own pod: acts on one target pod as its service account, watches the effect, and ends when that is over.

Its orders are in a ConfigMap that FIS created. It deletes the target, or adds an ephemeral container to it and waits
for the container's end. On SIGTERM (when FIS deletes it) it ends the ephemeral container first.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
from pathlib import Path
from typing import Any

from local.kubernetes.client import Client
from local.kubernetes.status import StatusError
from local.workload.processes.lifeline import die_with_parent, send_event

Json = dict[str, Any]
POLL_SECONDS = 0.5
APPEAR_SECONDS = 60.0


class InjectionError(Exception):
    """The fault could not be injected into the pod, or it ended with an error."""


class FisPod:
    """Carries out the orders in its ConfigMap."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._place = client, f"/api/v1/namespaces/{namespace}"
        self.ending = threading.Event()

    def run(self, config: str) -> None:
        """Carry out the orders in the ConfigMap. Raises InjectionError, or StatusError if Kubernetes refuses a
        request."""
        orders: Json = json.loads(self._client.get(f"{self._place}/configmaps/{config}")["data"]["orders"])
        pod = f"{self._place}/pods/{orders['pod']}"
        if orders["action"] == "delete":
            self._delete(pod, orders)
        else:
            self._inject(pod, orders)

    def _delete(self, path: str, orders: Json) -> None:
        uid = self._client.get(path)["metadata"]["uid"]
        grace = orders["parameters"].get("gracePeriodSeconds")
        self._client.delete(path, {"gracePeriodSeconds": int(grace)} if grace else None)
        while (now := self._client.find(path)) is not None and now["metadata"]["uid"] == uid:
            if self.ending.wait(POLL_SECONDS):
                return

    def _inject(self, path: str, orders: Json) -> None:
        name, arguments = orders["container"], [orders["action"], *(f"{key}={value}" for key, value in orders["parameters"].items())]
        pod = self._client.get(path)
        if any(container.get("securityContext", {}).get("readOnlyRootFilesystem") for container in pod["spec"]["containers"]):
            raise InjectionError(f"the root file system of {orders['pod']} is read-only: the fault can't be monitored")
        target = pod["spec"]["containers"][0]["name"]
        container = {
            "name": name,
            "image": "aws-fis",
            "targetContainerName": target,
            "args": arguments,
            "securityContext": orders["security"],
        }
        pod["spec"].setdefault("ephemeralContainers", []).append(container)
        self._client.call("PUT", f"{path}/ephemeralcontainers", pod)
        waited = 0.0
        while True:
            state = self._state(path, name, pod["metadata"]["uid"])
            if "terminated" in state:
                if code := state["terminated"].get("exitCode", 0):
                    raise InjectionError(f"the ephemeral container ended with {code}: {state['terminated'].get('message', '')}")
                return
            if "running" not in state and (waited := waited + POLL_SECONDS) > APPEAR_SECONDS:
                raise InjectionError("the ephemeral container did not start")
            if self.ending.wait(POLL_SECONDS):
                self._client.create(f"{path}/exec?container={name}&command=stop", {})
                return

    def _state(self, path: str, name: str, uid: str) -> Json:
        pod = self._client.find(path)
        if pod is None or pod["metadata"]["uid"] != uid:
            raise InjectionError("the target pod is gone")
        statuses = pod.get("status", {}).get("ephemeralContainerStatuses", ())
        return next((dict(status["state"]) for status in statuses if status["name"] == name), {})


def main() -> None:
    """Run until the fault is over; prints `done`, or `failed` and the reason."""
    die_with_parent()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--api", required=True)
    parser.add_argument("--secrets", type=Path, required=True, help="folder with ca.crt and token, as Kubernetes mounts it")
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--config", required=True)
    arguments = parser.parse_args()
    client = Client(arguments.api, (arguments.secrets / "ca.crt").read_text(), (arguments.secrets / "token").read_text)
    pod = FisPod(client, arguments.namespace)
    signal.signal(signal.SIGTERM, lambda *_: pod.ending.set())
    send_event(event="ready")
    try:
        pod.run(arguments.config)
    except (InjectionError, StatusError) as error:
        send_event(event="failed", message=str(error))
        raise SystemExit(1) from error
    send_event(event="done")


if __name__ == "__main__":
    main()
