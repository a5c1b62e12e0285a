"""A campaign on its real state machine and handlers. Its steps are executions whose endings a test chooses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.campaign.plan import CampaignPlan
from squall.domain.campaign.record import CampaignRecord
from squall.domain.run.record import Abort, ExecutionRecord
from tests.fakes.workload import ACCOUNT, REGION
from tests.fakes.world import FakeWorld
from tests.workflow.driver import execution_event
from tests.workflow.walk import MACHINE, Walk, Walked

ASL = Path(__file__).parents[3] / "statemachines" / "campaign.asl.json"
CAMPAIGN_MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:squall-campaign"
Ending = tuple[Status, Verdict | None, Abort | None]
VALIDATED: Ending = (Status.COMPLETED, Verdict.VALIDATED, None)
REFUTED: Ending = (Status.COMPLETED, Verdict.REFUTED, None)
REJECTED: Ending = (Status.REJECTED, None, None)
FAILED: Ending = (Status.FAILED, None, None)


SUITE: dict[str, Any] = {
    "name": "Web",
    "description": "d",
    "kind": "suite",
    "steps": [{"experiment": "seed"}, {"experiment": "seed", "name": "again", "needs": ["seed"]}, {"experiment": "seed", "name": "third"}],
}
RAMP = {
    "name": "Limit",
    "description": "d",
    "kind": "ramp",
    "experiment": "seed",
    "ramp": {"parameter": "duration", "from": 600, "to": 2400, "resolution": 300},
}
GAMEDAY: dict[str, Any] = {
    "name": "Game day",
    "description": "d",
    "kind": "gameday",
    "stop_on": "never",
    "steps": [
        {"name": "ready", "prompt": "Is everybody here?", "wait": "30m"},
        {
            "experiment": "seed",
            "expects": [{"noticed_by": "alarm", "within": "2m"}, {"noticed_by": "person", "who": "oncall", "within": "5m"}],
        },
        {"name": "seen", "prompt": "What did you see?", "wait": "10m", "unanswered": "continue"},
        {"experiment": "seed", "name": "again"},
    ],
}
CAMPAIGNS: dict[str, Any] = {
    "day": GAMEDAY,
    "brief": {**GAMEDAY, "steps": [{"name": "ready", "prompt": "Ready?", "wait": "5m"}, {"experiment": "seed"}]},
    "web": SUITE,
    "two": {**SUITE, "steps": SUITE["steps"][:2]},
    "limit": RAMP,
    "pausing": {**SUITE, "pause": "30m"},
    "side": {**SUITE, "side_by_side": 3, "stop_on": "never"},
    **{
        f"of {count}": {**SUITE, "steps": [{"experiment": "seed", "name": f"s{number}"} for number in range(count)]}
        for count in (5, 10, 500)
    },
    "bad": {**SUITE, "steps": [{"experiment": "sed"}, {"experiment": "seed", "overrides": {"duration": "PT9H"}}]},
}
"""Campaigns by name, as they are deployed in these tests."""


@cache
def campaign_asl() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(ASL.read_text())
    return loaded


@dataclass
class Steps:
    """Executions of the experiment machine by their contract: they leave a record, and end SUCCEEDED."""

    walk: Walk
    world: FakeWorld
    ending: Callable[[str, dict[str, Any]], Ending | None] = lambda _step, _input: VALIDATED
    """The name of the step and its input to the ending that its record gets; None: it dies without a record."""
    started: list[str] = field(default_factory=list)
    during: dict[int, Callable[[], None]] = field(default_factory=dict)
    """Called while the execution with this number runs."""

    def __call__(self, name: str, payload: dict[str, Any]) -> str:
        self.started.append(name)
        campaign_id, number = payload["campaign"]["id"], payload["campaign"]["number"]
        record = self.world.campaigns.items[campaign_id]
        step = next(run.step for run in record.runs if run.number == number)
        begun = self.world.clock.now()
        if hook := self.during.get(number):
            hook()
        self.walk.pass_time(600)
        ending = self.ending(step, payload)
        if ending is None:
            return "FAILED"
        status, verdict, abort = ending
        plan = self.world.documents.get(campaign_id, CampaignPlan)
        assert plan
        arn = MACHINE.replace(":stateMachine:", ":execution:") + f":{name}"
        self.world.records.items[name] = ExecutionRecord(
            id=name,
            execution_arn=arn,
            started_at=begun,
            status=status,
            phase="Release",
            verdict=verdict,
            hypothesis_validated={Verdict.VALIDATED: True, Verdict.REFUTED: False}.get(verdict) if verdict else None,
            definition_hash=plan.find_step(step).definition_hash,
            abort=abort,
            reason="as the test says",
            ended_at=self.world.clock.now(),
        )
        return "SUCCEEDED"


def run_campaign(walk: Walk, payload: object, name: str = "c") -> Walked:
    return walk.run(payload, name, machine=campaign_asl(), machine_arn=CAMPAIGN_MACHINE)


def campaign_of(world: FakeWorld, name: str = "c") -> CampaignRecord:
    return world.campaigns.items[name]


def campaign_death(walked: Walked, status: str = "ABORTED") -> dict[str, Any]:
    """The event of the end of a campaign's execution, as the watchdog's rule delivers it."""
    return execution_event(walked.arn, status, walked.started_ms)


def outcomes(world: FakeWorld) -> list[str | None]:
    return [run.outcome.value if run.outcome else None for run in campaign_of(world).runs]
