"""Commands that the environment's policy lists: Run Command documents of the user's own, or of AWS in a certain version."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from squall.domain.base.model import Model
from squall.domain.base.vocabulary import ResourceType
from squall.domain.documents.rollback import Proof, RollbackReport
from squall.domain.documents.safety import SafetyCheck
from squall.domain.policy.custom_actions import SEND, CustomAction, Grant, locate_document
from squall.domain.resources.base import Resource
from squall.domain.resources.instances import Instance
from squall.domain.resources.types import cast_resources
from squall.domain.run.ssm_state import CommandState
from squall.faults.base import Aftermath, Injection
from squall.faults.custom.fault import CustomFault, Parameters
from squall.faults.custom.lengths import write_length
from squall.faults.fis import LONGEST, iso_duration
from squall.faults.grants import grant_tagged, grant_untagged
from squall.faults.mechanisms.command import CommandFault
from squall.faults.mechanisms.send_command import SLACK, check_online


class CustomCommand(CommandFault[Resource, Parameters], CustomFault):
    """A listed command on instances. The commands that reached them are the proof, and tell whether it is over.

    Nobody knows what of an instance such a document uses. So it does not run on an instance beside a fault on its network, or
    one of which CPU usage is the proof.
    """

    takes = frozenset({"network"})
    stirs = frozenset({"cpu"})

    def __init__(self, listed: CustomAction, *, name: str = "", needs_signal: bool = False) -> None:
        super().__init__(ResourceType.INSTANCE, listed, name=name, needs_signal=needs_signal)
        self.target_key = "Instances"
        self.beside = listed.beside
        self.ssm_documents = (self._document.rpartition("document/")[2],)

    @property
    def _document(self) -> str:
        """The name or ARN of the document. Raises LookupError for an entry that is no command."""
        if self.listed.command is None:
            raise LookupError("this entry sends no command")
        return self.listed.command

    @property
    def instant_actions(self) -> tuple[str, ...]:
        """A document that is not told how long it disturbs may be over at once; its effect is then there as long as the
        fault."""
        return () if self.listed.length else self.actions

    def grants(self) -> tuple[Grant, ...]:
        document = locate_document(self._document, "{partition}", "{region}", "{account}")
        return (
            grant_tagged("ssm:SendCommand", "ec2", "instance/*"),
            grant_untagged("ssm:SendCommand", resources=(document,)),
            grant_untagged("ec2:DescribeInstances", "ssm:ListCommands", "ssm:CancelCommand"),
        )

    def check_targets(self, injection: Injection[Resource, Parameters], /) -> Iterable[SafetyCheck]:
        yield from super().check_targets(injection)
        yield check_online(cast_resources(Instance, injection.targets))

    def action_length(self, length: timedelta, /) -> timedelta:
        """A document with a length of its own has time to undo after it. FIS takes no command of less than a minute."""
        return length + (timedelta(minutes=self.listed.length.undoing_minutes) if self.listed.length else SLACK)

    def compile(self, injection: Injection[Resource, Model]) -> tuple[dict[str, Any], dict[str, Any]]:
        own = self.narrow(injection)
        told: dict[str, str | list[str]] = dict(sorted(self.action_parameters(own).items()))
        if length := self.listed.length:
            told[length.parameter] = write_length(length.unit, own.length)
        parameters = {
            **self.write_document(self._document, own, told),
            "duration": iso_duration(min(self.action_length(own.length), LONGEST)),
        }
        targets = self.fis_targets(own)
        actions = {
            f"{self.action}{name.removeprefix(self.target_key)}": {
                "actionId": SEND,
                "description": self.describe(own.parameters),
                "parameters": parameters,
                "targets": {self.target_key: name},
            }
            for name in targets
        }
        needs_wait = not self.lasts(own.parameters) or own.observed_length > own.length
        return targets, {**actions, "observe": self.wait(own)} if needs_wait else actions

    def verify(self, aftermath: Aftermath, /) -> RollbackReport:
        """What became of each target. Until when a document lasts that is not told how long, nobody knows."""
        report = super().verify(aftermath)
        return report if self.listed.length else report.model_copy(update={"could_have_lasted_until": None})

    def prove_command(self, target: str, commands: Sequence[CommandState]) -> Proof:
        """The proof by the command. The effect of a document that is not told how long it disturbs does not end with it."""
        proof = super().prove_command(target, commands)
        return proof if self.listed.length else proof.model_copy(update={"until": None})
