"""What is wrong with an input: a path, what was found, what was expected. All problems are reported at once."""

from collections.abc import Iterable

from squall.domain.model import Model


class Problem(Model):
    path: str
    """Where: `success_criteria[1]`, `duration_minutes`, or `$` for the whole input."""
    message: str
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" + (f" (expected {self.expected})" if self.expected else "")


class InvalidInput(Exception):
    """Raised by parsers with every problem found; never with an empty list."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))
