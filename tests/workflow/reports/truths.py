"""What each sentence of a report claims, checked against the numbers of the run. Every sentence needs a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from squall.domain.base.vocabulary import AbortSource, CheckOutcome, CriterionOutcome, RollbackOutcome, Status, Verdict
from squall.domain.judging.verdict import exit_code
from squall.domain.run.timeline import EventName
from squall.reporting.charts import metric_title, read_measurements
from tests.workflow.reports.generated_runs import Told

Check = Callable[[re.Match[str], Told], Iterator[str]]
DURATION = r"(?:[\d.]+ s|\d+ min(?: \d+ s)?|\d+ h(?: \d+ min)?)"
QUANTITY = r"[-\d.,e+∞]+(?: (?:%|ms|s|/s|B|kB|MB|GB))?"
LENGTH = (
    rf"(?:, planned for (?P<planned>{DURATION})"
    rf"|, (?P<watched>watched )?for (?P<lasted>{DURATION})(?: \((?P<of>{DURATION}) were planned\))?)?"
)
TRAFFIC = r", at (?P<rate>[\d.e+]+) requests per second,|, without the parts that other experiments disturbed,"
AFTER = rf"(?: (?P<after>{DURATION}) after the fault took effect)?(?:; the fault was over (?P<later>{DURATION}) later)?"
SCALES = {"%": 1.0, "ms": 0.001, "s": 1.0, "/s": 1.0, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "": 1.0}
SOURCES = {
    "A guard aborted it": AbortSource.GUARD,
    "It was aborted because a guard had no data": AbortSource.BLIND_GUARD,
    "An operator aborted it": AbortSource.OPERATOR,
    "A halt of the whole stack ended it": AbortSource.HALT,
    "It was stopped from outside": AbortSource.OUTSIDE,
    "FIS stopped it for an unknown reason": AbortSource.UNKNOWN,
}
LEFT = {
    "Afterwards everything was as before.": RollbackOutcome.RESTORED,
    "What the fault removed can’t be put back; the workload replaced it.": RollbackOutcome.RECOVERED,
    "Afterwards the workload was not as before.": RollbackOutcome.NOT_RESTORED,
    "Nothing had to be undone.": RollbackOutcome.NOT_NEEDED,
}
HELD = {"held": True, "did not hold": False, "was not decided": None}


def find_untruths(report: Told) -> list[str]:
    """What is said and not so; empty if everything is."""
    return [
        *_check_story(report),
        *_check_tiles(report),
        *_check_message(report),
        *_check_criteria(report),
        *_check_charts(report),
        *_check_timeline(report),
    ]


# --- numbers as people read them ------------------------------------------------------------------------------------


def seconds_of(text: str) -> float:
    factors = {"s": 1, "min": 60, "h": 3600}
    return sum(float(number) * factors[unit] for number, unit in re.findall(r"([\d.]+) (s|min|h)", text))


def about(text: str, seconds: float | None) -> bool:
    """Whether a duration as written is this number of seconds, up to its rounding."""
    return seconds is not None and abs(seconds_of(text) - seconds) <= (30 if " h" in text else 0.51)


def number_of(text: str) -> float:
    number, _, unit = text.replace(",", "").partition(" ")
    return float(number.replace("∞", "inf")) * SCALES[unit]


def near(text: str, value: float) -> bool:
    """Whether a quantity as written is this value, up to four digits."""
    return abs(number_of(text) - value) <= 6e-4 * abs(value) + 1e-9


def between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def reason_to_abort(report: Told) -> datetime | None:
    abort = report.facts.record.abort
    if abort is None:
        return None
    fired = [event.at for event in report.facts.record.events if event.event == EventName.ALARM]
    return min([abort.at, *(fired if abort.source in {AbortSource.GUARD, AbortSource.BLIND_GUARD} else [])])


# --- the story ------------------------------------------------------------------------------------------------------


def _check_story(report: Told) -> Iterator[str]:
    for sentence in report.sentences:
        matches = [(match, check) for pattern, check in RULES if (match := re.fullmatch(pattern, sentence, re.DOTALL))]
        if not matches:
            yield f"no rule for: {sentence}"
        for match, check in matches[:1]:
            yield from (f"{sentence!r}: {wrong}" for wrong in check(match, report))


def _nothing_injected(match: re.Match[str], report: Told) -> Iterator[str]:
    if match["what"] == "nothing was injected" and report.injected:
        yield "FIS ran an experiment of this run"


def _action(match: re.Match[str], report: Told) -> Iterator[str]:
    facts = report.facts
    if not report.injected:
        yield "FIS ran nothing"
    proofs = facts.result.rollback.proofs if facts.result.rollback else ()
    if not match["what"].startswith("started ") and not (proofs and all(proof.proven for proof in proofs)):
        yield "not every target is proven to be hit"
    planned = facts.definition.experiment.length.total_seconds() if facts.definition else 0.0
    end = facts.record.fault_ended_at if match["watched"] else facts.result.times.fault_ended_at or facts.record.fault_ended_at
    lasted = between(facts.result.times.effect_at or facts.effect_at, end)
    if match["planned"]:
        if not about(match["planned"], planned):
            yield f"{planned} s were planned"
    elif match["lasted"] and lasted is None:
        yield "nothing tells how long it lasted"
    elif match["lasted"] and not about(match["lasted"], lasted):
        full = about(match["lasted"], planned) and lasted is not None and lasted >= planned - max(2.0, 0.05 * planned)
        if not full or (not match["watched"] and abs((lasted or 0) - planned) > max(2.0, 0.05 * planned)):
            yield f"it lasted {lasted} s"
    if match["of"] and not about(match["of"], planned):
        yield f"{planned} s were planned"


def _baseline(match: re.Match[str], report: Told) -> Iterator[str]:
    baseline = report.facts.baseline
    assert baseline is not None
    if not about(match["span"], baseline.window.end - baseline.window.start):
        yield "not the length of the window"
    if match["rate"] and abs(float(match["rate"]) - (baseline.requests_per_second or 0)) > 0.01 * float(match["rate"]) + 0.01:
        yield f"the rate was {baseline.requests_per_second}"
    if baseline.steady is not (match["held"] == "held"):
        yield f"steady: {baseline.steady}"


def _proven(match: re.Match[str], report: Told) -> Iterator[str]:
    rollback, discovery = report.facts.result.rollback, report.facts.discovery
    assert rollback is not None
    assert discovery is not None
    proven = sum(proof.proven for proof in rollback.proofs)
    if match["where"] == "every target":
        if proven < len(discovery.pinned):
            yield f"{proven} of {len(discovery.pinned)} are proven"
    elif match["where"] != f"{proven} of {len(discovery.pinned)} targets":
        yield f"{proven} of {len(discovery.pinned)} are proven"


def _missed(match: re.Match[str], report: Told) -> Iterator[str]:
    proofs = report.facts.result.rollback.proofs if report.facts.result.rollback else ()
    if not any(not proof.proven and proof.target in match["targets"] for proof in proofs):
        yield "it is proven there"


def _metrics(match: re.Match[str], report: Told) -> Iterator[str]:
    facts = report.facts
    assert facts.discovery is not None
    answer = re.split(r", (?=[A-Z])| and (?=[A-Z])", match["all"])
    by_title = {metric_title(binding.name): binding for binding in facts.discovery.bindings}
    for sentence in answer:
        pattern = (
            rf"(?P<title>.+?) (?:stayed at (?P<roughly>about )?(?P<same>{QUANTITY})|went from (?P<old>{QUANTITY}) to (?P<new>{QUANTITY}))"
        )
        single = rf"single periods from (?P<least>{QUANTITY}) to (?P<most>{QUANTITY})"
        aside = rf"(?:{single})?(?:; )?(?:(?P<silent>\d+) of (?P<periods>\d+) periods without data)?"
        parts = re.fullmatch(rf"{pattern}(?: \({aside}\))?", sentence)
        if parts is None:
            yield f"no rule for {sentence!r}"
            continue
        binding = by_title[parts["title"]]
        was, became = (facts.result.metrics_collected[window][binding.name] for window in ("baseline", "fault"))
        if not near(parts["same"] or parts["new"], became):
            yield f"{binding.name} was {became} during the fault"
        if parts["old"] and not near(parts["old"], was):
            yield f"{binding.name} was {was} before the fault"
        if parts["same"] and abs(became - was) > 0.1 * abs(was) + 1e-9:
            yield f"{binding.name} did not stay: {was} to {became}"
        yield from _extremes(report, binding.name, parts["least"], parts["most"], stayed=bool(parts["roughly"]))
        yield from _silence(report, binding.name, parts["silent"], parts["periods"])


def _extremes(report: Told, name: str, least: str | None, most: str | None, *, stayed: bool) -> Iterator[str]:
    """What is said of single periods is true, and what stayed has no period far outside of the baseline's."""
    windows, points = read_measurements(report.facts)
    before, during = (next(window for window in windows if window.name == name) for name in ("baseline", "fault"))
    started = report.facts.record.fault_started_at
    began = started.timestamp() - during.period_seconds + 1 if started else during.start
    usual = [point.value for point in points[name] if before.start <= point.at < before.end]
    values = [point.value for point in points[name] if max(before.end, began) <= point.at < during.end]
    if least and most and not (near(least, min(values)) and near(most, max(values))):
        yield f"{name} is {min(values)} to {max(values)} in its periods"
    was = report.facts.result.metrics_collected["baseline"][name]
    far = [value for value in values if not min(usual) <= value <= max(usual) and abs(value - was) > 0.1 * max(abs(was), 1e-9)]
    if stayed and far:
        yield f"{name} had periods of {far}, and {min(usual)} to {max(usual)} before"


def _silence(report: Told, name: str, silent: str | None, periods: str | None) -> Iterator[str]:
    windows, points = read_measurements(report.facts)
    window = next(window for window in windows if window.name == "fault")
    values = [point.value for point in points[name] if window.start <= point.at < window.end]
    if int(silent or 0) != window.periods - len(values):
        yield f"{name} has {len(values)} of {window.periods} periods"
    if periods and int(periods) != window.periods:
        yield f"the window has {window.periods} periods"
    value = report.facts.result.metrics_collected["fault"][name]
    if values and not min(values) * (1 - 1e-9) <= value <= max(values) * (1 + 1e-9):
        yield f"{name} is {value} over the window, and {min(values)} to {max(values)} in its periods"


def _aborted(match: re.Match[str], report: Told) -> Iterator[str]:
    facts, at = report.facts, reason_to_abort(report)
    assert facts.record.abort is not None
    if facts.record.abort.source is not SOURCES[match["who"]]:
        yield f"it was {facts.record.abort.source}"
    if at is None or f"{at:%H:%M:%S}" != match["clock"]:
        yield f"it was at {at}"
    effect, over = facts.result.times.effect_at or facts.effect_at, facts.result.times.fault_ended_at or facts.record.fault_ended_at
    if match["after"] and not about(match["after"], between(effect, at)):
        yield f"it was {between(effect, at)} s after the effect"
    if match["later"] and not about(match["later"], between(at, over)):
        yield f"the fault was over {between(at, over)} s later"


def _recovered(match: re.Match[str], report: Told) -> Iterator[str]:
    recovery, times = report.facts.result.recovery, report.facts.result.times
    assert recovery is not None
    zero = {"ended": times.fault_ended_at or report.facts.record.fault_ended_at, "took effect": times.effect_at or report.facts.effect_at}[
        match["zero"]
    ]
    if not recovery.recovered or not about(match["time"], between(zero, recovery.recovered_at)):
        yield f"recovered {recovery.recovered}, {between(zero, recovery.recovered_at)} s after that"
    if bool(match["latest"]) is not (recovery.recovered_after is not None):
        yield f"at the latest, or exactly: {recovery.recovered_after}"


def _held_throughout(_: object, report: Told) -> Iterator[str]:
    recovery, effect = report.facts.result.recovery, report.facts.result.times.effect_at or report.facts.effect_at
    if recovery is None or not recovery.recovered or recovery.recovered_at is None or effect is None or recovery.recovered_at > effect:
        yield "it did not"


def _not_recovered(_: re.Match[str], report: Told) -> Iterator[str]:
    if report.facts.result.recovery is None or report.facts.result.recovery.recovered:
        yield "it recovered, or nobody looked"


def _left(match: re.Match[str], report: Told) -> Iterator[str]:
    rollback = report.facts.result.rollback
    if rollback is None or rollback.outcome is not LEFT[match[0]]:
        yield f"the outcome is {rollback.outcome if rollback else None}"


def _differs(match: re.Match[str], report: Told) -> Iterator[str]:
    rollback = report.facts.result.rollback
    if rollback is None or match["what"] != "; ".join(rollback.differences):
        yield "something else differs"


def _counted(match: re.Match[str], report: Told) -> Iterator[str]:
    outcomes = [criterion.outcome for criterion in report.facts.result.criteria]
    texts = (int(match["met"]), int(match["all"]), int(match["unknown"] or 0))
    if texts != (outcomes.count(CriterionOutcome.MET), len(outcomes), outcomes.count(CriterionOutcome.CANNOT_TELL)):
        yield f"the outcomes are {outcomes}"


def _hypothesis(match: re.Match[str], report: Told) -> Iterator[str]:
    if counted := re.search(r"(?P<met>\d+) of (?P<all>\d+) criteria met", match[0]):
        outcomes = [criterion.outcome for criterion in report.facts.result.criteria]
        if (int(counted["met"]), int(counted["all"])) != (outcomes.count(CriterionOutcome.MET), len(outcomes)):
            yield f"the outcomes are {outcomes}"
    result, abort = report.facts.result, report.facts.record.abort
    if HELD[match["held"]] is not result.hypothesis_validated:
        yield f"the result says {result.hypothesis_validated}"
    if match["held"] == "held" and result.verdict is not Verdict.VALIDATED:
        yield f"the verdict is {result.verdict}"
    guard = abort is not None and abort.source is AbortSource.GUARD
    if match["held"] == "did not hold" and result.verdict is not Verdict.REFUTED and not guard:
        yield f"no guard fired, the verdict is {result.verdict}"


def _refused(match: re.Match[str], report: Told) -> Iterator[str]:
    checks = report.facts.result.safety_checks
    failed = [check for check in checks if check.outcome not in {CheckOutcome.PASSED, CheckOutcome.WARNED}]
    if (int(match["failed"]), int(match["all"])) != (len(failed), len(checks)):
        yield f"{len(failed)} of {len(checks)}"


def _planned(_: re.Match[str], report: Told) -> Iterator[str]:
    if report.facts.result.status is not Status.PLANNED and not report.facts.record.only_plans:
        yield "it was none"


RULES: tuple[tuple[str, Check], ...] = (
    (r"On [^,]+, [\d:]+ UTC(?:, in \S+,)? this run began, and (?P<what>.+)\.", _nothing_injected),
    (
        rf"On [^,]+, [\d:]+ UTC(?:, in \S+,)? Squall (?P<what>.+?){LENGTH}\.",
        _action,
    ),
    (
        rf"Over the (?P<span>{DURATION}) before it(?:{TRAFFIC})? the steady state (?P<held>held|did not hold)\.",
        _baseline,
    ),
    (r"The fault is proven on (?P<where>.+?) \(.+\)\.", _proven),
    (r"It is not proven on (?P<targets>.+?) \(.*\)\.", _missed),
    (r"During the fault, (?P<all>.+)\.", _metrics),
    (
        rf"(?P<who>{'|'.join(SOURCES)}) at (?P<clock>[\d:]+) UTC{AFTER}\.",
        _aborted,
    ),
    (rf"The workload recovered (?P<time>{DURATION}) after the fault (?P<zero>took effect|ended)(?P<latest>, at the latest)?\.", _recovered),
    (r"Everything that was watched held from the effect of the fault on\.", _held_throughout),
    (r"While it was watched the workload did not recover: .+\.", _not_recovered),
    ("|".join(map(re.escape, LEFT)), _left),
    (r"What differs: (?P<what>.+)\.", _differs),
    (r"(?P<met>\d+) of (?P<all>\d+) criteria were met(?:, (?P<unknown>\d+) could not be decided)?\.", _counted),
    (r"The hypothesis (?P<held>held|did not hold|was not decided): .+\.", _hypothesis),
    (r"(?P<failed>\d+) of (?P<all>\d+) safety checks did not pass: .+\.", _refused),
    (r"It was a plan[:,] .+\.", _planned),
)
"""A pattern of each sentence, and what has to be so."""


# --- the rest of the report -----------------------------------------------------------------------------------------


def _check_tiles(report: Told) -> Iterator[str]:
    times, recovery, record = report.facts.result.times, report.facts.result.recovery, report.facts.record
    expected = {
        "to take effect": between(record.fault_started_at, times.effect_at),
        "to detect": between(times.effect_at, times.detected_at),
        "to abort": between(reason_to_abort(report), times.fault_ended_at),
        "fault in effect": between(times.effect_at, times.fault_ended_at),
        "whole run": between(report.facts.result.start_time, report.facts.result.end_time),
    }
    for tile in report.page.tiles:
        if tile.label in expected and not about(tile.value, expected[tile.label]):
            yield f"tile {tile}: {expected[tile.label]} s"
        if tile.label == "to recover" and recovery is not None:
            zero = times.fault_ended_at if tile.note == "after the fault ended" else times.effect_at
            if tile.value == "not seen":
                wrong = recovery.recovered
            elif tile.note == "everything held throughout":
                wrong = bool(list(_held_throughout(None, report)))
            else:
                zero = zero or (record.fault_ended_at if "ended" in tile.note else report.facts.effect_at)
                wrong = not about(tile.value.removeprefix("≤ "), between(zero, recovery.recovered_at))
            if wrong:
                yield f"tile {tile}: {recovery}"
        if tile.label == "criteria met":
            met = sum(criterion.outcome is CriterionOutcome.MET for criterion in report.facts.result.criteria)
            if tile.value != f"{met} of {len(report.facts.result.criteria)}":
                yield f"tile {tile}: {met}"


def _check_message(report: Told) -> Iterator[str]:
    result, record, message = report.facts.result, report.facts.record, report.message
    if f"The hypothesis {dict(zip(HELD.values(), HELD, strict=True))[result.hypothesis_validated]}." not in message:
        yield "the message says something else of the hypothesis"
    code = re.search(r"status (\w+), exit code (\d)", message)
    if code is None or code.groups() != (result.status.value, str(int(exit_code(result.status, result.verdict)))):
        yield f"the message says {code and code.groups()}"
    for criterion in result.criteria:
        mark = {CriterionOutcome.MET: "met", CriterionOutcome.NOT_MET: "NOT MET", CriterionOutcome.CANNOT_TELL: "CAN'T TELL"}[
            criterion.outcome
        ]
        if f"[{mark}] {criterion.text}" not in message:
            yield f"the message does not say [{mark}] {criterion.text}"
    troubled = (
        result.verdict is not Verdict.VALIDATED
        or bool(result.recovery and not result.recovery.recovered)
        or bool(result.rollback and result.rollback.outcome is RollbackOutcome.NOT_RESTORED)
    )
    if "Nothing has to be done" in message and troubled:
        yield "the message says that nothing has to be done"
    if "Nothing was injected" in message and report.injected:
        yield "the message says that nothing was injected"
    if "Nothing was tested" in message and result.verdict is not Verdict.INVALID:
        yield "the message says that nothing was tested"
    if "find out why the run was aborted" in message and record.abort is None and result.verdict is not Verdict.ABORTED:
        yield "the message says that the run was aborted"
    if "Squall itself failed" in message and result.status is not Status.FAILED:
        yield "the message says that Squall failed"


def _check_criteria(report: Told) -> Iterator[str]:
    """A relation to the baseline is a percentage of it, and what is not compared has no number."""
    for criterion in report.facts.result.criteria:
        if "increases by" not in criterion.text:
            measured = re.search(r"measured ([-\d.e]+) (\w+) over", criterion.reason)
            if measured and (measured[2] != criterion.unit or not near(measured[1], criterion.measured or 0.0)):
                yield f"{criterion.text}: {criterion.reason}, measured {criterion.measured} {criterion.unit}"
            continue
        comparisons = [c for metric in report.facts.result.statistics if metric.metric == criterion.metric for c in metric.comparisons]
        compared = next((c for c in comparisons if c.windows == ("baseline", "fault")), None)
        if criterion.measured is None:
            continue
        if compared is None or not compared.before or compared.shift is None:
            yield f"{criterion.text}: {criterion.measured} % of nothing"
        elif abs(criterion.measured - 100 * compared.shift / compared.before) > 0.01 * abs(criterion.measured) + 1e-6:
            yield f"{criterion.text}: {criterion.measured}, compared {compared}"


def _check_charts(report: Told) -> Iterator[str]:
    charts = report.page.course.charts if report.page.course else ()
    for chart in charts:
        for value, least, most in re.findall(rf"the fault ({QUANTITY}) \(({QUANTITY}) to ({QUANTITY})\)", chart.summary):
            if not number_of(least) * (1 - 1e-3) <= number_of(value) <= number_of(most) * (1 + 1e-3):
                yield f"{chart.summary}: {value} is outside of its range"


def _check_timeline(report: Told) -> Iterator[str]:
    facts, moments = report.facts, report.page.moments
    if [moment.at for moment in moments] != sorted(moment.at for moment in moments):
        yield "the timeline is not in order"
    names = [moment.event for moment in moments]
    if "in_effect" in names and EventName.RECOVERED in names and names.index(EventName.RECOVERED) < names.index("in_effect"):
        yield "recovered before the effect"
    started, ended, planned = facts.record.fault_started_at, facts.record.fault_ended_at, timedelta(seconds=facts.record.fault_seconds)
    lasted = started is not None and ended is not None and ended - started >= planned
    about_fis = dict(report.page.about.rows).get("FIS ended", "")
    if "as long as planned" in str(about_fis) and (not lasted or facts.record.abort is not None):
        yield f"{about_fis}: it lasted {started} to {ended}, planned {planned}"
    if lasted and facts.record.abort is None and "user" in str(about_fis):
        yield f"{about_fis}: no user stopped it"
    for moment in moments:
        if (
            moment.event == EventName.STOP_REQUESTED
            and "as long as planned" in moment.detail
            and (not lasted or facts.record.abort is not None)
        ):
            yield f"{moment}: it did not last"
        if moment.event == EventName.STOP_REQUESTED and moment.kind == "alarm" and facts.result.verdict is Verdict.VALIDATED:
            yield f"{moment}: alarming in a validated run"
