"""The language of success criteria, abort conditions and steady state: sentences a person writes, with one meaning each.

    [statistic] metric comparator number unit [vs baseline] [for duration] [during window]
    metric increases by comparator number % vs baseline
    alarm NAME fires within duration
    [metric] recovers within duration
    Auto Scaling launches replacement instance [within duration]

A sentence that isn't understood is an error at a position, never a pass.
"""

from collections.abc import Mapping
from types import MappingProxyType

from squall.domain.language import grammar
from squall.domain.language.errors import SentenceError
from squall.domain.language.meaning import Reader
from squall.domain.language.sentences import Sentence, Threshold

_NONE: Mapping[str, str] = MappingProxyType({})


def parse_criterion(text: str, declared: Mapping[str, str] = _NONE) -> Sentence:
    """What a success criterion means; `declared` is the experiment's own metric names with their units."""
    return Reader(text, declared).read(grammar.tree(text))


def parse_condition(text: str, declared: Mapping[str, str] = _NONE) -> Threshold:
    """What an abort condition or a sentence of the steady state means: a number to compare with, at any moment."""
    sentence = parse_criterion(text, declared)
    if not isinstance(sentence, Threshold):
        raise SentenceError(text, 0, "an event can only be a success criterion", ("a metric compared with a number",))
    if sentence.relative is not None:
        raise SentenceError(text, _position(text, "baseline"), "no baseline exists where this is checked", ("an absolute threshold",))
    if sentence.window != "fault":
        raise SentenceError(text, _position(text, sentence.window), "this is checked all the time: it has no window", ("no `during`",))
    return sentence


def _position(text: str, word: str) -> int:
    return max(0, text.casefold().find(word))
