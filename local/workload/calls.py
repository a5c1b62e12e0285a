"""How an instance asks what it depends on: with a time limit, a second try, and over a network that may be disturbed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from local.workload import http1
from local.workload.network import Network
from local.workload.peers import TO_INVENTORY

T = TypeVar("T")


class FailedError(Exception):
    """What was asked did not answer in time, or not well."""


async def limited(seconds: float | None, ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, or FailedError; `seconds`: None waits for ever."""
    try:
        async with asyncio.timeout(seconds):
            return await ask()
    except TimeoutError as error:
        raise FailedError(f"no answer within {seconds} s") from error
    except (OSError, ValueError) as error:
        raise FailedError(str(error)) from error


class Inventory:
    """The dependency, as an instance sees it."""

    def __init__(self, network: Network, took: Callable[[float], None]) -> None:
        """`took` is told how many seconds each try lasted, answered or given up."""
        self._network = network
        self._took = took
        self._pool: http1.Pool | None = None

    def moved(self, port: int | None) -> None:
        """It listens at another port now, or nowhere."""
        if self._pool is not None and self._pool.port != port:
            self._pool.close()
            self._pool = None
        if self._pool is None and port is not None:
            self._pool = http1.Pool(port)

    async def ask(self, timeout: float | None, tries: int) -> None:  # noqa: ASYNC109 - the caller's setting
        """Raises FailedError once every try has failed."""
        for left in reversed(range(tries)):
            asked = time.monotonic()
            try:
                await limited(timeout, self._once)
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
    """The function, as an instance sees it: asked over AWS's network, which no fault of an instance's reaches here."""

    def __init__(self) -> None:
        self._at: tuple[int, str] | None = None
        self._pool: http1.Pool | None = None

    def moved(self, at: tuple[int, str] | None) -> None:
        """Its URL is another now, or nobody's."""
        if at == self._at:
            return
        if self._pool is not None:
            self._pool.close()
        self._at, self._pool = at, None if at is None else http1.Pool(at[0])

    async def ask(self, timeout: float | None, tries: int) -> None:  # noqa: ASYNC109 - the caller's setting
        """Raises FailedError once every try has failed."""
        for left in reversed(range(tries)):
            try:
                await limited(timeout, self._once)
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
