"""A real client against a real server: what it makes of answers, of none, and of addresses nobody may ask."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from squall.adapters.http_prober import HttpProber, send_probe
from squall.domain.sentinel.config import MAXIMUM_BODY_BYTES, Sentinel
from tests.patience import stretched, until


class _Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append((self.path, self.headers["Host"]))
        description = self.path.partition("?")[0]
        if description == "/slow":
            server.patience.wait(5)
        if description == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not server.patience.wait(0.05):
                self.wfile.write(b"X-Drip: 1\r\n")
            return
        status = {"/away": 302, "/broken": 503}.get(description, 200)
        body = b"x" * (4 * MAXIMUM_BODY_BYTES) if description == "/huge" else b"all is well"
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called there
        pass


@pytest.fixture
def shop() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    server.daemon_threads, server.handle_error = True, lambda *_: None
    server.seen, server.patience = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.patience.set()
    server.shutdown()
    server.server_close()
    thread.join()


def sentinel(shop: Any, path: str, host: str = "127.0.0.1", **expect: Any) -> Sentinel:
    url = f"http://{host}:{shop.server_address[1]}{path}"
    return Sentinel.model_validate({"url": url, "expect": {"within_ms": 1000, **expect}})


def test_a_good_answer_takes_as_long_as_it_took(shop: Any) -> None:
    result = send_probe(sentinel(shop, "/health?deep=1", body="is well"))
    assert (result.failure, result.seconds < 1) == ("", True)
    assert shop.seen == [("/health?deep=1", f"127.0.0.1:{shop.server_address[1]}")]


@pytest.mark.parametrize(
    ("path", "expect", "failure"),
    [
        ("/broken", {}, "status 503"),
        ("/", {"status": [204]}, "status 200"),
        ("/", {"body": "absent"}, "the body lacks the expected text"),
        ("/broken", {"status": 503}, ""),
        ("/huge", {}, ""),
    ],
)
def test_an_answer_that_is_not_what_was_expected_failed(shop: Any, path: str, expect: dict[str, Any], failure: str) -> None:
    result = send_probe(sentinel(shop, path, **expect))
    assert (result.failure, result.seconds < 1) == (failure, True)


def test_a_redirect_is_an_answer_and_not_followed(shop: Any) -> None:
    assert send_probe(sentinel(shop, "/away")).failure == ""
    assert [path for path, _ in shop.seen] == ["/away"]


@pytest.mark.parametrize("path", ["/slow", "/drip"])
def test_nobody_waits_longer_than_the_limit_whatever_trickles_in(shop: Any, path: str) -> None:
    began = time.monotonic()
    result = send_probe(sentinel(shop, path, within_ms=300))
    assert (result.failure, result.seconds) == ("no answer within 300 ms", 0.3)
    assert time.monotonic() - began < stretched(2)


def test_a_refused_connection_counts_with_the_whole_limit(shop: Any) -> None:
    target = sentinel(shop, "/")
    shop.shutdown()
    shop.server_close()
    result = send_probe(target)
    assert result.failure.startswith("ConnectionRefusedError")
    assert result.seconds == 1.0, "an outage must not look quick"


def test_a_name_that_leads_home_is_not_asked(shop: Any) -> None:
    result = send_probe(sentinel(shop, "/", host="localhost"))
    assert "a loopback address" in result.failure
    assert shop.seen == []


def test_one_bad_address_of_a_name_spoils_it(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(2, 1, 6, "", ("93.184.216.34", 80)), (2, 1, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: both)
    assert "link-local" in send_probe(sentinel(shop, "/", host="shop.example.com")).failure


def test_a_certificate_that_nobody_vouches_for_is_a_failure(shop: Any) -> None:
    secure = sentinel(shop, "/").url.replace("http:", "https:")
    result = send_probe(Sentinel.model_validate({"url": secure, "expect": {"within_ms": 1000}}))
    assert result.failure.startswith("SSL")


def test_probes_keep_their_pace_while_others_hang_and_end_when_left(shop: Any) -> None:
    target = sentinel(shop, "/slow", within_ms=300).model_copy(update={"load_per_second": 20.0})
    with HttpProber().probing(target) as probes:
        samples = list(probes.drain())

        def enough() -> bool:
            samples.extend(probes.drain())
            return len(samples) >= 10

        until(enough, "ten probes", interval=0.05)
    assert {sample.failure for sample in samples} == {"no answer within 300 ms"}
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith(("sentinel", "probe"))] == []


def test_a_name_server_that_does_not_answer_counts_into_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answers.wait(30) and [])
    began = time.monotonic()
    sample = send_probe(Sentinel.model_validate({"url": "http://shop.example.com/", "expect": {"within_ms": 200}}))
    took = time.monotonic() - began
    answers.set()
    assert sample.failure == "no answer within 200 ms"
    assert took < 10, "the probe does not wait for the name server"
