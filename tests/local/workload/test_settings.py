"""The switches of the sample workload: named, whole, and refused by name where they make no sense."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from local.workload.settings import RESILIENT, WORKLOADS, InvalidSettingError, Settings

DOCUMENT = Path(__file__).parents[3] / "docs" / "local.md"


def test_the_default_is_the_resilient_workload() -> None:
    assert WORKLOADS[RESILIENT] == Settings()
    assert all(settings != Settings() for name, settings in WORKLOADS.items() if name != RESILIENT)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_is_what_its_name_says_whatever_was_set_before(name: str) -> None:
    before = Settings(retry=False, cpu_bound=True, ignore=frozenset({"disk"}), failing_agents=2.0)

    assert before.changed({"workload": name}) == WORKLOADS[name]
    assert before.changed({"load_rps": 7, "workload": name}).load_rps == 7.0


@pytest.mark.parametrize("settings", WORKLOADS.values())
def test_settings_survive_their_way_to_an_instance(settings: Settings) -> None:
    assert Settings().changed(json.loads(json.dumps(settings.as_dict()))) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workload", "robust"),
        ("workload", None),
        ("speed", 3),
        ("retry", 1),
        ("load_rps", True),
        ("load_rps", "7"),
        ("load_rps", math.nan),
        ("disk_mib", 1),
        ("failover_seconds", -1),
        ("ignore", ["cpu", "moon"]),
        ("ignore", "cpu"),
        ("ignore", [["cpu"]]),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidSettingError, match=name):
        Settings().changed({name: value})


def test_the_documentation_lists_every_workload_with_the_settings_it_has() -> None:
    rows = {cells[1].strip(" `"): cells[3] for line in DOCUMENT.read_text().splitlines() if len(cells := line.split("|")) == 5}

    assert set(WORKLOADS) <= set(rows)
    for name, settings in WORKLOADS.items():
        different = {key for key, value in settings.as_dict().items() if value != Settings().as_dict()[key]}
        assert {entry for entry in Settings().as_dict() if f"{entry}:" in rows[name]} == different
