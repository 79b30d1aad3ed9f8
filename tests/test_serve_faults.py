"""Whatever is sent to a server: it answers as it should, and goes on.

UNROLLED_FAULTS=10000 sends so many requests, always other ones, and `-s` shows what came back.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unrolled import TextClassifier

from .live_server import LiveServer, running
from .malformed import MARKER, Malformed, damaged, fits, operations, requests
from .wire import JSON, PATIENCE, Answer, Wire, chunked, eventually, post, request, wire

REQUESTS = int(os.environ.get("UNROLLED_FAULTS", "1500"))
NORMAL = {"texts": ["a wonderful film", "", "한국어 🎬", "bad"]}
BODY_BYTES = 4 << 20
GROWTH_MB = 40.0  # what allocators keep; what is sent here is a hundred times as much
PROBLEM = "application/problem+json"
BETRAYING = (
    "Traceback",
    "site-packages",
    'File "',
    "pydantic",
    "unrolled/",
    ".py",
    "/home",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    texts = ["a wonderful film", "good and wonderful", "a bad film", "bad and boring"] * 10
    labels = ["positive", "positive", "negative", "negative"] * 10
    settings = {"training.epochs": 1, "network.units": 2, "training.validation_fraction": 0.2}
    folder = tmp_path_factory.mktemp("served") / "model"
    TextClassifier("small", settings=settings).fit(texts, labels).save(folder)
    return folder


@pytest.fixture(scope="module")
def server(model):
    patience = ("--head-seconds", "2", "--body-seconds", "2", "--idle-seconds", "5")
    options = [*patience, "--request-seconds", "5", "--connections", "80"]
    with running(model, *options) as live:
        yield live


@pytest.fixture(autouse=True)
def goes_on(server):
    """After every test: the same answer as before it, nothing in flight, the same processes."""
    before, processes = normal(server), server.family()
    yield
    assert normal(server) == before
    assert eventually(lambda: in_flight(server) == 0), "requests stay in flight"
    assert server.family() == processes


def normal(server: LiveServer) -> bytes:
    with wire(server.port) as connection:
        answer = connection.ask(post("/v1/predict", NORMAL))
    assert answer is not None
    assert answer.status == 200
    return answer.body


def in_flight(server: LiveServer) -> float:
    with wire(server.port) as connection:
        answer = connection.ask(request("/metrics", method="GET"), "GET")
    assert answer is not None
    lines = answer.body.decode().splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith("unrolled_requests_in_flight")
    )


def check(answer: Answer | None, *, method: str = "POST") -> Answer:
    """What holds of any answer whatever."""
    assert answer is not None, "the connection ended without an answer"
    assert answer.status < 500, (answer.status, answer.body)
    sent_back = f"{answer.headers}{answer.body.decode('utf-8', 'replace')}"
    if answer.status >= 400:
        assert not [word for word in (*BETRAYING, MARKER) if word in sent_back], sent_back
        assert answer.headers["content-type"] == PROBLEM
        if method != "HEAD":
            check_problem(answer)
    return answer


def check_problem(answer: Answer) -> None:
    problem = answer.json()
    assert problem["status"] == answer.status
    assert problem["title"] == HTTPStatus(answer.status).phrase
    assert {"type", "detail", "instance"} <= problem.keys()


def refused(server: LiveServer, data: bytes, status: int, method: str = "POST") -> Answer:
    """The answer to one request on a connection of its own, which must have this status."""
    with wire(server.port) as connection:
        answer = check(connection.ask(data, method), method=method)
    assert answer.status == status, answer.body
    return answer


def allowed(sent: Malformed) -> set[int]:
    """Which answers a body of a JSON operation may have, from the server's own document."""
    if len(sent.body) > BODY_BYTES:
        return {413}
    try:
        text = sent.body.decode("utf-8")
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {400}
    odd = {400} if not is_interoperable(document) else set()
    assert sent.operation.schema is not None
    if fits(document, sent.operation.schema):
        return {200, 404, 422} | odd  # no such model, no such step
    return {422} | odd


def is_interoperable(document: Any, depth: int = 0) -> bool:
    """Whether JSON is such that every reader reads it: no half characters, no NaN, not too deep."""
    if isinstance(document, dict):
        parts = [*document, *document.values()]
        return depth < 100 and all(is_interoperable(part, depth + 1) for part in parts)
    if isinstance(document, list):
        return depth < 100 and all(is_interoperable(part, depth + 1) for part in document)
    if isinstance(document, str):
        return not any("\ud800" <= character <= "\udfff" for character in document)
    return not isinstance(document, float) or abs(document) < float("inf")


class Sender:
    """Sends request after request, on one connection for as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._wire: Wire | None = None
        self.statuses: Counter[int] = Counter()

    def ask(self, data: bytes, method: str) -> Answer | None:
        fresh = self._wire is None or not self._wire.is_open
        if self._wire is None or fresh:
            self._wire = Wire(self._port)
        answer = self._wire.ask(data, method)
        self.statuses[answer.status if answer else 0] += 1
        return answer

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()


def send_malformed(server: LiveServer, count: int, seed: int | None) -> Counter[int]:
    """That many requests, each of which must have an answer that suits it."""
    offered = operations(server.get("/openapi.json"))
    assert {("/v1/predict", "POST"), ("/v1/explain", "POST"), ("/v1/explain/step", "POST")} <= {
        (one.path, one.method) for one in offered
    }
    sender = Sender(server.port)

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=seed is None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def each(data: st.DataObject) -> None:
        sent = data.draw(requests(offered))
        answer = check(sender.ask(sent.data, sent.method), method=sent.method)
        if sent.is_plain:
            assert answer.status in allowed(sent), (answer.status, sent.body[:200], answer.body)
        if answer.status == 200 and answer.headers["content-type"] == "application/json":
            answer.json()

    try:
        each()
    finally:
        sender.close()
    return sender.statuses


def test_requests_made_from_its_own_document(server):
    send_malformed(server, max(REQUESTS // 5, 100), None)  # what a server keeps, it keeps now
    before = server.memory_mb()
    statuses = send_malformed(
        server, REQUESTS, REQUESTS if "UNROLLED_FAULTS" in os.environ else None
    )
    growth = server.memory_mb() - before
    print(f"\n{sum(statuses.values()):,} requests, memory {growth:+.1f} MB; by status:", *(
        f"{status}: {count:,}" for status, count in sorted(statuses.items())
    ), sep="\n  ")  # fmt: skip
    assert growth < GROWTH_MB
    assert MARKER not in server.log.read_text(encoding="utf-8").lower()
    assert not [event for event in server.events() if event["level"] != "info"]
    assert {200, 400, 404, 405, 415, 422} <= statuses.keys()
    assert statuses[200] < statuses[400] + statuses[422]


def test_damaged_heads(server):
    """A request with some bytes of its headers wrong: answered as what it now is, or hung up on."""
    whole = post("/v1/predict", {"text": f"a {MARKER} film"})
    statuses: Counter[int] = Counter()

    @settings(max_examples=REQUESTS // 5, deadline=None, database=None, derandomize=True)
    @given(damaged(whole))
    def each(data: bytes) -> None:
        with wire(server.port) as connection:
            connection.send(data)
            connection.end()
            answer = connection.receive()
        statuses[answer.status if answer else 0] += 1
        if answer is not None and answer.status >= 400:
            check(answer)

    each()
    assert statuses[400]


def test_malformed_requests_in_between_change_no_answer(server):
    """Several clients at once, good ones and bad ones."""
    expected, bad = normal(server), [*NOT_JSON, *UNFIT]
    ended = threading.Event()

    def harm() -> int:
        sent = 0
        while not ended.is_set():
            with wire(server.port) as connection:
                check(connection.ask(request("/v1/predict", bad[sent % len(bad)], *JSON)))
            sent += 1
        return sent

    with ThreadPoolExecutor(3) as pool:
        harming = [pool.submit(harm) for _ in range(3)]
        try:
            for _ in range(100):
                assert normal(server) == expected
        finally:
            ended.set()
        assert all(one.result() for one in harming)


# Bodies whose status is known.

NOT_JSON = [
    b"", b"{", b'{"text": "a"', b'{"text": a}', b"{'text': 'a'}", b'{"text": "a"} {}', b"\xff\xfe",
    b'\xef\xbb\xbf{"text": "a"}', '{"text": "a"}'.encode("utf-16"), b'{"text": "\xed\xa0\x80"}',
    b'{"text": "\xff"}', b'{"text": "\\x"}', b'{"text": "a\nb"}', b"[" * 100_000,
    b"[" * 100_000 + b"]" * 100_000, b'{"text":' * 100_000, b'{"text": "a",}', b"text=a",
]  # fmt: skip
UNFIT = [
    b"null", b"1", b'"a"', b"[]", b"{}", b'{"text": 1}', b'{"text": null}', b'{"text": ["a"]}',
    b'{"texts": "a"}', b'{"texts": []}', b'{"texts": [1]}', b'{"texts": ["a", null]}',
    b'{"text": "a", "texts": ["a"]}', b'{"text": "a", "other": 1}', b'{"Text": "a"}',
    b'{"text": "a", "model": 1}', b'{"text": true}', b'{"text": 1e999}', b'{"texts": {"0": "a"}}',
    json.dumps({"texts": ["a"] * 1_001}).encode(), json.dumps({"text": "a" * 100_001}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("body", NOT_JSON, ids=lambda body: repr(body[:20]))
def test_what_is_not_json(server, body):
    refused(server, request("/v1/predict", body, *JSON), 400)


@pytest.mark.parametrize("body", UNFIT, ids=lambda body: repr(body[:30]))
def test_json_that_does_not_fit(server, body):
    refused(server, request("/v1/predict", body, *JSON), 422)


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize("path", ["/v1/predict", "/v1/explain/step"])
def test_numbers_that_json_does_not_have(server, path, literal):
    body = b'{"text": "a", "step": %b, "unit": 0}' % literal
    with wire(server.port) as connection:
        assert check(connection.ask(request(path, body, *JSON))).status in (400, 422)


@pytest.mark.parametrize("number", [b"-1", b"1.5", b"true", b'"1"', b"null", b"1e30", b"9" * 5_000])
def test_steps_that_are_not_there(server, number):
    with wire(server.port) as connection:
        body = b'{"text": "a bad film", "step": %b, "unit": 0}' % number
        answer = check(connection.ask(request("/v1/explain/step", body, *JSON)))
    assert answer.status in (400, 422)  # a number may have too many digits for JSON's reader


def test_half_a_character(server):
    """It can be written in JSON, and is no Unicode: whether it is read or not, it is answered."""
    for path in ("/v1/predict", "/v1/explain"):
        with wire(server.port) as connection:
            body = rf'{{"text": "a film \ud83d {MARKER}"}}'.encode()
            check(connection.ask(request(path, body, *JSON)))


def test_the_last_of_two_fields_counts_or_none(server):
    with wire(server.port) as connection:
        one = connection.ask(post("/v1/predict", {"text": "bad"}))
        two = check(connection.ask(request("/v1/predict", b'{"text":"good","text":"bad"}', *JSON)))
    assert one is not None
    assert two.status in (400, 422) or two.body == one.body


# Headers, methods, addresses.

TEXT = json.dumps({"text": f"a {MARKER} film"}).encode()


@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/xml", "json", "multipart/form-data"]
)
def test_other_types(server, kind):
    refused(server, request("/v1/predict", TEXT, f"Content-Type: {kind}"), 415)


def test_no_type_and_compressed_bodies(server):
    refused(server, request("/v1/predict", TEXT), 415)
    refused(server, request("/v1/predict", TEXT, *JSON, "Content-Encoding: gzip"), 415)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_types_that_are_json(server, kind):
    with wire(server.port) as connection:
        answer = connection.ask(request("/v1/predict", TEXT, f"Content-Type: {kind}"))
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
def test_other_methods(server, method):
    data = request("/v1/predict", TEXT, *JSON, method=method)
    assert refused(server, data, 405, method).headers["allow"] == "POST"


ELSEWHERE = ["/v1", "/v1/", f"/{MARKER}", "/%00", "/../etc/passwd", "/scripts/../../pyproject.toml",
             "/..%2f..%2fetc/passwd", "/scripts/", "/index.html/"]  # fmt: skip


@pytest.mark.parametrize("path", ELSEWHERE)
def test_other_addresses(server, path):
    refused(server, request(path, method="GET"), 404, "GET")


BROKEN = [
    b"\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"hello\r\n\r\n",
    b"GET /\xff\xff HTTP/1.1\r\nHost: \xff\xff\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    b"POST /v1/predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nContent-Length: zebra7319\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"POST /v1/predict HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
    b"POST /v1/predict HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    b"Content-Type: application/json\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"POST /v1/predict HTTP/1.1\r\nTransfer-Encoding: zebra7319\r\n\r\n",
    b"GET / HTTP/1.1\r\nzebra7319\r\n\r\n", b"GET / HTTP/1.1\r\n: zebra7319\r\n\r\n",
    b"GET / HTTP/1.1\r\nA\0B: zebra7319\r\n\r\n", b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
    b"GET http://[zebra7319 HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT zebra7319:80 HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: emVicmE3MzE5emVicmE3Mw==\r\nSec-WebSocket-Version: 13\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("data", BROKEN, ids=lambda data: repr(data[:50]))
def test_what_is_not_http(server, data):
    """It may be read as HTTP or not; it is answered, or the connection is closed."""
    with wire(server.port) as connection:
        connection.send(data)
        connection.end()
        answer = connection.receive()
        if answer is not None and answer.status >= 400:
            check(answer)
            assert answer.status in (400, 404, 405, 411, 413, 415, 501, 505)
        elif answer is not None:
            assert answer.status < 400


def test_broken_http_is_told_so(server):
    answer = refused(server, b"GET / HTTP/1.1\r\nzebra7319\r\n\r\n", 400)
    assert answer.headers["connection"] == "close"


def test_headers_without_end(server):
    """They are cut off, and are not collected meanwhile."""
    before = server.peak_mb()
    line = b"X-Odd: " + b"a" * 65_000 + b"\r\n"
    with wire(server.port) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        for _ in range(1_000):
            connection.send(line)
        answer = connection.receive()
    if answer is not None:  # what is sent after the answer can destroy it
        assert check(answer).status in (400, 431)
    assert server.peak_mb() - before < GROWTH_MB


def test_a_long_address(server):
    with wire(server.port) as connection:
        answer = connection.ask(request("/" + "a" * 200_000, method="GET"), "GET")
    if answer is not None:
        assert check(answer).status in (400, 404, 414, 431)


# Large, slow, and gone.


def test_100_mb(server):
    """Refused by what it says it will send, and when it does not say by what has come."""
    refused(
        server,
        request("/v1/predict", b"", *JSON, "Content-Length: 100000000", length=False),
        413,
    )
    before = server.peak_mb()
    piece = b"a" * (1 << 20)
    for head, last, wrap in (
        ("Content-Length: 104857613", b'"}', lambda data: data),
        ("Transfer-Encoding: chunked", b"", lambda data: b"%x\r\n%b\r\n" % (len(data), data)),
    ):
        with wire(server.port) as connection:
            connection.send(request("/v1/predict", b"", *JSON, head, length=False))
            connection.send(wrap(b'{"text": "'))
            for _ in range(100):
                connection.send(wrap(piece))
            connection.send(last)
            answer = connection.receive()
        if answer is not None:  # what is sent after the answer can destroy it
            assert check(answer).status == 413
    assert server.peak_mb() - before < GROWTH_MB


def test_a_body_of_just_the_limit(server):
    for size, status in ((BODY_BYTES, 422), (BODY_BYTES + 1, 413)):
        body = b'{"text": "' + b"a" * (size - 12) + b'"}'
        assert len(body) == size
        refused(server, request("/v1/predict", body, *JSON), status)


def test_slow_clients(server):
    """Headers or a body that come byte by byte: cut off, and nobody else waits."""
    whole = post("/v1/predict", NORMAL)
    starts = [whole[:20], whole[:-10], request("/v1/predict", b"", *JSON,
              "Transfer-Encoding: chunked", length=False)]  # fmt: skip
    expected = normal(server)
    for start in starts:
        with wire(server.port) as connection:
            connection.send(start)
            ended = threading.Event()

            def trickle(connection: Wire = connection, ended: threading.Event = ended) -> None:
                while not ended.wait(0.2):
                    connection.send(b"1")

            thread = threading.Thread(target=trickle)
            thread.start()
            try:
                assert normal(server) == expected
                answer = connection.receive()
            finally:
                ended.set()
                thread.join()
            if answer is not None:
                assert check(answer).status in (400, 408)


def test_clients_that_hang_up(server):
    """In the middle of the headers or the body, or before the answer; politely or not."""
    whole = post("/v1/predict", {"texts": ["a wonderful film"] * 500})
    long = post("/v1/explain", {"text": "a wonderful film " * 100})
    before = server.memory_mb()
    for number in range(120):
        data = (whole, long)[number % 2]
        place = (10, len(data) - 5, len(data))[number % 3]
        connection = Wire(server.port)
        connection.send(data[:place])
        (connection.close, connection.reset)[number // 3 % 2]()
    assert eventually(lambda: in_flight(server) == 0)
    assert server.memory_mb() - before < GROWTH_MB


def test_clients_that_do_not_read(server):
    """An answer that nobody takes does not occupy the server for ever, nor fill its memory."""
    many = post("/v1/predict", {"texts": ["a wonderful film"] * 1_000})
    before = server.memory_mb()
    lazy = [Wire(server.port, receive_bytes=2_048) for _ in range(5)]
    try:
        for connection in lazy:
            connection.socket.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                connection.send(many * 60)
        assert server.memory_mb() - before < GROWTH_MB
        assert eventually(lambda: in_flight(server) == 0), "they stay in flight"
    finally:
        for connection in lazy:
            connection.close()


def test_more_connections_than_are_allowed(server):
    """Those who stay open and say nothing do not keep the others out for ever."""
    idle = [Wire(server.port) for _ in range(120)]
    try:
        assert eventually(lambda: is_answered(server)), "nobody gets in"
    finally:
        for connection in idle:
            connection.close()
    assert eventually(lambda: is_answered(server))


def is_answered(server: LiveServer) -> bool:
    """Whether a normal request is done; refusals must be proper ones."""
    try:
        with wire(server.port) as connection:
            answer = connection.ask(post("/v1/predict", NORMAL))
    except ConnectionError:
        return False
    if answer is None:
        return False
    if answer.status != 200:
        assert answer.status == 503, answer
        assert answer.headers["content-type"] == PROBLEM
    return answer.status == 200


# What a correct client may do too.


def test_pipelined_requests_are_answered_in_order(server):
    texts = ["good", "bad", "wonderful", "boring"]
    with wire(server.port) as connection:
        alone = [connection.ask(post("/v1/predict", {"text": text})) for text in texts]
    data = b"".join(
        post("/v1/predict", {"text": text}) + request("/v1/predict", b"[", *JSON) for text in texts
    )
    with wire(server.port) as connection:
        connection.send(data)
        answers = [connection.receive() for _ in range(2 * len(texts))]
    assert [check(one).status for one in answers] == [200, 400] * len(texts)
    assert [one.body for one in answers[::2]] == [one.body for one in alone]


def test_what_is_not_http_after_a_request(server):
    """Whether the request before it is still answered or not: the last word is a refusal."""
    with wire(server.port) as connection:
        connection.send(post("/v1/predict", NORMAL) + b"zebra7319\r\n\r\n")
        answer = check(connection.receive())
        if answer.status == 200:
            assert answer.body == normal(server)
            answer = check(connection.receive())
    assert answer.status == 400
    assert answer.headers["connection"] == "close"


def test_many_pipelined_requests(server):
    before = server.memory_mb()
    with wire(server.port) as connection:
        connection.send(request("/healthz", method="GET") * 500)
        assert {check(connection.receive("GET")).status for _ in range(500)} == {200}
    assert server.memory_mb() - before < GROWTH_MB


def test_expect_100_continue(server):
    body = json.dumps(NORMAL).encode()
    expect = "Expect: 100-continue"
    head = request("/v1/predict", b"", *JSON, expect, f"Content-Length: {len(body)}", length=False)
    with wire(server.port) as connection:
        interim = connection.ask(head)
        assert interim is not None
        assert interim.status == 100
        assert check(connection.ask(body)).body == normal(server)
    refused(
        server,
        request("/v1/predict", b"", *JSON, expect, "Content-Length: 100000000", length=False),
        413,
    )


def test_a_body_in_pieces(server):
    body = json.dumps(NORMAL).encode()
    head = request("/v1/predict", b"", *JSON, "Transfer-Encoding: chunked", length=False)
    with wire(server.port) as connection:
        answer = connection.ask(head + chunked(body[i : i + 1] for i in range(len(body))))
    assert check(answer).body == normal(server)


def test_patience_is_longer_than_every_limit():
    """Otherwise a server that only waits for its own limits would seem to hang."""
    assert PATIENCE > 10
