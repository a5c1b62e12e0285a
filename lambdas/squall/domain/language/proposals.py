"""Proposes, for a sentence that is refused, the nearest sentences that work. Every proposal has been parsed.

The repairs that errors name, the rewrites of `rewrites/` and guesses at names are combined until something parses;
the sentences with the fewest changes win.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from squall.domain.language.errors import SentenceError
from squall.domain.language.rewrites.tables import TABLES
from squall.domain.language.rewrites.words import Replacement

_MOST = 3
"""Proposals that are shown."""
_DEPTH = 4
"""Changes that are combined."""
_ATTEMPTS = 80
"""Sentences that are parsed at most."""
_LONGEST = 300
"""The most characters of a sentence that is still rewritten."""
_BEARS_MEANING = re.compile(
    r"\b(?:not|never|no|cannot|can't|non|without|unless|per|after|before|within|until|second|minute|errors?|5xx|"
    r"failed|failing|throttled|dropped|rejected|successful|downtime|outages?|fail-?over|nines)\b|n['’]t\b|/",
    re.IGNORECASE,
)
"""Words that a guess at a name must keep: without them the sentence says something else, or the opposite."""


def add_proposals(error: SentenceError, parse: Callable[[str], object], examples: tuple[str, ...]) -> None:
    """Put the nearest sentences that work into the error; where nothing near works, an example that does."""
    error.proposals = _Search(error, parse).run()
    if not error.proposals:
        error.is_example = True
        error.proposals = tuple(example for example in examples if _try_sentence(example, parse) is None)[:1]


class _Search:
    """A breadth-first search from the refused sentence."""

    def __init__(self, error: SentenceError, parse: Callable[[str], object]) -> None:
        self._parse = parse
        self._tried = {_fold_text(error.text)}
        self._level = [(error, False)]
        """The errors from which the search goes on, each with whether something in its sentence was guessed."""

    def run(self) -> tuple[str, ...]:
        for _ in range(_DEPTH):
            errors, self._level = self._level, []
            for candidates in (
                [(text, guessed) for error, guessed in errors for text in error.repairs],
                [(text, guessed) for error, guessed in errors for text in _rewrite(error.text)],
                [(text, True) for error, guessed in errors if not guessed for text in error.guesses if _keeps_meaning(error.text, text)],
            ):
                if parsed := self._keep_parsed(candidates):
                    return tuple(parsed[:_MOST])
        return ()

    def _keep_parsed(self, candidates: Iterable[tuple[str, bool]]) -> list[str]:
        """The candidates that parse; the errors of the others are where the search goes on. Two guesses together keep too little of
        the sentence: of a guess nothing more is guessed."""
        parsed = []
        for candidate, guessed in candidates:
            if _fold_text(candidate) in self._tried or len(self._tried) > _ATTEMPTS:
                continue
            self._tried.add(_fold_text(candidate))
            error = _try_sentence(candidate, self._parse)
            if error is None:
                parsed.append(candidate)
            else:
                self._level.append((error, guessed))
        return parsed


def _try_sentence(text: str, parse: Callable[[str], object]) -> SentenceError | None:
    try:
        parse(text)
    except SentenceError as error:
        return error
    return None


def _fold_text(text: str) -> str:
    return " ".join(text.casefold().split())


def _keeps_meaning(text: str, guess: str) -> bool:
    return len(_BEARS_MEANING.findall(guess)) >= len(_BEARS_MEANING.findall(text))


@cache
def _compile_rows() -> tuple[tuple[re.Pattern[str], tuple[Replacement, ...]], ...]:
    return tuple(
        (re.compile(str(pattern), re.IGNORECASE), replacements)
        for table in TABLES
        for pattern, *rest in table
        for replacements in [tuple(rest)]
    )


def _rewrite(text: str) -> Iterator[str]:
    """The sentence with each rewrite that applies to it; empty for a text that is too long for a sentence."""
    plain = " ".join(text.split())
    if len(plain) > _LONGEST:
        return
    for pattern, replacements in _compile_rows():
        if pattern.search(plain):
            for replacement in replacements:
                yield " ".join(pattern.sub(replacement, plain).split())
