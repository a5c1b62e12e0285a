"""Who holds the lock on a failure domain."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Held:
    """Who holds a lock, and until when."""

    key: str
    holder: str
    until: datetime
    expired: bool
