"""The sample workload's database: what a node answers, what a standby has, how a failover goes, what is measured of it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.workload.databases import cluster as module
from local.workload.databases import metrics as database_metrics
from local.workload.databases import node as node_module
from local.workload.databases import records
from local.workload.databases.cluster import CLUSTER, MULTI_AZ, Cluster, DatabaseStateError
from local.workload.databases.metrics import Measured
from local.workload.databases.node import Database
from local.workload.databases.records import Records
from local.workload.instances.calls import FailedError
from local.workload.instances.effects import Effects
from local.workload.network.disturbances import Network
from local.workload.network.peers import DATABASE_NODES
from local.workload.network.routes import Node
from local.workload.settings import Settings
from local.workload.volumes.volume import Volume
from tests.patience import PATIENCE, until

FIRST, SECOND = DATABASE_NODES.values()


# --- nodes, in process --------------------------------------------------------------------------------------------


class Pair:
    """A primary and a standby in this process, and a client of both."""

    def __init__(self, folder: Path) -> None:
        self.whole = asyncio.Event()
        self.nodes = [Database(_made(folder / name)) for name in ("first", "second")]
        self.ports: list[int] = []

    async def start(self) -> None:
        for node in self.nodes:
            server = await asyncio.start_server(node._serve, "127.0.0.1", 0)
            self.ports.append(server.sockets[0].getsockname()[1])
        self.nodes[0]._obey({"op": "lead"})

    async def follow(self) -> None:
        self.nodes[1]._obey({"op": "follow", "port": self.ports[0]})
        await asyncio.wait_for(self.whole.wait(), PATIENCE)

    def tell(self, **event: object) -> None:
        if event["event"] == "whole":
            self.whole.set()

    async def ask(self, which: int, **question: str) -> dict[str, Any]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[which])
        writer.write(json.dumps(question).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return dict(answer)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Pair], Awaitable[None]]], None]:
    result = Pair(tmp_path)
    monkeypatch.setattr(node_module, "send_event", result.tell)

    def run(use: Callable[[Pair], Awaitable[None]]) -> None:
        async def whole() -> None:
            await result.start()
            await use(result)

        asyncio.run(whole())

    return run


def test_a_standby_has_what_was_written_before_it_came_and_what_is_written_since(pair: Any) -> None:
    async def use(nodes: Pair) -> None:
        await nodes.ask(0, op="put", key="a", value="1")
        await nodes.follow()
        await nodes.ask(0, op="put", key="b", value="2")

        assert await nodes.ask(1, op="get", key="a") == {"value": "1", "seq": 2}
        assert (await nodes.ask(1, op="get", key="b"))["value"] == "2"
        assert "read-only" in (await nodes.ask(1, op="put", key="c", value="3"))["error"]
        nodes.nodes[1]._obey({"op": "lead"})
        assert (await nodes.ask(1, op="put", key="c", value="3"))["seq"] == 3

    pair(use)


def test_what_an_abandoned_primary_wrote_alone_is_gone_when_it_follows(pair: Any) -> None:
    async def use(nodes: Pair) -> None:
        await nodes.ask(1, op="get", key="a")
        nodes.nodes[1]._obey({"op": "lead"})
        await nodes.ask(1, op="put", key="alone", value="1")
        await nodes.follow()
        assert (await nodes.ask(1, op="get", key="alone"))["value"] is None

    pair(use)


def test_a_killed_nodes_rows_are_there_when_it_is_started_again(tmp_path: Path) -> None:
    table = node_module.Table(tmp_path / "data.sqlite")
    table.put("a", "1", 7)

    again = node_module.Table(tmp_path / "data.sqlite")

    assert (again.get("a"), again.seq) == ("1", 7)


def test_a_client_asks_until_somebody_leads_again_or_fails_at_once(pair: Any, tmp_path: Path) -> None:
    async def use(nodes: Pair) -> None:
        client = Records(Network(random.Random(1)))
        with pytest.raises(FailedError, match="writer endpoint"):
            await client.write("a", "1", retry=False)
        waiting = asyncio.create_task(client.write("a", "1", retry=True))
        await asyncio.sleep(0)
        client.follow({"writer": Node(FIRST, nodes.ports[0])})
        assert (await waiting)["seq"] == 1
        client.follow({"writer": Node(FIRST, nodes.ports[1]), "reader": Node(SECOND, nodes.ports[1])})
        with pytest.raises(FailedError, match="read-only"):
            await client.write("a", "2", retry=False)
        assert (await client.read("a", retry=False))["value"] is None

    pair(use)


def test_a_black_hole_towards_the_databases_port_is_the_clients_time_out(
    pair: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def use(nodes: Pair) -> None:
        network = Network(random.Random(1))
        client = Records(network)
        client.follow({"reader": Node(FIRST, nodes.ports[0])})
        await client.read("a", retry=False)
        hole = {"Protocol": "tcp", "Port": "5432", "TrafficType": "egress"}
        Effects(network, Volume(tmp_path)).start("c", "AWSFIS-Run-Network-Blackhole-Port", hole)
        monkeypatch.setattr(records, "TIMEOUT_SECONDS", 0.1)
        with pytest.raises(FailedError, match="no answer"):
            await client.read("a", retry=False)

    pair(use)


# --- failover, with processes -------------------------------------------------------------------------------------

QUICK = Settings(failover_seconds=0.3)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setattr(module, "REJOIN_SECONDS", 0.3)
    monkeypatch.setattr(module, "REBOOT_SECONDS", 0.1)
    result = Cluster(tmp_path, ["us-east-1a", "us-east-1b"], "us-east-1", lambda: None)
    yield result
    result.kill()


def _reach(cluster: Cluster, condition: Callable[[], object], settings: Settings = QUICK) -> None:
    def look() -> bool:
        cluster.tick(settings)
        return bool(condition())

    until(look)


def _writer(cluster: Cluster) -> Any:
    report: Any = cluster.report()
    return report["writer"]


def test_a_failover_moves_the_writer_endpoint_and_brings_a_new_standby(cluster: Cluster) -> None:
    _reach(cluster, lambda: cluster.whole)
    before = cluster.endpoints()
    assert before["writer"].address == FIRST
    assert before["reader"].address == SECOND

    cluster.fail_over()
    with pytest.raises(DatabaseStateError, match="failing over"):
        cluster.fail_over()
    cluster.tick(QUICK)
    assert cluster.report()["status"] == "failing-over"
    assert cluster.endpoints() == {"reader": before["reader"]}, "nobody writes meanwhile, the standby goes on reading"

    _reach(cluster, lambda: _writer(cluster) == "sample-db-2")
    assert cluster.endpoints() == {"writer": before["reader"], "reader": before["reader"]}
    assert cluster.names()[f"{CLUSTER}.cluster-cs4mpl3db0x9.us-east-1.rds.amazonaws.com"] == "sample-db-2"
    with pytest.raises(DatabaseStateError, match="no available reader"):
        cluster.fail_over()
    _reach(cluster, lambda: cluster.whole)
    assert cluster.endpoints()["reader"].address == FIRST
    report: Any = cluster.report()
    assert [event["message"] for event in report["events"] if event["source"] == CLUSTER] == [
        "Started cross AZ failover to DB instance: sample-db-2",
        "Completed failover to DB instance: sample-db-2",
    ]


def test_a_primary_that_dies_by_itself_is_failed_over_and_without_a_standby_comes_back_late(cluster: Cluster) -> None:
    _reach(cluster, lambda: cluster.whole)
    shown: Any = cluster.as_dict()
    os.kill(shown["nodes"]["sample-db-1"]["pid"], signal.SIGKILL)
    _reach(cluster, lambda: _writer(cluster) == "sample-db-2")

    alone = Settings(standby=False, failover_seconds=0.1)
    _reach(cluster, lambda: not cluster._other.alive, alone)
    report: Any = cluster.report()
    assert [member["id"] for member in report["members"]] == ["sample-db-2"]
    assert report["multi_az_instance"]["multi_az"] is False
    os.kill(cluster._writer.child.pid, signal.SIGKILL)  # type: ignore[union-attr]
    began = time.monotonic()
    _reach(cluster, lambda: cluster.busy, alone)
    _reach(cluster, lambda: not cluster.busy, alone)
    assert time.monotonic() - began >= 0.1 * module.ALONE_FACTOR
    assert _writer(cluster) == "sample-db-2"


def test_a_reboot_keeps_the_writer_and_its_rows(cluster: Cluster) -> None:
    _reach(cluster, lambda: cluster.whole)
    client = Records(Network(random.Random(1)))
    client.follow(cluster.endpoints())
    asyncio.run(client.write("a", "1", retry=False))

    cluster.reboot("sample-db-1")
    cluster.tick(QUICK)
    assert "writer" not in cluster.endpoints()
    _reach(cluster, lambda: cluster.whole)

    assert _writer(cluster) == "sample-db-1"
    again = Records(Network(random.Random(1)))
    again.follow(cluster.endpoints())
    assert asyncio.run(again.read("a", retry=False))["value"] == "1"
    events: Any = cluster.report()["events"]
    told = [(event["source"], event["message"]) for event in events if event["category"] == "availability"]
    both = ("sample-db-1", "sample-db-multi-az")
    assert told == [(source, f"DB instance {word}") for word in ("shutdown", "restarted") for source in both]
    with pytest.raises(LookupError):
        cluster.reboot("sample-db-3")


# --- metrics ------------------------------------------------------------------------------------------------------


def test_metrics_are_by_instance_and_by_role_and_only_a_reader_lags() -> None:
    writer = Measured("sample-db-1", CLUSTER, 5.0, 2.0, 10.0, 0.001, 4.0, 0.002, None)
    reader = Measured("sample-db-2", CLUSTER, 3.0, 1.0, 10.0, 0.001, 0.0, 0.0, 12.0)
    multi_az = Measured(MULTI_AZ, None, 5.0, 2.0, 10.0, 0.001, 4.0, 0.002, None)

    answer = {
        (datum["MetricName"], *sorted(dimension["Value"] for dimension in datum["Dimensions"])): datum["Value"]
        for datum in database_metrics.database_data(1_800_000_000.0, [writer, reader, multi_az])
    }

    assert answer["DatabaseConnections", "WRITER", CLUSTER] == 5.0
    assert answer["DatabaseConnections", "READER", CLUSTER] == 3.0
    assert answer["WriteLatency", MULTI_AZ] == 0.002
    assert {key[1:] for key in answer if key[0] == "AuroraReplicaLag"} == {("sample-db-2",), (CLUSTER,), ("READER", CLUSTER)}
    assert answer["AuroraReplicaLagMaximum", CLUSTER] == 12.0
