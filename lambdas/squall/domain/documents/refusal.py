"""`refusal.json`: why an input was refused."""

from datetime import datetime

from squall.domain.documents.document import Document
from squall.domain.problems import Problem


class Refusal(Document):
    """`refusal.json`, by Admit or Discover: every problem of the input."""

    NAME = "refusal"

    at: datetime
    problems: tuple[Problem, ...]
