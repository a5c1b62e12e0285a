"""Parses an environment's policy."""

from collections.abc import Mapping

from squall.admission.json_limits import find_json_problems, make_type_problem
from squall.domain.base.problems import WHOLE, InvalidInput, prefix_paths
from squall.domain.base.spelling import parse_corrected
from squall.domain.policy.environment import Environment


def parse_environment(raw: object, path: str = WHOLE) -> Environment:
    """The environment's policy. Raises InvalidInput with every problem, each with its path below `path`."""
    json_problems = find_json_problems(raw)
    if json_problems or not isinstance(raw, Mapping):
        raise InvalidInput(prefix_paths(path, json_problems or [make_type_problem(raw, "an environment")]))
    return parse_corrected(raw, Environment, path)
