"""The faults of a scenario as windows of a sentence: `during slow`.

The grammar knows no names of faults. Before a sentence is parsed, each name that stands where a window stands is masked
by as many marks, which the grammar reads as a window. So all positions in the sentence stay as they are.
"""

import difflib
import re
from collections.abc import Iterable, Sequence

from squall.domain.base.problems import suggest_name
from squall.domain.language.errors import SentenceError, replace_span

MARK = "\ue000"
"""A character that no sentence contains: it is not printable."""
_DURING = r"(?<![\w-])(?:during|in|while\s+in)(?:\s+the)?\s+"
_BEFORE = re.compile(rf"{_DURING}$", re.IGNORECASE)
_NAME = re.compile(rf"({_DURING})([A-Za-z][A-Za-z0-9_-]*)", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|“[^”]*”|„[^“”]*[“”]|«[^»]*»|‘[^’]*’|\([^()]*\)")
_WORDS_OF_WINDOWS = frozenset(
    {"attack", "baseline", "chaos", "disruption", "experiment", "fault", "fis", "injection", "observation", "outage", "recovery"}
)
"""Words with which a window of the language begins."""


def mask_names(text: str, faults: Sequence[str], *, admitted: bool = False) -> str:
    """The sentence with marks in place of each fault's name that stands where a window stands.

    A name that is also a word for a window (`outage`) is refused with a SentenceError; in a sentence that was `admitted`
    it means the window, as it did before faults could be named.
    """
    known = {name.casefold() for name in faults}
    quoted = [match.span() for match in _QUOTED.finditer(text)]

    def mask(match: re.Match[str]) -> str:
        name = match[2].casefold()
        if name not in known or any(start <= match.start(2) < end for start, end in quoted):
            return match[0]
        if name not in _WORDS_OF_WINDOWS:
            return match[1] + MARK * len(match[2])
        if admitted:
            return match[0]
        message = f'"{match[2]}" is a fault of this scenario, and also a word for the time of all its faults'
        repairs = replace_span(text, match.start(2), match.end(2), "fault")
        raise SentenceError(text, match.start(2), message, ("another name for the fault",), repairs)

    return _NAME.sub(mask, text) if known else text


def find_fault(text: str, start: int, faults: Iterable[str]) -> str:
    """The name of the fault, as the scenario writes it, whose name was masked at this position of the sentence."""
    match = re.compile(r"[A-Za-z0-9_-]+").match(text, start)
    written = match[0].casefold() if match else ""
    return next(name for name in faults if name.casefold() == written)


def explain_unknown(error: SentenceError, faults: Sequence[str]) -> SentenceError:
    """The error of a window that is no fault of the scenario, with the nearest name; the same error for any other
    problem."""
    rest = error.text[error.position :]
    word = re.match(r"[\w-]+", rest)
    if not faults or word is None or not _BEFORE.search(error.text[: error.position]):
        return error
    near = difflib.get_close_matches(word[0].casefold(), [name.casefold() for name in faults], n=1, cutoff=0.6)
    names = [name for name in faults if name.casefold() in near]
    message = f'there is no fault and no window "{word[0]:.40}"{suggest_name(word[0], faults)}'
    start, end = error.position, error.position + len(word[0])
    return SentenceError(
        error.text,
        start,
        message,
        (*error.expected, *faults),
        (*error.repairs, *replace_span(error.text, start, end, *names)),
        error.guesses,
    )
