"""The language of success criteria, abort conditions and steady state: sentences that people write, with exactly one
meaning each."""

from collections.abc import Mapping
from types import MappingProxyType

from squall.domain.language import grammar
from squall.domain.language.errors import SentenceError
from squall.domain.language.meaning import Reader
from squall.domain.language.sentences import Sentence, Threshold

_NONE: Mapping[str, str] = MappingProxyType({})


def parse_criterion(text: str, declared: Mapping[str, str] = _NONE) -> Sentence:
    """The meaning of a success criterion. `declared` maps the experiment's own metric names to their units. Raises
    SentenceError."""
    return Reader(text, declared).read(grammar.parse_tree(text))


def parse_condition(text: str, declared: Mapping[str, str] = _NONE) -> Threshold:
    """The meaning of an abort condition or a sentence of the steady state: an absolute threshold. Raises
    SentenceError."""
    sentence = parse_criterion(text, declared)
    if not isinstance(sentence, Threshold):
        raise SentenceError(text, 0, "an event can only be a success criterion", ("a metric compared with a number",))
    if sentence.relative is not None:
        message = "only a success criterion is compared with the baseline: no baseline exists while this is checked"
        raise SentenceError(text, _find_position(text, "baseline"), message, ("an absolute threshold, such as < 2 seconds",))
    if sentence.window != "fault":
        message = "this is checked all the time, so it has no window: leave out `during`"
        raise SentenceError(text, _find_position(text, sentence.window), message, ("no `during`",))
    return sentence


def _find_position(text: str, word: str) -> int:
    return max(0, text.casefold().find(word))
