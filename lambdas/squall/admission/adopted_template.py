"""Completes a definition with the FIS template that its experiment adopts."""

from collections.abc import Mapping
from typing import Any

from squall.admission.experiment import parse_experiment
from squall.admission.json_limits import MAXIMUM_DEPTH, is_deeper_than
from squall.admission.policy import find_policy_problems, find_ranges_problems
from squall.domain.base.problems import InvalidInput, Problem, prefix_paths
from squall.domain.documents.definition import Definition
from squall.domain.experiment.experiment import Experiment
from squall.domain.experiment.hashes import definition_hash, promotion_hash
from squall.domain.policy.environment import Environment
from squall.faults.adoption.keys import PATH
from squall.faults.adoption.template import apply_template, list_replaced


def adopt_template(definition: Definition, template: Mapping[str, Any] | None) -> Definition:
    """The definition with the targets and parameters of its FIS template, as if the experiment had declared them.

    `template` is what GetExperimentTemplate answers; None if there is no such template. Raises InvalidInput with every
    disagreement between the template and the experiment.
    """
    experiment, environment = definition.experiment, definition.environment
    if template is None:
        message = f"there is no FIS template {experiment.fis_template_id} in {definition.region}"
        raise InvalidInput([Problem(path=PATH, message=message, expected=f"one of {definition.account} in this Region")])
    if is_deeper_than(template, MAXIMUM_DEPTH):
        message = f"the FIS template is nested deeper than {MAXIMUM_DEPTH} levels"
        raise InvalidInput([Problem(path=PATH, message=message)])
    complete = apply_template(definition, template)
    if problems := _find_problems(complete, environment):
        raise InvalidInput(prefix_paths(PATH, problems))
    return definition.model_copy(
        update={
            "experiment": complete,
            "definition_hash": definition_hash(complete),
            "promotion_hash": promotion_hash(complete),
            "not_carried_over": tuple(f"{path}: {why}" for path, why in list_replaced(template)),
        }
    )


def _find_problems(complete: Experiment, environment: Environment) -> list[Problem]:
    """What would be wrong with the experiment if it had been written with the template's targets and parameters."""
    try:
        parse_experiment(complete.model_dump(mode="json", exclude_none=True, exclude={PATH}))
    except InvalidInput as invalid:
        return list(invalid.problems)
    return [*find_ranges_problems(complete, environment), *find_policy_problems(complete, environment)]
