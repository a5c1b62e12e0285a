"""The reviewed FIS actions, Automation documents and Run Command documents that an environment's policy lists besides the
faults that Squall knows."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from squall.domain.base.durations import validation_error
from squall.domain.base.model import Model
from squall.domain.base.problems import require_pattern
from squall.domain.base.vocabulary import CHOSEN_BY_TAGS, ResourceType, Risk
from squall.domain.policy.rollback import Rollback, expand_rollback

CUSTOM_NAME = require_pattern(r"^[a-z][a-z0-9-]{0,47}$", "lower case letters, digits and -, a letter first")
ParameterName = Annotated[str, require_pattern(r"^[A-Za-z][A-Za-z0-9_]{0,63}$", "letters, digits and _, a letter first")]
VALUE = r"^\S{1,1024}$"
"""The pattern of a parameter's value that FIS accepts."""
TOLD = r"^[^\x00-\x1f\x7f]{1,1024}$"
"""The pattern of a value that a document is told. It lies within the JSON of an action's parameter, where a space is escaped."""
_NEVER = re.compile(r"(iam|sts|organizations):.*|[a-z0-9-]+:.*Tag.*|.*\*.*", re.IGNORECASE)
"""Actions that change rights or the opt-in tag, and patterns that could match such an action."""
OF_AWS = ("aws", "amazon", "amzn")
"""What the names of AWS's own documents begin with. Nobody else may create a document of such a name (Systems Manager API
reference, CreateDocument)."""
AUTOMATION, SEND = "aws:ssm:start-automation-execution", "aws:ssm:send-command"
OWN = frozenset({"duration", "maxDuration"})
"""Parameters of an action that hold the fault's length. Squall sets them; what a document calls so is the document's own."""


class Grant(Model):
    """A statement of the environment's FIS role."""

    actions: Annotated[tuple[Annotated[str, require_pattern(r"^[a-z0-9-]+:[A-Za-z0-9]+$", "service:Action")], ...], Field(min_length=1)]
    """IAM actions, each in full."""
    resources: Annotated[tuple[Annotated[str, require_pattern(r"^(\*|arn:[^\s]+)$", "ARNs, or *")], ...], Field(min_length=1)]
    """The ARNs that the actions may touch."""
    tagged: Annotated[bool, Field(strict=True)] = True
    """Whether the statement is limited to resources that carry the environment's tag. `false` where the API checks no
    tag: for a read, or for a resource that has no tags."""

    @field_validator("actions")
    @classmethod
    def _refuse_harmful(cls, actions: tuple[str, ...]) -> tuple[str, ...]:
        for action in actions:
            if _NEVER.fullmatch(action):
                raise validation_error(
                    f"{action} is never granted to a role that injects faults", "exact actions that touch neither rights nor tags"
                )
        return actions


class Touched(Model):
    """Which resources feel a document, whatever it calls. They have to opt in, their failure domains are locked, and what their
    users notice is judged and guarded. Of an Automation document they are the fault's targets; of a command they feel what
    the instances do to which it is sent."""

    arns: Annotated[tuple[Annotated[str, require_pattern(r"^arn:[^\s]+$", "an ARN")], ...], Field(max_length=50)] = ()
    """The ARNs of all of them."""
    tags: Annotated[dict[str, str], Field(max_length=20)] = {}
    """Tags that all of them carry, and nothing else of their type."""
    resource_type: ResourceType | None = None
    """Beside `command`: of which type they are. Beside `document` they are of the entry's own type."""

    @model_validator(mode="after")
    def _require_one(self) -> "Touched":
        if bool(self.arns) == bool(self.tags):
            raise validation_error("says what is touched twice, or not at all", "exactly one of arns and tags")
        return self


class DocumentLength(Model):
    """How a document is told how long it disturbs. It then ends by itself, and Squall gives it the fault's length."""

    parameter: ParameterName
    """The document's parameter that holds the length."""
    unit: Literal["iso", "seconds", "minutes"] = "iso"
    """How it is written: `PT10M`, `600` or `10`."""
    undoing_minutes: Annotated[int, Field(ge=1, le=60, strict=True)] = 5
    """How long the document may need afterwards to undo what it did. FIS stops an Automation document that runs for longer; a
    command that runs for longer is left over."""


class CustomAction(Model):
    """One reviewed action: an `action` of FIS, an Automation `document`, or the document of a `command`."""

    description: Annotated[str, Field(min_length=1, max_length=300), require_pattern(r"^[^\x00-\x1f\x7f]+$", "text on one line")]
    """What the action does, in one line."""
    resource_type: ResourceType
    """What it acts on."""
    action: Annotated[str, require_pattern(r"^aws:[a-z0-9-]+:[a-z0-9-]+$", "the id of a FIS action")] | None = None
    """The id of the FIS action. Give exactly one of this, `document` and `command`."""
    target_key: Annotated[str, require_pattern(r"^[A-Za-z]{1,64}$", "what the action calls its targets, such as Instances")] | None = None
    """What the FIS action calls its targets."""
    document: Annotated[str, require_pattern(r"^[a-zA-Z0-9_\-.:/]{3,128}$", "the name or ARN of an Automation document")] | None = None
    """The name or ARN of the Automation document."""
    command: Annotated[str, require_pattern(r"^[A-Za-z0-9_.:/-]{3,128}$", "the name or ARN of a Run Command document")] | None = None
    """The name or ARN of the Run Command document, which is sent to the pinned instances."""
    version: Annotated[str, require_pattern(r"^[1-9][0-9]*$", "a number, in quotes")] | None = None
    """The reviewed version of the document. Without it, whoever may edit the document would decide what is run."""
    assume_role: Annotated[str, require_pattern(r"^arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+$", "the ARN of a role")] | None = None
    """The role with which the Automation document acts. A command acts as the instance that runs it."""
    touches: Touched | None = None
    """What feels the document, by ARN or tag. Of an Automation document they are resources of `resource_type`: an experiment
    hits all of them, and nothing else; a FIS template that starts the document is adopted with them as its targets. Beside a
    command they are what feels it besides the instances that it is sent to, such as the database that a load generator asks."""
    parameters: dict[ParameterName, Annotated[str, Field(min_length=1, max_length=500)]] = {}
    """The parameters that an experiment sets, all of them: name to the regular expression that the whole value matches."""
    fixed: dict[ParameterName, Annotated[str, require_pattern(TOLD, "at most 1,024 characters on one line")]] = {}
    """The parameters whose values the policy sets: name to value. Those of an action of FIS hold no spaces."""
    length: DocumentLength | None = None
    """The document's own length. Without it FIS stops an Automation document at the end of the fault, a command has to end by
    itself until then, and no fault can follow in a scenario, because nothing says when the document has ended."""
    lasts: Annotated[bool, Field(strict=True)] = False
    """Whether FIS keeps the action up for a `duration` and then reverts it. Otherwise it is over at once, and the template
    holds a wait beside it."""
    self_reverting: Annotated[bool, Field(strict=True)] = False
    """Whether nothing has to be undone afterwards. Otherwise an experiment needs a `rollback`."""
    rollback: Annotated[Rollback, BeforeValidator(expand_rollback)] | None = None
    """What undoes the action: one of the policy's `rollback_documents`, with its parameters. An experiment has to name it as its
    `rollback`; one that adopts a FIS template has it without naming it."""
    success_is_proof: Annotated[bool, Field(strict=True)] | None = None
    """Whether the fault happened if the action, or the command on each target, succeeded. If not, only a metric shows it, and an
    experiment needs a `fault_signal`. Beside `command` it has to be said."""
    risk: Risk = "high"
    """Its risk class, which `maximum_risk` bounds."""
    iam: Annotated[tuple[Grant, ...], Field(max_length=20)] = ()
    """The statements that the environment's FIS role needs for the action. Starting a document is granted without them."""

    @property
    def fis_action(self) -> str:
        return self.action or (AUTOMATION if self.document else SEND)

    @property
    def any_document(self) -> str | None:
        """The name or ARN of the document, of whichever kind. None for an action of FIS."""
        return self.document or self.command

    @property
    def beside(self) -> tuple[ResourceType, Touched] | None:
        """What feels a command besides its targets, and of which type it is. None: nothing, or it is no command."""
        if self.command is None or self.touches is None or self.touches.resource_type is None:
            return None
        return self.touches.resource_type, self.touches

    @field_validator("parameters")
    @classmethod
    def _check_patterns(cls, value: dict[str, str]) -> dict[str, str]:
        for name, expression in value.items():
            try:
                re.compile(expression)
            except re.error as error:
                raise validation_error(f"the pattern of {name} is no regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _check_combination(self) -> "CustomAction":
        if [self.action, self.document, self.command].count(None) != 2:
            raise validation_error("names several things to run, or none", "exactly one of action, document and command", at="action")
        if self.action is not None:
            self._check_action(self.action)
        if self.document is not None and (self.version is None or self.assume_role is None or self.iam or self.lasts):
            message = "a document acts as a role of its own, in a version that was reviewed, and ends by itself"
            raise validation_error(message, "version and assume_role; no iam, no lasts", at="document")
        if self.document is not None and self.touches is not None and self.touches.resource_type not in {None, self.resource_type}:
            message = f"the targets of a document are of type {self.resource_type.value}"
            raise validation_error(message, "no resource_type in touches beside document", at="touches")
        if self.command is not None:
            self._check_command()
        if self.rollback is not None and self.self_reverting:
            raise validation_error("nothing has to be undone, and something undoes it", "either self_reverting or rollback", at="rollback")
        self._check_parameters()
        return self

    def _check_parameters(self) -> None:
        """Raises ValueError for parameters that are said twice."""
        given = {*self.fixed, *self.parameters}
        if self.length is not None and self.length.parameter in given:
            message = f"{self.length.parameter} is the length of the document, which Squall sets"
            raise validation_error(message, "other parameters", at="parameters")
        if twice := sorted({*self.fixed} & {*self.parameters} | (given & OWN if self.action is not None else set())):
            raise validation_error(f"{', '.join(twice)} is fixed, or is the length of the fault", "other parameters", at="parameters")

    def _check_action(self, action: str) -> None:
        """Raises ValueError for what an action of FIS can't have, or lacks."""
        if action.startswith(("aws:ssm:", "aws:fis:")):
            message = f"{action} is no action by itself: a document says what it does, and FIS's own actions have no targets"
            raise validation_error(message, "document or command, or another action", at="action")
        if self.resource_type in CHOSEN_BY_TAGS:
            message = f"FIS takes no ARNs of {self.resource_type.words}s"
            raise validation_error(message, "the action's id in allowed_types, which is run by tags", at="resource_type")
        if not self.iam or self.target_key is None:
            raise validation_error("FIS could not run the action", "target_key, and the actions of the role in iam", at="iam")
        if self.version or self.assume_role:
            raise validation_error("only a document has a version and a role", "no version and no assume_role beside action", at="version")
        if self.touches is not None:
            message = "the targets of the action are what it touches"
            raise validation_error(message, "no touches beside action", at="touches")
        if spaced := [name for name, value in self.fixed.items() if not re.fullmatch(VALUE, value)]:
            raise validation_error(f"{', '.join(spaced)} holds a space", "values without spaces, as FIS takes them", at="fixed")
        if self.length is not None:
            raise validation_error("FIS tells an action how long it lasts", "no length beside action; lasts, if it has one", at="length")

    def _check_command(self) -> None:
        """Raises ValueError for what a Run Command document can't have, or lacks."""
        if self.resource_type is not ResourceType.INSTANCE:
            message = f"FIS sends commands to instances, not to {self.resource_type.with_article}"
            raise validation_error(message, ResourceType.INSTANCE.value, at="resource_type")
        if self.version is None:
            raise validation_error("whoever may edit the document would decide what is run", "version: the reviewed one", at="version")
        if self.assume_role or self.iam or self.lasts or self.target_key:
            message = "a command acts as the instance that runs it, and ends by itself"
            raise validation_error(message, "no assume_role, no iam, no target_key, no lasts", at="command")
        if self.touches is not None and self.touches.resource_type is None:
            message = "a command always touches the instances that it is sent to; `touches` needs the type of what else feels it"
            raise validation_error(message, f"resource_type, such as {ResourceType.DATABASE_CLUSTER.value}", at="touches")
        if self.success_is_proof is None:
            message = "does a command that succeeded prove that the fault happened?"
            raise validation_error(message, "success_is_proof: true, or false: then experiments need a fault_signal", at="success_is_proof")


def belongs_to_aws(document: str) -> bool:
    """Whether a document of this name is AWS's own."""
    return document.lower().startswith(OF_AWS)


def locate_document(document: str, partition: str, region: str, account: str) -> str:
    """The ARN of a document that an entry names. AWS's own belong to no account."""
    owner = "" if belongs_to_aws(document) else account
    return document if document.startswith("arn:") else f"arn:{partition}:ssm:{region}:{owner}:document/{document}"
