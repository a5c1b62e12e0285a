"""Fifteen ordinary mistakes in experiments, policies and inputs, and what Squall says of each.

`python -m tests.documentation.mistakes` prints the table of docs/mistakes.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from cli.commands.validate import check_file
from squall.admission.execution_input import Place, admit_input
from squall.domain.base.problems import InvalidInput

LONGEST = 90
"""Characters of a list of what was expected that stand in the table."""
EXPERIMENT: dict[str, Any] = {
    "name": "One instance less",
    "description": "One instance of the shop is terminated",
    "type": "instance_termination",
    "hypothesis": "If one instance is terminated, the shop will answer from the others",
    "environment": "staging",
    "blast_radius": "single_instance",
    "target_resources": ["i-0123456789abcdef0"],
    "duration_minutes": 10,
    "rollback_plan": "Auto Scaling launches a replacement",
    "success_criteria": ["System availability > 99 %"],
    "abort_conditions": ["System availability < 95 %"],
}
POLICY: dict[str, Any] = {"name": "staging", "minimum_healthy_percent": 50}


@dataclass(frozen=True)
class Mistake:
    """A mistake, and the changes to a valid file that make it."""

    what: str
    kind: str
    """`experiment`, `policy` or `input`."""
    changes: dict[str, Any] = field(default_factory=dict)
    without: str = ""
    text: str = ""
    """What is added to the file as it is, where YAML itself is wrong."""


MISTAKES = (
    Mistake("a key is misspelt", "experiment", {"duration_minute": 10}, without="duration_minutes"),
    Mistake("something is missing", "experiment", without="hypothesis"),
    Mistake("a word is not one of those that are known", "experiment", {"type": "terminate_instance"}),
    Mistake("a sentence has no number", "experiment", {"success_criteria": ["the shop stays up"]}),
    Mistake("a time has no unit", "experiment", {"success_criteria": ["Response time < 300"]}),
    Mistake("an abort condition is the wrong way round", "experiment", {"abort_conditions": ["System availability > 95 %"]}),
    Mistake("a parameter of the fault is misspelt", "experiment", {"type": "cpu_stress", "parameters": {"load": 80}}),
    Mistake("a key is there twice", "experiment", text="duration_minutes: 20\n"),
    Mistake("a line is indented by a tab", "experiment", text="parameters:\n\tmode: stop\n"),
    Mistake("a percentage is above 100", "policy", {"minimum_healthy_percent": 150}),
    Mistake("hours are written as words", "policy", {"hours": "9-17"}),
    Mistake("the name is not that of the file", "policy", {"name": "stage"}),
    Mistake("a catalogue name is misspelt", "input", {"experiment": "one-instance-les"}),
    Mistake("a key of an input is misspelt", "input", {"experiment": "one-instance-less", "overide": {}}),
    Mistake("a duration is written in words", "input", {"experiment": "one-instance-less", "overrides": {"duration": "ten minutes"}}),
)


def list_messages(mistake: Mistake) -> Iterator[tuple[str, str, str]]:
    """Where, what and what to do, of each problem that Squall finds."""
    if mistake.kind == "input":
        yield from _refuse_input(mistake.changes)
        return
    with TemporaryDirectory() as folder:
        place = Path(folder) / ("environments" if mistake.kind == "policy" else "experiments")
        place.mkdir()
        file = place / ("staging.yaml" if mistake.kind == "policy" else "shop.yaml")
        content = {**(POLICY if mistake.kind == "policy" else EXPERIMENT), **mistake.changes}
        content.pop(mistake.without, None)
        file.write_text(yaml.safe_dump(content, sort_keys=False) + mistake.text)
        for finding in check_file(str(file)).findings:
            line = f":{finding.line}" if finding.line else ""
            yield f"{file.name}{line}: {finding.path}", finding.message, finding.expected


def _refuse_input(raw: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    try:
        admit_input(
            raw, "run-1", {"one-instance-less": EXPERIMENT}, {"staging": POLICY},
            place=Place("123456789012", "eu-central-1", "aws"), now=datetime(2027, 1, 31, 3, tzinfo=UTC),
        )  # fmt: skip
    except InvalidInput as invalid:
        for problem in invalid.problems:
            yield problem.path, problem.message, problem.expected


def write_row(mistake: Mistake) -> str:
    """The mistake's row of the table."""
    messages = list(list_messages(mistake))
    told = "<br>".join(f"`{where}`: {what}" for where, what, _ in messages)
    expected = "<br>".join(_shorten(expected) if expected else "add it" for _, _, expected in messages)
    return f"| {mistake.what} | {mistake.kind} | {told} | {expected} |"


def _shorten(expected: str) -> str:
    """The text, cut between words where a list is long."""
    return expected if len(expected) <= LONGEST else f"{expected[:LONGEST].rpartition(', ')[0]}, …"


if __name__ == "__main__":
    print("\n".join(map(write_row, MISTAKES)))
