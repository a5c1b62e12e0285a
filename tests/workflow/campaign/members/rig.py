"""A fleet: home and its members with a stack each, on one clock. Home's campaign runs on its real machine, the runs of its steps on those
of the members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest.mock import patch

from squall import wiring
from squall.application.admission import admit, deployed
from squall.application.campaign import admit as admit_campaign
from squall.application.fleet import members
from squall.domain.campaign.away import AwayExecution
from squall.domain.campaign.record import CampaignRecord, StepRun
from squall.domain.campaign.result import CampaignResult
from squall.domain.language import grammar
from squall.domain.run.home import Member
from squall.domain.run.record import ExecutionRecord
from squall.wiring import set_wiring
from tests.fakes.clock import FakeClock
from tests.fakes.workload import ACCOUNT
from tests.fakes.world import SETTINGS
from tests.workflow.driver import execution_event
from tests.workflow.regions.rig import HOME, Stack, make_world
from tests.workflow.regions.turns import Turns
from tests.workflow.rig import environment, rel12_experiment, tree_read_once

REGIONS = {"payments": "eu-central-1", "orders": "eu-north-1"}
ID = "drill"


@dataclass
class MemberStack(Stack):
    payloads: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    over_at: dict[str, datetime] = field(default_factory=dict)

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        if name in self.payloads and self.payloads[name] != payload:
            return False
        self.payloads[name] = dict(payload)
        return super().start(name, payload)

    def describe(self, name: str) -> AwayExecution | None:
        if name not in self.payloads:
            return None
        if self.world.workflow.executions[self.arn(name)] != "RUNNING":
            self.over_at.setdefault(name, self.world.clock.now())
        return AwayExecution(self.payloads[name], self.over_at.get(name))


@dataclass
class Fleet:
    home: Stack
    members: dict[str, MemberStack]
    turns: Turns
    campaigns: dict[str, Any]
    known: list[Member]
    """The members that home's functions know, with the grant."""

    @property
    def payments(self) -> MemberStack:
        return self.members["payments"]

    def begin(self, **payload: Any) -> None:
        """Start the campaign at home."""
        self.home.start_run(ID, {"campaign": "drill", **payload})

    def run(self) -> None:
        """Until everything has ended, and some minutes longer."""
        self.turns.run()
        self.turns.minutes(4)

    def abort(self) -> None:
        self.home.host.quietly("Abort", {"campaign_id": ID, "reason": "enough", "requested_by": "ada"})

    def hear_of_the_end(self) -> None:
        """The watchdog hears that the campaign's execution was stopped."""
        record = self.record
        self.home.kill(ID)
        event = execution_event(record.execution_arn, "ABORTED", int(record.started_at.timestamp() * 1000))
        self.home.host.quietly("Watchdog", event)

    @property
    def record(self) -> CampaignRecord:
        return self.home.world.campaigns.items[ID]

    def step(self, number: int = 1) -> StepRun:
        return self.record.runs[number - 1]

    def run_in(self, member: str = "payments", number: int = 1) -> ExecutionRecord:
        """The record of a step's run in the member."""
        return self.members[member].world.records.items[self.step(number).execution_id]

    @property
    def result(self) -> CampaignResult:
        found = self.home.world.documents.get(ID, CampaignResult)
        assert found is not None, "the campaign has no result"
        return found


def suite(*steps: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "Fleet drill", "description": "d", "kind": "suite", "steps": [dict(step) for step in steps], **more}


AWAY = {"experiment": "shop", "member": "payments"}
HERE = {"experiment": "shop", "name": "here"}


def make_member(name: str) -> Member:
    return Member(name, REGIONS[name], "Squall", f"arn:aws:iam::{ACCOUNT}:role/Squall-{REGIONS[name]}-campaign", "an-external-id-of-a-test")


def _make_stack(kind: type[Stack], region: str, turns: Turns) -> Any:
    settings = {name: value.replace(HOME, region) for name, value in SETTINGS.items()}
    return kind(region, make_world(region, turns.clock), turns, settings)


@contextmanager
def fleet(*steps: Mapping[str, Any], **campaign: Any) -> Iterator[Fleet]:
    """Home, which has the campaign `drill` of these steps, and two members. Every stack has the experiment `shop` for its own
    workload."""
    turns = Turns(FakeClock())
    home: Stack = _make_stack(Stack, HOME, turns)
    away: dict[str, MemberStack] = {name: _make_stack(MemberStack, region, turns) for name, region in REGIONS.items()}
    home.world.member_runs.stacks = dict(away)
    stacks = [home, *away.values()]

    def every_minute() -> None:
        for stack in stacks:
            stack.beat()

    turns.every_minute = every_minute
    for stack in stacks:
        experiment = rel12_experiment(stack.world)
        del experiment["rollback"]
        experiment["target_resources"] = [member.id for member in stack.world.fleet.members("web")][:1]
        stack.catalogue, stack.policies = {"shop": experiment}, {"staging": environment("staging")}
    campaigns = {"drill": suite(*(steps or (AWAY,)), **campaign)}
    it = Fleet(home, away, turns, campaigns, [make_member(name) for name in REGIONS])

    def load() -> deployed.DeployedDefinitions:
        """What is deployed with the stack whose function asks."""
        own = next((stack for stack in stacks if stack.wiring in wiring._current), home)
        return deployed.DeployedDefinitions(own.catalogue or {}, own.policies or {}, campaigns if own is home else {})

    with (
        patch.object(admit, "load_deployed", load),
        patch.object(admit_campaign, "load_deployed", load),
        patch.object(members, "load_members", lambda _: tuple(it.known)),
        patch.object(grammar, "parse_tree", tree_read_once),
    ):
        try:
            yield it
        finally:
            set_wiring(None)
