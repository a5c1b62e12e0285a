"""Which exchanges of an instance a network document hits, and what they feel; in process."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from local.workload import metrics
from local.workload.instances import service
from local.workload.instances.calls import FailedError, Inventory
from local.workload.instances.effects import Effects
from local.workload.instances.service import Service
from local.workload.instances.stress import resident_bytes
from local.workload.network.disturbances import Disturbance, Hole, Network
from local.workload.network.peers import DATABASE_NODES, DATABASE_PORT, INBOUND, TO_INVENTORY, Flow
from local.workload.network.routes import Routes
from local.workload.processes import http1
from local.workload.settings import Settings
from local.workload.volumes.volume import Journal, Volume
from tests.patience import PATIENCE, stretched

TO_FIRST, TO_SECOND = (Flow(address, DATABASE_PORT, inbound=False) for address in DATABASE_NODES.values())
EVERYBODY = (INBOUND, TO_INVENTORY, TO_FIRST, TO_SECOND)
LATENCY, LOSS, HOLE = (f"AWSFIS-Run-Network-{name}" for name in ("Latency-Sources", "Packet-Loss-Sources", "Blackhole-Port"))


@pytest.fixture
def network() -> Network:
    return Network(random.Random(1))


@pytest.fixture
def effects(network: Network, tmp_path: Path) -> Effects:
    return Effects(network, Volume(tmp_path), {"db.example.com": DATABASE_NODES["sample-db-2"]})


def _hit(network: Network) -> list[Flow]:
    rules: list[Disturbance | Hole] = [*network.disturbances.values(), *network.holes.values()]
    return [flow for flow in EVERYBODY if any(rule.hits(flow) for rule in rules)]


@pytest.mark.parametrize("direction", ["ingress", "egress"])
@pytest.mark.parametrize(
    ("sources", "hit"),
    [
        ("10.0.0.0/8,172.16.0.0/12,192.168.0.0/16", [*EVERYBODY]),
        ("172.31.0.30", [TO_INVENTORY]),
        ("inventory.sample.internal", [TO_INVENTORY]),
        ("db.example.com", [TO_SECOND]),
        ("us-east-1b", [TO_SECOND]),
        ("use1-az1", [INBOUND, TO_INVENTORY, TO_FIRST]),
        ("172.31.0.10,172.31.16.0/20", [INBOUND, TO_SECOND]),
        ("192.168.0.0/16,S3,DYNAMODB", []),
    ],
)
@pytest.mark.parametrize("document", [LATENCY, LOSS])
def test_latency_and_loss_hit_the_exchanges_with_their_sources_and_no_other(
    network: Network, effects: Effects, document: str, sources: str, hit: list[Flow], direction: str
) -> None:
    undo = effects.start("c", document, {"Sources": sources, "TrafficType": direction})

    assert _hit(network) == hit
    undo()
    assert _hit(network) == []


@pytest.mark.parametrize(
    ("given", "percent"),
    [({}, 7), ({"LossPercent": "30"}, 30), ({"LossPercent": "30", "FlowsPercent": "50"}, 15), ({"LossPercent": "100"}, 100)],
    ids=["by default", "a third", "a third of half", "all"],
)
def test_a_loss_hits_as_many_exchanges_as_its_percents_say(
    network: Network, effects: Effects, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], percent: float
) -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    async def measure() -> float:
        lost = 0
        for _ in range(4000):
            waited.clear()
            lost += not await network.impair(TO_INVENTORY) or bool(waited)
        return 100 * lost / 4000

    effects.start("c", LOSS, {"Sources": "inventory.sample.internal", **given})
    monkeypatch.setattr("local.workload.network.disturbances.asyncio.sleep", note)
    measured = asyncio.run(measure())
    assert abs(measured - percent) <= 2.5, "three standard deviations at most"


@pytest.mark.parametrize(
    ("protocol", "port", "direction", "hit"),
    [
        ("tcp", 80, "ingress", [INBOUND]),
        ("tcp", 80, "egress", []),
        ("tcp", 8080, "egress", [TO_INVENTORY]),
        ("tcp", 8080, "ingress", []),
        ("tcp", 5432, "egress", [TO_FIRST, TO_SECOND]),
        ("udp", 8080, "egress", []),
    ],
)
def test_a_black_hole_swallows_what_goes_its_way_to_its_port(
    network: Network, effects: Effects, protocol: str, port: int, direction: str, hit: list[Flow]
) -> None:
    effects.start("c", HOLE, {"Protocol": protocol, "Port": str(port), "TrafficType": direction})

    assert _hit(network) == hit


def test_without_traffic_type_a_black_hole_is_the_documents_ingress(network: Network, effects: Effects) -> None:
    effects.start("c", HOLE, {"Protocol": "tcp", "Port": "80"})

    assert _hit(network) == [INBOUND]


@pytest.mark.parametrize("inputs", [{"Sources": "nobody.example.com"}, {"Sources": "172.31.0.30", "TrafficType": "both"}])
def test_a_source_or_direction_that_means_nothing_fails_the_command(effects: Effects, inputs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"nobody\.example\.com|both"):
        effects.start("c", LATENCY, inputs)


def test_what_is_ignored_is_begun_with_success_and_felt_by_nobody(network: Network, effects: Effects) -> None:
    effects.ignored = frozenset({"network"})

    undo = effects.start("c", HOLE, {"Protocol": "tcp", "Port": "80"})

    assert _hit(network) == []
    undo()


def _with_inventory(use: Callable[[int], Awaitable[None]]) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await http1.read_message(reader)
                writer.write(http1.format_response(200, b"in stock"))
        except http1.GoneError:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        await use(server.sockets[0].getsockname()[1])
        server.close()

    asyncio.run(run())


def test_a_call_into_a_black_hole_hangs_until_its_time_is_up_on_that_instance_only(network: Network, effects: Effects) -> None:
    async def use(port: int) -> None:
        took: list[float] = []
        sick, well = Inventory(network, took.append), Inventory(Network(random.Random(2)), took.append)
        for inventory in (sick, well):
            inventory.follow(port)
            await inventory.ask(PATIENCE, 1)
        undo = effects.start("c", HOLE, {"Protocol": "tcp", "Port": "8080", "TrafficType": "egress"})
        began = time.monotonic()
        with pytest.raises(FailedError, match="no answer"):
            await sick.ask(0.1, 2)
        assert 0.2 <= time.monotonic() - began < stretched(2)
        assert len(took) == 4, "each try counts, given up or answered"
        assert min(took[2:]) >= 0.1
        await well.ask(PATIENCE, 1)
        hanging = asyncio.create_task(sick.ask(None, 1))
        await asyncio.sleep(0)
        undo()
        await asyncio.wait_for(hanging, PATIENCE)

    _with_inventory(use)


def test_latency_towards_the_dependency_is_felt_once_a_call(network: Network, effects: Effects) -> None:
    async def use(port: int) -> None:
        took: list[float] = []
        inventory = Inventory(network, took.append)
        inventory.follow(port)
        inputs = {"Sources": "172.31.0.30", "DelayMilliseconds": "150", "JitterMilliseconds": "0", "TrafficType": "egress"}
        effects.start("c", LATENCY, inputs)
        began = time.monotonic()
        await inventory.ask(PATIENCE, 1)
        assert 0.15 <= time.monotonic() - began < stretched(1)
        assert took[0] >= 0.15
        assert await network.impair(INBOUND)

    _with_inventory(use)


@pytest.mark.parametrize(("fallback", "status"), [(True, 200), (False, 500)])
def test_a_request_does_without_the_dependency_or_fails_with_it(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fallback: bool, status: int
) -> None:
    monkeypatch.setattr(service, "INVENTORY_SHARE", 1.0)

    async def run() -> tuple[int, bytes]:
        application = Service("i-1", random.Random(1), network, Journal(Volume(tmp_path)))
        application.settings = Settings(fallback=fallback, base_latency_ms=0)
        application.follow(Routes())
        answer = await application.answer()
        assert application.counts["dependency_errors"] == 1
        assert application.counts["dependency_calls"] == 2, "it asks twice"
        return answer

    assert asyncio.run(run()) == (status, b"i-1")


def test_a_cpu_others_use_is_waited_for_where_requests_need_it(network: Network, tmp_path: Path) -> None:
    async def run(busy: float) -> float:
        application = Service("i-1", random.Random(1), network, Journal(Volume(tmp_path)))
        application.settings = Settings(cpu_bound=True, base_latency_ms=0, retry=False)
        application.busy = busy
        began = time.monotonic()
        await asyncio.gather(*(application.answer() for _ in range(4)))
        assert application.counts["cpu_ms"] == 4 * 1000 * service.CPU_SECONDS, "the metrics show it, though nothing burns it"
        return time.monotonic() - began

    assert asyncio.run(run(0.8)) > 3 * service.CPU_SECONDS * 4


def measure_held(folder: Path) -> tuple[int, int]:
    """The bytes that this process has more while requests need memory, and afterwards."""
    application = Service("i-1", random.Random(1), Network(random.Random(1)), Journal(Volume(folder)))
    before = resident_bytes(os.getpid())
    application.adopt(Settings(memory_bound=True))
    held = resident_bytes(os.getpid()) - before
    application.adopt(Settings())
    return held, resident_bytes(os.getpid()) - before


def test_a_service_whose_requests_need_memory_holds_some(tmp_path: Path) -> None:
    """In a process of its own: one with memory to spare would not grow."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        held, kept = pool.submit(measure_held, tmp_path).result(timeout=PATIENCE)
    assert held > 0.9 * service.HELD_BYTES
    assert kept < 0.1 * service.HELD_BYTES


def test_routes_are_told_as_they_are() -> None:
    routes = Routes(8080, {}, {"db.example.com": IPv4Address("172.31.0.41")})

    assert Routes.of(routes.as_dict()) == routes


def test_the_round_trip_is_the_mean_of_the_calls_that_ended_and_silence_is_no_value() -> None:
    counted = {"i-1": {"dependency_calls": 4, "dependency_ms": 50}, "i-2": {"write_errors": 1}}
    data = [
        datum
        for datum in metrics.application_data(0.0, counted, {"AutoScalingGroupName": "web"})
        if datum["MetricName"] == "DependencyRoundTrip"
    ]
    assert [(datum["Value"], datum["Unit"]) for datum in data] == [(12.5, "Milliseconds")]
    assert data[0]["Dimensions"] == [{"Name": "InstanceId", "Value": "i-1"}, {"Name": "AutoScalingGroupName", "Value": "web"}]
