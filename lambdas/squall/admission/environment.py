"""Parses an environment's policy."""

from collections.abc import Mapping

from pydantic import ValidationError

from squall.admission.json_limits import find_json_problems, make_type_problem
from squall.domain.base.problems import WHOLE, InvalidInput, list_validation_problems, prefix_paths
from squall.domain.policy.environment import Environment


def parse_environment(raw: object, path: str = WHOLE) -> Environment:
    """The environment's policy. Raises InvalidInput with every problem, each with its path below `path`."""
    json_problems = find_json_problems(raw)
    if json_problems or not isinstance(raw, Mapping):
        raise InvalidInput(prefix_paths(path, json_problems or [make_type_problem(raw, "an environment")]))
    try:
        return Environment.model_validate(raw)
    except ValidationError as error:
        raise InvalidInput(prefix_paths(path, list_validation_problems(error, raw, WHOLE, Environment))) from None
