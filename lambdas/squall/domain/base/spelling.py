"""Misspelt keys of an input: read as the keys that they resemble, so that one slip is one problem.

A key that is unknown is always a problem. Without this its value would be missed elsewhere, too: `duratoin_minutes` would
be an unknown key and a fault without a length.
"""

import copy
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from squall.domain.base.problems import (
    WHOLE,
    InvalidInput,
    Problem,
    extend_path,
    find_near_name,
    list_keys,
    list_validation_problems,
    prefix_paths,
    real_steps,
)

M = TypeVar("M", bound=BaseModel)

_CLOSE = 0.8
"""How similar a key has to be to a known one for its value to be judged as that key's value, from 0 to 1."""
_MOST_LOOKS = 10
"""How deep misspelt keys may lie in each other."""


@dataclass
class Spelling:
    """An input whose misspelt keys have been read as the keys that they resemble."""

    raw: Mapping[str, Any]
    slips: list[Problem] = field(default_factory=list)
    """One problem for each misspelt key."""
    written: dict[str, str] = field(default_factory=dict)
    """The path that each of them would have, to the path that it has."""
    guesses: set[str] = field(default_factory=set)
    """The paths among these whose key is only vaguely similar: what stands there may be meant for something else."""

    def finish(self, problems: Iterable[Problem]) -> list[Problem]:
        """The slips and the problems of the corrected input, each at the place where it is written."""
        return [*self.slips, *(self.place(problem) for problem in problems if not self._is_guess(problem))]

    def _is_guess(self, problem: Problem) -> bool:
        return any(_is_within(problem.path, path) for path in self.guesses)

    def place(self, problem: Problem) -> Problem:
        """The problem at the place in the input; a key that was corrected last may lie within one that was corrected
        before."""
        path = problem.path
        for right, written in reversed(self.written.items()):
            if _is_within(path, right):
                path = written + path[len(right) :]
        return problem if path == problem.path else problem.model_copy(update={"path": path})


def parse_corrected(raw: Mapping[str, Any], model: type[M], path: str) -> M:
    """The input as a model. Raises InvalidInput with every problem, one for each misspelt key, each with its path below
    `path`."""
    spelling = correct_spelling(raw, model)
    problems: list[Problem] = []
    try:
        parsed = model.model_validate(spelling.raw)
        if not spelling.slips:
            return parsed
    except ValidationError as error:
        problems = list_validation_problems(error, spelling.raw, WHOLE, model)
    raise InvalidInput(prefix_paths(path, spelling.finish(problems)))


def correct_spelling(raw: Mapping[str, Any], model: type[BaseModel]) -> Spelling:
    """Reads each key that the model does not know as the one that it resembles, if that one is not there itself."""
    spelling = Spelling(raw)
    for _ in range(_MOST_LOOKS):
        if not _correct_once(spelling, model):
            break
    return spelling


def _correct_once(spelling: Spelling, model: type[BaseModel]) -> bool:
    """Correct the keys that are unknown now; False if there are none. Keys within a misspelt one show only afterwards."""
    try:
        model.model_validate(spelling.raw)
    except ValidationError as error:
        unknown = [tuple(real_steps(details["loc"], spelling.raw)) for details in error.errors() if details["type"] == "extra_forbidden"]
        problems = {problem.path: problem for problem in list_validation_problems(error, spelling.raw, WHOLE, model)}
    else:
        return False
    corrected = copy.deepcopy(spelling.raw)
    found = False
    for steps in unknown:
        parent, key = _find_parent(corrected, steps), str(steps[-1])
        right = find_near_name(key, list_keys(model, steps[:-1]))
        if parent is None or right is None or right in parent or key not in parent:
            continue
        found = True
        path, right_path = extend_path(WHOLE, *steps), extend_path(WHOLE, *steps[:-1], right)
        spelling.slips.append(spelling.place(problems[path]))
        spelling.written[right_path] = path
        if not _is_close(key, right):
            spelling.guesses.add(right_path)
        entries = list(parent.items())
        parent.clear()
        parent.update((right if name == key else name, value) for name, value in entries)
    spelling.raw = corrected
    return found


def _find_parent(raw: Any, steps: Sequence[str | int]) -> dict[str, Any] | None:
    """The object that has the last of the steps as a key."""
    for step in steps[:-1]:
        raw = raw[step]
    return raw if isinstance(raw, dict) else None


def _is_close(key: str, right: str) -> bool:
    return sorted(key) == sorted(right) or difflib.SequenceMatcher(None, key.casefold(), right.casefold()).ratio() >= _CLOSE


def _is_within(path: str, whole: str) -> bool:
    return path == whole or path.startswith((f"{whole}.", f"{whole}["))
