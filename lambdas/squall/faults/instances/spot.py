"""Interrupts pinned Spot Instances as EC2 does when it needs their capacity: a notice, and two minutes later they are gone."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator

from squall.domain.base.durations import Span
from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType, RollbackOutcome
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.metrics.periods import format_length
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import cast_resources
from squall.domain.resources.workload import Workload
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import FisExperiment
from squall.faults.base import Aftermath, Injection, Remnant
from squall.faults.checks import check_targets, make_check
from squall.faults.fis import iso_duration
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.instances.termination import STOPPED, InstanceRemoval, Way
from squall.faults.mechanisms.lasting import RAN
from squall.faults.parameters import find_unknown, parse_length

INTERRUPT, BEFORE = "aws:ec2:send-spot-instance-interruptions", "durationBeforeInterruption"
NOTICE, LONGEST_WARNING = timedelta(minutes=2), timedelta(minutes=15)
"""EC2's notice, and the longest that FIS waits from its recommendation to rebalance until the interruption."""
SLACK = timedelta(minutes=2)
"""How much later than announced an interruption may be carried out."""
BY_EXPERIMENT = "-by-experiment"
"""How the status of a Spot request ends that FIS interrupts (EC2 user guide, "Get the status of a Spot Instance request")."""
BY_USER = "instance-terminated-by-user"
"""The status after somebody terminated the instance: its group, which rebalances its capacity when FIS recommends it."""


def _require_warning(value: timedelta) -> timedelta:
    if not NOTICE <= value <= LONGEST_WARNING:
        raise ValueError("2 to 15 minutes, as PT2M")
    return value


class Parameters(Model):
    durationBeforeInterruption: Annotated[Span, AfterValidator(_require_warning)] = NOTICE  # noqa: N815 - FIS's own name
    """How long after its recommendation to rebalance FIS interrupts the instances, 2 to 15 minutes. The notice comes two
    minutes before the interruption."""

    @property
    def warning(self) -> timedelta:
        return self.durationBeforeInterruption


class SpotInterruption(InstanceRemoval[Parameters]):
    """`aws:ec2:send-spot-instance-interruptions`: EC2 recommends to rebalance, gives notice two minutes before the end, and
    terminates or stops the instance, as its Spot request says. The group replaces it."""

    type = FaultType.SPOT_INTERRUPTION
    verb = "interrupted"
    actions = (INTERRUPT,)
    parameters = Parameters
    target_key = "SpotInstances"
    action = "send-spot-instance-interruptions"
    leaves_stopped = frozenset({INTERRUPT})

    @property
    def fis_resource_type(self) -> str:
        return "aws:ec2:spot-instance"

    def grants(self) -> tuple[Grant, ...]:
        return grant_tagged("ec2:SendSpotInstanceInterruptions", "ec2", "instance/*"), grant_untagged("ec2:DescribeInstances")

    def way_of(self, _parameters: Parameters, /) -> Way:
        return Way(self.verb, INTERRUPT, "Interrupt the pinned Spot Instances")

    def action_parameters(self, injection: Injection[Instance, Parameters], /) -> Mapping[str, str]:
        return {BEFORE: iso_duration(injection.parameters.warning)}

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        if problems := find_unknown(parameters, (BEFORE,), action_id):
            raise InvalidInput(problems)
        return {name: value for name, value in parameters.items() if name == BEFORE}

    def check_targets(self, injection: Injection[Instance, Parameters], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        targets, warning = injection.targets, injection.parameters.warning
        others = [f"{target.id} is no Spot Instance" for target in targets if target.spot_request is None]
        requests = ", ".join(f"{target.id} of {target.spot_request}" for target in targets if target.spot_request)
        yield check_targets("spot_instances", targets, others, "; ".join(others), requests or "no target is pinned")
        seen, needed = injection.observed_length, format_length(warning)
        detail = f"the instances go {needed} after the beginning, and the run is observed for {format_length(seen)}"
        yield make_check("interruption_observed", seen > warning, detail)

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """The proof by the Spot request, which tells an interruption by FIS from any other. It shows the notice as well as
        the end."""
        announced = _was_announced(aftermath.fis)
        return tuple(_prove_target(target, aftermath.workload.now(target), announced, aftermath) for target in aftermath.targets(Instance))

    def find_remnants(
        self, template: FaultTemplate, describe: Callable[[], Workload], since: datetime | None = None, /
    ) -> tuple[Remnant, ...]:
        """An instance that is left stopped; and one that still runs although its interruption is announced, which nothing
        takes back: the run is not over before that."""
        workload = describe()
        given = [action.get("parameters", {}).get(BEFORE) for action in template.body["actions"].values()]
        warning = max(length for text in (*given, "PT2M") if (length := parse_length(text)) is not None)
        before = cast_resources(Instance, (target.resource for target in template.before))
        until = since + warning + SLACK if since else workload.at
        return (*super().find_remnants(template, lambda: workload, since), *_find_doomed(before, workload, until))

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        """The report. What is announced and not yet carried out is left of the fault, and it is not over before that."""
        report = super().verify(aftermath)
        warning = aftermath.parameters.warning if isinstance(aftermath.parameters, Parameters) else LONGEST_WARNING
        actions = [action for action in (aftermath.fis.actions if aftermath.fis else ()) if action.action_id == INTERRUPT]
        begun = [action.started_at for action in actions if action.started_at is not None]
        until = max(begun) + warning + SLACK if begun else aftermath.now
        doomed = _find_doomed(aftermath.targets(Instance), aftermath.workload, until)
        if not doomed:
            return report
        leftovers = tuple(remnant.description for remnant in doomed)
        update = {"outcome": RollbackOutcome.NOT_RESTORED, "differences": (*leftovers, *report.differences), "leftovers": leftovers}
        return report.model_copy(update=update)


def _find_doomed(before: Iterable[Instance], workload: Workload, until: datetime) -> list[Remnant]:
    """The instances that still run although their interruption is announced: their Spot request says so, or it is not yet
    the time until which they may go."""
    running = [now for target in before if (now := workload.now(target)) is not None and now.state == "running"]
    doomed = [now for now in running if workload.at < until or (now.spot_status or "").endswith(BY_EXPERIMENT)]
    return [_make_remnant(now) for now in doomed]


def _make_remnant(now: Instance) -> Remnant:
    command = shell_command("aws", "ec2", "describe-spot-instance-requests", "--spot-instance-request-ids", now.spot_request or "")
    return Remnant(f"{now.id} still runs, and will be interrupted: nothing takes the announcement back", command)


def _was_announced(fis: FisExperiment | None) -> bool:
    own = [action for action in fis.actions if action.action_id == INTERRUPT] if fis else []
    return bool(own) and all(action.started_at is not None and action.status in RAN for action in own)


def _prove_target(before: Instance, now: Instance | None, announced: bool, aftermath: Aftermath) -> Proof:
    state, status = now.state if now else "gone", now.spot_status if now else None
    lost = now is None or now.state in now.LOST | STOPPED
    detail = f"{before.id} is {state}, and its Spot request is {status or 'not known any more'}"
    if status is not None and status.endswith(BY_EXPERIMENT):
        return Proof(target=before.id, proven=True, kind="state", detail=detail, at=aftermath.workload.at)
    if lost and announced and status in {None, BY_USER}:
        return Proof(target=before.id, proven=True, kind="state", detail=f"{detail}; FIS had announced its end", at=aftermath.workload.at)
    return Proof(target=before.id, proven=False, kind="state", detail=detail, at=aftermath.workload.at)
