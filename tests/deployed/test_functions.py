"""A Lambda function's invocations fail, and somebody stops the execution meanwhile: nothing of the fault is left, and people hear of it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from local.deploy import ROOT
from local.workload.functions import BUCKET
from tests.deployed.endings import told_of_outside
from tests.deployed.rig import Rig
from tests.patience import LONGEST_TEST, PATIENCE, stretched, until

pytestmark = [pytest.mark.soak, pytest.mark.deployed, pytest.mark.xdist_group("deployed"), pytest.mark.timeout(LONGEST_TEST)]

BY_EVENT = 30.0
"""Seconds; two on an idle machine."""
IN_A_ROW = 30
"""Invocations that go well where half of them fail: once in a billion."""


@pytest.fixture
def url(rig: Rig) -> str:
    """Where the sample's function is asked; `rig` puts the workload back."""
    rig.settings(functions=True)
    return str(rig.workload["function"]["url"])


def definition() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "local" / "experiments" / "lambda-invocation-errors.yaml").read_text()))


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def faults(rig: Rig) -> list[str]:
    """What FIS has written for the extension."""
    return [content["Key"] for content in rig.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.mark.usefixtures("calm")
def test_stopped_while_invocations_fail(rig: Rig, url: str, record_property: Callable[[str, object], None]) -> None:
    rig.forget()  # what earlier tests did to availability is no baseline
    run = rig.run({**definition(), "duration": "PT2M"})
    experiment = run.watched()
    assert len(faults(rig)) == 1
    until(lambda: status(url) == 502, "an invocation that fails")
    rig.profile(disable_schedules=True)  # on a busy machine the pulse may come by before the watchdog
    run.stop()
    with rig.measured(record_property, "seconds_until_nothing_is_left"):
        rig.clean(stretched(BY_EVENT))
    assert faults(rig) == []
    with rig.measured(record_property, "seconds_until_invocations_are_as_before"):
        until(lambda: all(status(url) == 200 for _ in range(IN_A_ROW)), "invocations as before")
    assert rig.fault(experiment)["state"]["status"] == "stopped"
    told_of_outside(run, by="watchdog")
