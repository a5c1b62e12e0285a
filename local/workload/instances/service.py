"""The web application: some requests ask the inventory, some the database, and all are written to the journal."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from local.workload.databases.records import Records
from local.workload.instances.calls import FailedError, Inventory, Orders
from local.workload.network.disturbances import Network
from local.workload.network.routes import Routes
from local.workload.settings import Settings
from local.workload.volumes.volume import Journal

WORKERS = 24
"""Requests that an instance works on at once; the others wait. The health check needs no worker."""
INVENTORY_SHARE = 0.2
READ_SHARE = 0.15
WRITE_SHARE = 0.15
ORDER_SHARE = 0.06
"""The share of requests that ask the function, if there is one."""
CPU_SECONDS = 0.02
"""CPU seconds of a request, where requests need CPU."""
HELD_BYTES = 24 << 20
"""The memory that a service holds whose requests need memory: a quarter of the instance's."""
NO_MEMORY_PERCENT = 67.0
"""Percent of the instance's memory: with more in use a request that needs memory fails."""
KEYS = 64


class Service:
    """Answers requests as its settings say."""

    def __init__(self, name: str, rng: random.Random, network: Network, journal: Journal) -> None:
        self._name, self._rng, self._journal = name, rng, journal
        self._inventory, self._database, self._orders = Inventory(network, self._asked), Records(network), Orders()
        self._workers = asyncio.Semaphore(WORKERS)
        self._cpu = asyncio.Lock()
        self._held = bytearray()
        self.settings = Settings()
        self.busy = 0.0
        """The share of the instance's CPU that other processes use."""
        self.memory_percent = 0.0
        """Percent of the instance's memory that is in use, by the service and others."""
        self.counts: Counter[str] = Counter()

    def adopt(self, settings: Settings) -> None:
        self.settings = settings
        if settings.memory_bound != bool(self._held):
            self._held = bytearray(b"\1") * (HELD_BYTES if settings.memory_bound else 0)  # written to, so that it is resident

    def follow(self, routes: Routes) -> None:
        self._inventory.follow(routes.inventory)
        self._database.follow(dict(routes.database))
        self._orders.follow(routes.orders)

    async def answer(self) -> tuple[int, bytes]:
        """Handle one request; returns status and body."""
        async with self._workers:
            await self._compute()
            whole = await self._collect()
        written = await self._journal.write(required=self.settings.journal_required)
        self.counts["write_errors"], self.counts["volume_writes"] = self._journal.failed, self._journal.written
        refused = self._rng.random() < self.settings.error_rate or (self.settings.journal_required and not written)
        starved = self.settings.memory_bound and self.memory_percent > NO_MEMORY_PERCENT
        return (200 if whole and not refused and not starved else 500), self._name.encode()

    def _asked(self, seconds: float) -> None:
        self.counts["dependency_calls"] += 1
        self.counts["dependency_ms"] += round(seconds * 1000)

    async def _compute(self) -> None:
        await asyncio.sleep(self.settings.base_latency_ms / 1000 * self._rng.uniform(0.4, 1.6))
        if self.settings.cpu_bound:
            async with self._cpu:
                await asyncio.sleep(CPU_SECONDS / max(0.02, 1.0 - self.busy))
            self.counts["cpu_ms"] += round(CPU_SECONDS * 1000)

    async def _collect(self) -> bool:
        """Fetch everything that the answer needs. Returns whether all of it was available."""
        drawn = self._rng.random()
        if drawn < INVENTORY_SHARE:
            return await self._stock()
        drawn -= INVENTORY_SHARE
        if drawn >= READ_SHARE + WRITE_SHARE:
            ordered = self.settings.functions and drawn < READ_SHARE + WRITE_SHARE + ORDER_SHARE
            return await self._order() if ordered else True
        key, retry = f"item-{self._rng.randrange(KEYS)}", self.settings.retry
        try:
            await (self._database.read(key, retry) if drawn < READ_SHARE else self._database.write(key, self._name, retry))
        except FailedError:
            self.counts["database_errors"] += 1
            return False
        return True

    async def _stock(self) -> bool:
        limit = self.settings.dependency_timeout_ms / 1000 or None
        try:
            await self._inventory.ask(limit, 2 if self.settings.retry else 1)
        except FailedError:
            self.counts["dependency_errors"] += 1
            return self.settings.fallback
        return True

    async def _order(self) -> bool:
        limit = self.settings.function_timeout_ms / 1000 or None
        try:
            await self._orders.ask(limit, 2 if self.settings.retry else 1)
        except FailedError:
            self.counts["function_errors"] += 1
            return self.settings.fallback
        return True
