"""A volume whose I/O is paused: writers wait and nothing fails, and EBS's metrics say so; in process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from local.workload.volumes import metrics as volume_metrics
from local.workload.volumes import volume as module
from local.workload.volumes.volume import Journal, Slowness, Volume
from tests.patience import PATIENCE


def test_a_required_record_waits_for_the_volume_and_is_then_written(tmp_path: Path) -> None:
    async def run() -> None:
        volume = Volume(tmp_path)
        journal = Journal(volume)
        volume.pause("fault")
        writing = asyncio.create_task(journal.write(required=True))
        await asyncio.sleep(0)  # the task's turn: it writes until it waits for the volume
        assert not writing.done()
        assert (volume.waiting, journal.written, journal.failed) == (1, 0, 0)
        assert volume.stalled_seconds > 0
        volume.resume("fault")
        assert await asyncio.wait_for(writing, PATIENCE)
        assert (volume.waiting, volume.stalled_seconds, journal.written) == (0, 0, 1)

    asyncio.run(run())


def test_a_record_that_may_wait_holds_up_nobody_and_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_RECORDS", 3)

    async def run() -> None:
        volume = Volume(tmp_path)
        journal = Journal(volume)
        volume.pause("fault")
        assert [await asyncio.wait_for(journal.write(required=False), PATIENCE) for _ in range(4)] == [True, True, True, False]
        await asyncio.sleep(0)
        assert (journal.written, journal.failed) == (0, 1), "what doesn't fit into memory is lost, and counted"
        assert volume.waiting == 1, "one writer waits for all of them"
        volume.resume("fault")
        await asyncio.wait_for(journal.caught_up(), PATIENCE)
        assert journal.written == 3
        assert volume.used() == 3 * module.RECORD_BYTES

    asyncio.run(run())


def test_who_paused_it_twice_lets_it_go_on_twice(tmp_path: Path) -> None:
    async def run() -> None:
        volume = Volume(tmp_path)
        volume.pause("one")
        volume.pause("other")
        volume.resume("one")
        assert volume.paused
        volume.resume("other")
        volume.resume("other")
        assert not volume.paused

    asyncio.run(run())


def test_a_slow_volume_delays_each_write_by_its_time_and_what_may_wait_holds_up_nobody(tmp_path: Path) -> None:
    async def run() -> None:
        volume = Volume(tmp_path)
        journal = Journal(volume)
        volume.slow_down("fault", Slowness(percent=100, seconds=0.2))
        assert await asyncio.wait_for(journal.write(required=True), PATIENCE)
        assert volume.write_seconds >= 0.2
        before = volume.write_seconds
        assert await journal.write(required=False)
        assert (journal.written, volume.write_seconds) == (1, before), "it is kept in memory meanwhile"
        await asyncio.wait_for(journal.caught_up(), PATIENCE)
        assert (journal.written, journal.failed) == (2, 0)
        assert volume.write_seconds >= before + 0.2
        volume.speed_up("fault")
        assert not volume.holds_up

    asyncio.run(run())


def test_a_share_of_the_writes_is_delayed(tmp_path: Path) -> None:
    async def run() -> None:
        volume = Volume(tmp_path)
        volume.slow_down("fault", Slowness(percent=25, seconds=0.001))
        waits = []
        for _ in range(400):
            before = volume.write_seconds
            await volume.accept()
            waits.append(volume.write_seconds - before >= 0.001)
        assert 0.15 < sum(waits) / len(waits) < 0.45, "at least the share, and more on a busy machine"

    asyncio.run(run())


def test_ebs_fails_its_check_after_a_minute_and_not_before() -> None:
    def check(stalled: int) -> dict[str, float]:
        answer = {"volume_waiting": 2, "volume_stalled_seconds": stalled}
        return {
            item["MetricName"]: item["Value"]
            for item in volume_metrics.volume_data(0.0, {"vol-1": ({"volume_writes": 7, "volume_write_ms": 2500}, answer)})
        }

    assert check(59) == {"VolumeWriteOps": 7.0, "VolumeTotalWriteTime": 2.5, "VolumeQueueLength": 2.0, "VolumeStalledIOCheck": 0.0}
    assert check(60)["VolumeStalledIOCheck"] == 1.0
    (idle,) = [entry for entry in volume_metrics.volume_data(0.0, {"vol-1": ({}, {})}) if entry["MetricName"] == "VolumeStalledIOCheck"]
    assert (idle["Value"], idle["Dimensions"]) == (0.0, [{"Name": "VolumeId", "Value": "vol-1"}])
