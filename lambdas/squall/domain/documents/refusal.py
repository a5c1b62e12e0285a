"""`refusal.json`: why an input was refused."""

from datetime import datetime

from squall.domain.base.problems import Problem
from squall.domain.documents.document import Document


class Refusal(Document):
    """`refusal.json`, by Admit or Discover: every problem of the input."""

    NAME = "refusal"

    at: datetime
    problems: tuple[Problem, ...]
