"""The examples in docs/faults.md of FIS actions by their ids are experiments that Squall admits, under the policy beside them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from squall.admission.experiment import parse_experiment
from squall.admission.policy import find_policy_problems
from squall.domain.base.vocabulary import FaultType
from squall.domain.policy.environment import Environment
from tests.unit.builders import REL12

PAGE = Path(__file__).parents[4] / "docs" / "faults.md"
POLICY, EXPERIMENT = "# environments/staging.yaml\n", "# an experiment\n"


def list_examples() -> dict[str, str]:
    """The examples by the action that they name."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return {match[1]: block for block in blocks if (match := re.search(r"^type: \"?(aws:[a-z0-9:-]+)", block, re.MULTILINE))}


EXAMPLES = list_examples()


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 8
    assert set(EXAMPLES) <= {kind.value for kind in FaultType}


@pytest.mark.parametrize("action", EXAMPLES)
def test_an_example_is_admitted(action: str) -> None:
    policy, _, text = EXAMPLES[action].rpartition(EXPERIMENT)
    own: dict[str, Any] = yaml.safe_load(text)
    kept = {name: value for name, value in REL12.items() if name not in {"target_resources", "rollback", "duration_minutes"}}
    experiment = parse_experiment({**kept, "duration": "15m", **own})
    declared = {"allowed_types": [action], **(yaml.safe_load(policy.removeprefix(POLICY)) or {})}
    environment = Environment.model_validate({"name": experiment.environment, **declared})
    assert [str(problem) for problem in find_policy_problems(experiment, environment)] == []
