"""Changes on their way to a copy go on although one of their links can't be looked at for a moment."""

from __future__ import annotations

import asyncio

from local.account.data.backlog import Backlog, Change
from tests.patience import PATIENCE


def test_a_link_that_can_t_be_judged_once_keeps_nothing_from_arriving() -> None:
    arrived: list[str] = []
    asked: list[str] = []

    def is_paused(link: str) -> bool:
        asked.append(link)
        if asked == ["a"]:
            raise RuntimeError("FIS can't be asked")
        return False

    async def send() -> None:
        done = asyncio.Event()

        def arrive(name: str) -> None:
            arrived.append(name)
            if len(arrived) == 2:
                done.set()

        backlog = Backlog[str](0, is_paused)
        backlog.attach(asyncio.get_running_loop())
        for link in ("a", "b"):
            backlog.put(link, Change(lambda _, link=link: arrive(link)))  # type: ignore[misc]
        await asyncio.wait_for(done.wait(), PATIENCE)

    asyncio.run(send())
    assert arrived == ["b", "a"]
