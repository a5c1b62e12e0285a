"""FIS actions that an experiment names by their id: the table of actions says how they are compiled, granted and checked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field, create_model

from squall.domain.actions.action import ActionParameter
from squall.domain.actions.table import ACTIONS
from squall.domain.base.model import Model
from squall.domain.base.problems import require_pattern
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.domain.documents.rollback import RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.experiment.fault_traits import FaultTraits
from squall.domain.policy.custom_actions import VALUE, Grant
from squall.domain.resources.instances import Instance
from squall.domain.resources.volumes import Volume
from squall.faults.base import Aftermath, Injection, R
from squall.faults.checks import check_targets
from squall.faults.fis import LONGEST_VALUE, targets_by_arn
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.mechanisms.reported import ReportedFault

READS = ("Describe", "Get", "List")
"""How the names of IAM actions begin that only read."""
UNCOMPARED = frozenset({"tags", "launched_at", "in_service_at", "addresses", "carries_others"})
"""Fields that change without a fault, or that are known only at some times."""


def make_parameters(action_id: str) -> type[Model]:
    """The model of an action's parameters, by the table. Squall sets the length itself."""
    action = ACTIONS[action_id]
    own = [*action.target_parameters, *(parameter for parameter in action.parameters if parameter.name != action.length_parameter)]
    fields: dict[str, Any] = {parameter.name: _make_field(action_id, parameter) for parameter in own}
    return create_model("Parameters", __base__=Model, __module__=__name__, **fields)


def _make_field(action_id: str, parameter: ActionParameter) -> tuple[Any, Any]:
    """The type and the default of a parameter; numbers are compared with the bounds that AWS documents."""
    match parameter.kind:
        case "integer":
            kind: Any = Annotated[int, Field(strict=True, ge=parameter.least, le=parameter.greatest)]
        case "number":
            kind = Annotated[float, Field(strict=True, ge=parameter.least, le=parameter.greatest, allow_inf_nan=False)]
        case "flag":
            kind = Annotated[bool, Field(strict=True)]
        case "choice":
            kind = Annotated[str, require_pattern(f"^({'|'.join(map(re.escape, parameter.choices))})$", " or ".join(parameter.choices))]
        case "list":
            entry = f"({parameter.entry})"
            several = require_pattern(f"^{entry}(,{entry})*$", f"entries with commas between them: {parameter.example}")
            kind = Annotated[str, Field(max_length=LONGEST_VALUE), several]
        case _:
            kind = Annotated[str, require_pattern(VALUE, "at most 1,024 characters without spaces")]
    description = f"{parameter.name} of {action_id}, as AWS documents it."
    if parameter.required:
        return kind, Field(description=description)
    return kind | None, Field(default=_parse_default(parameter), description=description)


def _parse_default(parameter: ActionParameter) -> object:
    match parameter.kind:
        case _ if parameter.default is None:
            return None
        case "integer":
            return int(parameter.default)
        case "number":
            return float(parameter.default)
        case "flag":
            return parameter.default.lower() == "true"
        case _:
            return parameter.default


class ActionFault(ReportedFault[R, Model]):
    """A FIS action by its id. FIS's report tells that it ran; the experiment's `fault_signal` tells that it did
    something."""

    needs_signal = True
    leaves_at_once: ClassVar[bool] = False
    """Whether a target is out of service as soon as the action begins."""
    arns: ClassVar[tuple[str, str]]
    """Service and resource of the targets' ARNs, with `*` for their names."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not hasattr(cls, "type"):
            return  # a base of several actions
        action = ACTIONS[cls.type.value]
        cls.resource_type = ResourceType(action.resource_type or "")
        cls.risk, cls.actions, cls.target_key = action.risk, (action.id,), action.target_key or ""
        cls.action = action.id.rpartition(":")[2]
        cls.target_parameters = tuple(parameter.name for parameter in action.target_parameters)
        if "parameters" not in vars(cls):
            cls.parameters = make_parameters(action.id)
        cls.names = {name: name for name in cls.parameters.model_fields}

    @property
    def instant_actions(self) -> tuple[str, ...]:
        return () if ACTIONS[self.type.value].lasts else self.actions

    @property
    def permissions(self) -> tuple[str, ...]:
        """The IAM actions that AWS documents for FIS's role."""
        return ACTIONS[self.type.value].permissions

    def grants(self) -> tuple[Grant, ...]:
        """The permissions of the table: reads, and calls on targets that carry the environment's tag."""
        reads = tuple(name for name in self.permissions if name.partition(":")[2].startswith(READS))
        writes = tuple(grant_tagged(name, *self.arns) for name in self.permissions if name not in reads)
        return (*writes, grant_untagged(*reads)) if reads else writes

    def describe(self, _parameters: Model, /) -> str:
        return ACTIONS[self.type.value].does

    def action_parameters(self, injection: Injection[R, Model], /) -> Mapping[str, str]:
        values = {name: getattr(injection.parameters, name) for name in self.names if name not in self.target_parameters}
        return {name: _write_value(value) for name, value in values.items() if value is not None}

    def traits(self, parameters: Model) -> FaultTraits:
        return replace(super().traits(parameters), targets_leave_at_once=self.leaves_at_once)

    def find_changes(self, before: R, now: R | None, /) -> Iterable[str]:
        """Each field of the target that differs. Of a target that its group replaces, the group tells what is missing."""
        if before.belongs_to and _is_lost(before, now):
            return
        if now is None:
            yield f"{before.id} is gone"
            return
        for field in type(before).model_fields:
            old, new = getattr(before, field), getattr(now, field)
            if field not in UNCOMPARED and old != new:
                yield f"the {field} of {now.id} is {new}, it was {old}"

    def lost_any(self, before: Sequence[R], aftermath: Aftermath) -> bool:
        return super().lost_any(before, aftermath) or any(_is_lost(target, aftermath.workload.now(target)) for target in before)

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        """The report. For an action that is over at once it names no time until which the fault could have lasted."""
        report = super().verify(aftermath)
        return report.model_copy(update={"could_have_lasted_until": None}) if self.instant_actions else report


class RebootInstances(ActionFault[Instance]):
    """`aws:ec2:reboot-instances`: the operating system restarts. Address, volumes and launch time stay, so that no call
    of EC2 shows it."""

    type = FaultType.REBOOT_INSTANCES
    kind = Instance
    verb = "rebooted"
    arns = ("ec2", "instance/*")
    leaves_at_once = True
    moves_metrics = ("healthy_hosts", "unhealthy_hosts")
    takes = frozenset({"agent", "network"})
    """A reboot ends commands, and the rules that network documents made are gone after it."""


class VolumeIoLatency(ActionFault[Volume]):
    """`aws:ebs:volume-io-latency`: delays reads and writes of a volume for every instance that it is attached to. One
    action takes volumes of one zone only."""

    type = FaultType.VOLUME_IO_LATENCY
    kind = Volume
    verb = "delayed the I/O of"
    arns = ("ec2", "volume/*")
    takes = frozenset({"agent"})
    """An instance whose disk is slow may answer late, and so may its agent."""

    def fis_targets(self, injection: Injection[Volume, Model], /) -> dict[str, dict[str, Any]]:
        zones = sorted({volume.zone for volume in injection.targets})
        groups = [[volume for volume in injection.targets if volume.zone == zone] for zone in zones]
        return targets_by_arn(self.target_key, self.resource_type, *groups)

    def check_targets(self, injection: Injection[Volume, Model], /) -> Iterable[SafetyCheck]:
        volumes = injection.targets
        loose = [f"{volume.id} is attached to nothing" for volume in volumes if not volume.attachments]
        far = [volume.id for volume in volumes if volume.outpost]
        attached = "; ".join(f"{volume.id} of {', '.join(sorted(volume.contains))}" for volume in volumes)
        yield check_targets("attached", volumes, loose, "; ".join(loose), attached or "no target is pinned")
        yield check_targets("in_region", volumes, far, f"{', '.join(far)} is on an Outpost", "no volume is on an Outpost")

    def find_changes(self, before: Volume, now: Volume | None, /) -> Iterable[str]:
        if now is None and before.attachments and all(attachment.deleted_with for attachment in before.attachments):
            return  # it went with its instance, whose group tells whether another took over
        yield from super().find_changes(before, now)


def _is_lost(before: R, now: R | None) -> bool:
    return now is None or now.state in before.LOST


def _write_value(value: object) -> str:
    """The value as FIS takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
