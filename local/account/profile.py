"""How well the account behaves: ideal, or late, lossy and slow as AWS can be. Switches change at run time."""

import random
import threading
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

SEED = 20240


class UnknownSettingError(ValueError):
    """A setting that doesn't exist or has a value it can't take."""


@dataclass(frozen=True)
class Profile:
    """One set of switches; a drop rate is per event source, ``*`` for all others."""

    name: str = "ideal"
    metric_lag_seconds: float = 0.0
    drop_event_rate: dict[str, float] = field(default_factory=dict)
    drop_all_events: bool | list[str] = False
    duplicate_event_rate: float = 0.0
    event_delay_seconds: tuple[float, float] = (0.0, 0.0)
    fis_stopping_seconds: float = 0.0
    fis_restore_seconds: float = 2.0
    """Seconds from the end of a fault on a subnet until its original network ACL is associated again."""
    fis_minimum_seconds: float = 1.0
    fis_action_delay_seconds: tuple[float, float] = (0.0, 0.0)
    """Seconds from the moment at which nothing holds an action back until it begins, drawn for each action: those that
    begin together on paper begin one after the other, in any order."""
    fis_start_delay_seconds: float = 0.0
    """Seconds that StartExperiment hangs before it takes effect: its caller may have died by then."""
    ssm_dispatch_seconds: float = 0.1
    refuse_firing_alarms: bool = False
    """Whether StartExperiment refuses while a stop condition is in ALARM; otherwise FIS starts and stops at once. AWS
    documents neither."""
    disable_stop_conditions: bool = False
    disable_alarm_actions: bool = False
    disable_schedules: bool = False

    def with_changes(self, changes: dict[str, Any]) -> "Profile":
        """A copy of this profile with some settings changed. Raises UnknownSettingError for unknown names."""
        known = {f.name for f in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise UnknownSettingError(f"unknown settings: {', '.join(unknown)}")
        base = NAMED[changes["name"]] if changes.get("name") in NAMED else self
        return replace(base, **{name: _check_value(name, value) for name, value in changes.items()})


def _check_value(name: str, value: Any) -> Any:
    if name in ("event_delay_seconds", "fis_action_delay_seconds"):
        low, high = (float(v) for v in value)
        if not 0 <= low <= high:
            raise UnknownSettingError(f"{name} is [minimum, maximum]")
        return (low, high)
    if name == "drop_event_rate":
        rates = value if isinstance(value, dict) else {"*": value}
        return {str(source): float(rate) for source, rate in rates.items()}
    if name == "drop_all_events":
        return [str(source) for source in value] if isinstance(value, list) else bool(value)
    if name.startswith(("disable_", "refuse_")):
        if not isinstance(value, bool):
            raise UnknownSettingError(f"{name} is true or false")
        return value
    if name == "name":
        if value not in NAMED:
            raise UnknownSettingError(f"profiles are {', '.join(NAMED)}")
        return value
    return float(value)


IDEAL = Profile()
PESSIMISTIC = Profile(
    name="pessimistic",
    metric_lag_seconds=6.0,
    drop_event_rate={"aws.fis": 0.05, "aws.states": 0.05},
    duplicate_event_rate=0.2,
    event_delay_seconds=(0.0, 3.0),
    fis_stopping_seconds=3.0,
    fis_restore_seconds=10.0,
    fis_action_delay_seconds=(0.0, 4.0),
    ssm_dispatch_seconds=2.0,
    refuse_firing_alarms=True,
)
NAMED = {"ideal": IDEAL, "pessimistic": PESSIMISTIC}


class ProfileHolder:
    """The profile in force, with the random numbers it draws on (seeded, so that a run can be repeated)."""

    def __init__(self, profile: Profile = IDEAL) -> None:
        self._profile = profile
        self._random = random.Random(SEED)
        self._lock = threading.Lock()

    @property
    def current(self) -> Profile:
        return self._profile

    def change(self, changes: dict[str, Any]) -> Profile:
        with self._lock:
            self._profile = self._profile.with_changes(changes)
            if "name" in changes:
                self._random.seed(SEED)
            return self._profile

    def use(self, profile: Profile) -> None:
        self._profile = profile

    def chance(self, rate: float) -> bool:
        with self._lock:
            return rate > 0 and self._random.random() < rate

    def between(self, low: float, high: float) -> float:
        with self._lock:
            return self._random.uniform(low, high)

    def as_json(self) -> dict[str, Any]:
        return asdict(self._profile)


holder = ProfileHolder()
