"""`squall validate`: shows every problem of every experiment, campaign, environment policy and fleet at once, without AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments import campaigns, definitions, fleets, policies
from cli.exits import Exit
from cli.text import clean_block, clean_line, safe_text
from infra.account.fleet import parse_fleet
from squall.admission.environment import parse_environment
from squall.admission.experiment import parse_experiment
from squall.admission.json_limits import remove_duplicates
from squall.admission.regions import parse_regions, place_problem
from squall.domain.base.problems import InvalidInput, Problem, show_value
from squall.domain.experiment.experiment import Experiment
from squall.domain.policy.environment import Environment
from squall.domain.regions.definition import REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from cli.session import Options

FOUND_CHARACTERS = 120


@dataclass(frozen=True)
class Finding:
    """A problem with its place and the value there."""

    path: str
    line: int | None
    found: str
    message: str
    expected: str
    caret: str = ""


@dataclass(frozen=True)
class Report:
    """The problems of one file."""

    file: str
    findings: tuple[Finding, ...]
    policy: str | None = None
    """The file of the policy with which an experiment was compared; None if there is none beside it."""
    environment: str | None = None
    """The environment of an experiment that is valid by itself; None for other files."""

    @property
    def valid(self) -> bool:
        return not self.findings


def validate_files(options: Options, files: Sequence[str]) -> int:
    """Returns 0 if every file is valid, otherwise 3."""
    known = policies.choose_policies(options)
    reports = [check_file(file, known) for file in files]
    if options.json:
        output.write_json({"valid": all(report.valid for report in reports), "files": [make_document(report) for report in reports]})
    else:
        console = output.make_console()
        for report in reports:
            show_report(console, report)
    return Exit.VALIDATED if all(report.valid for report in reports) else Exit.REFUSED


def check_file(file: str, known: policies.Policies | None = None) -> Report:
    """Reads and validates one file. An experiment is compared with its environment's policy, too: one of the known ones,
    or if none are given, one that lies beside the file. A campaign is compared with the experiments and policies beside
    it."""
    try:
        source = definitions.read_source(file)
    except definitions.UnreadableError as error:
        return Report(file, (Finding("$", error.line, "", error.message, error.expected),))
    try:
        if _is_policy(source.raw):
            return _make_report(source, _find_name_problems(source, parse_environment(source.raw)))
        if fleets.is_fleet(source.raw) or campaigns.is_campaign(source.raw):
            _check_by_itself(source)
            return Report(file, ())
        experiments = _parse(source.raw)
    except InvalidInput as invalid:
        return _make_report(source, invalid.problems)
    known, environment = known or policies.find_policies(file), experiments[""].environment
    if known is None:
        return Report(file, (), environment=environment)
    return _make_report(source, _compare(source.raw, experiments, known), known.show_file(environment), environment)


def _parse(raw: Any) -> dict[str, Experiment]:
    """The experiment under an empty name; of one for several Regions those of all, by Region, and the first of them. Raises
    InvalidInput."""
    if not (isinstance(raw, dict) and REGIONS in raw):
        return {"": parse_experiment(raw)}
    parts = parse_regions(raw)
    return {"": next(iter(parts.values())), **parts}


def _compare(raw: Any, experiments: dict[str, Experiment], known: policies.Policies) -> list[Problem]:
    """What the policy refuses of the experiment, in any of its Regions."""
    if len(experiments) == 1:
        return known.find_problems(experiments[""])
    problems = [*known.find_region_problems(experiments[""].environment)]
    for region, experiment in experiments.items():
        if region:
            problems += [place_problem(problem, raw, region) for problem in known.find_problems(experiment)]
    return remove_duplicates(problems)


def _check_by_itself(source: definitions.Source) -> None:
    """Checks a fleet or a campaign, which no policy is compared with. Raises InvalidInput."""
    if fleets.is_fleet(source.raw):
        parse_fleet(source.raw)
    else:
        campaigns.read_beside(source.path).make_plan(source.raw)


def _is_policy(raw: object) -> bool:
    """Whether more of the keys belong to an environment than to an experiment."""
    keys = set(raw) if isinstance(raw, dict) else set()
    return len(keys & set(Environment.model_fields)) > len(keys & set(Experiment.model_fields))


def _find_name_problems(source: definitions.Source, environment: Environment) -> list[Problem]:
    """A policy is deployed under the name of its file."""
    stem = Path(source.path).stem
    if environment.name == stem or Path(source.path).absolute().parent.name != policies.FOLDER:
        return []
    return [Problem(path="name", message=f"is {show_value(environment.name)}, and the file says {show_value(stem)}", expected=stem)]


def describe_problems(file: str, problems: Iterable[Problem]) -> Report:
    """The problems of a file that were found elsewhere than in `check_file`. Raises UnreadableError."""
    return _make_report(definitions.read_source(file), problems)


def _make_report(
    source: definitions.Source, problems: Iterable[Problem], policy: str | None = None, environment: str | None = None
) -> Report:
    return Report(source.path, tuple(_make_finding(source, problem) for problem in problems), policy, environment)


def _make_finding(source: definitions.Source, problem: Problem) -> Finding:
    value = source.value_at(problem.path)
    excerpt = "" if value is None or problem.path == "$" else _format_value(value)
    message, _, caret = problem.message.partition("\n")
    return Finding(problem.path, source.line(problem.path), excerpt, message, problem.expected, caret)


def _format_value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return clean_line(text, FOUND_CHARACTERS)


def name_policy(report: Report) -> str:
    """By which policy an experiment was judged, or that none judged it; empty for other files."""
    if report.environment is None:
        return ""
    if report.policy is None:
        return f", and no policy of environment {report.environment} lies beside it, so none judged it"
    return f", also by {report.policy} (environment {report.environment})" if report.valid else f", by {report.policy} too"


def show_report(console: Console, report: Report) -> None:
    """Writes one block per problem: its place, message, value, what was expected, and the caret."""
    if report.valid:
        console.print(safe_text(f"{report.file}: valid{name_policy(report)}", "green"), soft_wrap=True)
        return
    count = len(report.findings)
    title = f"{report.file}: {count} problem{'s' if count > 1 else ''}{name_policy(report)}"
    console.print(safe_text(title, "bold red"), soft_wrap=True)
    for finding in report.findings:
        where = f"{report.file}:{finding.line}" if finding.line else report.file
        console.print(safe_text(f"  {where}: {finding.path}: {finding.message}"), soft_wrap=True)
        for name, value in (("found", finding.found), ("expected", finding.expected)):
            if value:
                console.print(safe_text(f"    {name:<9} {value}"), soft_wrap=True)
        for line in clean_block(finding.caret).splitlines():
            console.print(safe_text(f"      {line}"), soft_wrap=True)


def make_document(report: Report) -> dict[str, Any]:
    """The report as `--json` shows it."""
    keys = ("path", "line", "found", "message", "expected", "caret")
    problems = [{key: getattr(finding, key) for key in keys} for finding in report.findings]
    return {
        "file": report.file,
        "valid": report.valid,
        "policy": report.policy,
        "environment": report.environment,
        "problems": problems,
    }
