"""The faults of an instance's network: the rules that fault documents set, and their effect on an exchange.

Loopback has no packet filter without privileges, so that the rules act where the instance answers and where it asks:
the peer sees the same delay, loss or silence on its socket. The rules match as the documents do.

Latency and loss match packets by the peer's address. Every exchange has packets in both directions, so that `ingress`
(the peer is their source) and `egress` (it is their destination) have the same effect, once per exchange. The black
hole matches the destination port: `ingress` drops what arrives at a port of the instance, `egress` what the instance
sends to that port of any peer.

The network ACLs between the two ends are not rules of the instance: whatever its settings ignore, they drop what they
deny.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from local.workload.network.acls import Acls
from local.workload.network.peers import Flow

RETRANSMIT_SECONDS = 0.2
"""A lost packet comes back after TCP's minimum retransmission time; losses in a row double it."""
LONGEST_RETRANSMIT_SECONDS = 30.0
ASKED_AGAIN_SECONDS = 1.0
EVERYWHERE = (IPv4Network("0.0.0.0/0"),)


@dataclass(frozen=True)
class Disturbance:
    """Delay (seconds) and loss (percent) of the packets to or from some addresses, in a share (percent) of the
    flows."""

    peers: tuple[IPv4Network, ...] = EVERYWHERE
    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    share: float = 100.0

    def hits(self, flow: Flow) -> bool:
        return any(flow.peer in network for network in self.peers)


@dataclass(frozen=True)
class Hole:
    """A port whose packets are dropped. Every flow of the sample is TCP."""

    protocol: str
    port: int
    inbound: bool

    def hits(self, flow: Flow) -> bool:
        return (self.protocol, self.port, self.inbound) == ("tcp", flow.port, flow.inbound)


@dataclass
class Network:
    """The rules in force, by command."""

    rng: random.Random
    disturbances: dict[str, Disturbance] = field(default_factory=dict)
    holes: dict[str, Hole] = field(default_factory=dict)
    address: IPv4Address | None = None
    """The instance's own address."""
    acls: Acls = field(default_factory=Acls)

    async def impair(self, flow: Flow) -> bool:
        """Delay an exchange as the rules demand. Returns False if it never arrives."""
        if self._is_dropped(flow):
            return False
        seconds = 0.0
        for rule in list(self.disturbances.values()):
            if not rule.hits(flow) or self.rng.random() * 100 >= rule.share:
                continue
            seconds += max(0.0, rule.delay + self.rng.uniform(-rule.jitter, rule.jitter))
            retransmit = RETRANSMIT_SECONDS
            while self.rng.random() * 100 < rule.loss:
                seconds += retransmit
                retransmit *= 2
                if retransmit > LONGEST_RETRANSMIT_SECONDS:
                    return False
        if seconds:
            await asyncio.sleep(seconds)
        return not self._is_dropped(flow)

    async def carry(self, flow: Flow) -> None:
        """Delay a request of the instance, without a limit: TCP retransmits it until its caller gives up."""
        while not await self.impair(flow):  # noqa: ASYNC110 - a packet sent again, not an event waited for
            await asyncio.sleep(ASKED_AGAIN_SECONDS)

    def _is_dropped(self, flow: Flow) -> bool:
        denied = self.address is not None and not self.acls.passes(self.address, flow.peer)
        return denied or any(hole.hits(flow) for hole in self.holes.values())
