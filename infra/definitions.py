"""Reads and validates the catalogue and the environment policies; a synth with an invalid one fails and lists every
problem."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel

from squall.admission.environment import parse_environment
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment

Definition = TypeVar("Definition", bound=BaseModel)


class DefinitionsError(Exception):
    """A definition is not valid; the message lists every problem with its file and path."""


@dataclass(frozen=True)
class Definitions:
    """The definitions to deploy: the catalogue by file name, the policies by environment name."""

    experiments: Mapping[str, Experiment]
    environments: Mapping[str, Environment]

    def files(self) -> dict[str, dict[str, object]]:
        """The two documents that the handlers read, by file name."""
        return {
            "catalogue.json": {name: _dump_model(experiment) for name, experiment in sorted(self.experiments.items())},
            "environments.json": {name: _dump_model(environment) for name, environment in sorted(self.environments.items())},
        }


def load_definitions(experiments_dir: Path, environments_dir: Path) -> Definitions:
    """Reads both folders with the models of the handlers. Raises DefinitionsError with every problem at once."""
    problems: list[str] = []
    experiments = dict(_read_folder(experiments_dir, parse_experiment, problems))
    environments = dict(_read_folder(environments_dir, parse_environment, problems))
    for stem, environment in environments.items():
        if environment.name != stem:
            problems.append(f"{environments_dir / stem}.yaml: name: is {environment.name!r}, and the file says {stem!r}")
    if not problems:
        problems += _find_unknown_environments(experiments_dir, experiments, environments)
        problems += _find_unknown_promotions(environments_dir, environments)
    if problems:
        raise DefinitionsError("The definitions are not valid:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Definitions(experiments, environments)


def _dump_model(model: BaseModel) -> object:
    return model.model_dump(mode="json", exclude_unset=True)


def _read_folder(folder: Path, parse: Callable[[object], Definition], problems: list[str]) -> Iterator[tuple[str, Definition]]:
    for file in sorted(folder.glob("*.y*ml")):
        try:
            yield file.stem, parse(yaml.load(file.read_text(), Loader=_Unambiguous))  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            problems.append(f"{file}: {' '.join(str(error).split())}")
        except InvalidInput as error:
            problems += [f"{file}: {problem}" for problem in error.problems]


def _find_unknown_environments(
    folder: Path, experiments: Mapping[str, Experiment], environments: Mapping[str, Environment]
) -> Iterator[str]:
    for name, experiment in experiments.items():
        if experiment.environment not in environments:
            known = ", ".join(sorted(environments)) or "none"
            yield f"{folder / name}.yaml: environment: {experiment.environment!r} has no policy (known: {known})"


def _find_unknown_promotions(folder: Path, environments: Mapping[str, Environment]) -> Iterator[str]:
    for name, environment in environments.items():
        source = environment.promotion.environment if environment.promotion else None
        if source is not None and (source not in environments or source == name):
            known = ", ".join(sorted(set(environments) - {name})) or "none"
            yield f"{folder / name}.yaml: promotion.environment: {source!r} is no other environment here (known: {known})"


class _Unambiguous(yaml.SafeLoader):
    """A YAML loader that refuses what is not plain: repeated keys (PyYAML would keep the last value), keys that are no
    text, and aliases, by which a small file becomes a huge definition. Dates stay text, as in JSON."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not accepted, write it out", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys: set[object] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or an object; expected text", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            keys.add(key)
        return super().construct_mapping(node, deep=deep)


_Unambiguous.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
