"""What home asks of a member is the same each time, and nothing else is taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from squall.domain.campaign.away import CLOSED_WITHIN, LONGEST_RUN, START_WITHIN, find_over_by, is_asked, make_input
from squall.domain.campaign.record import StepRun

NOW = datetime(2030, 1, 7, 10, tzinfo=UTC)
RUN = StepRun(3, "lost", "drill-s003", NOW, member="payments")
OVERRIDES = {"duration": "PT5M"}
ROOT = Path(__file__).parents[4]


def ask(run: StepRun = RUN) -> dict[str, Any]:
    return make_input("shop", OVERRIDES, run, "drill", "ada")


def test_a_repeated_start_has_the_same_input() -> None:
    assert ask() == ask(replace(RUN, arn="arn", token="t", reason="late"))
    assert ask()["fleet"]["start_by"] == (NOW + START_WITHIN).isoformat()


def test_only_what_was_asked_is_the_step() -> None:
    assert is_asked(json.loads(json.dumps(ask())), "shop", OVERRIDES, RUN)
    assert is_asked({**ask(), "requested_by": "another label"}, "shop", OVERRIDES, RUN)


@pytest.mark.parametrize(
    "changes",
    [
        {"experiment": "other"},
        {"overrides": {}},
        {"mode": "plan"},
        {"definition": {}},
        {"fleet": None},
        {"fleet": {**ask()["fleet"], "number": 4}},
        {"fleet": {**ask()["fleet"], "start_by": (NOW + timedelta(hours=1)).isoformat()}},
    ],
)
def test_another_input_is_not(changes: dict[str, Any]) -> None:
    assert not is_asked({**ask(), **changes}, "shop", OVERRIDES, RUN)


@pytest.mark.parametrize("payload", [None, "text", [], {}])
def test_what_is_no_input_is_not(payload: object) -> None:
    assert not is_asked(payload, "shop", OVERRIDES, RUN)


def test_a_run_is_over_when_the_member_s_machine_has_ended_it() -> None:
    machines = {name: json.loads((ROOT / "statemachines" / f"{name}.asl.json").read_text()) for name in ("experiment", "campaign")}
    assert timedelta(seconds=machines["experiment"]["TimeoutSeconds"]) == LONGEST_RUN
    waits = machines["campaign"]["States"]["RunSteps"]["ItemProcessor"]["States"]["RunInMember"]["TimeoutSeconds"]
    assert timedelta(seconds=waits) > find_over_by(RUN) - NOW
    assert find_over_by(RUN) == NOW + START_WITHIN + LONGEST_RUN + CLOSED_WITHIN
