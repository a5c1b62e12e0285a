"""What speaks against a criterion that its own metric meets. Each function gives the reason as a part of a sentence, and an
empty text if there is none; a criterion with a reason can't be told.
"""

from collections.abc import Sequence

from squall.domain.documents.metrics.metric_models import MetricBinding, Window
from squall.domain.documents.metrics.statistics import Comparison
from squall.domain.judging.bounds import run_bounds
from squall.domain.judging.judge_input import JudgeInput
from squall.domain.judging.silence import find_silent_periods
from squall.domain.judging.window_statistics import seen_points
from squall.domain.language.metric_table import METRICS
from squall.domain.language.sentences import Recovers, Threshold
from squall.domain.metrics.series import counts_events

MOST_FAILED = 5.0
"""Percent of the requests of a window. Where more failed, the average response time of the others is not that of users."""
FEWEST_REQUESTS = 0.1
"""Share of the baseline's rate of requests. If fewer arrive, those that do not may be the ones that fail."""
_FASTER = frozenset({"<", "<="})


def explain_doubt(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> str:
    """Why a threshold that its metric meets can't be told all the same."""
    if threshold.window == "baseline":
        return ""
    reasons = (_explain_unanswered(threshold, binding, window, inputs), _explain_thin(threshold, window, inputs))
    return next(filter(None, reasons), "") or _explain_shortage(threshold, binding, window, inputs)


def _explain_unanswered(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> str:
    """Response times are of requests that were answered: an error page is quick, and a request without an answer is not
    counted. A percentile allows as many failures as it leaves out."""
    if threshold.metric != "response_time" or threshold.comparator not in _FASTER:
        return ""
    available = inputs.values.get(window.name, {}).get("availability")
    statistic = binding.queries[0].statistic
    allowed = round(100 - float(statistic[1:]), 4) if statistic.startswith("p") else MOST_FAILED
    if available is None or 100 - available <= allowed:
        return ""
    return f"; but {100 - available:.4g} % of the requests failed, and response times say nothing about these ({allowed:g} % may fail)"


def _explain_thin(threshold: Threshold, window: Window, inputs: JudgeInput) -> str:
    """What users get is told by their requests. Where nearly none arrive any more, the others may have failed on the way."""
    row = METRICS.get(threshold.metric)
    if row is None or not row.felt or row.kind == "rate":
        return ""
    before, now = (inputs.values.get(name, {}).get("request_rate") for name in ("baseline", window.name))
    if before is None or now is None or now >= FEWEST_REQUESTS * before:
        return ""
    return f"; but only {now:.3g} requests per second arrived, of {before:.3g} in the baseline: what became of the others is unknown"


def _explain_shortage(threshold: Threshold, binding: MetricBinding, window: Window, inputs: JudgeInput) -> str:
    """So many hosts are meant all the time, and the average over a window hides minutes without any. A sentence that names a
    statistic asks for that statistic."""
    row = METRICS.get(threshold.metric)
    if row is None or row.shows != "capacity" or threshold.statistic is not None or threshold.relative or threshold.for_seconds:
        return ""
    of_run, hosts = inputs.series_of_run(binding.name), inputs.series_of_run("healthy_hosts")
    points = seen_points(binding, of_run, hosts, window)
    short = [point.value for point in points if not threshold.holds(point.value)]
    if not short:
        return ""
    worst = min(short) if threshold.comparator in {">", ">="} else max(short)
    return f"; but {len(short)} of {len(points)} periods had {worst:.4g}, which the average hides"


def explain_whole(threshold: Threshold, binding: MetricBinding, compared: Comparison, window: Window, inputs: JudgeInput) -> str:
    """A comparison with the baseline is about the typical period. Harm in a few periods moves the value over the window,
    which is compared with that over the baseline and with the typical period of it."""
    usual = inputs.window_of("baseline", binding)
    before, now = (inputs.values.get(name, {}).get(binding.name) for name in ("baseline", window.name))
    if usual is None or not usual.periods or before is None or now is None:
        return ""
    if counts_events(binding):
        before, now = before / usual.periods, now / window.periods
    bases = [base for base in (before, compared.before) if base is not None]
    if any(_relates(threshold, now, base) for base in bases):
        return ""
    of = " a period" if counts_events(binding) else ""
    return f"; but over the whole window it is {now:.4g} {binding.unit}{of}, and {before:.4g} over the baseline"


def _relates(threshold: Threshold, value: float, before: float) -> bool:
    if threshold.relative == "ratio" and not before:
        return value == before
    relation = threshold.compared(value, before)
    return relation is not None and threshold.model_copy(update={"relative": None}).holds(relation)


def explain_interrupted(threshold: Threshold, held: Sequence[bool | None], window: Window) -> str:
    """A length of time says how long it has to be good, and nothing about the rest of the window. Where it was bad for as
    long as well, nobody meant that. While a workload recovers, the bad time comes first."""
    row = METRICS.get(threshold.metric)
    good = {"higher": {">", ">="}, "lower": {"<", "<="}}.get(row.better or "", set()) if row else set()
    if threshold.comparator not in good or threshold.window in {"baseline", "recovery"}:
        return ""
    bad = run_bounds([None if holds is None else not holds for holds in held], window.period_seconds)[0]
    return f"; but it did not hold for {bad} s without interruption either" if bad >= (threshold.for_seconds or 0) else ""


def explain_unrecovered(parsed: Recovers, inputs: JudgeInput) -> str:
    """The steady state may say nothing about what users get; response times say nothing about requests that fail. Nothing
    has recovered while requests fail or no longer arrive, unlike before."""
    binding = next((each for each in inputs.discovery.bindings if each.name == "availability"), None)
    named = (inputs.window_of(name, binding) for name in ("recovery", "observation", "fault"))
    window = next((each for each in named if each and each.periods), None)
    known = inputs.statistics.get("availability")
    if binding is None or window is None or parsed.metric not in {None, "response_time"}:
        return ""
    points = seen_points(binding, inputs.run_series.get(binding.name, ()), inputs.run_series.get("healthy_hosts", ()), window)
    if window.end - window.period_seconds in find_silent_periods(binding, points, window, inputs):
        return "; but no requests are counted any more"
    low = known.band.low if known and known.band else None
    if low is None or not points or points[-1].value >= low:
        return ""
    return f"; but the availability is {points[-1].value:.4g} % at last, and was never under {low:.4g} %"
