"""`squall publish`: adds experiments to the published catalogue of a stack; every file is good, or nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output, session
from cli.arguments import definitions
from cli.arguments.policies import Policies, choose_policies
from cli.aws.publishing import Outcome, add_version, align_schedules, check_name
from cli.commands.validate import check_file, show_report
from cli.errors import CommandError
from cli.exits import Exit
from cli.text import clean_line, safe_text
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cli.aws.stack import Deployment
    from cli.session import Options
    from squall.domain.experiment.experiment import Experiment


def publish_files(options: Options, files: Sequence[str]) -> int:
    """Returns 0 if every experiment is published and scheduled as it says; 5 if a schedule is missing. Raises
    CommandError, with nothing written, if a file, a name or a policy does not allow it."""
    experiments = _read_experiments(files, choose_policies(options))
    deployment = session.find_deployment(options)
    _check_deployed(deployment, experiments)
    outcomes: list[Outcome] = []
    try:
        for name, experiment in experiments.items():
            outcomes.append(add_version(deployment, name, dump_experiment(experiment)))
    finally:  # what was written is said, also if the next one fails
        if not options.json:
            _show(outcomes)
    schedules, code = align_schedules(deployment, experiments.keys())
    if options.json:
        output.write_json({"published": [make_document(outcome) for outcome in outcomes], "schedules": schedules})
    return code


def dump_experiment(experiment: Experiment) -> dict[str, Any]:
    """The definition as the catalogue holds it, in the form of deployed ones."""
    dumped: dict[str, Any] = experiment.model_dump(mode="json", exclude_unset=True)
    return dumped


def make_document(outcome: Outcome) -> dict[str, Any]:
    """A published version as plain data."""
    version = outcome.version
    return {
        "name": version.name,
        "version": version.version,
        "hash": version.hash,
        "by": version.by,
        "at": version.at.isoformat(),
        "written": outcome.written,
    }


def _read_experiments(files: Sequence[str], known: Policies | None) -> dict[str, Experiment]:
    """The experiments by name. Raises CommandError, after showing every problem of every file."""
    reports = [check_file(file, known) for file in files]
    invalid = [report for report in reports if not report.valid]
    console = output.make_console(stderr=True)
    for report in invalid:
        show_report(console, report)
    if invalid:
        raise CommandError(f"Nothing is published: {len(invalid)} of {len(files)} files are not valid.", code=Exit.REFUSED)
    experiments: dict[str, Experiment] = {}
    for file in files:
        name = Path(file).stem
        check_name(name)
        if name in experiments:
            raise CommandError(
                f"Nothing is published: two files are named {name}.", "A file's name is its name in the catalogue.", code=Exit.REFUSED
            )
        experiments[name] = _read_experiment(file)
    return experiments


def _read_experiment(file: str) -> Experiment:
    try:
        return parse_experiment(definitions.read_source(file).raw)
    except InvalidInput as invalid:  # `check_file` takes policies, too
        message = f"Nothing is published: {file} is not an experiment: {invalid.problems[0]}"
        raise CommandError(clean_line(message, 500), "Policies are deployed only.", code=Exit.REFUSED) from invalid


def _check_deployed(deployment: Deployment, experiments: Mapping[str, Experiment]) -> None:
    """Raises CommandError if a name is deployed, or if the policy of an environment lets only deployed experiments run."""
    deployed = deployment.deployed()
    if deployed is None or deployed.environments is None:
        message = f"Nothing is published: whether these names are deployed in stack {deployment.stack} can't be told."
        hint = "The stack is older than this command, or these credentials may not invoke its report function."
        raise CommandError(message, hint, code=Exit.REFUSED)
    problems = [
        problem
        for name, experiment in experiments.items()
        for problem in _find_problems(name, experiment.environment, deployed.experiments, deployed.environments)
    ]
    if problems:
        hint = "Docs: how-to/publish-experiments.md."
        raise CommandError(f"Nothing is published: {'; '.join(problems)}.", hint, code=Exit.REFUSED)


def _find_problems(name: str, environment: str, deployed: Sequence[str], environments: Mapping[str, str]) -> list[str]:
    problems = [f"{name} is deployed already, and a name in both catalogues runs nothing"] if name in deployed else []
    if environment not in environments:
        return [*problems, f"{name}: the stack has no environment {environment}; it has {', '.join(sorted(environments)) or 'none'}"]
    if environments[environment] != "published":
        problems.append(f"{name}: the policy of {environment} lets only deployed experiments run")
    return problems


def _show(outcomes: Sequence[Outcome]) -> None:
    console = output.make_console()
    for outcome in outcomes:
        version = outcome.version
        done = "published" if outcome.written else "unchanged"
        line = f"{version.name}: {done}, version {version.version}, hash {version.hash[:12]}"
        console.print(safe_text(line, "green" if outcome.written else ""), soft_wrap=True)
