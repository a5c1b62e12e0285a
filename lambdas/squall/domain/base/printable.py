"""Makes texts from outside (names, reasons, comments, messages of AWS services) harmless in a text that people read."""

import re

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Unicode categories of control, format (bidirectional, zero-width), surrogate, private and unassigned characters."""
_BREAKS = re.compile(r"[^\S ]+")
LONGEST_LINE = 8000
"""Characters: enough for a command with many parameters. A longer text is cut, and ends with `…`."""


def remove_invisible(text: str, keep: str = "") -> str:
    """The text without invisible characters that hide or reorder others; those in `keep` stay."""
    import unicodedata  # noqa: PLC0415 - a shared library: an abort by an alarm does without

    return "".join(letter for letter in text if letter in keep or unicodedata.category(letter) not in _INVISIBLE)


def flatten_text(text: str, limit: int = LONGEST_LINE) -> str:
    """The text as one printable line of at most `limit` characters; a line that was cut ends with `…`. Ordinary spaces
    stay as they are, because a command or an indent in the text must not change."""
    line = remove_invisible(_BREAKS.sub(" ", text))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def one_line(text: str, limit: int = LONGEST_LINE) -> str:
    """Like `flatten_text`, without spaces around the text."""
    return flatten_text(remove_invisible(_BREAKS.sub(" ", text)).strip(), limit)


def flatten_lines(text: str, limit: int = LONGEST_LINE) -> str:
    """Each line of the text flattened; the line breaks stay. For texts whose line breaks are Squall's own: indented
    JSON, and a sentence with a caret under it."""
    return "\n".join(flatten_text(line) for line in text[:limit].replace("\r\n", "\n").split("\n"))
