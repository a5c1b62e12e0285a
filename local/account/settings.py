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


_current: Settings | None = None


def use(settings: Settings) -> None:
    global _current
    _current = settings


def current() -> Settings:
    """The settings in force; asking before the server has set them is a mistake."""
    if _current is None:
        raise RuntimeError("the local account has not been started")
    return _current
