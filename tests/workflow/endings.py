"""What must be true of every ending, and how tests break things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from squall.domain.base.vocabulary import Status, Verdict
from squall.domain.documents.definition import Definition
from squall.domain.documents.result import Result
from squall.domain.run.record import ExecutionRecord
from squall.domain.run.timeline import EventName
from squall.errors import Unavailable
from tests.fakes.world import FakeWorld

ID = "run-1"
GUARD = f"squall-Squall-{ID}-1"


def record_of(world: FakeWorld, execution_id: str = ID) -> ExecutionRecord:
    record = world.records.get(execution_id)
    assert record is not None, f"no record of {execution_id}"
    return record


def result_of(world: FakeWorld, execution_id: str = ID) -> Result:
    result = world.documents.get(execution_id, Result)
    assert result is not None
    return result


def nothing_runs(world: FakeWorld, execution_id: str = ID) -> None:
    """No fault, template, guard, lock or slot of anybody."""
    now = world.clock.now()
    assert [fis.id for fis in world.faults.active()] == [], "a fault runs"
    assert [command.id for command in world.commands.invocations if command.active] == [], "a command runs"
    assert world.faults.templates == {}, "a template is left"
    assert not [name for name in world.alarms.alarms if name.startswith("squall-")], "a guard is left"
    assert world.locks.leases == {}, "a lock is held"
    assert world.locks.slots(now) == {}, "a slot is held"
    assert world.locks.tickets == {}, "somebody still queues"


def nothing_is_left(world: FakeWorld, execution_id: str = ID, *, twice: bool = False) -> None:
    """No running fault, template, guard, lock or slot; the record is final, and one message says what it says."""
    record = record_of(world, execution_id)
    assert record.final, record
    nothing_runs(world, execution_id)
    rolled_back(world, execution_id)
    told(world, execution_id, twice=twice)


def rolled_back(world: FakeWorld, execution_id: str = ID) -> None:
    """Where a fault was injected and the experiment declares a rollback document, it ran: once, and to its end."""
    definition = world.documents.get(execution_id, Definition)
    if definition is None or definition.experiment.rollback is None:
        return
    injected = any(run.experiment.tags.get("squall:execution") == execution_id for run in world.faults.runs.values())
    of_run = [execution for execution in world.automations.executions.values() if tuple(execution.parameters["Why"]) == (execution_id,)]
    assert len(of_run) == injected, "a rollback without a fault, or a fault without its rollback"
    assert all(entry.state.over for entry in of_run), "the rollback still runs"
    assert record_of(world, execution_id).happened(EventName.ROLLBACK_ENDED) or not injected, "nobody saw its end"


def told(world: FakeWorld, execution_id: str = ID, *, twice: bool = False) -> None:
    """People and machines heard, once, and result, message and event say what the record says."""
    record, result = record_of(world, execution_id), result_of(world, execution_id)
    assert (result.status, result.verdict, result.hypothesis_validated) == (record.status, record.verdict, record.hypothesis_validated)
    of_run = [
        message
        for message in world.notifier.sent
        if f"execution {execution_id}\n" in f"{message.body}\n" or f"execution {execution_id}:" in message.body
    ]
    messages = [message for message in of_run if "NOT CLEANED UP" not in message.subject]
    assert messages, "nobody was told"
    assert len(messages) <= 1 + twice, [message.subject for message in messages]
    word = (record.verdict or record.status).value
    assert word in messages[0].subject, messages[0].subject
    assert messages[0].attributes["status"] == record.status.value
    final = [event for event, _ in world.lifecycle.events if event.id == execution_id and event.final]
    assert final, "no final lifecycle event"
    assert {event.status for event in final} == {record.status}
    assert record.reason, "no reason"


def is_settled(world: FakeWorld) -> None:
    assert [record.id for record in world.records.open()] == [], "still in the open index"


def ended(world: FakeWorld, status: Status, verdict: Verdict | None, hypothesis: bool | None, execution_id: str = ID) -> ExecutionRecord:
    record = record_of(world, execution_id)
    assert (record.status, record.verdict, record.hypothesis_validated) == (status, verdict, hypothesis), record.reason
    return record


def unavailable(called: str = "") -> Unavailable:
    return Unavailable("test", called, "ThrottlingException", "broken by the test", retryable=True)


def around(
    world: FakeWorld,
    called: str,
    *,
    before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> None:
    """Do something at each call of a port's method (`faults.start`): before it has an effect, or after."""
    port_name, _, method = called.partition(".")
    port = getattr(world, port_name)
    real = getattr(port, method)

    def call(*args: Any, **kwargs: Any) -> Any:
        if before:
            before()
        answer = real(*args, **kwargs)
        if after:
            after()
        return answer

    setattr(port, method, call)


def once(act: Callable[[], Any], at: int = 1) -> Callable[[], None]:
    """A hook that acts at the n-th call alone."""
    calls = [0]

    def hook() -> None:
        calls[0] += 1
        if calls[0] == at:
            act()

    return hook


def fail(called: str = "") -> None:
    raise unavailable(called)


class Intercept(dict[str, Exception]):
    """Takes the place of `world.failing`: asked before each call of a port, whichever it is."""

    def __init__(self, hook: Callable[[str], None]) -> None:
        super().__init__()
        self._hook = hook

    def get(self, called: str, default: Any = None) -> Any:
        self._hook(called)
        return super().get(called, default)
