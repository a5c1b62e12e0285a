"""`definition.json`: the experiment as admitted, after overrides."""

from squall.domain.documents.document import Document
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.domain.vocabulary import (
    Mode,
)


class Definition(Document):
    """`definition.json`, by Admit: what runs, after overrides, and the policy it runs under."""

    NAME = "definition"

    experiment: Experiment
    environment: Environment
    mode: Mode
    definition_hash: str
    promotion_hash: str = ""
    """What of it is the same in every environment: `hashes.promotion_hash`. Empty in documents of earlier versions."""
    requested_by: str | None = None
    trigger: str | None = None
    account: str
    region: str
    partition: str = "aws"
