"""The language of success criteria, abort conditions and steady state: sentences that people write, with exactly one
meaning each."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TypeVar

from squall.domain.language import grammar
from squall.domain.language.errors import SentenceError
from squall.domain.language.fault_windows import explain_unknown, mask_names
from squall.domain.language.meaning import Reader
from squall.domain.language.metric_table import METRICS
from squall.domain.language.proposals import add_proposals
from squall.domain.language.sentences import AlarmFires, AlarmOk, Comparator, MembersRun, Sentence, Threshold, render_sentence

_NONE: Mapping[str, str] = MappingProxyType({})
_OPPOSITES: dict[Comparator, Comparator] = {">": "<=", ">=": "<", "<": ">=", "<=": ">", "==": ">", "!=": "=="}
_CRITERIA = ("System availability > 99 %", "p99 response time < 2 seconds", "alarm NAME fires within 5 minutes")
_CONDITIONS = ("System availability < 95 %", "Response time > 5 seconds")
_STATES = ("System availability > 99 %", "alarm NAME is OK")
_ORDER_TO_STOP = re.compile(
    r"\s*(?:abort|stop|halt|cancel|roll ?back|fail)(?: (?:the |this )?(?:experiment|test|fault|run))? (?:if|when|once|as soon as)\s+",
    re.IGNORECASE,
)
T = TypeVar("T")


def parse_criterion(text: str, declared: Mapping[str, str] = _NONE, faults: Sequence[str] = ()) -> Sentence:
    """The meaning of a success criterion. `declared` maps the experiment's own metric names to their units; `faults` are
    the names of a scenario's faults. Raises SentenceError."""
    return _parse_sentence(text, declared, partial(_read_criterion, faults=faults), _CRITERIA)


def parse_admitted_criterion(text: str, declared: Mapping[str, str] = _NONE, faults: Sequence[str] = ()) -> Sentence:
    """`parse_criterion` for a criterion that was admitted, perhaps by an earlier version: a change in % of a metric that
    is in percent, which is refused today, is a share of the baseline, as it was then."""
    return _read_tree(text, declared, faults, admitted=True)[1]


def parse_condition(text: str, declared: Mapping[str, str] = _NONE, faults: Sequence[str] = ()) -> Threshold:
    """The meaning of an abort condition: an absolute threshold. Raises SentenceError."""
    return _parse_sentence(text, declared, partial(_read_condition, faults=faults), _CONDITIONS, stops=True)


def parse_steady_state(text: str, declared: Mapping[str, str] = _NONE, faults: Sequence[str] = ()) -> Threshold | AlarmOk:
    """The meaning of a sentence of the steady state: an absolute threshold, or an alarm that is OK. Raises
    SentenceError."""
    return _parse_sentence(text, declared, partial(_read_steady_state, faults=faults), _STATES)


def _parse_sentence(
    text: str, declared: Mapping[str, str], read: Callable[[str, Mapping[str, str]], T], examples: tuple[str, ...], *, stops: bool = False
) -> T:
    """The meaning of the sentence. `stops`: it says when to stop, not what is wanted."""
    own = tuple(f'"{name}" > 10 {_own_unit(unit)}'.strip() for name, unit in declared.items())
    try:
        return read(text, declared)
    except SentenceError as error:
        refusal = error if stops else _refuse_order_to_stop(error, declared)
        add_proposals(refusal, lambda other: read(other, declared), (*examples, *own))
        raise refusal from error.__cause__


def _refuse_order_to_stop(error: SentenceError, declared: Mapping[str, str]) -> SentenceError:
    """The error of `abort if X` as a criterion, which means the opposite of X; the same error for any other sentence."""
    match = _ORDER_TO_STOP.match(error.text)
    if match is None:
        return error
    message = "this says when to stop, so it belongs in abort_conditions; this place says what is wanted"
    try:
        unwanted = _read_condition(error.text[match.end() :], declared)
    except SentenceError:
        return SentenceError(error.text, 0, message, ("what must hold",))
    wanted = unwanted.model_copy(update={"comparator": _OPPOSITES[unwanted.comparator]})
    return SentenceError(error.text, 0, message, ("what must hold",), (render_sentence(wanted),))


def _own_unit(unit: str) -> str:
    return {"percent": "%", "seconds": "seconds", "milliseconds": "ms", "per_second": "requests/s", "bytes": "bytes"}.get(unit, "")


def _read_tree(text: str, declared: Mapping[str, str], faults: Sequence[str], *, admitted: bool = False) -> tuple[Reader, Sentence]:
    """The sentence's meaning, and its reader. Raises SentenceError."""
    reader = Reader(text, declared, faults=faults, admitted=admitted)
    masked = mask_names(text, faults, admitted=admitted)
    try:
        tree = grammar.parse_tree(masked, text)
    except SentenceError as error:
        raise explain_unknown(error, faults) from error.__cause__
    return reader, reader.read(tree)


def _read_criterion(text: str, declared: Mapping[str, str], faults: Sequence[str] = ()) -> Sentence:
    return _read_tree(text, declared, faults)[1]


def _read_condition(text: str, declared: Mapping[str, str], faults: Sequence[str] = ()) -> Threshold:
    reader, sentence = _read_tree(text, declared, faults)
    if isinstance(sentence, AlarmFires | AlarmOk):
        message = "an alarm stops the fault if stop_alarms names it; an abort condition compares a metric with a number"
        raise SentenceError(text, 0, message, (f"stop_alarms: [{sentence.alarm}]",))
    threshold = _require_absolute(text, sentence, wanted=False)
    if reader.is_objective:
        opposite = threshold.model_copy(update={"comparator": _OPPOSITES[threshold.comparator]})
        message = "an abort condition says when to stop, and this says what is wanted"
        raise SentenceError(text, 0, message, ("what is too bad to go on",), (render_sentence(opposite),))
    return threshold


def _read_steady_state(text: str, declared: Mapping[str, str], faults: Sequence[str] = ()) -> Threshold | AlarmOk:
    _, sentence = _read_tree(text, declared, faults)
    if isinstance(sentence, AlarmOk):
        if sentence.window is not None:
            raise _refuse_window(text, sentence.window, render_sentence(sentence.model_copy(update={"window": None})))
        return sentence
    return _require_absolute(text, sentence)


def _require_absolute(text: str, sentence: Sentence, *, wanted: bool = True) -> Threshold:
    """The sentence, if it compares a metric with a number; `wanted` says whether it is to hold or to stop the fault."""
    if isinstance(sentence, MembersRun):
        message = f"how many {sentence.members} run by when can only be a success criterion"
        repairs = (f"Healthy hosts {'>=' if wanted else '<'} {sentence.count}",)
        raise SentenceError(text, 0, message, ("a metric compared with a number",), repairs)
    if not isinstance(sentence, Threshold):
        raise SentenceError(text, 0, "an event can only be a success criterion", ("a metric compared with a number",))
    if sentence.relative is not None:
        message = "only a success criterion is compared with the baseline: no baseline exists while this is checked"
        examples = _absolute_examples(sentence, wanted=wanted)
        raise SentenceError(text, _find_position(text, "baseline"), message, ("an absolute threshold",), examples)
    if sentence.window not in {"fault", "observation"}:
        raise _refuse_window(text, sentence.window, render_sentence(sentence.model_copy(update={"window": "observation"})))
    return sentence


def _absolute_examples(sentence: Threshold, *, wanted: bool) -> tuple[str, ...]:
    """The same metric compared with a number, in whichever unit it has; those that don't fit don't parse."""
    for_seconds = f" for {sentence.for_seconds} seconds" if sentence.for_seconds else ""
    subject = " ".join(filter(None, (sentence.statistic, f'"{sentence.metric.replace("_", " ")}"')))
    metric = METRICS.get(sentence.metric)
    if metric is not None and metric.better is not None:
        comparator = "<" if (metric.better == "lower") == wanted else ">"
    else:
        comparator = sentence.comparator if sentence.comparator in {"<", "<=", ">", ">="} else ">"
    return tuple(f"{subject} {comparator} {number}{for_seconds}" for number in ("2 seconds", "5 %", "10 requests/s", "10", "100 MB"))


def _refuse_window(text: str, window: str, without: str) -> SentenceError:
    message = "this is checked all the time, so it has no window: leave out `during`"
    return SentenceError(text, _find_position(text, window), message, ("no `during`",), (without,))


def _find_position(text: str, word: str) -> int:
    return max(0, text.casefold().find(word))
