"""Faults in invocations of Lambda functions. FIS writes the fault to S3, and its extension in the function reads it
there."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from squall.domain.base.vocabulary import CheckOutcome, ResourceType
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.judging.fault_signals import Signal
from squall.domain.policy.custom_actions import Grant
from squall.domain.resources.functions import Extended, LambdaFunction
from squall.domain.run.commands import shell_command
from squall.domain.run.fis_state import ActionState, FisExperiment
from squall.faults.base import Aftermath, Fault, Injection
from squall.faults.checks import check_targets
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.mechanisms.capacity import outcome_of
from squall.faults.mechanisms.lasting import RAN
from squall.faults.parameters import Names, P, read_parameters

WRAPPER = "/opt/aws-fis/bootstrap"
EXTENSION = "aws-fis-extension"
"""A part of the name of the layer that AWS publishes."""
RAMP_DOWN = timedelta(seconds=20)
"""How long after the fault's end the extension may go on, according to AWS; it may begin a minute late."""

Percent = Annotated[int, Field(strict=True, ge=1, le=100)]
"""Percent of invocations, which the extension chooses at random."""


class FunctionFault(Fault[LambdaFunction, P]):
    """`aws:lambda:invocation-…`: FIS writes the fault into the folder that the function's configuration names, and
    removes it at the end."""

    resource_type = ResourceType.FUNCTION
    kind = LambdaFunction
    takes = frozenset({"fault configuration"})
    target_key = "Functions"
    names: Mapping[str, Names]
    """The parameters of each action, apart from its duration."""

    @abstractmethod
    def invocation_parameters(self, parameters: P, /) -> Mapping[str, str]:
        """The action's parameters, its duration excepted."""

    def check_functions(self, _injection: Injection[LambdaFunction, P], /) -> Iterable[SafetyCheck]:
        """Checks of what this fault requires besides the extension."""
        return ()

    def expected_metric(self, _parameters: P, /) -> Mapping[str, Any] | None:
        """The metric of Lambda that must move, and how, as fields of a Signal; None if no metric of Lambda would."""
        return None

    def grants(self) -> tuple[Grant, ...]:
        # The function tells FIS where its extension looks; IAM lets FIS ask only functions that opted in, and write in
        # one place only.
        return (
            grant_untagged("s3:PutObject", "s3:DeleteObject", resources=("{lambda_fault_configuration}*",)),
            grant_tagged("lambda:GetFunction", "lambda", "function:*"),
            grant_untagged("tag:GetResources"),
        )

    def action_parameters(self, injection: Injection[LambdaFunction, P], /) -> Mapping[str, str]:
        return self.invocation_parameters(injection.parameters)

    def read_action(self, action_id: str, parameters: Mapping[str, str], /) -> dict[str, Any]:
        return read_parameters(parameters, self.names[action_id], {}, self.parameters, self.type.value)

    def check_targets(self, injection: Injection[LambdaFunction, P], /) -> Iterable[SafetyCheck]:
        yield from _check_extension(injection.targets, [part for target in injection.targets for part in target.everything])
        yield from self.check_functions(injection)

    def expect_signals(self, injection: Injection[LambdaFunction, P], /) -> Iterable[Signal]:
        metric = self.expected_metric(injection.parameters)
        for target in injection.targets if metric is not None else ():
            yield Signal(
                targets=(target.id,), namespace="AWS/Lambda", dimensions=(("FunctionName", target.id),), required=True, **(metric or {})
            )

    def prove(self, aftermath: Aftermath, /) -> tuple[Proof, ...]:
        """The proof that FIS wrote the fault to where the extension looks.

        Only a metric shows whether the extension read it: `expected_metric`.
        """
        actions = self._find_actions(aftermath.fis)
        return tuple(_prove_target(target, actions) for target in aftermath.targets(LambdaFunction))

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        before, length = aftermath.targets(LambdaFunction), aftermath.length
        actions = self._find_actions(aftermath.fis)
        leftovers = tuple(_find_leftovers(actions, before))
        changes = (change for target in before for change in _find_changes(target, aftermath.workload.now(target)))
        differences = (*leftovers, *changes)
        starts = [action.started_at for action in actions if action.started_at]
        # A fault that FIS could not remove stays in the folder until somebody removes it. It is not documented whether
        # the extension ends it by itself.
        failed = any(action.status == "failed" for action in actions)
        return RollbackReport(
            at=aftermath.now,
            proofs=self.prove(aftermath),
            outcome=outcome_of(touched=bool(starts), lost=False, differences=differences),
            differences=differences,
            leftovers=leftovers,
            could_have_lasted_until=max(starts) + length + RAMP_DOWN if starts and length is not None and not failed else None,
        )

    def _find_actions(self, fis: FisExperiment | None) -> list[ActionState]:
        return [action for action in (fis.actions if fis else ()) if action.action_id in self.actions]


def _check_extension(targets: Sequence[LambdaFunction], functions: Sequence[Extended]) -> Iterable[SafetyCheck]:
    """Whether FIS's extension is in the targets.

    `functions`: the targets, and the versions that their aliases serve. A version keeps the configuration that the
    function had when it was published.
    """
    zipped = [function for function in functions if function.package != "Image"]
    bare = [function.id for function in zipped if not any(EXTENSION in layer.lower() for layer in function.layers)]
    refusal = f"{', '.join(bare)} has no layer with FIS's extension: nothing in it would learn of the fault"
    yield check_targets("extension_layer", functions, bare, refusal, "every function has FIS's extension, or is an image")
    unwrapped = [function.id for function in zipped if function.wrapper != WRAPPER]
    refusal = f"AWS_LAMBDA_EXEC_WRAPPER of {', '.join(unwrapped)} is not {WRAPPER}: invocations don't pass the extension"
    yield check_targets("extension_wraps", functions, unwrapped, refusal, "invocations pass the extension")
    lost = [function.id for function in functions if not function.configuration_location]
    refusal = f"{', '.join(lost)} has no AWS_FIS_CONFIGURATION_LOCATION: the extension would not know where to look"
    yield check_targets("configuration_location", functions, lost, refusal, "every extension knows where faults are written")
    changing = [f"{target.id} is being updated, or its last update failed" for target in targets if target.updating]
    changing += [f"alias {name} of {target.id} serves two versions" for target in targets for name in target.shifting]
    yield check_targets("not_updating", targets, changing, "; ".join(changing), "no function is being updated")
    yield _check_registered(targets)
    yield from _check_polling(functions)
    unknown = "cannot be told from outside: whether the function's role may read that folder, reaches S3, and streams no responses"
    images = [function.id for function in functions if function.package == "Image"]
    unknown += f"; whether the image of {', '.join(images)} holds the extension" if images else ""
    yield SafetyCheck(name="extension_reads", outcome=CheckOutcome.WARNED, detail=unknown)


def _check_registered(targets: Sequence[LambdaFunction]) -> SafetyCheck:
    """Whether the configuration of everything that target groups send requests to is known. A version that is
    registered by its number, and that no alias serves, was not looked at."""
    known = {part.id for target in targets for part in target.everything}
    names = {name: f"{target.id}{name.removeprefix(target.arn)}" for target in targets for name in target.registered}
    unknown = [name for name, id_ in names.items() if id_.rpartition(":")[2].isdecimal() and id_ not in known]
    refusal = f"whether {', '.join(unknown)} has FIS's extension is not known, and a target group sends it requests: register an alias"
    return check_targets("versions_known", targets, unknown, refusal, "the configuration of all that is served is known")


def _check_polling(functions: Sequence[Extended]) -> Iterable[SafetyCheck]:
    """Whether the extension hears of the fault in time. A run in which it does not is invalid, so this only warns.

    AWS FIS User Guide, Lambda extension: an invocation that is shorter than a look for faults (about 70 ms) ends before
    it; environments from a snapshot skip their first look.
    """
    hasty = [function.id for function in functions if function.poll_wait_milliseconds <= 0]
    warning = f"AWS_FIS_POLL_MAX_WAIT_MILLISECONDS of {', '.join(hasty)} is not set: short or rare invocations never learn of the fault"
    yield _make_warning("extension_waits", hasty, warning, "every invocation waits for the extension's look for faults")
    snapped = [function.id for function in functions if function.snap_start]
    warning = f"{', '.join(snapped)} has SnapStart: new environments may learn of the fault a minute late"
    yield _make_warning("no_snap_start", snapped, warning, "no function starts from a snapshot")


def _make_warning(name: str, wrong: Sequence[str], warning: str, fine: str) -> SafetyCheck:
    outcome = CheckOutcome.WARNED if wrong else CheckOutcome.PASSED
    return SafetyCheck(name=name, outcome=outcome, detail=warning if wrong else fine)


def _prove_target(target: LambdaFunction, actions: Sequence[ActionState]) -> Proof:
    wrong = [f"{action.name} is {action.status}" for action in actions if action.status not in RAN]
    if wrong or not actions:
        detail = f"FIS wrote nothing for {target.id}: {'; '.join(wrong) or 'it has no such action'}"
        return Proof(target=target.id, proven=False, kind="mechanism", detail=detail)
    return Proof(
        target=target.id,
        proven=True,
        kind="mechanism",
        detail=f"FIS wrote the fault for {target.id} into {target.configuration_location}",
        at=min((action.started_at for action in actions if action.started_at), default=None),
        until=max((action.ended_at for action in actions if action.ended_at), default=None),
    )


def _find_leftovers(actions: Sequence[ActionState], functions: Sequence[LambdaFunction]) -> Iterable[str]:
    places = sorted({function.configuration_location for function in functions})
    where = ", ".join(places)
    look = " && ".join(shell_command("aws", "s3", "ls", "--recursive", f"s3://{place.rpartition(':::')[2]}") for place in places)
    for action in actions:
        if action.status in {"running", "stopping", "initiating"}:
            yield f"FIS's action {action.name} is still {action.status}"
        elif action.status == "failed":
            left = f"may have left its fault in {where}, for as long as it lies there"
            yield f"FIS's action {action.name} failed, and {left}; by hand: {look}"


def _find_changes(before: LambdaFunction, now: LambdaFunction | None) -> Iterable[str]:
    if now is None:
        yield f"{before.id} is gone"
        return
    if now.state != before.state:
        yield f"{now.id} is {now.state}, it was {before.state}"
    for field in ("layers", "wrapper", "configuration_location", "timeout_seconds", "versions"):
        if getattr(now, field) != getattr(before, field):
            yield f"{now.id}: {field} was {getattr(before, field)}, is {getattr(now, field)}"
