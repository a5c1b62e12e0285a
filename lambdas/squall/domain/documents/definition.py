"""`definition.json`: the experiment as admitted, after overrides."""

from squall.domain.base.model import hash_document
from squall.domain.base.vocabulary import Mode
from squall.domain.documents.document import Document
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.published import DefinitionSource
from squall.domain.policy.environment import Environment


class Definition(Document):
    """`definition.json`, by Admit: the experiment after overrides, and the policy it runs under."""

    NAME = "definition"

    experiment: Experiment
    environment: Environment
    mode: Mode
    definition_hash: str
    promotion_hash: str = ""
    """`hashes.promotion_hash` of the experiment: the same in every environment. Empty in documents of earlier
    versions."""
    source: DefinitionSource = DefinitionSource()
    """Where the experiment comes from."""
    not_carried_over: tuple[str, ...] = ()
    """What of the FIS template that the experiment adopts has no effect, or is replaced by Squall's own: each with its path."""
    requested_by: str | None = None
    trigger: str | None = None
    account: str
    region: str
    partition: str = "aws"

    def is_here(self, name: str) -> bool:
        """Whether the resource may be in this run's partition, Region and account. An ARN says where it is, and
        one of IAM only in which account; an id counts as one of here."""
        if not name.startswith("arn:"):
            return True
        _, partition, _, region, account, *_ = [*name.split(":"), "", "", "", ""]
        return (partition, account) == (self.partition, self.account) and region in {self.region, ""}

    def alarm_arn(self, alarm: str) -> str:
        """The ARN of a CloudWatch alarm, given by its name or by its ARN."""
        return alarm if alarm.startswith("arn:") else f"arn:{self.partition}:cloudwatch:{self.region}:{self.account}:alarm:{alarm}"

    @property
    def admitted_hash(self) -> str:
        """SHA-256 of the whole document. Fields at their defaults are left out, so that a new field changes no hash."""
        return hash_document(self.model_dump(mode="json", exclude_defaults=True))
