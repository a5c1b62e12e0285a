"""Parses an environment's policy."""

from collections.abc import Mapping

from squall.admission.json_limits import find_json_problems, make_type_problem
from squall.domain.base.problems import WHOLE, InvalidInput, Problem, extend_path, prefix_paths
from squall.domain.base.spelling import parse_corrected
from squall.domain.base.vocabulary import FaultType
from squall.domain.policy.environment import Environment


def parse_environment(raw: object, path: str = WHOLE) -> Environment:
    """The environment's policy. Raises InvalidInput with every problem, each with its path below `path`."""
    json_problems = find_json_problems(raw)
    if json_problems or not isinstance(raw, Mapping):
        raise InvalidInput(prefix_paths(path, json_problems or [make_type_problem(raw, "an environment")]))
    environment = parse_corrected(raw, Environment, path)
    if FaultType.NO_FAULT in raw.get("allowed_types", ()):
        where = extend_path("allowed_types", list(raw["allowed_types"]).index(FaultType.NO_FAULT))
        message = f"{FaultType.NO_FAULT.value} is no fault: a Region that carries the load of others needs no permission"
        raise InvalidInput(prefix_paths(path, [Problem(path=where, message=message, expected="a fault type")]))
    return environment
