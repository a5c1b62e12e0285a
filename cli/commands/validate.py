"""`squall validate`: shows every problem of every file at once, without AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import output
from cli.arguments import definitions
from cli.exits import Exit
from cli.text import clean_block, clean_line, safe_text
from squall.admission.experiment import parse_experiment
from squall.domain.base.problems import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from cli.session import Options
    from squall.domain.base.problems import Problem

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

    @property
    def valid(self) -> bool:
        return not self.findings


def validate_files(options: Options, files: Sequence[str]) -> int:
    """Returns 0 if every file is valid, otherwise 3."""
    reports = [check_file(file) for file in files]
    if options.json:
        output.write_json({"valid": all(report.valid for report in reports), "files": [_make_document(report) for report in reports]})
    else:
        console = output.make_console()
        for report in reports:
            show_report(console, report)
    return Exit.VALIDATED if all(report.valid for report in reports) else Exit.REFUSED


def check_file(file: str) -> Report:
    """Reads and validates one file."""
    try:
        source = definitions.read_source(file)
    except definitions.UnreadableError as error:
        return Report(file, (Finding("$", error.line, "", error.message, "an experiment in YAML or JSON"),))
    try:
        parse_experiment(source.raw)
    except InvalidInput as invalid:
        return Report(file, tuple(_make_finding(source, problem) for problem in invalid.problems))
    return Report(file, ())


def _make_finding(source: definitions.Source, problem: Problem) -> Finding:
    value = source.value_at(problem.path)
    excerpt = "" if value is None or problem.path == "$" else _format_value(value)
    message, _, caret = problem.message.partition("\n")
    return Finding(problem.path, source.line(problem.path), excerpt, message, problem.expected, caret)


def _format_value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return clean_line(text, FOUND_CHARACTERS)


def show_report(console: Console, report: Report) -> None:
    """Writes one block per problem: its place, message, value, what was expected, and the caret."""
    if report.valid:
        console.print(safe_text(f"{report.file}: valid", "green"), soft_wrap=True)
        return
    count = len(report.findings)
    console.print(safe_text(f"{report.file}: {count} problem{'s' if count > 1 else ''}", "bold red"), soft_wrap=True)
    for finding in report.findings:
        where = f"{report.file}:{finding.line}" if finding.line else report.file
        console.print(safe_text(f"  {where}: {finding.path}: {finding.message}"), soft_wrap=True)
        for name, value in (("found", finding.found), ("expected", finding.expected)):
            if value:
                console.print(safe_text(f"    {name:<9} {value}"), soft_wrap=True)
        for line in clean_block(finding.caret).splitlines():
            console.print(safe_text(f"      {line}"), soft_wrap=True)


def _make_document(report: Report) -> dict[str, Any]:
    keys = ("path", "line", "found", "message", "expected", "caret")
    problems = [{key: getattr(finding, key) for key in keys} for finding in report.findings]
    return {"file": report.file, "valid": report.valid, "problems": problems}
