"""FIS's Lambda extension as AWS documents it: a process between Lambda and the function's runtime that looks for faults
in S3.

Lambda hands each invocation to the extension, which passes it on to the runtime immediately, late, or not at all. AWS's
extension uses the Runtime API for that; this one uses the emulator's lines of JSON.

As on AWS, it looks seldom (slowly until it has found a fault, more often then). Each execution environment looks for
itself, only while invocations come, and without delaying any. So a fault starts late, at a different moment in each
environment, and ends late. The extension reads with the function's own role; if that is not allowed, only the
function's log says so.

One file without imports from this repository: it runs from a layer.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SLOW_SECONDS, HOT_SECONDS = 6.0, 2.0
"""A tenth of AWS's 60 and 20 s, as everything is faster here."""
ANSWER_SECONDS = 5.0
DELAY, ERROR, RESPONSE = (f"aws:lambda:invocation-{kind}" for kind in ("add-delay", "error", "http-integration-response"))
DEFAULT_DELAY_MILLISECONDS = "1000"
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


@dataclass(frozen=True)
class Fault:
    """A fault that FIS has written for this function."""

    action: str
    parameters: Mapping[str, str]
    start: float
    end: float

    def hits(self, draw: float) -> bool:
        return draw * 100 < float(self.parameters.get("invocationPercentage", "100"))

    @property
    def prevents(self) -> bool:
        return self.parameters.get("preventExecution") == "true"


def choose_applied(faults: Sequence[Fault], now: float) -> tuple[Fault | None, Fault | None]:
    """The delay and the failure that apply now.

    Of identical or conflicting faults the earliest applies; a fault whose end is long past does not.
    """
    running = sorted((fault for fault in faults if fault.start <= now < fault.end + HOT_SECONDS), key=lambda fault: fault.start)
    delays = [fault for fault in running if fault.action == DELAY]
    failures = [fault for fault in running if fault.action in (ERROR, RESPONSE)]
    return (delays[0] if delays else None), (failures[0] if failures else None)


class Folder:
    """The folder in S3 that AWS_FIS_CONFIGURATION_LOCATION names, read with the function's own credentials."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        location = environment["AWS_FIS_CONFIGURATION_LOCATION"].rpartition(":::")[2]
        self._bucket, _, folder = location.partition("/")
        self._folder = folder.rstrip("*/") + "/"
        self._endpoint, self._region = environment["AWS_ENDPOINT_URL"], environment["AWS_REGION"]
        keys = (environment[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"))
        self._credentials = Credentials(*keys)
        self._function = environment["_LAMBDA_FUNCTION_ARN"]
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def faults(self) -> list[Fault]:
        """The faults of this function. Raises OSError or ValueError if the folder can't be read or contains something
        else."""
        listed = ET.fromstring(self._get("?" + urllib.parse.urlencode({"list-type": "2", "prefix": self._folder})))  # noqa: S314 - S3's own answer
        keys = [str(element.text) for element in listed.iter() if element.tag.rpartition("}")[2] == "Key"]
        documents = [json.loads(self._get("/" + urllib.parse.quote(key))) for key in keys]
        return [
            Fault(document["action"], document["parameters"], float(document["start"]), float(document["end"]))
            for document in documents
            if document["function"] == self._function
        ]

    def _get(self, path: str) -> bytes:
        request = AWSRequest("GET", f"{self._endpoint}/{self._bucket}{path}")
        S3SigV4Auth(self._credentials, "s3", self._region).add_auth(request)
        signed = urllib.request.Request(request.prepare().url, headers=dict(request.headers.items()))  # noqa: S310 - the account's own address
        with self._open(signed, timeout=ANSWER_SECONDS) as answer:
            return bytes(answer.read())


class Poller:
    """The faults that were last read, and when to read again.

    No invocation waits for it, unless AWS_FIS_POLL_MAX_WAIT_MILLISECONDS says so.
    """

    def __init__(self, read: Callable[[], list[Fault]], environment: Mapping[str, str]) -> None:
        self._read = read
        self._slow = float(environment.get("AWS_FIS_SLOW_POLL_INTERVAL_SECONDS", SLOW_SECONDS))
        self._wait = float(environment.get("AWS_FIS_POLL_MAX_WAIT_MILLISECONDS", "0")) / 1000
        self._looked: float | None = None
        self._looking: threading.Thread | None = None
        self.faults: list[Fault] = []

    def look(self) -> None:
        """Start reading in the background if it is time to."""
        interval = HOT_SECONDS if self.faults else self._slow
        busy = self._looking is not None and self._looking.is_alive()
        if not busy and (self._looked is None or time.monotonic() - self._looked >= interval):
            self._looked = time.monotonic()
            self._looking = threading.Thread(target=self._look, daemon=True)
            self._looking.start()
        if self._wait and self._looking is not None:
            self._looking.join(self._wait)

    def _look(self) -> None:
        try:
            self.faults = self._read()
        except (OSError, ValueError, KeyError, ET.ParseError) as error:
            _log_message(f"failed to read the configuration: {error}")


class Extension:
    """Between Lambda (`above`) and the runtime (`below`)."""

    def __init__(self, poller: Poller, above: IO[bytes], to_above: IO[bytes], below: IO[bytes], to_below: IO[bytes]) -> None:
        self._poller, self._above, self._to_above, self._below, self._to_below = poller, above, to_above, below, to_below
        self._random = random.Random()

    def run(self) -> None:
        """Pass on messages until either side is gone. The first line describes the function; every other line is an
        invocation."""
        self._poller.look()
        if not (first := self._above.readline()) or self._ask(first) is None:
            return
        for line in self._above:
            self._poller.look()
            if not self._invoke(line):
                return

    def _invoke(self, line: bytes) -> bool:
        """Pass one invocation on. Returns whether the runtime is still running."""
        delay, failure = choose_applied(self._poller.faults, time.time())
        if delay is not None and delay.hits(self._random.random()):
            milliseconds = int(delay.parameters.get("startupDelayMilliseconds", DEFAULT_DELAY_MILLISECONDS))
            _log_message(f"adding {milliseconds} milliseconds of latency to function invocation")
            time.sleep(milliseconds / 1000)
        if failure is None or not failure.hits(self._random.random()):
            return self._ask(line) is not None
        _log_message(f"{'instead of' if failure.prevents else 'after'} the function: {failure.action}")
        if not failure.prevents and self._ask(line, keep=True) is None:
            return False
        self._tell(json.dumps(_make_answer(failure)).encode() + b"\n")
        return True

    def _ask(self, line: bytes, keep: bool = False) -> bytes | None:
        """The runtime's answer, passed on unless it is to be withheld; None if the runtime has ended."""
        try:
            self._to_below.write(line)
            self._to_below.flush()
        except BrokenPipeError:
            return None
        while answer := self._below.readline():
            ends = _is_answer(answer)
            if not (ends and keep):
                self._tell(answer)
            if ends:
                return answer
        return None

    def _tell(self, line: bytes) -> None:
        self._to_above.write(line)
        self._to_above.flush()


def _make_answer(failure: Fault) -> dict[str, Any]:
    if failure.action == ERROR:
        # In the form in which the emulator's runtime reports an exception of the handler (local/account/lambdas.py).
        return {"status": "ok", "raised": ["FaultInjected", "AWS FIS EXTENSION - this invocation fails", []], "trace": ""}
    parameters = failure.parameters
    headers = {"Content-Type": parameters.get("contentTypeHeader", "application/json")}
    return {"status": "ok", "result": {"statusCode": int(parameters["statusCode"]), "headers": headers, "body": ""}}


def _is_answer(line: bytes) -> bool:
    try:
        message = json.loads(line)
    except ValueError:
        return False  # what the function printed
    return isinstance(message, dict) and "status" in message


def _log_message(message: str) -> None:
    sys.stderr.write(f"AWS FIS EXTENSION - {message}\n")
    sys.stderr.flush()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)


def main(command: Sequence[str]) -> None:
    """Run the runtime behind the extension."""
    poller = Poller(Folder(os.environ).faults, os.environ)
    # The runtime must not outlive an environment that Lambda has taken away; this process has no threads yet.
    runtime = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=_die_with_parent)  # noqa: PLW1509
    below, to_below = cast(IO[bytes], runtime.stdout), cast(IO[bytes], runtime.stdin)
    try:
        Extension(poller, sys.stdin.buffer, sys.stdout.buffer, below, to_below).run()
    finally:
        runtime.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
