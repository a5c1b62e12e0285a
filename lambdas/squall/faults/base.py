"""What a fault module declares, and what all of them share."""

import builtins
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Generic, Protocol, TypeVar, get_args

from pydantic import ValidationError

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.problems import InvalidInput, Problem
from squall.domain.resources.base import Resource
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import CommandState, FisExperiment
from squall.domain.vocabulary import CheckOutcome, FaultType, ResourceType, Risk, RollbackOutcome

Commands = Mapping[str, Sequence[CommandState]]
"""Target's id to the invocations of the fault's document on it, newest first."""
ByHand = tuple[str, str]
"""What a fault left behind, in words, and the AWS CLI command that takes it away."""
ARNS_PER_TARGET = 5
WAIT = "aws:fis:wait"
LONGEST = timedelta(hours=12)
"""Of a FIS action."""
P = TypeVar("P", bound=Model)
ModelType = type[Model]


class Fault(Protocol):
    """One fault type on one resource type. Everything about it stands in its module; the rest of Squall asks through this."""

    @property
    def type(self) -> FaultType: ...
    @property
    def resource_type(self) -> ResourceType: ...
    @property
    def title(self) -> str: ...
    @property
    def risk(self) -> Risk: ...
    @property
    def reversible(self) -> bool:
        """Whether stopping it undoes it."""

    @property
    def ssm_documents(self) -> tuple[str, ...]:
        """Names of the Systems Manager documents whose commands are the fault's mechanism; which one it sends, its parameters say."""

    @property
    def fis_actions(self) -> tuple[str, ...]: ...
    @property
    def moves_metrics(self) -> tuple[str, ...]:
        """Canonical metrics the fault itself manipulates: a guard on one would watch the fault, not the workload."""

    @property
    def unless_allowed(self) -> Mapping[str, tuple[float, float]]:
        """Narrower ranges of parameters, least and greatest, that hold wherever the environment's policy names none: beyond them the
        agent that ends the fault may not hear that it should."""

    @property
    def unless_listed(self) -> Mapping[str, tuple[str, ...]]:
        """Of parameters that are words, those that are allowed wherever the environment's policy names none: the others take more away
        than they seem to."""

    @property
    def parameters(self) -> ModelType:
        """Model of its parameters: typed, with ranges and units in the names."""

    def parse(self, raw: Mapping[str, Any]) -> Model:
        """Typed parameters; raises InvalidInput with paths `parameters.<name>`."""

    def prerequisites(self, workload: Workload, pinned: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:
        """What must be true of the targets for the fault to work at all, each a check with a sentence."""

    def compile(
        self, parameters: Model, pinned: Sequence[Resource], length: timedelta, *, region: str, partition: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Targets and actions of the FIS template."""

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:
        """Metrics that contradict a mechanism which reports success while it does nothing; none where no metric of AWS's tells, or the
        proof is the targets' own state. `workload` as it was before."""

    def prove(
        self, pinned: Sequence[Resource], workload_after: Workload, commands: Commands, fis: FisExperiment | None
    ) -> tuple[Proof, ...]:
        """Whether it provably happened, one proof a pinned target: by state or mechanism, never by what users see."""

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
        length: timedelta | None = None,
    ) -> RollbackReport:
        """What became of each target, compared with its pre-state; FIS's word `stopped` is not enough.

        `length` is how long the fault was to last: it bounds what nobody can stop."""

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:
        """What is still there of a fault that is over in FIS, commands of an agent excepted. `now` describes the account."""


class TypedParameters(Generic[P]):
    """A fault type whose parameters are one model."""

    type: FaultType
    parameters: builtins.type[P]

    def parse(self, raw: Mapping[str, Any]) -> P:
        return parse_parameters(self.parameters, raw)

    def _own(self, parameters: Model) -> P:
        """The same parameters, typed. Raises TypeError for the parameters of another fault."""
        if not isinstance(parameters, self.parameters):
            raise TypeError(f"{builtins.type(parameters).__name__} is no model of {self.type.value}'s parameters")
        return parameters


def outcome_of(*, differences: bool, lost: bool, touched: bool) -> RollbackOutcome:
    """`lost`: targets are gone and others took their places; `touched`: the fault reached at least one target."""
    if differences:
        return RollbackOutcome.NOT_RESTORED
    if lost:
        return RollbackOutcome.RECOVERED
    return RollbackOutcome.RESTORED if touched else RollbackOutcome.NOT_NEEDED


def parse_parameters(model: type[P], raw: Mapping[str, Any]) -> P:
    """The parameters, or InvalidInput naming each wrong one as `parameters.<name>` with what was given."""
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        problems = [_problem(model, detail["loc"], detail["type"], detail["msg"], detail["input"]) for detail in error.errors()]
        raise InvalidInput(problems) from None


def targets_by_arn(key: str, resource_type: ResourceType, *together: Sequence[Resource]) -> dict[str, dict[str, Any]]:
    """FIS targets by ARN, at most five ARNs each, named by the key their action gives them: `Instances`, `Instances2` …

    Several sequences: what no target may mix."""
    some = [[resource.arn for resource in one] for one in together]
    groups = [arns[i : i + ARNS_PER_TARGET] for arns in some for i in range(0, len(arns), ARNS_PER_TARGET)]
    return {
        key + (str(number) if number > 1 else ""): {
            "resourceType": resource_type.value,
            "resourceArns": group,
            "selectionMode": "ALL",
        }
        for number, group in enumerate(groups, start=1)
    }


def numeric(annotation: object) -> bool:
    """Whether a parameter of this type is a whole number."""
    return annotation is int or any(numeric(part) for part in get_args(annotation))


def wait_action(length: timedelta) -> dict[str, Any]:
    """A wait beside a fault that ends in a moment."""
    return {
        "actionId": WAIT,
        "description": "Keep the experiment and its stop conditions alive for the observation",
        "parameters": {"duration": iso_duration(length)},
    }


def iso_duration(length: timedelta) -> str:
    """`PT1H30M`, `PT45S`: whole seconds, rounded up, as FIS reads them."""
    seconds = max(1, ceil(length.total_seconds()))
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return "PT" + "".join(f"{value}{letter}" for value, letter in ((hours, "H"), (minutes, "M"), (rest, "S")) if value)


def check(name: str, ok: bool, detail: str) -> SafetyCheck:
    """A prerequisite as a safety check."""
    return SafetyCheck(name=name, outcome=CheckOutcome.PASSED if ok else CheckOutcome.FAILED, detail=detail)


def _problem(model: type[Model], where: tuple[int | str, ...], kind: str, message: str, given: object) -> Problem:
    path = ".".join(["parameters", *(str(part) for part in where)])
    if kind == "extra_forbidden":
        return Problem(path=path, message="there is no such parameter", expected=" or ".join(sorted(model.model_fields)))
    if kind == "missing":
        return Problem(path=path, message="is missing", expected="a value: it has no default")
    said = "is missing" if given is None else f"{str(given)[:100]!r} is refused"
    return Problem(path=path, message=said, expected=message.removeprefix("Value error, "))
