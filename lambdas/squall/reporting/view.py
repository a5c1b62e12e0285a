"""The contents of the page, section by section, as words and numbers. The templates only lay them out."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from squall.domain.base.vocabulary import CheckOutcome, CriterionOutcome, RollbackOutcome
from squall.domain.documents.fault import TargetBefore
from squall.domain.documents.finding import Finding, FindingStatus, Severity
from squall.domain.documents.judgement import CriterionResult
from squall.domain.documents.metrics.statistics import OF_RUN
from squall.domain.messages.console import Console
from squall.domain.resources.instances import Instance
from squall.domain.result.build import SIGNAL_SENTENCES
from squall.reporting.charts import Chart, Course, build_course, metric_title
from squall.reporting.comparisons import Compared, view_comparison
from squall.reporting.elements import FindingView, Link, Table, Tile, Word, view_finding
from squall.reporting.formatting import (
    format_clock,
    format_date,
    format_duration,
    format_number,
    format_quantity,
    spell_out,
    strip_invisible,
)
from squall.reporting.run_facts import Facts, RecoveredIn
from squall.reporting.story import HYPOTHESIS, seconds_between, write_story
from squall.reporting.timeline import Moment, list_moments

_COST = {
    "action_minutes": "FIS action-minutes",
    "fis_usd": "FIS, US$",
    "alarms_usd": "guard alarms, US$",
    "sentinel_usd": "sentinel, US$",
    "total_usd": "total, US$ (list prices)",
}


@dataclass(frozen=True)
class Page:
    title: str
    word: Word
    hypothesis: str
    hypothesis_text: str
    reason: str
    story: str
    subtitle: tuple[str, ...]
    tiles: tuple[Tile, ...]
    criteria: Table
    course: Course | None
    measured: Table
    compared: tuple[Compared, ...]
    findings: tuple[FindingView, ...]
    improvements: tuple[str, ...]
    targets: Table
    faults: Table
    moments: tuple[Moment, ...]
    began: datetime
    guards: Table
    checks_failed: Table
    checks_passed: Table
    problems: tuple[str, ...]
    afterwards: Table
    cost: Table
    definition: str
    about: Table
    links: tuple[Link, ...]
    charts: tuple[tuple[Chart, str], ...]
    """Each chart with the link to CloudWatch's graph of the same metric."""
    commands: tuple[str, ...]
    files: tuple[str, ...]


def build_page(facts: Facts) -> Page:
    """The contents of the page. Sections without evidence are empty, and the templates leave them out."""
    moments = list_moments(facts)
    course = build_course(facts, moments)
    if course is None:  # without an axis there are no numbers on it
        moments = tuple(replace(moment, number=0) for moment in moments)
    console = Console(facts.record, facts.bucket)
    result = facts.result
    experiment = facts.definition.experiment if facts.definition else None
    return Page(
        title=facts.name,
        word=Word.of(facts.word),
        hypothesis=HYPOTHESIS[result.hypothesis_validated],
        hypothesis_text=experiment.hypothesis if experiment else "",
        reason=result.reason,
        story=write_story(facts),
        subtitle=tuple(
            part for part in (spell_out(result.experiment_type or ""), result.environment or "", format_date(result.start_time)) if part
        ),
        tiles=tuple(_make_tiles(facts)),
        criteria=_criteria_table(result.criteria, observes_longer=facts.observes_longer),
        course=course,
        measured=_measurements_table(facts),
        compared=tuple(map(view_comparison, result.statistics)),
        findings=tuple(map(view_finding, sorted(result.findings, key=_finding_order))),
        improvements=result.improvements_identified,
        targets=_targets_table(facts),
        faults=_faults_table(facts),
        moments=moments,
        began=result.start_time,
        guards=_guards_table(facts),
        checks_failed=_checks_table(facts, passed=False),
        checks_passed=_checks_table(facts, passed=True),
        problems=tuple(str(problem) for problem in result.problems),
        afterwards=Table(("", ""), tuple(_aftermath_facts(facts))),
        cost=Table(
            ("Item", "Amount"),
            tuple((_COST.get(name, spell_out(name)), format_number(value)) for name, value in result.cost.items()),
            numeric=(1,),
        ),
        definition=_definition_text(facts),
        about=Table(("", ""), tuple((name, value) for name, value in _list_facts(facts) if value)),
        links=tuple(_list_links(console)),
        charts=_link_graphs(facts, course, console),
        commands=tuple(console.commands()),
        files=tuple(f"s3://{facts.bucket}/{console.key(name)}" for name in _list_files(facts, course)),
    )


def _finding_order(finding: Finding) -> tuple[bool, int]:
    """Sort key: open findings first, then by severity."""
    return finding.status is FindingStatus.CLOSED, list(Severity).index(finding.severity)


def _make_tiles(facts: Facts) -> Iterable[Tile]:
    """The most important numbers, as tiles at the top of the page."""
    result = facts.result
    if result.criteria:
        met = sum(criterion.outcome is CriterionOutcome.MET for criterion in result.criteria)
        every = " and every critical one" if any(criterion.critical for criterion in result.criteria) else ""
        yield Tile("criteria met", f"{met} of {len(result.criteria)}", f"80 %{every} are needed")
    times = result.times
    detected = f"effect to {strip_invisible(times.detected_by)}" if times.detected_by else "effect to first alarm"
    for label, seconds, note in (
        ("to take effect", times.to_effect_seconds, "from FIS’s start"),
        ("to detect", times.to_detect_seconds, detected),
        ("to abort", times.to_abort_seconds, f"{'guard' if facts.alarm_at else 'request'} to the fault’s end"),
        ("fault in effect", _seconds_between(times.effect_at, times.fault_ended_at), "on any target"),
    ):
        if seconds is not None:
            yield Tile(label, format_duration(seconds), note)
    if facts.recovered_in:
        yield make_recovery_tile(facts.recovered_in)
    if result.recovery and not result.recovery.recovered:
        yield Tile("to recover", "not seen", "while it was watched")
    if result.end_time:
        yield Tile("whole run", format_duration(seconds_between(result.start_time, result.end_time)))
    if "total_usd" in result.cost:
        yield Tile("cost", f"${result.cost['total_usd']:.2f}", "at list prices")


def make_recovery_tile(recovered: RecoveredIn) -> Tile:
    """How long the recovery took, and what that is counted from."""
    if recovered.throughout:
        return Tile("to recover", "0 s", "everything held throughout")
    return Tile("to recover", f"{'≤ ' if recovered.at_the_latest else ''}{format_duration(recovered.seconds)}", f"after {recovered.zero}")


def _seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    return seconds_between(start, end) if start and end and end >= start else None


def _criteria_table(criteria: Iterable[CriterionResult], *, observes_longer: bool) -> Table:
    """The criteria with their outcomes; with the window of each where there is more than one in which it may be judged."""
    rows = []
    for criterion in criteria:
        required = (
            f"{criterion.comparator or ''} {format_quantity(criterion.threshold, criterion.unit)}"
            if criterion.threshold is not None
            else "—"
        )
        points = f"{len(criterion.points)} of {criterion.expected_points}" if criterion.expected_points else "—"
        text = criterion.text + (" (critical)" if criterion.critical else "")
        text += f" [over the {criterion.window.name}]" if observes_longer and criterion.window and criterion.window.name in OF_RUN else ""
        measured = format_quantity(criterion.measured, criterion.unit)
        rows.append((text, Word.of(criterion.outcome.value), measured, required.strip(), points, criterion.reason))
    return Table(("Criterion", "Outcome", "Measured", "Required", "Periods", "Reason"), tuple(rows), numeric=(2, 3, 4))


def _measurements_table(facts: Facts) -> Table:
    """The value of every metric over every window, as Judge used it."""
    collected = facts.result.metrics_collected
    heads = {"baseline": "Before", "fault": "Fault", "observation": "Observation", "recovery": "After"}
    windows = [(head, collected[name]) for name, head in heads.items() if isinstance(collected.get(name), Mapping)]
    if not windows or facts.discovery is None:
        return Table((), ())
    of_faults = collected.get("faults", {})
    windows += [(name, values) for name, values in of_faults.items()] if isinstance(of_faults, Mapping) else []
    from_charts = [(binding.name, binding.unit) for binding in facts.discovery.bindings]
    rows = [(metric_title(name), *(format_quantity(values.get(name), unit) for _, values in windows)) for name, unit in from_charts]
    columns = ("Over the whole window", *(head for head, _ in windows))
    return Table(columns, tuple(rows), numeric=tuple(range(1, len(columns))))


def _faults_table(facts: Facts) -> Table:
    """When each fault of a scenario was in effect, was noticed and was recovered from."""
    words = {True: Word("proven", "good"), False: Word("not proven", "bad"), None: Word("not begun", "open")}
    rows = []
    for times in facts.result.faults:
        effect = f"{format_clock(times.effect_at)} to {format_clock(times.ended_at)}" if times.effect_at and times.ended_at else "—"
        seconds = (times.to_detect_seconds, times.to_recover_seconds)
        detected, recovered = (format_duration(value) if value is not None else "—" for value in seconds)
        beside = [f"beside {', '.join(times.beside)}"] if times.beside else []
        row = (f"{times.fault} ({spell_out(times.type)})", words[times.proven], effect, detected, recovered)
        rows.append((*row, "; ".join([*beside, *times.doubts]) or "—"))
    columns = ("Fault", "Proof", "In effect (UTC)", "To detect", "To recover", "What can't be told apart")
    return Table(columns, tuple(rows), numeric=(3, 4)) if rows else Table((), ())


def _targets_table(facts: Facts) -> Table:
    before = {target.resource.id: target for target in facts.template.before} if facts.template else {}
    signals: dict[str, list[str]] = {}
    for reading in facts.result.signals:
        for id_ in reading.targets:
            signals.setdefault(id_, []).append(f"{SIGNAL_SENTENCES[reading.reading]}: {reading.detail}")
    contradicted = {id_ for reading in facts.result.signals if reading.reading == "contradicted" for id_ in reading.targets}
    rows = []
    for target in facts.result.targets:
        proven = target.get("proven")
        word = Word("not known", "open") if proven is None else Word("proven", "good") if proven else Word("not proven", "bad")
        word = Word("contradicted", "bad") if target.get("id") in contradicted else word
        known = before.get(str(target.get("id")))
        place = ", ".join(str(part) for part in (target.get("zone"), target.get("group")) if part) or "—"
        evidence = ". ".join((str(target.get("evidence", "")), *signals.get(str(target.get("id")), ())))
        rows.append((target.get("id", ""), place, _describe_before(known), word, evidence))
    return Table(("Target", "Where", "Before", "Fault", "Evidence"), tuple(rows))


def _describe_before(known: TargetBefore | None) -> str:
    if known is None:
        return "—"
    resource, groups = known.resource, len(known.healthy_in)
    life = f", {resource.lifecycle}" if isinstance(resource, Instance) and resource.lifecycle else ""
    healthy = f", healthy in {groups} target group{'s' if groups != 1 else ''}" if resource.registered_names else ""
    return f"{resource.state}{life}{healthy}"


def _guards_table(facts: Facts) -> Table:
    """How often each guard would have aborted a run without a fault."""
    rows = tuple(
        (
            forecast.condition,
            forecast.share,
            forecast.why or forecast.history,
            " or ".join(forecast.instead) or "—",
        )
        for forecast in facts.result.false_aborts
    )
    return Table(("Guard", "Healthy runs aborted", "Counted", "Aborts at most 1 %"), rows)


def _checks_table(facts: Facts, *, passed: bool) -> Table:
    chosen = [check for check in facts.result.safety_checks if (check.outcome is CheckOutcome.PASSED) is passed]
    words = {CheckOutcome.FAILED: Word("failed", "bad")}
    rows = tuple((spell_out(check.name), words.get(check.outcome) or Word.of(check.outcome.value), check.detail) for check in chosen)
    return Table(("Check", "Outcome", "Detail"), rows)


def _aftermath_facts(facts: Facts) -> Iterable[tuple[str, Any]]:
    rollback, recovery = facts.result.rollback, facts.result.recovery
    if rollback:
        yield "Rollback", Word.of(rollback.outcome.value)
        for name, remarks in (("Differs", rollback.differences), ("Left over", rollback.leftovers)):
            for remark in remarks:
                yield name, remark
        if rollback.could_have_lasted_until and rollback.outcome is RollbackOutcome.NOT_RESTORED:
            yield "Could have lasted until", f"{format_clock(rollback.could_have_lasted_until)} UTC"
    if recovery:
        yield "Recovery", Word("recovered", "good") if recovery.recovered else Word("not recovered", "bad")
        yield "How", recovery.detail
        if recovery.replaced_at:
            yield "Replaced at", f"{format_clock(recovery.replaced_at)} UTC by {', '.join(recovery.replacement_ids) or 'another instance'}"
        for metric, at in sorted(recovery.held_since.items()):
            yield f"{metric_title(metric)} holds since", f"{format_clock(at)} UTC"
    if facts.definition:
        yield "Plan", facts.definition.experiment.rollback_plan


def _definition_text(facts: Facts) -> str:
    if facts.definition is None:
        return ""
    document = facts.definition.experiment.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(document, indent=2, ensure_ascii=False)


def _list_facts(facts: Facts) -> Iterable[tuple[str, str]]:
    result, definition = facts.result, facts.definition
    yield "Execution", result.execution_id
    yield "Status", spell_out(result.status.value)
    yield "Started by", result.requested_by or ""
    yield "Schedule", (definition.trigger or "") if definition else ""
    if definition:
        yield "Account and Region", f"{definition.account} {definition.region}"
        yield "Mode", definition.mode.value
    if part := facts.record.part:
        yield "Part of", f"{part.run}, over {', '.join(part.regions)}; home is {part.home}"
    yield "FIS experiment", facts.record.fis_experiment_id or ""
    if facts.fault:
        code = f" ({facts.fault.error_code})" if facts.fault.error_code else ""
        why = "Squall stopped it: the fault had lasted as long as planned" if facts.stopped_on_time else facts.fault.reason
        yield "FIS ended", f"{facts.fault.status}{code}. {why}".strip()
    yield "Closed by", facts.record.closed_by
    yield "Definition hash", result.definition_hash or ""


def _list_links(console: Console) -> Iterable[Link]:
    yield Link("Execution in Step Functions", console.execution)
    if console.fault:
        yield Link("Fault in FIS", console.fault)
    yield Link("Result in S3", console.file("result.json"))


def _list_files(facts: Facts, course: Course | None) -> Iterable[str]:
    """The run's files that exist: what was never measured has none."""
    yield "result.json"
    if facts.series:
        yield "series.json"
    if course:
        yield "series.csv"
    yield "report.md"


def _link_graphs(facts: Facts, course: Course | None, console: Console) -> tuple[tuple[Chart, str], ...]:
    if course is None or facts.discovery is None:
        return ()
    known = {binding.name: binding for binding in facts.discovery.bindings}
    start = datetime.fromtimestamp(min(window.start for window in course.windows), tz=UTC)
    end = datetime.fromtimestamp(max(window.end for window in course.windows), tz=UTC)
    return tuple((chart, console.metrics(known[chart.name], start, end, course.period_seconds)) for chart in course.charts)
