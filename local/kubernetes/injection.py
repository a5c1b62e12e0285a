"""What FIS's ephemeral container does to its pod, by its arguments: `cpu-stress percent=80 workers=0
duration=PT30S`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


@dataclass(frozen=True)
class Kind:
    """The sample process's effect, its parameters by those of FIS, and its parameters that FIS does not set."""

    document: str
    names: Mapping[str, str]
    fixed: Mapping[str, str] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = {
    "cpu-stress": Kind("AWSFIS-Run-CPU-Stress", {"percent": "LoadPercent", "workers": "CPU"}),
    "memory-stress": Kind("AWSFIS-Run-Memory-Stress", {"percent": "Percent", "workers": "Workers"}),
    "io-stress": Kind("AWSFIS-Run-IO-Stress", {"percent": "Percent", "workers": "Workers"}),
    "network-latency": Kind(
        "AWSFIS-Run-Network-Latency-Sources",
        {
            "delayMilliseconds": "DelayMilliseconds",
            "jitterMilliseconds": "JitterMilliseconds",
            "sources": "Sources",
            "interface": "Interface",
            "flowsPercent": "FlowsPercent",
        },
        {"TrafficType": "egress"},
    ),
    "network-packet-loss": Kind(
        "AWSFIS-Run-Network-Packet-Loss-Sources",
        {"lossPercent": "LossPercent", "sources": "Sources", "interface": "Interface", "flowsPercent": "FlowsPercent"},
        {"TrafficType": "egress"},
    ),
    "network-blackhole-port": Kind(
        "AWSFIS-Run-Network-Blackhole-Port", {"protocol": "Protocol", "port": "Port", "trafficType": "TrafficType"}
    ),
}


@dataclass(frozen=True)
class Injection:
    """The order for the sample's process, and its duration in seconds."""

    document: str
    parameters: dict[str, str]
    seconds: float


def parse_injection(arguments: Sequence[str]) -> Injection:
    """Parse the arguments. Raises ValueError if they are not an injection."""
    kind = KINDS.get(arguments[0]) if arguments else None
    values = dict(part.split("=", 1) for part in arguments[1:] if "=" in part)
    match = _DURATION.fullmatch(values.pop("duration", ""))
    if kind is None or match is None or not any(match.groups()):
        raise ValueError(f"{' '.join(arguments)!r} is no injection")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    parameters = {kind.names[name]: value for name, value in values.items() if name in kind.names}
    return Injection(kind.document, {**parameters, **kind.fixed}, 3600 * hours + 60 * minutes + seconds)
