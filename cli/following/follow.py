"""Follows an execution to its end, showing each look in a view."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cli.errors import StillRunningError
from cli.exits import Exit, exit_code
from cli.following.watch import Watcher
from squall.domain.base.vocabulary import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.following.views import View
    from cli.following.watch import Snapshot, Watched
    from squall.domain.run.record import ExecutionRecord

LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Ending:
    """The end of an execution."""

    record: ExecutionRecord
    result: Any | None
    """`result.json` as written; None if the run was closed without one."""
    last: Snapshot

    @property
    def exit_code(self) -> Exit:
        return exit_code(self.record.status, self.record.verdict)


def follow_execution(
    source: Watched, execution_id: str, view: View, timeout: float | None = None, *, on_ask: Callable[[ExecutionRecord], None] | None = None
) -> Ending:
    """Blocks until the execution is over. Raises StillRunningError after `timeout` seconds.

    Calls `on_ask` once for each request for approval.
    """
    handled_rounds: set[int] = set()
    watcher = Watcher(source, execution_id)
    began = time.monotonic()
    with view:
        while True:
            snapshot = watcher.look(datetime.now(UTC))
            view.show(snapshot)
            record = snapshot.record
            if on_ask and record and record.ask and record.status is Status.AWAITING_APPROVAL and record.ask.round not in handled_rounds:
                handled_rounds.add(record.ask.round)
                on_ask(record)
            if snapshot.over and snapshot.record is not None:
                return Ending(snapshot.record, snapshot.result, snapshot)
            if timeout is not None and time.monotonic() - began > timeout:
                raise StillRunningError(execution_id, timeout)
            time.sleep(LOOK_SECONDS)
