"""`squall new`: writes a valid experiment or policy from flags and answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments.request import parse_setting
from cli.drafting import environment, experiment
from cli.drafting.answers import ask, split_pairs
from cli.drafting.files import write_draft
from cli.errors import CommandError
from cli.exits import Exit
from squall.domain.base.problems import InvalidInput
from squall.domain.base.vocabulary import FaultType, ResourceType
from squall.faults import registry

if TYPE_CHECKING:
    from cli.session import Options

TYPES = [kind.value for kind in registry.list_types()]


def write_experiment(options: Options, file: Path | None, flags: dict[str, Any]) -> int:
    """Writes the experiment; `flags`: their values by name, None or empty where they are missing."""
    fault_type = FaultType(ask(flags["type"], "--type", "Which fault", TYPES))
    tags, filters = split_pairs("--tag", flags["tag"]), split_pairs("--filter", flags["filter"])
    targets = tuple(flags["target"])
    if not targets and not tags:
        targets = tuple(ask(None, "--target or --tag", "Ids or ARNs of the targets, with spaces between them").split())
    resource_type = ResourceType(ask(flags["on"], "--on", "", [kind.value for kind in ResourceType])) if flags["on"] else None
    environment_name = ask(flags["environment"], "--environment", "The environment whose policy holds")
    parameters = dict(parse_setting(setting) for setting in flags["set"])
    answers = experiment.Answers(
        ask(flags["name"], "--name", "The experiment's name in reports"),
        fault_type,
        environment_name,
        targets,
        tags,
        {name: tuple(value.split(",")) for name, value in filters.items()},
        resource_type,
        parameters,
        flags["owner"],
    )
    for name in experiment.list_required_parameters(fault_type, answers.hits):
        if name not in parameters:
            answer = ask(None, f"--set {name}=…", f"The fault's parameter {name}")
            parameters |= dict([parse_setting(f"{name}={answer}")])
    path = file if file is not None else Path("experiments") / f"{make_file_name(answers.name)}.yaml"
    return _write(options, path, "experiment", lambda: experiment.draft_experiment(answers), experiment.HINTS)


def write_environment(options: Options, file: Path | None, flags: dict[str, Any]) -> int:
    """Writes the policy. Its file has the name of the environment, which the deployment requires."""
    name = ask(flags["name"], "--name", "The environment's name, and the value of its opt-in tag")
    description = ask(flags["description"], "--description", "What the environment is for")
    path = file if file is not None else Path("environments") / f"{name}.yaml"
    if path.stem != name:
        raise CommandError(f"The policy of {name} has to be in a file named {name}.yaml.", code=Exit.REFUSED)
    return _write(
        options,
        path,
        "environment",
        lambda: environment.draft_environment(name, description, approvers=flags["approvers"], timezone=flags["timezone"]),
        environment.HINTS,
    )


def make_file_name(name: str) -> str:
    """The name under which the catalogue has an experiment: lower case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "experiment"


def _write(options: Options, path: Path, kind: str, draft: Any, hints: str) -> int:
    try:
        document = draft()
    except InvalidInput as error:
        problems = "; ".join(f"{problem.path}: {problem.message.splitlines()[0]} ({problem.expected})" for problem in error.problems)
        raise CommandError(f"Nothing was written: {problems}", code=Exit.REFUSED) from error
    write_draft(path, kind, document, hints)
    if options.json:
        output.write_json({"file": str(path), kind: document})
    else:
        output.make_console().print(str(path), soft_wrap=True)
        output.write_note(f"Wrote {path}. Read it, and put in what makes your hypothesis yours.")
    return Exit.VALIDATED
