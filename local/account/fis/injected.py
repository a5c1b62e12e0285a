"""What experiments inject into the account's own APIs at this moment."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Injected(Generic[T]):
    """The effects that calls are compared with, by the action that injects each. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._effects: dict[str, T] = {}

    def begin(self, identifier: str, effect: T) -> None:
        """Have the effect until `end` is called."""
        with self._lock:
            self._effects[identifier] = effect

    def end(self, identifier: str) -> None:
        """No longer have the effect. Repeatable."""
        with self._lock:
            self._effects.pop(identifier, None)

    def list(self) -> list[T]:
        """The effects at this moment."""
        with self._lock:
            return [*self._effects.values()]
