"""The settings the account process was started with."""

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


def set_settings(settings: Settings) -> None:
    """Set the settings of the process, once and before anything reads them."""
    _current[:] = [settings]


def get_settings() -> Settings:
    """The settings of the process. Raises if the server has not set them yet."""
    if not _current:
        raise RuntimeError("the local account has not been started")
    return _current[0]
