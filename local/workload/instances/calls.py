"""How an instance calls its dependencies: with a timeout, a second try, and over a network that may be disturbed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from local.workload.network.disturbances import Network
from local.workload.network.peers import TO_INVENTORY
from local.workload.processes import http1

T = TypeVar("T")


class FailedError(Exception):
    """A call that got no answer in time, or an error as its answer."""


async def call_within(seconds: float | None, ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of a call. Raises FailedError. `seconds`: None waits without a limit."""
    try:
        async with asyncio.timeout(seconds):
            return await ask()
    except TimeoutError as error:
        raise FailedError(f"no answer within {seconds} s") from error
    except (OSError, ValueError) as error:
        raise FailedError(str(error)) from error


class Inventory:
    """The dependency's client in an instance."""

    def __init__(self, network: Network, took: Callable[[float], None]) -> None:
        """`took` is called with the duration of each try in seconds, answered or given up."""
        self._network = network
        self._took = took
        self._pool: http1.Pool | None = None

    def follow(self, port: int | None) -> None:
        """Follow the inventory to another port; None: it listens nowhere."""
        if self._pool is not None and self._pool.port != port:
            self._pool.close()
            self._pool = None
        if self._pool is None and port is not None:
            self._pool = http1.Pool(port)

    async def ask(self, timeout: float | None, tries: int) -> None:  # noqa: ASYNC109 - the caller's setting
        """Call the inventory, with at most `tries` attempts. Raises FailedError once all of them have failed."""
        for left in reversed(range(tries)):
            asked = time.monotonic()
            try:
                await call_within(timeout, self._once)
            except FailedError:
                if not left:
                    raise
            else:
                return
            finally:
                self._took(time.monotonic() - asked)

    async def _once(self) -> None:
        await self._network.carry(TO_INVENTORY)
        if self._pool is None:
            raise ConnectionRefusedError("the inventory listens nowhere")
        answer = await self._pool.get("/stock")
        if answer.second != "200":
            raise OSError(f"the inventory answers {answer.second}")


class Orders:
    """The function's client in an instance. Calls go over AWS's network, which no fault of an instance affects here."""

    def __init__(self) -> None:
        self._at: tuple[int, str] | None = None
        self._pool: http1.Pool | None = None

    def follow(self, at: tuple[int, str] | None) -> None:
        """Follow the function to another URL; None: there is no function."""
        if at == self._at:
            return
        if self._pool is not None:
            self._pool.close()
        self._at, self._pool = at, None if at is None else http1.Pool(at[0])

    async def ask(self, timeout: float | None, tries: int) -> None:  # noqa: ASYNC109 - the caller's setting
        """Call the function, with at most `tries` attempts. Raises FailedError once all of them have failed."""
        for left in reversed(range(tries)):
            try:
                await call_within(timeout, self._once)
            except FailedError:
                if not left:
                    raise
            else:
                return

    async def _once(self) -> None:
        if self._at is None or self._pool is None:
            raise ConnectionRefusedError("the function has no URL")
        answer = await self._pool.get(self._at[1])
        if answer.second != "200":
            raise OSError(f"the function answers {answer.second}")
