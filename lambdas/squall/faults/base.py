"""The base class of faults: everything that the rest of Squall asks about a fault is declared in the fault's own
module."""

import builtins
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from squall.domain.base.model import Model
from squall.domain.base.problems import InvalidInput, Problem, prefix_paths
from squall.domain.base.vocabulary import FaultType, ResourceType, Risk
from squall.domain.documents.fault import FaultTemplate, TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.judging.fault_signals import Signal
from squall.domain.policy.custom_actions import Grant, Touched
from squall.domain.regions.part import FaultElsewhere
from squall.domain.resources.base import Resource
from squall.domain.resources.types import cast_resources
from squall.domain.resources.workload import Workload
from squall.domain.run.fis_state import WAIT, FisExperiment
from squall.domain.run.ssm_state import CommandState
from squall.faults.fis import LONGEST, iso_duration, targets_by_arn, wait_action
from squall.faults.parameters import P, length_problems, parse_length, parse_parameters

R = TypeVar("R", bound=Resource)
R_co = TypeVar("R_co", bound=Resource, covariant=True)
P_co = TypeVar("P_co", bound=Model, covariant=True)


class Remnant(NamedTuple):
    """What a fault left behind although it is over: a description, and the AWS CLI command that removes it."""

    description: str
    command: str


@dataclass(frozen=True)
class Injection(Generic[R_co, P_co]):
    """A fault that is about to be injected."""

    parameters: P_co
    targets: Sequence[R_co]
    """The pinned resources."""
    workload: Workload
    """The account's description of the targets and of what they belong to."""
    length: timedelta
    """How long the fault lasts; for a fault that is over at once, what counts as the time of the fault."""
    region: str
    partition: str
    observation: timedelta | None = None
    """How long the run is observed from the effect of the fault on, at least as long as the fault. None: as long as the
    fault."""

    chosen_by: Mapping[str, str] = field(default_factory=dict)
    """The tags that a target has to carry, with the environment's own. Where FIS takes no ARNs, it chooses by them."""

    @property
    def observed_length(self) -> timedelta:
        """How long guards and stop conditions must live, from the effect of the fault on."""
        return self.observation or self.length


@dataclass(frozen=True)
class Aftermath:
    """What is known about a fault after it was injected."""

    before: Sequence[TargetBefore]
    """The pinned targets as they were right before the fault."""
    workload_before: Workload
    workload: Workload
    """The workload as it is now."""
    commands: Mapping[str, Sequence[CommandState]]
    """Target id to the commands with the fault's documents that the target was sent, newest first."""
    fis: FisExperiment | None
    """The FIS experiment. None: nothing was injected, or FIS has forgotten the experiment."""
    now: datetime
    length: timedelta | None = None
    """How long the fault was to last; None if it is not known. A fault that nobody can stop lasts no longer."""
    parameters: Model | None = None
    """The fault's parameters; None if they are not known."""
    elsewhere: Sequence[FaultElsewhere] = ()
    """The faults of the other Regions of a run over several, where this one has none."""

    def targets(self, kind: type[R]) -> tuple[R, ...]:
        """The pinned targets before the fault. Raises TypeError for a target of another type."""
        return cast_resources(kind, (target.resource for target in self.before))


class Fault(ABC, Generic[R, P]):
    """One fault type on one resource type.

    A subclass declares the attributes below and overrides what differs. The rest of Squall never asks for a fault by
    its name.
    """

    type: FaultType
    resource_type: ResourceType
    kind: builtins.type[R]
    """The model of its targets."""
    verb: str
    """The verb with which a report says what Squall did to the targets: `terminated`."""
    risk: Risk
    parameters: builtins.type[P]
    """The model of its parameters, with types, ranges, and units in the names."""
    actions: tuple[str, ...]
    """Ids of the FIS actions that inject it. The parameters decide which one is used."""
    target_key: str
    """The name of the targets in its actions: `Instances`."""
    action: str
    """Name of its actions in the template."""
    length_parameter: str = "duration"
    """The parameter of its actions that says how long they last at most."""
    ssm_documents: tuple[str, ...] = ()
    """Names of the Systems Manager documents whose commands carry out the fault. The parameters decide which one is
    sent."""
    moves_metrics: tuple[str, ...] = ()
    """Canonical metrics that the fault itself moves. A guard on one of them would watch the fault, not the workload."""
    unless_allowed: Mapping[str, tuple[float, float]] = {}
    """Narrower ranges of parameters (least, greatest), which hold unless the environment's policy sets a range.

    Beyond them, the agent that ends the fault may no longer receive the command to end it.
    """
    unless_listed: Mapping[str, tuple[str, ...]] = {}
    """The values of parameters that are allowed unless the environment's policy lists others. Other values take away
    more than their names suggest."""
    targets_are_replaced: bool = False
    """Whether the fault takes its targets away for good. The workload is restored only when others have replaced them.
    """
    takes: frozenset[str] = frozenset()
    """What the fault holds on each target while it lasts: `network`, `agent`."""
    needs: frozenset[str] = frozenset()
    """What each target must have left, for the fault to begin and to end there: `agent`."""
    stirs: frozenset[str] = frozenset()
    """What the fault uses of each target besides what it is named after: `cpu`."""
    told_by: frozenset[str] = frozenset()
    """What of each target tells whether the fault did anything: `cpu`."""
    proven_by_state: bool = False
    """Whether the state of a target after the run is the proof. It does not say which of two such faults caused it."""
    beside: tuple[ResourceType, Touched] | None = None
    """What feels the fault besides its targets, and of which type it is. None: nothing that is known."""
    loss_has_any_cause: bool = False
    """Whether the proof is that the target is gone, whatever ended it."""
    needs_signal: bool = False
    """Whether nothing but a metric can show that the fault did anything: FIS's report says only that the action ran. An
    experiment needs a `fault_signal`, and a run in which it shows nothing is invalid."""
    target_parameters: tuple[str, ...] = ()
    """Names of the fault's parameters that FIS has in the targets, not in the action."""
    in_place_of_templates: str = "the experiment's own target and parameters"
    """What works where the parameters can't be read from a FIS template that somebody else made."""
    improvements_on_loss: tuple[str, ...] = ()
    """What a finding recommends if users noticed the fault, in addition to the recommendations of its kind."""

    @property
    def instant_actions(self) -> tuple[str, ...]:
        """The actions of the fault that are over at once and take no duration."""
        return ()

    def requires_signal(self, _parameters: Mapping[str, Any], /) -> bool:
        """Whether an experiment with these parameters, which are not parsed yet, has to name a `fault_signal`."""
        return self.needs_signal

    @property
    def fis_resource_type(self) -> str:
        """The type of the targets in FIS's template. FIS has a type of its own for some targets of another type."""
        return self.resource_type.value

    @property
    def fis_actions(self) -> tuple[str, ...]:
        """Ids of all FIS actions that the fault's templates may contain."""
        return (*self.actions, WAIT)

    @property
    def reads_templates(self) -> bool:
        """Whether the fault's parameters can be read from a FIS template that somebody else made."""
        return True

    @abstractmethod
    def grants(self) -> tuple[Grant, ...]:
        """The permissions that FIS needs in the environment's role to run the actions."""

    @abstractmethod
    def describe(self, parameters: P, /) -> str:
        """The description of the actions in the template: what is done to the targets."""

    @abstractmethod
    def check_targets(self, injection: Injection[R, P], /) -> Iterable[SafetyCheck]:
        """The checks of what the fault requires of its targets as they are now. Each has a sentence."""

    @abstractmethod
    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """One proof for each target: whether the fault happened, by the target's state or by the mechanism, never by
        what users notice."""

    @abstractmethod
    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        """What became of each target, compared with its state before the fault. FIS's status `stopped` is not
        enough."""

    def action_id(self, _parameters: P, /) -> str:
        """The action, one of `actions`, that injects the fault with these parameters."""
        return self.actions[0]

    def action_parameters(self, _injection: Injection[R, P], /) -> Mapping[str, str]:
        """The action's parameters, apart from its duration."""
        return {}

    def action_length(self, length: timedelta, /) -> timedelta:
        """How long the action may take for a fault of this length."""
        return length

    def expect_signals(self, _injection: Injection[R, P], /) -> Iterable[Signal]:
        """Metrics that the fault must move, so that a mechanism which reports success without effect is noticed.

        None if AWS has no such metric, or if the targets' own state is the proof. `workload` describes the workload
        before the fault.
        """
        return ()

    def find_remnants(
        self, _template: FaultTemplate, _describe: Callable[[], Workload], _since: datetime | None = None, /
    ) -> tuple[Remnant, ...]:
        """What is left of a fault that is over in FIS, apart from commands of an agent.

        `_template` is what FIS was asked to do to which targets. `_describe` asks the account for the workload. `_since` is
        when FIS began; None if it is not known.
        """
        return ()

    def read_action(self, _action_id: str, _given: Mapping[str, str], /) -> dict[str, Any]:
        """The fault's parameters in the parameters of an action, apart from the duration. They are not parsed yet.

        Raises InvalidInput with paths below the parameters if the fault would not be injected with such an action.
        """
        return {}

    def read_values(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        """The fault's parameters in an action of somebody else's template, whatever its length. They are not parsed yet.

        Raises as `read_action` does.
        """
        return self.read_action(action_id, {name: value for name, value in parameters.items() if name != "duration"})

    def read_length(self, action_id: str, parameters: Mapping[str, str], /) -> timedelta | None:
        """How long an action of somebody else's template disturbs its targets. None if it is over at once, or if its
        length can't be read."""
        return None if self.is_instant(action_id, parameters) else parse_length(parameters.get("duration"))

    def list_replaced(self, target: R, _workload: Workload, /) -> tuple[Resource, ...]:
        """What others have to replace if the fault takes this target away: the target itself, or members that it contains."""
        return (target,)

    def refresh(self, target: R, workload: Workload, /) -> R:
        """The target as the workload describes it now; unchanged if the workload no longer contains it."""
        return workload.now(target) or target

    def fis_targets(self, injection: Injection[R, P], /) -> dict[str, dict[str, Any]]:
        """The template's targets by name. Each is hit by its own action. The names begin with `target_key`."""
        return targets_by_arn(self.target_key, self.fis_resource_type, injection.targets)

    def parse(self, raw: Mapping[str, Any]) -> P:
        """The parameters, typed. Raises InvalidInput with paths `parameters.<name>`."""
        return parse_parameters(self.parameters, raw)

    def traits(self, parameters: Model) -> FaultTraits:
        """What the domain needs to know about the fault with these parameters."""
        return FaultTraits(
            ends_at_once=not self.lasts(self._own(parameters)),
            targets_are_replaced=self.targets_are_replaced,
            targets_leave_at_once=self.targets_are_replaced,
            improvements_on_loss=self.improvements_on_loss,
            takes=self.takes,
            needs=self.needs,
            stirs=self.stirs,
            told_by=self.told_by,
            proven_by_state=self.proven_by_state,
            loss_has_any_cause=self.loss_has_any_cause,
        )

    def verb_of(self, _parameters: P, /) -> str:
        """The verb of the fault with these parameters."""
        return self.verb

    def is_instant(self, action_id: str, _parameters: Mapping[str, str], /) -> bool:
        """Whether this action of somebody else's template is over at once."""
        return action_id in self.instant_actions

    def lasts(self, parameters: P) -> bool:
        """Whether the fault lasts until it is stopped, or its time is over. If not, it is over at once."""
        return self.action_id(parameters) not in self.instant_actions

    def prerequisites(self, injection: Injection[Resource, Model]) -> tuple[SafetyCheck, ...]:
        """Checks of what the targets must be, as the workload describes them now, for the fault to work at all."""
        own = self.narrow(injection)
        now = tuple(self.refresh(target, own.workload) for target in own.targets)
        return tuple(self.check_targets(replace(own, targets=now)))

    def signals(self, injection: Injection[Resource, Model]) -> tuple[Signal, ...]:
        """Metrics that the fault must move."""
        return tuple(self.expect_signals(self.narrow(injection)))

    def compile(self, injection: Injection[Resource, Model]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Targets and actions of the FIS template."""
        own = self.narrow(injection)
        targets = self.fis_targets(own)
        actions = {f"{self.action}{name.removeprefix(self.target_key)}": self._fis_action(own, name) for name in targets}
        needs_wait = not self.lasts(own.parameters) or own.observed_length > own.length
        return targets, {**actions, "observe": self.wait(own)} if needs_wait else actions

    def wait(self, injection: Injection[R, P], /) -> dict[str, Any]:
        """The wait beside the fault, from the start of the FIS experiment: the experiment and its stop conditions live until
        the observation ends, also if the fault takes effect as late as its action may."""
        return wait_action(min(self.action_length(injection.observed_length), LONGEST))

    def read_template(self, action_id: str, parameters: Mapping[str, str], length: timedelta, /) -> dict[str, Any]:
        """The fault's parameters in an action of somebody else's template, for an experiment of this length.

        Raises InvalidInput with paths below the action.
        """
        rest, problems = dict(parameters), []
        if action_id not in self.instant_actions:
            problems = length_problems("parameters.duration", rest.pop("duration", None), length)
        return self.read_checked(action_id, rest, "parameters", problems)

    def read_checked(self, action_id: str, parameters: Mapping[str, str], path: str, problems: Sequence[Problem]) -> dict[str, Any]:
        """What `read_action` reads from the action at this path, if it can be parsed and there are no other problems.

        Raises InvalidInput.
        """
        collected, raw = list(problems), {}
        try:
            raw = self.read_action(action_id, parameters)
            self.parse(raw)
        except InvalidInput as invalid:
            collected += prefix_paths(path, invalid.problems)
        if collected:
            raise InvalidInput(collected)
        return raw

    def narrow(self, injection: Injection[Resource, Model]) -> Injection[R, P]:
        """The injection, typed for this fault. Raises TypeError if its targets or parameters belong to another
        fault."""
        return Injection(
            parameters=self._own(injection.parameters),
            targets=cast_resources(self.kind, injection.targets),
            workload=injection.workload,
            length=injection.length,
            region=injection.region,
            partition=injection.partition,
            observation=injection.observation,
            chosen_by=injection.chosen_by,
        )

    def _fis_action(self, injection: Injection[R, P], target: str) -> dict[str, Any]:
        action_id = self.action_id(injection.parameters)
        parameters = dict(self.action_parameters(injection))
        if action_id not in self.instant_actions:
            parameters[self.length_parameter] = iso_duration(min(self.action_length(injection.length), LONGEST))
        return {
            "actionId": action_id,
            "description": self.describe(injection.parameters),
            **({"parameters": parameters} if parameters else {}),
            "targets": {self.target_key: target},
        }

    def _own(self, parameters: Model) -> P:
        if not isinstance(parameters, self.parameters):
            raise TypeError(f"{type(parameters).__name__} is no model of {self.type.value}'s parameters")
        return parameters


AnyFault: TypeAlias = Fault[Any, Any]
