"""The settings the account process was started with."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    port: int
    state_dir: Path
    workload_url: str
    account_id: str = "000000000000"
    region: str = "us-east-1"
    peers: Path | None = None
    """The file with the endpoints of other local accounts by account id, and of other Regions by `<account id>/<Region>`."""

    idle_seconds: int | None = None
    """How long a function's environment outlives its last invocation; None: as long as the account."""

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def find_peer(self, account_id: str, region: str = "") -> str | None:
        """The endpoint of another local account, or of another Region of this one; None if there is none."""
        key = f"{account_id}/{region}" if region else account_id
        try:
            endpoint = json.loads(self.peers.read_text()).get(key) if self.peers else None
        except (OSError, ValueError):
            return None
        return str(endpoint) if endpoint else None


_current: list[Settings] = []


def set_settings(settings: Settings) -> None:
    """Set the settings of the process, once and before anything reads them."""
    _current[:] = [settings]


def get_settings() -> Settings:
    """The settings of the process. Raises if the server has not set them yet."""
    if not _current:
        raise RuntimeError("the local account has not been started")
    return _current[0]
