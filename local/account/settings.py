"""What the account process was started with."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    port: int
    state_dir: Path
    workload_url: str

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


_current: list[Settings] = []


def use(settings: Settings) -> None:
    """Set, once and before anything asks, what the process was started with."""
    _current[:] = [settings]


def current() -> Settings:
    """The settings in force; asking before the server has set them is a mistake."""
    if not _current:
        raise RuntimeError("the local account has not been started")
    return _current[0]
