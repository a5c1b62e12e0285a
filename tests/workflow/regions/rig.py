"""Several Regions with a stack each: the real state machines and handlers, on one clock, with a table, FIS and alarms of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest.mock import patch

from squall import wiring
from squall.admission.experiment import parse_experiment
from squall.application.admission import admit, deployed
from squall.application.campaign import admit as admit_campaign
from squall.application.reports import period, questions
from squall.domain.campaign.record import CampaignRecord
from squall.domain.experiment.hashes import definition_hash
from squall.domain.language import grammar
from squall.domain.regions.barrier import Decision
from squall.domain.regions.definition import carries_load
from squall.domain.run.record import ExecutionRecord
from squall.wiring import set_wiring
from tests.fakes.clock import FakeClock
from tests.fakes.workload import ACCOUNT, FakeGroup
from tests.fakes.world import SETTINGS, FakeWorld
from tests.workflow.campaign.rig import campaign_asl
from tests.workflow.granted import grant_attributes, grant_documents, grant_start
from tests.workflow.regions.turns import Turns
from tests.workflow.rig import SHORT_HISTORY_SECONDS, environment, rel12_experiment, tree_read_once
from tests.workflow.walk import Walk, Walked

HOME, AWAY, THIRD = "eu-west-1", "eu-central-1", "eu-north-1"
RUN = "shop"


class RegionWalk(Walk):
    """One execution in one Region. Its functions run on the wiring of that Region's stack."""

    stack: Stack

    def invoke(self, function_name: str, payload: dict[str, Any]) -> Any:
        before = list(wiring._current)
        set_wiring(self.stack.wiring)
        try:
            return super().invoke(function_name, payload)
        finally:
            set_wiring(before[0] if before else None)

    def pass_some(self, seconds: float) -> None:
        self.stack.turns.wait(seconds)


@dataclass
class Stack:
    region: str
    world: FakeWorld
    turns: Turns
    settings: dict[str, str]
    gone: bool = False
    """Whether nothing of the Region answers any more, and none of its functions runs. FIS there goes on."""
    pulse: bool = True
    catalogue: dict[str, Any] | None = None
    """The experiments deployed with this stack; None: those of all."""
    policies: dict[str, Any] | None = None
    """Its policies; None: those of all."""
    wiring: Any = None
    host: RegionWalk = field(init=False)
    """Runs the functions that no execution runs."""
    walks: dict[str, RegionWalk] = field(default_factory=dict)
    """The executions by name."""
    ended: dict[str, Walked] = field(default_factory=dict)
    before: dict[str, Callable[[dict[str, Any]], None]] = field(default_factory=dict)
    after: dict[str, Callable[[dict[str, Any]], None]] = field(default_factory=dict)
    enter: dict[str, Callable[[], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wiring = self.world.wiring(**self.settings)
        self.host = self._make_walk()
        self.host.wire()

    def _make_walk(self) -> RegionWalk:
        walk = RegionWalk(self.world, before=self.before, after=self.after, enter=self.enter, abort_function=True)
        walk.stack = self
        for grant in (grant_documents, grant_attributes, grant_start):
            grant(walk)
        return walk

    def arn(self, name: str, machine: str = "SQUALL_STATE_MACHINE_ARN") -> str:
        return self.settings[machine].replace(":stateMachine:", ":execution:") + f":{name}"

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        """Start an execution of the experiment machine. A repeated start with the same input starts nothing new."""
        if name in self.walks:
            return self.walks[name].child is None and self.world.workflow.executions[self.arn(name)] == "RUNNING"
        self._begin(name, payload, self.settings["SQUALL_STATE_MACHINE_ARN"], None)
        return True

    def start_run(self, name: str, payload: Mapping[str, Any]) -> None:
        """Start an execution of the campaign machine."""
        self._begin(name, payload, self.settings["SQUALL_CAMPAIGN_MACHINE_ARN"], campaign_asl())

    def _begin(self, name: str, payload: Mapping[str, Any], machine_arn: str, machine: dict[str, Any] | None) -> None:
        walk = self.walks[name] = self._make_walk()
        self.world.workflow.executions[machine_arn.replace(":stateMachine:", ":execution:") + f":{name}"] = "RUNNING"

        def run() -> None:
            self.ended[name] = walk.run(payload, name, machine_arn=machine_arn, machine=machine)

        self.turns.begin(run)

    def send(self, function: str, payload: Mapping[str, Any]) -> None:
        """As an asynchronous invocation does: it happens a moment later, and its error reaches nobody."""

        def happens() -> None:
            if not self.gone:
                self.host.quietly(function, dict(payload))

        self.world.clock.after(1, happens)

    def beat(self) -> None:
        """What the schedule does once a minute."""
        if self.pulse and not self.gone:
            self.host.quietly("Pulse", {"source": "aws.scheduler"})

    def kill(self, name: str) -> None:
        """Stop an execution: nobody drives it any further, and no watchdog hears of it."""
        for machine in ("SQUALL_STATE_MACHINE_ARN", "SQUALL_CAMPAIGN_MACHINE_ARN"):
            if self.arn(name, machine) in self.world.workflow.executions:
                self.world.workflow.executions[self.arn(name, machine)] = "ABORTED"

    def leave(self) -> None:
        """The Region is gone: every execution and function of it."""
        self.gone = True
        for name in self.walks:
            self.kill(name)

    def record(self, run: str = RUN) -> ExecutionRecord:
        found = self.world.records.items.get(f"{run}-{self.region}")
        assert found is not None, f"no record of the part in {self.region}"
        return found

    def faults(self) -> list[Any]:
        return list(self.world.faults.runs.values())


def breach(world: FakeWorld) -> None:
    """From now on the workload of this Region answers too slowly, which a guard watches."""
    since = world.clock.now().timestamp()
    world.metrics.set("TargetResponseTime", lambda at: 9.0 if at >= since - 60 else 0.05)


@dataclass
class Together:
    stacks: tuple[Stack, ...]
    """Home first."""
    turns: Turns
    experiment: dict[str, Any]
    campaigns: dict[str, Any]
    policies: dict[str, Any]

    @property
    def home(self) -> Stack:
        return self.stacks[0]

    @property
    def away(self) -> Stack:
        return self.stacks[1]

    @property
    def third(self) -> Stack:
        return self.stacks[2]

    def begin(self, ready_within: str = "30m") -> None:
        """Start the run at home. `ready_within`: how long the Regions have to get ready."""
        self.campaigns["shop"]["ready_within"] = ready_within
        self.home.start_run(RUN, {"campaign": "shop"})

    def make_input(self, region: str, documents: Mapping[str, Any], deadline: datetime, **changes: Any) -> dict[str, Any]:
        """The input of a part, as home makes it."""
        digest = definition_hash(parse_experiment(documents[region], carries=carries_load(self.experiment, region)))
        part = {"run": RUN, "home": HOME, "regions": list(documents), "start_by": deadline.isoformat(), "definition_hash": digest}
        return {"experiment": "shop", "part": {**part, **changes}}

    def run(self) -> None:
        """Until everything has ended, and some minutes longer."""
        self.turns.run()
        self.turns.minutes(4)

    @property
    def whole(self) -> CampaignRecord:
        """Home's record of the whole run."""
        return self.home.world.campaigns.items[RUN]

    @property
    def decision(self) -> Decision | None:
        return self.home.world.regions.decisions.get(RUN)


def make_world(region: str, clock: FakeClock) -> FakeWorld:
    """Three healthy instances with traffic in this Region."""
    world = FakeWorld(clock)
    world.metrics.kept_seconds = SHORT_HISTORY_SECONDS
    world.fleet.region = region
    prefix = f"arn:aws:elasticloadbalancing:{region}:{ACCOUNT}"
    groups = (f"{prefix}:targetgroup/web/0123456789abcdef",)
    group = FakeGroup("web", desired=3, minimum=3, target_groups=groups, tags={"squall:environment": "staging"})
    world.fleet.add_group(group, f"{prefix}:loadbalancer/app/web/fedcba9876543210")
    world.metrics.set("RequestCount", 3000.0)
    world.metrics.set("TargetResponseTime", 0.05)
    world.alarms.arming_seconds = 10
    world.faults.stop_seconds = 20
    return world


def make_stack(region: str, turns: Turns, peers: str) -> Stack:
    settings = {name: value.replace(HOME, region) for name, value in SETTINGS.items()}
    world = make_world(region, turns.clock)
    world.regions.here = region
    return Stack(region, world, turns, {**settings, "SQUALL_PEER_REGIONS": peers})


@contextmanager
def several_regions(*regions: str) -> Iterator[Together]:
    """A stack in each Region, home first. The experiment `shop` is for all; the campaign `shop` runs it."""
    turns = Turns(FakeClock())
    stacks = {here: make_stack(here, turns, ",".join(region for region in regions if region != here)) for here in regions}
    for stack in stacks.values():
        stack.world.regions.stacks = dict(stacks)

    def every_minute() -> None:
        for stack in stacks.values():
            stack.beat()

    turns.every_minute = every_minute
    home = stacks[regions[0]]
    experiment = rel12_experiment(home.world)
    del experiment["target_resources"], experiment["rollback"]
    experiment["blast_radius"] = "multiple_region"
    experiment["regions"] = {
        region: {"target_resources": [member.id for member in stack.world.fleet.members("web")][:1]} for region, stack in stacks.items()
    }
    campaigns: dict[str, Any] = {"shop": {"name": "Shop in Regions", "description": "d", "kind": "regions", "experiment": "shop"}}
    policies = {"staging": environment("staging")}

    def load() -> deployed.DeployedDefinitions:
        """What is deployed with the stack whose function asks."""
        own = next((stack for stack in stacks.values() if stack.wiring in wiring._current), home)
        catalogue = {"shop": experiment} if own.catalogue is None else own.catalogue
        return deployed.DeployedDefinitions(catalogue, policies if own.policies is None else own.policies, campaigns)

    with (
        patch.object(admit, "load_deployed", load),
        patch.object(admit_campaign, "load_deployed", load),
        patch.object(period, "load_deployed", load),
        patch.object(questions, "load_deployed", load),
        patch.object(grammar, "parse_tree", tree_read_once),
    ):
        try:
            yield Together(tuple(stacks.values()), turns, experiment, campaigns, policies)
        finally:
            set_wiring(None)
