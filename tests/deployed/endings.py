"""How a run ended, as record, people and result tell."""

from __future__ import annotations

from tests.deployed.rig import Execution


def told_of_outside(run: Execution, *, by: str) -> None:
    """The record, the message and the result of an execution that somebody stopped; `by`: who noticed."""
    record = run.done()
    assert run.status == "ABORTED"
    assert (record["status"], record["verdict"], record.get("hypothesis_validated")) == ("aborted", "aborted", None)
    assert record["closed_by"] == by
    message = run.message()
    assert message["MessageAttributes"]["status"]["Value"] == "aborted"
    assert "ended from outside: the execution is ABORTED" in message["Message"]
    assert run.result["status"] == "aborted"
