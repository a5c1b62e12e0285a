"""Containers by themselves: real processes behind a load balancer's, with an account that only takes notes."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from local.workload.cloud import Cloud
from local.workload.metrics import Datum
from local.workload.network.routes import Routes
from local.workload.parts import Surroundings
from local.workload.processes.child import Child
from local.workload.processes.containers import Container, Containers, Measured
from local.workload.processes.served import Fault
from local.workload.settings import Settings
from tests.patience import PATIENCE, until

ZONES = {"us-east-1a": "subnet-a", "us-east-1b": "subnet-b"}
QUIET = Settings(load=False, base_latency_ms=0.0)


class Notes:
    """The account, as far as containers use it."""

    def __init__(self) -> None:
        self.targets: set[str] = set()
        self.published: list[tuple[str, Datum]] = []

    def ensure_balancer(self, name: str, _subnets: list[str]) -> str:
        return f"arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/{name}/0123"

    def ensure_target_group(self, name: str, _balancer: str, kind: str) -> str:
        assert kind == "ip"
        return f"arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{name}/4567"

    def registered(self, _arn: str) -> list[str]:
        return []

    def register(self, _arn: str, target: str) -> None:
        self.targets.add(target)

    def deregister(self, _arn: str, target: str) -> None:
        self.targets.discard(target)

    def put_metrics(self, namespace: str, data: list[Datum]) -> None:
        self.published += [(namespace, datum) for datum in data]


class Held:
    """Containers opened, and everything around them."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Notes()
        around = Surroundings(
            cast(Cloud, self.cloud), ZONES, "us-east-1", folder, 7, threading.RLock(), self._brief, lambda: None
        )  # fmt: skip
        self.all = Containers("sample-boxes", 1, "BoxId", around, self._more)
        self.all.open(QUIET)

    @staticmethod
    def _brief(child: Child) -> None:
        child.order(op="settings", settings=QUIET.as_dict())
        child.order(op="routes", routes=Routes().as_dict())

    @staticmethod
    def _more(_start: float, used: Measured) -> Mapping[str, list[Datum]]:
        return {"Boxes": [{"MetricName": "Cpu", "Box": name, "Value": cpu} for name, (cpu, _) in used.items()]}

    def healthy(self, name: str, zone: str = "us-east-1a") -> Container:
        container = self.all.start(name, zone)
        until(lambda: self.settled(container, "healthy"))
        return container

    def settled(self, container: Container, state: str) -> bool:
        self.all.route()
        return container.target_state == state

    def fault(self, container: Container, document: str, **parameters: str) -> Fault:
        fault = container.faults["c-1"] = Fault("c-1", document, parameters, 60.0)
        assert container.child is not None
        container.child.order(op="fault", command_id="c-1", document=document, parameters=parameters, duration_seconds=60.0)
        assert fault.known.wait(PATIENCE)
        return fault

    def get(self) -> int:
        try:
            with urllib.request.urlopen(f"{self.all.overview()['balancer_url']}/health", timeout=PATIENCE) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Held]:
    result = Held(tmp_path)
    yield result
    result.all.end()


def test_they_serve_at_addresses_of_their_zones_and_a_drained_one_gets_no_request(held: Held) -> None:
    entry, two = held.healthy("box-1"), held.healthy("box-2", "us-east-1b")
    assert {str(entry.address), str(two.address)} == {"172.31.1.1", "172.31.17.1"} == held.cloud.targets
    (health,) = held.all.report()["target_health"].values()
    assert health == {"172.31.1.1": ["healthy", ""], "172.31.17.1": ["healthy", ""]}
    held.all.drain(entry)
    held.all.route()
    held.all.terminate(entry)
    until(lambda: entry.ended, "SIGTERM is obeyed")
    assert [held.get() for _ in range(6)] == [200] * 6
    held.all.forget(entry)
    assert held.cloud.targets == {"172.31.17.1"}


def test_what_is_killed_undrained_is_found_out_by_whoever_asks_next(held: Held) -> None:
    item = held.healthy("box-1")
    held.all.kill(item)
    assert held.get() == 502
    until(lambda: held.settled(item, "unhealthy"))
    assert held.cloud.targets == {"172.31.1.1"}


def test_faults_hit_the_one_they_are_brought_to(held: Held) -> None:
    entry, two = held.healthy("box-1"), held.healthy("box-2")
    fault = held.fault(entry, "AWSFIS-Run-Network-Blackhole-Port", Protocol="tcp", Port="80", TrafficType="ingress")
    assert fault.status == "started"
    until(lambda: held.settled(entry, "unhealthy"))
    assert two.target_state == "healthy"


def test_a_period_is_published_of_the_balancer_each_container_and_whatever_the_part_adds(held: Held) -> None:
    held.healthy("box-1")
    held.get()
    until(lambda: any(namespace == "Boxes" for namespace, _ in held.cloud.published))
    names: dict[str, set[Any]] = {}
    for namespace, datum in held.cloud.published:
        names.setdefault(namespace, set()).add(datum["MetricName"])
    assert {"RequestCount", "TargetResponseTime", "HealthyHostCount"} <= names["AWS/ApplicationELB"]
    assert {"WriteErrors", "DependencyErrors", "DatabaseErrors"} <= names["SampleWeb"]
    boxes = {d["Value"] for datum in held.cloud.published for d in datum[1].get("Dimensions", []) if d["Name"] == "BoxId"}
    assert boxes == {"box-1"}


def test_closing_leaves_neither_process_nor_target(held: Held) -> None:
    item = held.healthy("box-1")
    pids = [item.child.pid if item.child else 0, *cast(list[int], held.all.overview()["pids"])]
    held.all.close()
    assert not held.cloud.targets
    assert not held.all.overview()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_process_is_ended_by_its_name_and_no_other(held: Held) -> None:
    item = held.healthy("box-1")
    assert held.fault(item, "AWSFIS-Run-Kill-Process", ProcessName="nginx").error == "no process is named nginx"
    assert not item.ended
    item.faults.clear()
    assert held.fault(item, "AWSFIS-Run-Kill-Process", ProcessName="sample-web", Signal="SIGTERM").status == "started"
    until(lambda: item.ended)
