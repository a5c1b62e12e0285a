"""The error of a sentence that is not understood: its position, what would be understood there, and sentences that
would be."""

_WIDTH = 60


class SentenceError(Exception):
    """A sentence that is not understood.

    `position` is 0-based, and at most the length of the text (its end). `expected` lists what would be understood
    there. `repairs` are whole sentences that may be what was meant; `guesses` only look like it. Neither of them have
    been parsed yet. `proposals` are those that parse (`proposals.add_proposals`). If `is_example`, the proposals only
    show the form.
    """

    def __init__(
        self,
        text: str,
        position: int,
        message: str,
        expected: tuple[str, ...] = (),
        repairs: tuple[str, ...] = (),
        guesses: tuple[str, ...] = (),
    ) -> None:
        self.text, self.message, self.expected, self.repairs, self.guesses = text, message, expected, repairs, guesses
        self.position = max(0, min(position, len(text)))
        self.proposals: tuple[str, ...] = ()
        self.is_example = False
        super().__init__(message)

    @property
    def caret(self) -> str:
        """The sentence, cut around the position if it is long, and on a second line a caret under the position."""
        start = max(0, self.position - _WIDTH)
        end = self.position + _WIDTH
        before, after = ("…" if start else ""), ("…" if end < len(self.text) else "")
        shown = "".join(letter if letter.isprintable() else " " for letter in self.text[start:end])
        return f"{before}{shown}{after}\n{' ' * (len(before) + self.position - start)}^"

    def __str__(self) -> str:
        lead = "for example" if self.is_example else "write"
        lines = [f"{lead if number == 0 else 'or'}: {proposal}" for number, proposal in enumerate(self.proposals)]
        return "\n".join((self.message, self.caret, *lines))


def replace_span(text: str, start: int, end: int, *replacements: str) -> tuple[str, ...]:
    """The sentences with the part from `start` to `end` (exclusive) replaced by each of these."""
    return tuple(" ".join(f"{text[:start]}{new}{text[end:]}".split()) for new in replacements)
