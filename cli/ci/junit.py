"""A run as JUnit XML, which CI systems show as tests: one test case for each criterion, and one for the verdict."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from cli.exits import Exit, exit_code
from squall.domain.base.printable import one_line
from squall.domain.base.vocabulary import CriterionOutcome

if TYPE_CHECKING:
    from squall.domain.documents.result import Result

_ILLEGAL = re.compile(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML 1.0 can't contain, even escaped."""


def render_junit(result: Result) -> str:
    """The run as a test suite. Only a validated run has no failure and no error: a criterion that could not be decided
    is an error, not a pass."""
    code = exit_code(result.status, result.verdict)
    cases = [_make_verdict_case(result, code), *(_make_criterion_case(result, index) for index in range(len(result.criteria)))]
    suite = ET.Element("testsuite", name=_clean(result.experiment_name or result.execution_id), tests=str(len(cases)))
    for kind in ("failure", "error"):
        suite.set(f"{kind}s", str(sum(case.find(kind) is not None for case in cases)))
    suite.set("timestamp", result.start_time.isoformat())
    suite.set("time", f"{_count_seconds(result):.3f}")
    properties = ET.SubElement(suite, "properties")
    for name in ("execution_id", "environment", "definition_hash"):
        ET.SubElement(properties, "property", name=name, value=_clean(getattr(result, name) or ""))
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _make_verdict_case(result: Result, code: Exit) -> ET.Element:
    case = _make_case(result, "verdict")
    case.set("time", f"{_count_seconds(result):.3f}")
    word = (result.verdict or result.status).value
    if code is not Exit.VALIDATED:
        ET.SubElement(case, "failure" if code is Exit.REFUTED else "error", type=word, message=_clean(f"{word}: {result.reason}"))
    return case


def _make_criterion_case(result: Result, index: int) -> ET.Element:
    criterion = result.criteria[index]
    case = _make_case(result, criterion.text)
    if criterion.outcome is not CriterionOutcome.MET:
        kind = "failure" if criterion.outcome is CriterionOutcome.NOT_MET else "error"
        ET.SubElement(case, kind, type=criterion.outcome.value, message=_clean(criterion.reason))
    return case


def _make_case(result: Result, name: str) -> ET.Element:
    return ET.Element("testcase", classname=_clean(f"squall.{result.experiment_name or result.execution_id}"), name=_clean(name))


def _count_seconds(result: Result) -> float:
    return (result.end_time - result.start_time).total_seconds() if result.end_time else 0.0


def _clean(text: str) -> str:
    return _ILLEGAL.sub("", one_line(text))
