"""Takes pinned instances away: terminates them, as REL12-BP05's experiment does, or stops them, and lets FIS start them
again or not."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal

from pydantic import Field

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType, ResourceType, RollbackOutcome
from squall.domain.documents.fault import FaultTemplate
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.base import Resource
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import cast_resources
from squall.domain.resources.workload import Workload
from squall.domain.result.finding_kinds import REDUNDANCY, SHUTDOWN
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import FisExperiment
from squall.faults.base import Aftermath, Injection, Remnant
from squall.faults.checks import check_targets
from squall.faults.fis import LONGEST, iso_duration
from squall.faults.grants import grant_tagged, grant_untagged, grant_volume_keys
from squall.faults.mechanisms.capacity import missing_capacity
from squall.faults.mechanisms.momentary import MomentaryFault
from squall.faults.parameters import P, find_unknown, length_problems, parse_length

TERMINATE, STOP = "aws:ec2:terminate-instances", "aws:ec2:stop-instances"
RESTART, COMPLETE = "startInstancesAfterDuration", "completeIfInstancesTerminated"
STOPPED = frozenset({"stopping", "stopped"})


@dataclass(frozen=True)
class Way:
    """What becomes of the instances."""

    verb: str
    action: str
    description: str


TERMINATION = Way("terminated", TERMINATE, "Terminate the pinned instances")
STOPPING = Way("stopped", STOP, "Stop the pinned instances")
START_AGAIN = Way("stopped", STOP, "Stop the pinned instances and start them again")
Mode = Literal["terminate", "stop", "stop_and_start"]
WAYS: Mapping[Mode, Way] = {"terminate": TERMINATION, "stop": STOPPING, "stop_and_start": START_AGAIN}


class Parameters(Model):
    mode: Mode = "terminate"
    """What becomes of the instances: `stop` leaves them to their group, which replaces them; after `stop_and_start` FIS
    starts those again that the group has not replaced."""


class StopParameters(Model):
    start_again: bool = Field(default=False, strict=True)
    """Whether FIS starts the instances again after the fault (`startInstancesAfterDuration`), and also when the experiment is
    stopped. If not, their group replaces them."""


class InstanceRemoval(MomentaryFault[Instance, P]):
    """Pinned instances are terminated or stopped."""

    resource_type = ResourceType.INSTANCE
    kind = Instance
    target_key = "Instances"
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    targets_are_replaced = True
    improvements_on_loss = (REDUNDANCY, SHUTDOWN)
    leaves_stopped: ClassVar[frozenset[str]] = frozenset({STOP})
    """The actions after which an instance may be left stopped."""

    @abstractmethod
    def way_of(self, parameters: P, /) -> Way:
        """What becomes of the instances."""

    @property
    def reads_templates(self) -> bool:
        return True

    def grants(self) -> tuple[Grant, ...]:
        return (
            grant_tagged("ec2:StopInstances", "ec2", "instance/*"),
            grant_tagged("ec2:StartInstances", "ec2", "instance/*"),
            grant_volume_keys(),
            grant_untagged("ec2:DescribeInstances"),
        )

    def verb_of(self, parameters: P, /) -> str:
        return self.way_of(parameters).verb

    def traits(self, parameters: Model) -> FaultTraits:
        """An instance that FIS starts again need not be replaced, but leaves all the same."""
        return replace(super().traits(parameters), targets_are_replaced=not self.lasts(self._own(parameters)))

    def lasts(self, parameters: P) -> bool:
        return self.way_of(parameters) is START_AGAIN

    def is_instant(self, action_id: str, parameters: Mapping[str, str], /) -> bool:
        return super().is_instant(action_id, parameters) and RESTART not in parameters

    def action_id(self, parameters: P, /) -> str:
        return self.way_of(parameters).action

    def describe(self, parameters: P, /) -> str:
        return self.way_of(parameters).description

    def action_parameters(self, injection: Injection[Instance, P], /) -> Mapping[str, str]:
        """A group may terminate a stopped instance before FIS starts it again, which is no failure."""
        if not self.lasts(injection.parameters):
            return {}
        return {RESTART: iso_duration(min(injection.length, LONGEST)), COMPLETE: "true"}

    def compile(self, injection: Injection[Resource, Model]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Always with a wait: the action may be over early if the group terminates what FIS was to start."""
        targets, actions = super().compile(injection)
        return targets, {**actions, "observe": self.wait(self.narrow(injection))}

    def read_template(self, action_id: str, parameters: Mapping[str, str], length: timedelta, /) -> dict[str, Any]:
        problems = length_problems(f"parameters.{RESTART}", parameters[RESTART], length) if RESTART in parameters else []
        return self.read_checked(action_id, parameters, "parameters", problems)

    def read_length(self, _action_id: str, parameters: Mapping[str, str], /) -> timedelta | None:
        return parse_length(parameters.get(RESTART))

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        if problems := find_unknown(parameters, (RESTART, COMPLETE) if action_id == STOP else (), action_id):
            raise InvalidInput(problems)
        return self.read_way(TERMINATION if action_id == TERMINATE else START_AGAIN if RESTART in parameters else STOPPING)

    def read_way(self, _way: Way, /) -> dict[str, Any]:
        """The parameters that say what becomes of the instances. They are not parsed yet."""
        return {}

    def check_targets(self, injection: Injection[Instance, P], /) -> Iterable[SafetyCheck]:
        targets = injection.targets
        known = {group.name for group in injection.workload.groups}
        alone = [target.id for target in targets if target.group not in known]
        members = [target for target in targets if target.group in known]
        names = ", ".join(sorted({target.group for target in members if target.group}))
        if self.lasts(injection.parameters):
            confirmation = "; ".join(
                part for part in (f"replaced by {names}" if names else "", f"FIS starts {', '.join(alone)} again" if alone else "") if part
            )
            yield check_targets("comes_back", targets, (), "", confirmation or "no target is pinned")
        else:
            refusal = f"{', '.join(alone)} belongs to no Auto Scaling group, so nothing would replace it"
            yield check_targets("in_auto_scaling_group", targets, alone, refusal, f"replaced by {names or 'nothing: no target is pinned'}")
        out = [f"{target.id} is {target.lifecycle or 'in no lifecycle state'}" for target in members if target.lifecycle != "InService"]
        yield check_targets("in_service", targets, out, "; ".join(out), "every target in a group is in service in it")

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """The proof by the instance's state. A stop is proof only where FIS stopped instances."""
        stops = _has_stopped(aftermath.fis)
        return tuple(
            proof if proof.proven or not stops else self._prove_stop(target, aftermath.workload.now(target), proof)
            for target, proof in zip(aftermath.targets(Instance), super().prove(aftermath), strict=True)
        )

    def _prove_stop(self, before: Instance, now: Instance | None, proof: Proof) -> Proof:
        """An instance that was started again since has another time of launch."""
        if now is not None and now.state in STOPPED:
            return proof.model_copy(update={"proven": True})
        if now is not None and now.launched_at is not None and now.launched_at != before.launched_at:
            return proof.model_copy(update={"proven": True, "detail": f"{now.id} was stopped, and is {now.state} again"})
        return proof

    def observe_effect(self, before: Instance, now: Instance | None, /) -> tuple[bool, str]:
        state = now.state if now else "gone"
        return now is None or state in before.LOST, f"{before.id} is {state}"

    def find_lacks(self, before: Instance, now: Instance | None, /) -> Iterable[str]:
        """An instance that is taken away lacks nothing, because others take its place. One that is left stopped
        does."""
        if remnant := _find_stopped(before, now):
            yield f"{remnant.description}; by hand: {remnant.command}"
        elif before.group is None and (now is None or now.state != before.state):
            yield f"{before.id} is {now.state if now else 'gone'}, it was {before.state}, and no group replaces it"

    def find_remnants(
        self, template: FaultTemplate, describe: Callable[[], Workload], _since: datetime | None = None, /
    ) -> tuple[Remnant, ...]:
        """The instances that are still stopped: FIS did not start them again, or their group has not replaced them."""
        if all(action["actionId"] not in self.leaves_stopped for action in template.body["actions"].values()):
            return ()
        workload = describe()
        targets = cast_resources(Instance, (target.resource for target in template.before))
        remnants = (_find_stopped(target, workload.now(target)) for target in targets)
        return tuple(remnant for remnant in remnants if remnant)

    def find_lacks_around(self, aftermath: Aftermath, /) -> Iterable[str]:
        return missing_capacity(aftermath.before, aftermath.workload_before, aftermath.workload)

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        """`restored` if FIS started every target again, `recovered` if others took the place of one."""
        report = super().verify(aftermath)
        lost = [target for target in aftermath.targets(Instance) if _is_lost(aftermath.workload.now(target))]
        if report.outcome is RollbackOutcome.RECOVERED and not lost:
            return report.model_copy(update={"outcome": RollbackOutcome.RESTORED})
        return report


class InstanceTermination(InstanceRemoval[Parameters]):
    """`aws:ec2:terminate-instances`, or with `mode` `aws:ec2:stop-instances`: the group replaces the instance, so
    afterwards the group must be complete."""

    type = FaultType.INSTANCE_TERMINATION
    verb = "terminated"
    actions = (TERMINATE, STOP)
    parameters = Parameters
    action = "terminate"

    def grants(self) -> tuple[Grant, ...]:
        return (grant_tagged("ec2:TerminateInstances", "ec2", "instance/*"), *super().grants())

    def way_of(self, parameters: Parameters, /) -> Way:
        return WAYS[parameters.mode]

    def read_way(self, way: Way, /) -> dict[str, Any]:
        return {} if way is TERMINATION else {"mode": next(mode for mode, known in WAYS.items() if known is way)}


class StopInstances(InstanceRemoval[StopParameters]):
    """`aws:ec2:stop-instances`: the group replaces the instance, or with `start_again` FIS starts it again after the fault."""

    type = FaultType.STOP_INSTANCES
    verb = "stopped"
    actions = (STOP,)
    parameters = StopParameters
    action = "stop-instances"

    def way_of(self, parameters: StopParameters, /) -> Way:
        return START_AGAIN if parameters.start_again else STOPPING

    def read_way(self, way: Way, /) -> dict[str, Any]:
        return {"start_again": way is START_AGAIN}


def _find_stopped(before: Instance, now: Instance | None) -> Remnant | None:
    if now is None or now.state not in STOPPED:
        return None
    replaced = f", and {before.group} has not replaced it" if before.group and now.group == before.group else ""
    command = shell_command("aws", "ec2", "start-instances", "--instance-ids", now.id)
    return Remnant(f"{now.id} is {now.state}, it was {before.state}{replaced}", command)


def _has_stopped(fis: FisExperiment | None) -> bool:
    return any(action.action_id == STOP and action.started_at is not None for action in (fis.actions if fis else ()))


def _is_lost(now: Instance | None) -> bool:
    return now is None or now.state in now.LOST
