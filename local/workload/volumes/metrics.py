"""AWS/EBS metrics for one period: writes that the instances' volumes completed, and writes that wait."""

from __future__ import annotations

from collections.abc import Mapping

from local.workload.metrics import Datum, Stamp

STALLED_SECONDS = 60
"""I/O that has waited for so long fails EBS's own check, on Nitro instances."""


def volume_data(start: float, volumes: Mapping[str, tuple[Mapping[str, int], Mapping[str, int]]]) -> list[Datum]:
    """The metrics of the period.

    `volumes`: volume id to what its instance counted in the period (`volume_writes`, `volume_write_ms`), and its instance's
    present counts (`volume_waiting`, `volume_stalled_seconds`).
    """
    stamp = Stamp(start)
    data: list[Datum] = []
    for volume_id, (period, now) in volumes.items():
        dimensions = {"VolumeId": volume_id}
        stalled = now.get("volume_stalled_seconds", 0) >= STALLED_SECONDS
        data += [
            stamp.datum("VolumeWriteOps", "Count", dimensions, Value=float(period.get("volume_writes", 0))),
            stamp.datum("VolumeTotalWriteTime", "Seconds", dimensions, Value=period.get("volume_write_ms", 0) / 1000),
            stamp.datum("VolumeQueueLength", "Count", dimensions, Value=float(now.get("volume_waiting", 0))),
            stamp.datum("VolumeStalledIOCheck", "None", dimensions, Value=float(stalled)),
        ]
    return data
