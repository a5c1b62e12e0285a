"""What stands for FIS's Lambda extension: whom it hits, how, from when, until when, and that it never holds up an invocation to look."""

import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.extension import extension
from local.extension.extension import DELAY, ERROR, HOT_SECONDS, RESPONSE, Extension, Fault, Poller, choose_applied

INIT, READY = {"code_dir": "/var/task"}, {"status": "ready", "cold": True}
DONE = {"status": "ok", "result": "taken"}


def fault(action: str = ERROR, start: float = 0.0, end: float = 1e12, **parameters: str) -> Fault:
    return Fault(action, parameters, start, end)


class Known:
    """A poller that has read what it is given."""

    def __init__(self, *faults: Fault) -> None:
        self.faults, self.looked = list(faults), 0

    def look(self) -> None:
        self.looked += 1


class Runtime(threading.Thread):
    """Behind the extension: answers each line, and remembers the invocations."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        (mine, theirs), (read, write) = os.pipe(), os.pipe()
        self.asked, self.to_below = os.fdopen(mine, "rb"), os.fdopen(theirs, "wb")
        self.below, self.answers = os.fdopen(read, "rb"), os.fdopen(write, "wb")
        self.invocations: list[Any] = []

    def run(self) -> None:
        for number, line in enumerate(self.asked):
            self.invocations += [json.loads(line)] if number else []
            printed = b"printed by the function\n" if number else b""
            self.answers.write(printed + json.dumps(DONE if number else READY).encode() + b"\n")
            self.answers.flush()
        self.answers.close()


@contextmanager
def runtime() -> Iterator[Runtime]:
    entry = Runtime()
    entry.start()
    yield entry
    entry.to_below.close()
    entry.join(5)


def invoked(*faults: Fault, times: int = 1) -> tuple[list[dict[str, Any]], list[Any]]:
    """The answers Lambda got, and the invocations that reached the runtime."""
    lines = [INIT, *({"event": number} for number in range(times))]
    above, answers = io.BytesIO(b"".join(json.dumps(line).encode() + b"\n" for line in lines)), io.BytesIO()
    known: Any = Known(*faults)
    with runtime() as behind:
        Extension(known, above, answers, behind.below, behind.to_below).run()
    assert known.looked == times + 1, "once when it starts, and at each invocation"
    texts = [json.loads(line) for line in answers.getvalue().splitlines() if line.startswith(b"{")]
    assert texts[0] == READY
    return texts[1:], [invocation["event"] for invocation in behind.invocations]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    results: list[float] = []
    monkeypatch.setattr(time, "sleep", results.append)
    return results


def test_without_a_fault_everything_passes() -> None:
    assert invoked(times=2) == ([DONE, DONE], [0, 1])


def test_an_error_is_answered_in_the_function_s_place_or_after_it() -> None:
    answers, reached = invoked(fault(preventExecution="true"))
    assert (answers[0]["raised"][0], reached) == ("FaultInjected", [])
    answers, reached = invoked(fault(preventExecution="false"))
    assert ([answer.get("raised", [None])[0] for answer in answers], reached) == (["FaultInjected"], [0]), (
        "the function ran, its answer is lost"
    )


def test_a_response_is_an_answer_and_no_error() -> None:
    (answer,), reached = invoked(fault(RESPONSE, preventExecution="true", statusCode="503", contentTypeHeader="text/plain"))
    assert answer == {"status": "ok", "result": {"statusCode": 503, "headers": {"Content-Type": "text/plain"}, "body": ""}}
    assert reached == []


def test_a_delay_comes_before_the_function_and_with_it_an_error(slept: list[float]) -> None:
    answers, reached = invoked(fault(DELAY, startupDelayMilliseconds="1500"))
    assert (answers, reached, slept) == ([DONE], [0], [1.5])
    answers, _ = invoked(fault(DELAY), fault(preventExecution="true"))
    assert ("raised" in answers[0], slept) == (True, [1.5, 1.0]), "different faults are both applied; a second is AWS's default"


def test_a_share_of_the_invocations_is_hit() -> None:
    answers, reached = invoked(fault(preventExecution="true", invocationPercentage="30"), times=1000)
    failed = sum("raised" in answer for answer in answers)
    assert 230 < failed < 370
    assert len(reached) == 1000 - failed


def test_of_conflicting_faults_the_earliest_alone_is_applied_and_none_long_after_its_end() -> None:
    first, second = fault(ERROR, 10, 100), fault(RESPONSE, 20, 200)
    assert choose_applied([second, first], 5) == (None, None)
    assert choose_applied([second, first], 50) == (None, first)
    assert choose_applied([second, first], 150) == (None, second)
    assert choose_applied([first], 100 + HOT_SECONDS / 2) == (None, first), "until it has looked again"
    assert choose_applied([first], 100 + HOT_SECONDS) == (None, None)
    assert choose_applied([fault(DELAY, 30), fault(DELAY, 20)], 50)[0] == fault(DELAY, 20)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_it_looks_seldom_until_it_has_found_a_fault_and_more_often_then(clock: Callable[[float], None]) -> None:
    reads: list[float] = []

    def read() -> list[Fault]:
        reads.append(time.monotonic())
        return [fault()] if len(reads) == 3 else []

    poller = Poller(read, {"AWS_FIS_POLL_MAX_WAIT_MILLISECONDS": "5000"})
    for seconds, looked in (
        (0, 1),
        (extension.SLOW_SECONDS - 1, 1),
        (1, 2),
        (HOT_SECONDS, 2),
        (extension.SLOW_SECONDS, 3),
        (HOT_SECONDS, 4),
    ):
        clock(seconds)
        poller.look()
        assert len(reads) == looked
    assert poller.faults == [], "what is gone is forgotten at the next look"


def test_an_invocation_does_not_wait_for_a_look_unless_it_is_told_to() -> None:
    held = threading.Event()

    def read() -> list[Fault]:
        held.wait(5)
        return [fault()]

    poller = Poller(read, {})
    poller.look()
    assert poller.faults == []
    held.set()


def test_a_folder_that_may_not_be_read_is_said_in_the_log_and_hits_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    def denied() -> list[Fault]:
        raise OSError("HTTP Error 403: Forbidden")

    poller = Poller(denied, {"AWS_FIS_POLL_MAX_WAIT_MILLISECONDS": "5000"})
    poller.look()
    assert poller.faults == []
    assert "AWS FIS EXTENSION - failed to read the configuration: HTTP Error 403" in capsys.readouterr().err
