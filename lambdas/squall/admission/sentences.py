"""Problems of an experiment's sentences, of the metrics that it declares, and of its fault signal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from squall.domain.base.problems import Problem, extend_path, prefix_paths, show_value
from squall.domain.experiment.experiment import Experiment, MetricDefinition
from squall.domain.experiment.fault_signal import FaultSignal
from squall.domain.experiment.sentences import parse_sentences
from squall.domain.language.errors import SentenceError
from squall.domain.language.metric_names import normalize_name
from squall.domain.language.metric_table import METRICS
from squall.domain.language.parse import parse_condition, parse_criterion, parse_steady_state
from squall.domain.language.sentences import Sentence, Threshold, render_sentence
from squall.domain.language.units import DECLARED_UNITS
from squall.domain.metrics.bindings import published_as


def find_sentence_problems(raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Sentences that can't be parsed, metrics that are declared twice, and guards that mean the same."""
    declared, faults = _list_declared_units(raw), _list_fault_names(raw)
    first_names: dict[str, str] = {}
    for name in declared:
        if (first := first_names.setdefault(normalize_name(name), name)) != name:
            yield Problem(path=extend_path("metrics", name), message=f'is the same name as "{first}": case, spaces and _ don\'t count')
    for path, text in _list_texts(raw, "success_criteria"):
        if isinstance(meaning := _read_meaning(path, text, declared, faults, parse_criterion), Problem):
            yield meaning
    for path, text in _list_texts(raw, "steady_state"):
        if isinstance(meaning := _read_meaning(path, text, declared, faults, parse_steady_state), Problem):
            yield meaning
    guards: dict[str, str] = {}
    for path, text in _list_texts(raw, "abort_conditions"):
        meaning = _read_meaning(path, text, declared, faults, parse_condition)
        if isinstance(meaning, Problem):
            yield meaning
            continue
        first_path = guards.setdefault(meaning, path)
        if first_path != path:
            yield Problem(path=path, message=f"says the same as {first_path}", expected="each abort condition once")
    yield from _find_narrowed_guards(raw, declared)


def find_signal_problems(experiment: Experiment) -> list[Problem]:
    """Why a fault signal can't show whether there was a fault: a criterion or a guard uses the same metric.

    A workload that withstands the fault does not move such a metric, and would count as one that had no fault.
    """
    return [
        problem
        for fault in experiment.plan
        if fault.fault_signal
        for problem in prefix_paths(fault.path, _find_felt_signal(experiment, fault.fault_signal))
    ]


def _find_felt_signal(experiment: Experiment, signal: FaultSignal) -> list[Problem]:
    metric = (signal.namespace, signal.metric_name)
    named = next((name for name in parse_sentences(experiment).metrics if metric in published_as(name, experiment.metrics)), None)
    felt = next((row.name for row in METRICS.values() if row.felt and metric in published_as(row.name, {})), None)
    if named is None and felt is None:
        return []
    why = f"criteria or guards are about it ({named})" if named else f"users feel it ({felt})"
    message = f"{signal.namespace} {signal.metric_name} can't show whether there was a fault: {why}"
    return [Problem(path="fault_signal.metric_name", message=message, expected="a metric of the mechanism alone")]


def _list_declared_units(raw: Mapping[str, Any]) -> dict[str, str]:
    """The units of the metrics that the experiment declares, by name, without units that Squall does not know."""
    metrics = raw.get("metrics")
    if not isinstance(metrics, Mapping):
        return {}
    default = str(MetricDefinition.model_fields["unit"].default)
    units = {name: metric.get("unit", default) for name, metric in metrics.items() if isinstance(metric, Mapping)}
    return {str(name): unit for name, unit in units.items() if unit in DECLARED_UNITS}


def _list_fault_names(raw: Mapping[str, Any]) -> tuple[str, ...]:
    faults = raw.get("faults")
    return tuple(map(str, faults)) if isinstance(faults, Mapping) else ()


def _list_texts(raw: Mapping[str, Any], field: str) -> Iterator[tuple[str, str]]:
    """The path and the text of each sentence in a list of the experiment."""
    entries = raw.get(field)
    if not isinstance(entries, list | tuple):
        return
    for number, entry in enumerate(entries):
        path, text = extend_path(field, number), entry
        if isinstance(entry, Mapping):
            path, text = extend_path(path, "text"), entry.get("text")
        if isinstance(text, str) and text.strip():
            yield path, text


def _read_meaning(
    path: str,
    text: str,
    declared: Mapping[str, str],
    faults: Sequence[str],
    parse: Callable[[str, Mapping[str, str], Sequence[str]], Sentence],
) -> str | Problem:
    """The parsed sentence as JSON without its words, so that sentences that mean the same are equal; or the problem."""
    try:
        sentence = parse(text, declared, faults)
    except SentenceError as error:
        if parse is parse_condition:
            turn_proposals(error, declared)
        return Problem(path=path, message=str(error), expected="; ".join(error.expected))
    if parse is parse_condition and isinstance(sentence, Threshold) and sentence.comparator in {"==", "!="}:
        return Problem(path=path, message=f"{show_value(text)}: an alarm can't compare for equality", expected="> >= < or <=")
    opposite = _find_opposite(sentence, declared) if parse is parse_condition else None
    if opposite:
        message = f"{show_value(text)} would abort while everything is well"
        return Problem(path=path, message=message, expected=f"{opposite}: an abort condition says when to abort")
    return sentence.model_dump_json(exclude={"text", "window"} if parse is parse_condition else {"text"})


def _find_narrowed_guards(raw: Mapping[str, Any], declared: Mapping[str, str]) -> Iterator[Problem]:
    """Abort conditions that name the time of the fault, although the run is observed for longer."""
    if raw.get("observation") is None:
        return
    for path, text in _list_texts(raw, "abort_conditions"):
        with suppress(SentenceError):
            condition = parse_condition(text, declared)
            if condition.window == "fault":
                plain = render_sentence(condition.model_copy(update={"window": "observation"}))
                message = f"{show_value(text)}: a guard watches the whole observation, not only the time of the fault"
                yield Problem(path=path, message=message, expected=f"{plain}: leave out `during`")


def turn_proposals(error: SentenceError, declared: Mapping[str, str]) -> None:
    """Replace each proposal for an abort condition that would be refused: one that good values meet by its opposite, and
    leave out comparisons for equality."""
    conditions = [(text, parse_condition(text, declared)) for text in error.proposals]
    turned = [_find_opposite(condition, declared) or text for text, condition in conditions if condition.comparator not in {"==", "!="}]
    error.proposals = tuple(text for text in dict.fromkeys(turned) if _is_condition(text, declared))


def _is_condition(text: str, declared: Mapping[str, str]) -> bool:
    try:
        parse_condition(text, declared)
    except SentenceError:
        return False
    return True


def _find_opposite(condition: Sentence, declared: Mapping[str, str]) -> str | None:
    """What the author of an abort condition probably meant, if the condition is true of good values; otherwise None."""
    if not isinstance(condition, Threshold) or condition.metric in declared:
        return None
    metric = METRICS.get(condition.metric)
    good = {"higher": ">", "lower": "<"}.get(metric.better or "") if metric else None
    if good is None or not condition.comparator.startswith(good):
        return None
    turned = {">": "<", "<": ">"}[good]  # strictly: "<= 100 %" would be true of any availability
    return render_sentence(condition.model_copy(update={"comparator": turned}))
