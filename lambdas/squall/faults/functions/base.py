"""What all faults share that FIS injects into invocations of Lambda functions: by its own extension, which reads them from S3."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import Field

from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.model import Model
from squall.domain.resources.base import Resource
from squall.domain.resources.functions import LambdaFunction
from squall.domain.resources.types import these
from squall.domain.resources.workload import Workload
from squall.domain.run.aws_state import ActionState, FisExperiment
from squall.domain.run.commands import shell_command
from squall.domain.vocabulary import CheckOutcome, ResourceType, Risk, RollbackOutcome
from squall.faults.base import ByHand, Commands, P, TypedParameters, check, iso_duration, targets_by_arn
from squall.faults.mechanisms.template_parameters import Names, read

KEY = "Functions"
WRAPPER = "/opt/aws-fis/bootstrap"
EXTENSION = "aws-fis-extension"
"""In the name of the layer that AWS publishes."""
RAMP_DOWN = timedelta(seconds=20)
"""How long after its end the extension may go on, says AWS; it may begin a minute late."""
_WRITTEN = frozenset({"running", "completed", "stopping", "stopped"})


Percent = Annotated[int, Field(strict=True, ge=1, le=100)]
"""Of invocations, chosen at random by the extension."""


class FunctionFault(TypedParameters[P], ABC):
    """`aws:lambda:invocation-…`: FIS writes the fault into the folder that the function's configuration names, and takes it away again."""

    resource_type = ResourceType.FUNCTION
    title: str
    risk: Risk
    action: str
    reversible = True
    ssm_documents: tuple[str, ...] = ()
    fis_actions: tuple[str, ...]
    moves_metrics: tuple[str, ...] = ()
    unless_allowed: Mapping[str, tuple[float, float]] = {}
    unless_listed: Mapping[str, tuple[str, ...]] = {}
    names: Mapping[str, Names]
    """By action: its parameters, its duration excepted."""

    @abstractmethod
    def action_id(self, parameters: P) -> str:
        """The action that does it with these parameters: one of `fis_actions`."""

    @abstractmethod
    def action_parameters(self, parameters: P) -> Mapping[str, str]:
        """The action's own parameters: without its duration."""

    @abstractmethod
    def describe(self, parameters: P) -> str:
        """What the action does, in words."""

    def needs(self, pinned: Sequence[LambdaFunction], parameters: P) -> Iterable[SafetyCheck]:  # noqa: ARG002 - for overriding
        """Checks besides the extension's."""
        return ()

    def lasts(self, action_id: str) -> bool:  # noqa: ARG002 - of tasks there are actions that don't
        """Whether the action takes a duration."""
        return True

    def read(self, action_id: str, given: Mapping[str, str]) -> dict[str, Any]:
        """Our parameters of one of its actions', its duration excepted, unchecked. Raises ValueError for what the fault would not be."""
        return read(given, self.names[action_id], {}, self.parameters, self.type.value)

    def shows(self, parameters: P) -> Mapping[str, Any] | None:  # noqa: ARG002 - for overriding
        """Which of Lambda's own metrics must move, and how; None: it has none that would."""
        return None

    def signals(self, parameters: Model, workload: Workload, pinned: Sequence[Resource]) -> tuple[Signal, ...]:  # noqa: ARG002
        shown = self.shows(self._own(parameters))
        if shown is None:
            return ()
        return tuple(
            Signal(targets=(one.id,), namespace="AWS/Lambda", dimensions=(("FunctionName", one.id),), required=True, **shown)
            for one in pinned
        )

    def prerequisites(self, workload: Workload, pinned: Sequence[Resource], parameters: Model) -> tuple[SafetyCheck, ...]:
        functions = tuple(workload.now(one) or one for one in these(LambdaFunction, pinned))
        return (*_extension(functions), *self.needs(functions, self._own(parameters)))

    def compile(
        self,
        parameters: Model,
        pinned: Sequence[Resource],
        length: timedelta,
        *,
        region: str,  # noqa: ARG002 - the protocol's
        partition: str,  # noqa: ARG002 - the protocol's
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        own = self._own(parameters)
        targets = targets_by_arn(KEY, self.resource_type, these(LambdaFunction, pinned))
        actions = {
            f"{self.action}{name.removeprefix(KEY)}": {
                "actionId": self.action_id(own),
                "description": self.describe(own),
                "parameters": {**self.action_parameters(own), "duration": iso_duration(length)},
                "targets": {KEY: name},
            }
            for name in targets
        }
        return targets, actions

    def prove(
        self,
        pinned: Sequence[Resource],
        workload_after: Workload,  # noqa: ARG002 - the protocol's
        commands: Commands,  # noqa: ARG002 - the protocol's
        fis: FisExperiment | None,
    ) -> tuple[Proof, ...]:
        """FIS wrote it where the extension looks. Whether that heard, only a metric tells: see `shows`."""
        return tuple(_proof(one, self._actions(fis)) for one in these(LambdaFunction, pinned))

    def verify(
        self,
        before: Sequence[TargetBefore],
        before_workload: Workload,  # noqa: ARG002 - the protocol's
        after_workload: Workload,
        commands: Commands,
        fis: FisExperiment | None,
        now: datetime,
        length: timedelta | None = None,
    ) -> RollbackReport:
        then = these(LambdaFunction, (target.resource for target in before))
        actions = self._actions(fis)
        leftovers = tuple(_left(actions, then))
        differences = (*leftovers, *(words for one in then for words in _changed(one, after_workload.now(one))))
        starts = [action.started_at for action in actions if action.started_at]
        # What FIS could not take away lies there until somebody does: nobody knows whether the extension ends it by itself.
        bounded = starts and length is not None and not any(action.status == "failed" for action in actions)
        untouched = RollbackOutcome.NOT_NEEDED if not starts else RollbackOutcome.RESTORED
        return RollbackReport(
            at=now,
            proofs=self.prove(then, after_workload, commands, fis),
            outcome=RollbackOutcome.NOT_RESTORED if differences else untouched,
            differences=differences,
            leftovers=leftovers,
            could_have_lasted_until=max(starts) + length + RAMP_DOWN if bounded and length is not None else None,
        )

    def left_over(self, before: Sequence[TargetBefore], now: Callable[[], Workload]) -> tuple[ByHand, ...]:  # noqa: ARG002
        return ()

    def _actions(self, fis: FisExperiment | None) -> list[ActionState]:
        return [action for action in (fis.actions if fis else ()) if action.action_id in self.fis_actions]


def _extension(functions: Sequence[LambdaFunction]) -> Iterable[SafetyCheck]:
    zipped = [one for one in functions if one.package != "Image"]
    bare = [one.id for one in zipped if not any(EXTENSION in layer.lower() for layer in one.layers)]
    said = f"{', '.join(bare)} has no layer with FIS's extension: nothing in it would hear of the fault"
    yield check("extension_layer", bool(functions) and not bare, said if bare else "every function has FIS's extension, or is an image")
    unwrapped = [one.id for one in zipped if one.wrapper != WRAPPER]
    said = f"AWS_LAMBDA_EXEC_WRAPPER of {', '.join(unwrapped)} is not {WRAPPER}: invocations don't pass the extension"
    yield check("extension_wraps", bool(functions) and not unwrapped, said if unwrapped else "invocations pass the extension")
    lost = [one.id for one in functions if not one.configuration_location]
    said = f"{', '.join(lost)} has no AWS_FIS_CONFIGURATION_LOCATION: the extension would not know where to look"
    yield check("configuration_location", bool(functions) and not lost, said if lost else "every extension knows where faults are written")
    changing = [one.id for one in functions if one.updating]
    said = f"{', '.join(changing)} is being updated, or its last update failed"
    yield check("not_updating", bool(functions) and not changing, said if changing else "no function is being updated")
    unseen = "not told from outside: whether the function's role may read that folder, reaches S3, and streams no responses"
    images = [one.id for one in functions if one.package == "Image"]
    unseen += f"; whether the image of {', '.join(images)} holds the extension" if images else ""
    yield SafetyCheck(name="extension_reads", outcome=CheckOutcome.WARNED, detail=unseen)


def _proof(one: LambdaFunction, actions: Sequence[ActionState]) -> Proof:
    wrong = [f"{action.name} is {action.status}" for action in actions if action.status not in _WRITTEN]
    if wrong or not actions:
        detail = f"FIS wrote nothing for {one.id}: {'; '.join(wrong) or 'it has no such action'}"
        return Proof(target=one.id, proven=False, kind="mechanism", detail=detail)
    return Proof(
        target=one.id,
        proven=True,
        kind="mechanism",
        detail=f"FIS wrote the fault for {one.id} into {one.configuration_location}",
        at=min((action.started_at for action in actions if action.started_at), default=None),
        until=max((action.ended_at for action in actions if action.ended_at), default=None),
    )


def _left(actions: Sequence[ActionState], functions: Sequence[LambdaFunction]) -> Iterable[str]:
    places = sorted({one.configuration_location for one in functions})
    where = ", ".join(places)
    look = " && ".join(shell_command("aws", "s3", "ls", "--recursive", f"s3://{place.rpartition(':::')[2]}") for place in places)
    for action in actions:
        if action.status in {"running", "stopping", "initiating"}:
            yield f"FIS's action {action.name} is still {action.status}"
        elif action.status == "failed":
            left = f"may have left its fault in {where}, for as long as it lies there"
            yield f"FIS's action {action.name} failed, and {left}; by hand: {look}"


def _changed(before: LambdaFunction, now: LambdaFunction | None) -> Iterable[str]:
    if now is None:
        yield f"{before.id} is gone"
        return
    if now.state != before.state:
        yield f"{now.id} is {now.state}, it was {before.state}"
    for field in ("layers", "wrapper", "configuration_location", "timeout_seconds"):
        if getattr(now, field) != getattr(before, field):
            yield f"{now.id}: {field} was {getattr(before, field)}, is {getattr(now, field)}"
