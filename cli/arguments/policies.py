"""The environment policies with which an experiment file is compared.

They are those of the local account, or those that lie beside the file, as in this project: `experiments/` and
`environments/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.arguments import definitions
from local import shipped
from squall.admission.environment import parse_environment
from squall.admission.policy import find_policy_problems, find_ranges_problems
from squall.admission.regions import find_radius_problems
from squall.domain.base.problems import InvalidInput, Problem, show_value, suggest_name
from squall.domain.policy.environment import Environment, Timing
from squall.domain.safety.policy import find_forbidden
from squall.faults import registry
from squall.faults.plan import BoundFault, planned_end, risk_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.session import Options
    from squall.domain.experiment.experiment import Experiment

FOLDER = "environments"
_TELL_LENGTH = ("duration", "success_criteria", "abort_conditions")
"""Where problems stand that tell how long a fault has to be, so that what the policy allows need not be told besides."""


@dataclass(frozen=True)
class Policies:
    """The policies of one folder: name of the environment to its file."""

    files: Mapping[str, Path]

    def find_problems(self, experiment: Experiment) -> list[Problem]:
        """What admission and CheckSafety would refuse because of the environment's policy, without asking AWS."""
        name = experiment.environment
        if name not in self.files:
            message = f"there is no environment {show_value(name)}{suggest_name(name, self.files)}"
            return [Problem(path="environment", message=message, expected=", ".join(sorted(self.files)))]
        file = self.files[name]
        environment = self.read(name)
        if environment is None:
            return [
                Problem(
                    path="environment", message=f"its policy {file} is not valid", expected="squall validate, with that file, shows why"
                )
            ]
        plan = [BoundFault(fault, registry.find_fault(fault)) for fault in experiment.plan]
        problems = [*find_ranges_problems(experiment, environment), *find_policy_problems(experiment, environment)]
        forbidden = find_forbidden(experiment, environment, risk_of(plan), planned_end(plan))
        shortest, longest = environment.timing.minimum_duration_seconds, environment.maximum_duration
        least = min((experiment.length, *experiment.fault_lengths.values()))
        told = not experiment.faults or any(problem.path.startswith(_TELL_LENGTH) for problem in problems)
        if told and least.total_seconds() < shortest and experiment.observed_length <= longest:
            forbidden = (problem for problem in forbidden if problem.path != "duration")
        return [*problems, *forbidden]

    def read(self, name: str) -> Environment | None:
        """The policy of an environment that has a file; None if it is not valid."""
        return _read_policy(self.files[name])

    def find_region_problems(self, name: str) -> list[Problem]:
        """Whether the environment's policy lets a run hit several Regions."""
        environment = _read_policy(self.files[name]) if name in self.files else None
        return list(find_radius_problems(environment)) if environment else []

    def read_timings(self) -> dict[str, Timing]:
        """The pace of each environment whose policy is valid."""
        policies = {name: _read_policy(file) for name, file in self.files.items()}
        return {name: policy.timing for name, policy in policies.items() if policy is not None}

    def show_file(self, environment: str) -> str | None:
        """The policy's file, relative to the current folder where it is below that."""
        if (file := self.files.get(environment)) is None:
            return None
        here = Path.cwd()
        return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _read_policy(file: Path) -> Environment | None:
    """The policy in the file; None if it is not valid."""
    try:
        return parse_environment(definitions.read_source(str(file)).raw)
    except (definitions.UnreadableError, InvalidInput):
        return None


def find_policies(file: str) -> Policies | None:
    """The policies in a folder `environments` in the file's folder or beside it; None if neither has one."""
    folder = Path(file).absolute().parent
    return next((found for beside in (folder, folder.parent) if (found := read_folder(beside / FOLDER)).files), None)


def choose_policies(options: Options) -> Policies | None:
    """The policies of the account that the options name: with `--local`, those of the local account. None: those that lie
    beside each file."""
    return read_folder(shipped.POLICIES) if options.local else None


def read_folder(folder: Path) -> Policies:
    """The policies among the YAML files of a folder; none if there is no such folder."""
    return Policies({path.stem: path for path in sorted(folder.glob("*.y*ml")) if _may_be_policy(path)})


def _may_be_policy(path: Path) -> bool:
    """Whether the file looks like an environment policy, or can't be read. The folder may belong to another tool, whose
    files have other keys."""
    try:
        raw = definitions.read_source(str(path)).raw
    except definitions.UnreadableError:
        return True
    return isinstance(raw, dict) and "name" in raw and any(key in Environment.model_fields for key in raw)
