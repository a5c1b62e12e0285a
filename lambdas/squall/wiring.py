"""Builds the collaborators once per process. An adapter is imported when it is first used, so that a function loads
only what it needs."""

# ruff: noqa: PLC0415 - imports inside functions are intended here

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from squall.settings import Settings

if TYPE_CHECKING:
    from squall.ports.campaigns import CampaignEvents, Campaigns
    from squall.ports.catalogue import Catalogue, Schedules
    from squall.ports.faults import Automations, Commands, Faults
    from squall.ports.fleet import Collected, HomeContact, MemberRuns, Members
    from squall.ports.locks import HaltFlag, Locks, SafetyLever, SeenBySweep
    from squall.ports.metrics import Alarms, Metrics, Prober, Probes, SentinelMetrics, Sentinels
    from squall.ports.people import Callers, Notifier
    from squall.ports.records import Documents, Findings, History, Records
    from squall.ports.regions import Regions
    from squall.ports.workflow import Clock, Lifecycle, Workflow
    from squall.ports.workload import Calendars, Deployments, Inventory


class Wiring:
    """The ports, bound to AWS. Tests replace the whole object with `set_wiring`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> Clock:
        from squall.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def records(self) -> Records:
        from squall.adapters.dynamodb.records import DynamoRecords

        return DynamoRecords(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def campaigns(self) -> Campaigns:
        from squall.adapters.dynamodb.campaigns import DynamoCampaigns

        return DynamoCampaigns(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def campaign_events(self) -> CampaignEvents:
        from squall.adapters.eventbridge import EventBridgeCampaignEvents

        return EventBridgeCampaignEvents(_make_client("events"), self.settings.event_bus)

    @cached_property
    def history(self) -> History:
        from squall.adapters.dynamodb.history import DynamoHistory

        return DynamoHistory(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def findings(self) -> Findings:
        from squall.adapters.dynamodb.findings import DynamoFindings

        return DynamoFindings(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def locks(self) -> Locks:
        from squall.adapters.dynamodb.locks import DynamoLocks

        return DynamoLocks(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def halt_flag(self) -> HaltFlag:
        from squall.adapters.ssm.halt_flag import ParameterHaltFlag

        return ParameterHaltFlag(_make_client("ssm", quick=True), self.settings.stack)

    @cached_property
    def halt_copy(self) -> HaltFlag:
        from squall.adapters.dynamodb.halt_copy import TableHaltFlag

        return TableHaltFlag(_make_client("dynamodb", quick=True), self.settings.table)

    @cached_property
    def home(self) -> HomeContact:
        from squall.adapters.ssm.home_contact import ParameterHomeContact

        return ParameterHomeContact(_make_client("ssm", quick=True), self.settings.stack)

    @cached_property
    def members(self) -> Members:
        from squall.adapters.fleet.members import RoleMembers

        return RoleMembers(_make_client("sts", quick=True))

    @cached_property
    def member_runs(self) -> MemberRuns:
        from squall.adapters.fleet.member_runs import RoleMemberRuns

        return RoleMemberRuns(_make_client("sts", quick=True))

    @cached_property
    def collected(self) -> Collected:
        from squall.adapters.dynamodb.collected import DynamoCollected

        return DynamoCollected(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def lever(self) -> SafetyLever:
        from squall.adapters.fis.safety_lever import FisSafetyLever

        return FisSafetyLever(_make_client("fis", quick=True))

    @cached_property
    def sightings(self) -> SeenBySweep:
        from squall.adapters.dynamodb.sightings import TableSightings

        return TableSightings(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def callers(self) -> Callers:
        from squall.adapters.sts import SignedCallers

        return SignedCallers(_make_client("sts", quick=True))

    @cached_property
    def documents(self) -> Documents:
        from squall.adapters.s3.documents import S3Documents

        return S3Documents(_make_client("s3"), self.settings.bucket)

    @cached_property
    def catalogue(self) -> Catalogue:
        from squall.adapters.s3.catalogue import S3Catalogue

        return S3Catalogue(_make_client("s3"), self.settings.bucket)

    @cached_property
    def schedules(self) -> Schedules:
        from squall.adapters.scheduler import EventBridgeSchedules, Target
        from squall.domain.experiment.scheduling import Kind, name_published_group

        settings = self.settings
        group = name_published_group(settings.stack)
        machines: dict[Kind, str] = {"experiment": settings.state_machine_arn, "campaign": settings.campaign_machine_arn}
        target = Target(group, machines, settings.schedule_role_arn, settings.dead_letter_arn)
        return EventBridgeSchedules(_make_client("scheduler"), target)

    @cached_property
    def faults(self) -> Faults:
        from squall.adapters.fis.experiments import Fis

        return Fis(_make_client("fis"))

    @cached_property
    def metrics(self) -> Metrics:
        from squall.adapters.cloudwatch.metrics import CloudWatchMetrics

        return CloudWatchMetrics(_make_client("cloudwatch"))

    @cached_property
    def sentinels(self) -> Sentinels:
        from squall.adapters.dynamodb.sentinel_leases import DynamoSentinels

        return DynamoSentinels(_make_client("dynamodb"), self.settings.table)

    @cached_property
    def probes(self) -> Probes:
        from squall.adapters.lambda_probes import LambdaProbes

        return LambdaProbes(_make_client("lambda"), self.settings.sentinel_function)

    @cached_property
    def sentinel_metrics(self) -> SentinelMetrics:
        from squall.adapters.cloudwatch.sentinel_metrics import CloudWatchSentinelMetrics

        return CloudWatchSentinelMetrics(_make_client("cloudwatch"))

    @cached_property
    def prober(self) -> Prober:
        from squall.adapters.http_prober import HttpProber

        return HttpProber()

    @cached_property
    def alarms(self) -> Alarms:
        from squall.adapters.cloudwatch.alarms import CloudWatchAlarms

        return CloudWatchAlarms(_make_client("cloudwatch"))

    @cached_property
    def inventory(self) -> Inventory:
        from squall.adapters.inventory.classic_balancers import ClassicBalancers
        from squall.adapters.inventory.finders import FINDERS
        from squall.adapters.inventory.instances import AwsInventory
        from squall.adapters.inventory.inventories import Inventories
        from squall.adapters.inventory.target_groups import TargetGroups

        target_groups = TargetGroups(_make_client("elbv2"), ClassicBalancers(_make_client("elb")))
        fleet = AwsInventory(_make_client("ec2"), _make_client("autoscaling"), target_groups, _make_client("ssm"))
        return Inventories(fleet, target_groups, {kind: partial(make, _make_client) for kind, make in FINDERS.items()})

    @cached_property
    def commands(self) -> Commands:
        from squall.adapters.ssm.commands import SsmCommands

        return SsmCommands(_make_client("ssm"))

    @cached_property
    def automations(self) -> Automations:
        from squall.adapters.ssm.automations import SsmAutomations

        return SsmAutomations(_make_client("ssm"))

    @cached_property
    def calendars(self) -> Calendars:
        from squall.adapters.ssm.calendars import ChangeCalendars

        return ChangeCalendars(_make_client("ssm"))

    @cached_property
    def deployments(self) -> Deployments:
        from squall.adapters.inventory.deployments import Deployments

        return Deployments(*(partial(_make_client, service) for service in ("autoscaling", "codepipeline", "codedeploy")))

    @cached_property
    def notifier(self) -> Notifier:
        from squall.adapters.sns import SnsNotifier

        client = _make_client("sns", quick=True)  # StartFault sends while a fault runs
        return SnsNotifier(client, self.settings.topic_arn, self.settings.chat_topic_arn)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        from squall.adapters.eventbridge import EventBridgeLifecycle

        return EventBridgeLifecycle(_make_client("events"), self.settings.event_bus)

    @cached_property
    def regions(self) -> Regions:
        from squall.adapters.aws import peer_client
        from squall.adapters.regions import AwsRegions, Place

        own = _make_client("dynamodb").meta.region_name
        return AwsRegions(peer_client, Place(self.settings.stack, own, self.settings.table, self.settings.peer_regions))

    @cached_property
    def workflow(self) -> Workflow:
        from squall.adapters.step_functions import StepFunctions

        return StepFunctions(_make_client("stepfunctions"))

    @cached_property
    def logger(self) -> Any:
        from squall.adapters.log import make_logger

        return make_logger("squall")


_current: list[Wiring] = []


def get_wiring() -> Wiring:
    """The ports of this process. They are built at the first call."""
    if not _current:
        _current.append(Wiring(Settings.read()))
    return _current[0]


def prepare(*ports: str) -> None:
    """Build these ports while Lambda initializes the function.

    That is often before anybody waits for it, and an on-demand function has a whole processor during that time,
    whatever its memory. Outside of Lambda nothing is built. A port that can't be built is left to its first use, which
    raises the same error and may have a way around it.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        w = get_wiring()
        for port in ports:
            with suppress(Exception):
                getattr(w, port)


def set_wiring(wiring: Wiring | None) -> None:
    """Replace the ports of this process. None: the next call of `wire` builds them again."""
    _current[:] = [] if wiring is None else [wiring]


def _make_client(service: str, *, quick: bool = False) -> Any:
    from squall.adapters.aws import client

    return client(service, quick=quick)
