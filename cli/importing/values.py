"""Values of a source that are no constants, and what was lost of a source."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from squall.domain.base.problems import extend_path, show_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from squall.domain.base.problems import Problem

REPLACE = "REPLACE"
"""The key that stands where a person has to put a value. No field of an experiment accepts it, so `squall validate`
refuses the file until then."""
_TOKEN = re.compile(r"⟪(\d+)⟫")
BLANK = re.compile(r"<[A-Za-z][^<>\n]{0,80}>|\{\{[^{}\n]{1,80}\}\}")
"""A blank that a public template leaves to its reader, or to a tool: `<YOUR ACCOUNT>`, `{{ region }}`. FIS fills in none."""
BLANK_OR_VARIABLE = re.compile(BLANK.pattern + r"|\$\{[A-Za-z_][\w:.-]{0,80}\}")
"""The same where `${NAME}` is nothing that the source itself defines."""


@dataclass(frozen=True)
class Loss:
    """A thing of the source that the experiment does not say."""

    path: str
    """Where it is in the source; for a value that a person has to put in, where it belongs in the experiment."""
    why: str
    value: Any = None

    def __str__(self) -> str:
        shown = "" if self.value is None else f"{show_value(self.value)}: "
        return f"{self.path}: {shown}{self.why}"


@dataclass
class Unknowns:
    """The values that only AWS, Terraform or a person knows. A token stands for each in the template."""

    words: list[str] = field(default_factory=list)
    region: str | None = None
    """The Region, if something other than the template says it."""
    notes: dict[str, str] = field(default_factory=dict)
    """Why a value is not known, by its words."""

    def add(self, words: str) -> str:
        """The token of a value that these words describe."""
        if words not in self.words:
            self.words.append(words)
        return f"⟪{self.words.index(words)}⟫"

    def add_blanks(self, value: Any, blank: re.Pattern[str] = BLANK) -> Any:
        """The value with a token for each blank. A text with a token of its own is one unknown
        value: nobody else may write tokens."""
        if isinstance(value, dict):
            return {str(self.add_blanks(str(name), blank)): self.add_blanks(inner, blank) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.add_blanks(inner, blank) for inner in value]
        if isinstance(value, str):
            clean = value.replace("⟪", "«").replace("⟫", "»")
            return blank.sub(lambda match: self.add(match[0]), clean)
        return value

    def describe(self, text: str) -> str:
        """The text with words in place of tokens."""
        return _TOKEN.sub(lambda match: self.words[int(match[1])], text)

    def explain(self, text: str) -> str:
        """Why the values with tokens in the text are not known, in brackets; empty if nothing more can be said."""
        words = dict.fromkeys(self.words[int(number)] for number in _TOKEN.findall(text))
        notes = [self.notes[word] for word in words if word in self.notes]
        return f" ({'; '.join(notes)})" if notes else ""

    def describe_all(self, value: Any) -> Any:
        """The value with words in place of tokens in each of its texts."""
        if isinstance(value, dict):
            return {self.describe(str(name)): self.describe_all(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self.describe_all(inner) for inner in value]
        return self.describe(value) if isinstance(value, str) else value

    def mark(self, value: Any, path: str = "$") -> tuple[Any, list[Loss]]:
        """The value with a mark in place of each text with a token, and each of them as a loss."""
        if isinstance(value, str) and has_token(value):
            words = self.describe(value)
            return {REPLACE: words}, [Loss(path, f"is no constant; put the value of {words} here{self.explain(value)}")]
        losses: list[Loss] = []
        if isinstance(value, str):
            return str(value), losses  # words of an enum are text in YAML
        if isinstance(value, dict):
            marked: dict[str, Any] = {}
            for name, inner in value.items():
                marked[self.describe(str(name))], more = self.mark(inner, extend_path(path, self.describe(str(name))))
                losses += more
                if has_token(str(name)):
                    losses.append(Loss(path, f"has a key that is no constant: {self.describe(str(name))}"))
                    marked = {**marked, self.describe(str(name)): {REPLACE: f"the key {self.describe(str(name))}"}}
            return marked, losses
        if isinstance(value, list | tuple):
            pairs = [self.mark(inner, extend_path(path, number)) for number, inner in enumerate(value)]
            return [inner for inner, _ in pairs], [loss for _, more in pairs for loss in more]
        return value, losses


def has_token(text: str) -> bool:
    """Whether the text holds a value that is not known."""
    return bool(_TOKEN.search(text))


def may_be(text: str, value: str) -> bool:
    """Whether the text is this value if its tokens stand for the right things. Without a token it is not asked."""
    pattern = ".*".join(re.escape(part) for part in _TOKEN.split(text)[::2])
    return has_token(text) and re.fullmatch(pattern, value) is not None


def choose_label(tags: Any, name: str) -> str:
    """The name of a template: its tag `Name`, if that is a constant, else this name."""
    label = tags.get("Name") if isinstance(tags, dict) else None
    return label if isinstance(label, str) and label.strip() and not has_token(label) else name


def list_texts(value: Any) -> Iterator[str]:
    """Every text in the value, without keys."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from list_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from list_texts(inner)
    elif isinstance(value, str):
        yield value


@dataclass(frozen=True)
class Source:
    """A template of FIS, or an experiment of another tool written as one."""

    origin: str
    """The file or id, and which resource of it."""
    name: str
    template: Mapping[str, Any]
    """As GetExperimentTemplate answers."""
    unknowns: Unknowns
    losses: tuple[Loss, ...] = ()
    """What was lost before the template was made."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the experiment that a FIS template can't say."""
    replaced: tuple[str, ...] = ()
    """What Squall has its own of, in words."""
    problems: tuple[Problem, ...] = ()
    """Why nothing of it can be imported."""
