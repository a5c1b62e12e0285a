"""Numbers one after the other. Unlike `itertools.count`, the counter can be copied together with its world."""


class Count:
    """An endless iterator from `start` on."""

    def __init__(self, start: int = 0) -> None:
        self._next = start

    def __iter__(self) -> "Count":
        return self

    def __next__(self) -> int:
        self._next += 1
        return self._next - 1
