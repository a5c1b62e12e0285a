"""An account in memory: a fake of every port on one clock, and the wiring that handlers run on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from squall.errors import Unavailable
from squall.settings import Settings
from squall.wiring import Wiring
from tests.fakes.automations import FakeAutomations
from tests.fakes.callers import FakeCallers
from tests.fakes.campaigns import FakeCampaignEvents, FakeCampaigns
from tests.fakes.clock import FakeClock
from tests.fakes.fis import FakeFaults
from tests.fakes.fleet import FakeCollected, FakeHome, FakeMemberRuns, FakeMembers, FakeRegions
from tests.fakes.halt import FakeHaltFlag, FakeLever
from tests.fakes.history import FakeHistory
from tests.fakes.messages import FakeLifecycle, FakeNotifier, FakeWorkflow
from tests.fakes.monitoring import FakeAlarms, FakeMetrics
from tests.fakes.sentinel import FakeProber, FakeProbes, FakeSentinelMetrics, FakeSentinels
from tests.fakes.storage import FakeCatalogue, FakeDocuments, FakeFindings, FakeLocks, FakeRecords, FakeSchedules, FakeSightings
from tests.fakes.surroundings import FakeCalendars, FakeDeployments
from tests.fakes.workload import ACCOUNT, REGION, FakeCommands, FakeFleet, FakeInventory

if TYPE_CHECKING:
    from collections.abc import Callable

STACK = "Squall"
SETTINGS = {
    "SQUALL_STACK": STACK,
    "SQUALL_TABLE": "squall-table",
    "SQUALL_BUCKET": "squall-bucket",
    "SQUALL_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:squall",
    "SQUALL_EVENT_BUS": "default",
    "SQUALL_ABORT_FUNCTION_ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:squall-abort",
    "SQUALL_FIS_ROLE_ARNS": json.dumps({name: f"arn:aws:iam::{ACCOUNT}:role/squall-fis-{name}" for name in ("staging", "local")}),
    "SQUALL_OPT_IN_TAG": "squall:environment",
    "SQUALL_STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:squall",
    "SQUALL_CAMPAIGN_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:squall-campaign",
}


class FakeWorld:
    """Tests break it, let time pass, and look at it. `failing["alarms.put"] = Unavailable(...)` makes a port's method
    raise."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.records = FakeRecords()
        self.history = FakeHistory(self.records)
        self.campaigns = FakeCampaigns()
        self.campaign_events = FakeCampaignEvents()
        self.locks = FakeLocks()
        self.halt_flag = FakeHaltFlag()
        self.halt_copy = FakeHaltFlag()
        self.home = FakeHome()
        self.members = FakeMembers()
        self.member_runs = FakeMemberRuns()
        self.collected = FakeCollected()
        self.documents = FakeDocuments()
        self.catalogue = FakeCatalogue()
        self.schedules = FakeSchedules()
        self.findings = FakeFindings()
        self.fleet = FakeFleet(self.clock)
        self.inventory = FakeInventory(self.fleet)
        self.commands = FakeCommands(self.clock)
        self.automations = FakeAutomations(self.clock)
        self.calendars = FakeCalendars()
        self.deployments = FakeDeployments()
        self.metrics = FakeMetrics(self.clock)
        self.alarms = FakeAlarms(self.clock)
        self.sentinels = FakeSentinels()
        self.probes = FakeProbes(self.clock, self.sentinels)
        self.prober = FakeProber(self.clock)
        self.sentinel_metrics = FakeSentinelMetrics()
        self.faults = FakeFaults(self.clock, self.fleet, self.commands, self.alarms)
        self.sightings = FakeSightings()
        self.lever = FakeLever(self.faults)
        self.notifier = FakeNotifier()
        self.lifecycle = FakeLifecycle()
        self.workflow = FakeWorkflow()
        self.callers = FakeCallers(self.clock)
        self.regions = FakeRegions()
        self.failing: dict[str, Exception] = {}
        self.calls: list[str] = []
        """`port.method` of every call through the wiring, in order."""
        self.losing: dict[str, Callable[[], bool]] = {}
        """By port: whether the answer to a call is lost. The call then takes effect, and raises Unavailable."""

    def wiring(self, **settings: str) -> FakeWiring:
        return FakeWiring(self, {**SETTINGS, **settings})


PORTS = (
    "clock", "records", "findings", "locks", "documents", "faults", "metrics", "alarms", "inventory", "commands", "notifier", "lifecycle",
    "workflow", "halt_flag", "halt_copy", "history", "lever", "sightings", "automations", "calendars", "deployments", "callers",
    "sentinels", "probes", "prober", "sentinel_metrics", "catalogue", "schedules", "campaigns", "campaign_events",
    "home", "members", "member_runs", "collected", "regions",
)  # fmt: skip


class FakeWiring(Wiring):
    """The world's ports; pass it to `squall.wiring.set_wiring`."""

    def __init__(self, world: FakeWorld, settings: dict[str, str]) -> None:
        super().__init__(Settings(settings))
        self.world = world
        # Takes the place of the cached properties' values.
        vars(self).update({name: _Port(world, name, getattr(world, name)) for name in PORTS})


class _Port:
    """Forwards calls to the fake, records them, and raises where the test says."""

    def __init__(self, world: FakeWorld, name: str, port: object) -> None:
        self._world, self._name, self._port = world, name, port

    def __getattr__(self, method: str) -> Any:
        attribute = getattr(self._port, method)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            called = f"{self._name}.{method}"
            self._world.calls.append(called)
            if error := self._world.failing.get(called):
                raise error
            answer = attribute(*args, **kwargs)
            if (lost := self._world.losing.get(self._name)) and lost():
                raise Unavailable("test", called, "RequestTimeout", "the answer was lost", retryable=True)
            return answer

        return call
