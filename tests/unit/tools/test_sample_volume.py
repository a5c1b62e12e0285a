"""The sample instance's disk: bounded, filled by a fault, and a journal that rotates while there is room and fails when there is none."""

import errno
from pathlib import Path

import pytest

from local.workload.volumes.volume import RECORD_BYTES, ROTATE_BYTES, Journal, Volume

ROOM = 4 * ROTATE_BYTES


def test_what_does_not_fit_is_refused_as_a_full_disk_refuses_it(tmp_path: Path) -> None:
    volume = Volume(tmp_path, 10)
    volume.append("a", b"12345678")
    with pytest.raises(OSError, match="No space left") as caught:
        volume.append("b", b"123")
    assert caught.value.errno == errno.ENOSPC
    assert volume.used() == 8


@pytest.mark.parametrize(("before", "percent", "after"), [(0, 95, 950), (400, 95, 950), (400, 30, 400), (0, 100, 1000), (0, 250, 1000)])
def test_a_fill_counts_what_is_already_there(tmp_path: Path, before: int, percent: float, after: int) -> None:
    volume = Volume(tmp_path, 1000)
    (tmp_path / "own").write_bytes(b"." * before)
    volume.fill("fill", percent)
    assert volume.used() == after


def test_the_journal_rotates_and_never_takes_more_than_twice_its_size(tmp_path: Path) -> None:
    volume = Volume(tmp_path, ROOM)
    journal = Journal(volume)
    for _ in range(3 * ROTATE_BYTES // RECORD_BYTES):
        assert journal.append()
    assert volume.used() <= 2 * ROTATE_BYTES
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal", "journal.1"]


def test_without_room_for_rotation_the_journal_grows_until_its_writes_fail_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    volume = Volume(tmp_path, ROOM)
    journal = Journal(volume)
    fill = volume.fill("fill", 90)
    room = (ROOM - volume.used()) // RECORD_BYTES
    written = [journal.append() for _ in range(room + 5)]
    assert written == [True] * room + [False] * 5
    assert journal.failed == 5
    fill.unlink()
    assert journal.append()
