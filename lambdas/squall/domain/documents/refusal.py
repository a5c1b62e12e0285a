"""`refusal.json`: why an input was refused."""

from datetime import datetime

from squall.domain.model import Model
from squall.domain.problems import Problem


class Refusal(Model):
    """`refusal.json`, by Admit or Discover: everything that was wrong with what was asked."""

    at: datetime
    problems: tuple[Problem, ...]
