"""Reads the catalogue and the environment policies and refuses to synthesize a wrong one, naming everything that is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment

Checked = TypeVar("Checked", bound=BaseModel)


class DefinitionsError(Exception):
    """Some definition is wrong; the message lists every problem with file and path."""


@dataclass(frozen=True)
class Definitions:
    """What gets deployed: the catalogue by file name, the policies by environment name."""

    experiments: Mapping[str, Experiment]
    environments: Mapping[str, Environment]

    def files(self) -> dict[str, dict[str, object]]:
        """The two documents the handlers read, by file name."""
        return {
            "catalogue.json": {name: _plain(experiment) for name, experiment in sorted(self.experiments.items())},
            "environments.json": {name: _plain(environment) for name, environment in sorted(self.environments.items())},
        }


def load(experiments_dir: Path, environments_dir: Path) -> Definitions:
    """Both folders, checked by the models the handlers use; raises DefinitionsError with everything at once."""
    problems: list[str] = []
    experiments = dict(_read(experiments_dir, Experiment, problems))
    environments = dict(_read(environments_dir, Environment, problems))
    for stem, environment in environments.items():
        if environment.name != stem:
            problems.append(f"{environments_dir / stem}.yaml: name: is {environment.name!r}, and the file says {stem!r}")
    if not problems:
        problems += _unknown_environments(experiments_dir, experiments, environments)
        problems += _unknown_proofs(environments_dir, environments)
    if problems:
        raise DefinitionsError("The definitions are not valid:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Definitions(experiments, environments)


def _plain(model: BaseModel) -> object:
    return model.model_dump(mode="json", exclude_unset=True)


def _read(folder: Path, model: type[Checked], problems: list[str]) -> Iterator[tuple[str, Checked]]:
    for file in sorted(folder.glob("*.y*ml")):
        try:
            yield file.stem, model.model_validate(yaml.load(file.read_text(), Loader=_Unambiguous))  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            problems.append(f"{file}: {' '.join(str(error).split())}")
        except ValidationError as error:
            problems += [f"{file}: {_path(detail['loc'])}: {detail['msg']}" for detail in error.errors()]


def _path(parts: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".") or "$"


def _unknown_environments(folder: Path, experiments: Mapping[str, Experiment], environments: Mapping[str, Environment]) -> Iterator[str]:
    for name, experiment in experiments.items():
        if experiment.environment not in environments:
            known = ", ".join(sorted(environments)) or "none"
            yield f"{folder / name}.yaml: environment: {experiment.environment!r} has no policy (known: {known})"


def _unknown_proofs(folder: Path, environments: Mapping[str, Environment]) -> Iterator[str]:
    for name, environment in environments.items():
        wanted = environment.promotion.environment if environment.promotion else None
        if wanted is not None and (wanted not in environments or wanted == name):
            known = ", ".join(sorted(set(environments) - {name})) or "none"
            yield f"{folder / name}.yaml: promotion.environment: {wanted!r} is no other environment here (known: {known})"


class _Unambiguous(yaml.SafeLoader):
    """Refuses a key given twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)
