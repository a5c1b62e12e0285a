"""`refusal.json`: why an input was refused."""

from datetime import datetime

from squall.domain.documents.document import Document
from squall.domain.problems import Problem


class Refusal(Document):
    """`refusal.json`, by Admit or Discover: everything that was wrong with what was asked."""

    NAME = "refusal"

    at: datetime
    problems: tuple[Problem, ...]
