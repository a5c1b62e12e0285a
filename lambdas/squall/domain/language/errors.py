"""The error of a sentence that is not understood: at which position, and what would be understood there."""

_WIDTH = 60


class SentenceError(Exception):
    """A sentence that is not understood.

    `position` is 0-based, and at most the length of the text (its end). `expected` lists what would be understood
    there.
    """

    def __init__(self, text: str, position: int, message: str, expected: tuple[str, ...] = ()) -> None:
        self.text, self.message, self.expected = text, message, expected
        self.position = max(0, min(position, len(text)))
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
        return f"{self.message}\n{self.caret}"
