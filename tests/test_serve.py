"""The server's endpoints, limits and errors, in this process: every answer, and what is noted."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from unrolled import TextClassifier, page
from unrolled.errors import InputError, ModelError
from unrolled.model.trained import TrainedModel
from unrolled.serve import Settings, create_app
from unrolled.serve.lane import Lane
from unrolled.serve.served import ServedModel

pytestmark = pytest.mark.anyio

WORD = "zebra7319"
TEXTS = ["a wonderful film", "", "dull \x00 and\nslow", "한국어 🎬", "wonderful " * 300, WORD]


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two models: "film" with two labels, "mood" with three."""
    place = tmp_path_factory.mktemp("models")
    settings = {"training.epochs": 2, "network.units": 3, "training.learning_rate": 0.05}
    texts = ["a wonderful film", "dull and slow", "a warm lovely film", "awful and dull"] * 10
    for name, labels in (
        ("film", ["positive", "negative"] * 20),
        ("mood", ["glad", "sad", "calm", "sad"] * 10),
    ):
        TextClassifier("small", settings=settings).fit(texts, labels).save(place / name)
    return place / "film", place / "mood"


@pytest.fixture(scope="module")
def settings(folders):
    return Settings.of(folders, log_level="error", watch_seconds=30)


class Client(httpx.AsyncClient):
    async def predict(self, **body: Any) -> httpx.Response:
        return await self.post("/v1/predict", json=body)


@asynccontextmanager
async def serving(settings: Settings, **changes: Any) -> AsyncIterator[Client]:
    """A client of a server in this process."""
    app = create_app(dataclasses.replace(settings, **changes))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with Client(transport=transport, base_url="http://here") as client:
            client.app = app
            yield client


@pytest.fixture(scope="module")
async def client(settings):
    """One that no test changes."""
    async with serving(settings) as shared:
        yield shared


def lane_of(client: Client) -> Lane:
    return client.app.service.models.get(None).lane


def problem(response: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The document of an error, which is what it should be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["type"] == f"urn:unrolled:problem:{kind}"
    assert document["instance"] == f"urn:unrolled:request:{response.headers['x-request-id']}"
    assert document["title"]
    assert document["detail"]
    assert WORD not in response.text
    return document


# --- predict


async def test_a_text_and_several(client, folders):
    model = TrainedModel.load(folders[0])
    predictions = list(model.predictions(model.vocabulary.encode_all(TEXTS), 1))
    many = (await client.predict(texts=TEXTS)).json()
    assert many.keys() == {"model", "predictions"}
    assert many["model"] == "film"
    assert many["predictions"] == [dataclasses.asdict(one) for one in predictions]
    one = (await client.predict(text=TEXTS[0])).json()
    assert one == {"model": "film", "prediction": many["predictions"][0]}


async def test_a_model_by_name(client):
    answer = (await client.predict(text="a film", model="mood")).json()
    assert answer["model"] == "mood"
    assert answer["prediction"]["probabilities"].keys() == {"glad", "sad", "calm"}
    problem(await client.predict(text="a film", model=WORD), 404, "no-such-model")


async def test_same_bits_alone_and_in_any_company(settings):
    async with serving(settings, texts=2_000) as client:
        alone = [(await client.predict(text=text)).json()["prediction"] for text in TEXTS]
        together = await asyncio.gather(*(client.predict(text=text) for text in TEXTS * 20))
        assert [answer.json()["prediction"] for answer in together] == alone * 20
        many = (await client.predict(texts=(TEXTS * 200)[:1_000])).json()["predictions"]
        assert many == (alone * 200)[:1_000]


async def test_requests_of_one_moment_are_scored_together(settings):
    async with serving(settings) as client:
        await asyncio.gather(*(client.predict(text=text) for text in TEXTS * 5))
        counters = (await client.get("/metrics")).text
    count, total = (
        float(re.search(rf'unrolled_batch_texts_{what}{{model="film"}} (\S+)', counters)[1])
        for what in ("count", "sum")
    )
    assert total == 30
    assert count < 10


async def test_large_work_goes_to_a_thread_and_small_requests_overtake_it(settings, monkeypatch):
    threads = set()
    score = ServedModel.score

    def noted(self, texts, wanted):
        threads.add(threading.current_thread() is threading.main_thread())
        return score(self, texts, wanted)

    def small(self, wanted):
        self.small = 1_000

    monkeypatch.setattr(ServedModel, "score", noted)
    monkeypatch.setattr(ServedModel, "warm_up", small)
    async with serving(settings) as client:
        large = asyncio.create_task(client.predict(texts=["a dull film " * 50] * 500))
        await asyncio.sleep(0)
        done_first = []
        for _ in range(5):
            await client.predict(text="small")
            done_first.append(not large.done())
        assert any(done_first)
        assert len((await large).json()["predictions"]) == 500
    assert False in threads


# --- limits


async def test_limits_of_a_request(settings):
    limits = {"texts": 3, "text_characters": 10, "body_bytes": 200, "explain_characters": 5}
    async with serving(settings, **limits) as client:
        assert (await client.predict(texts=["a" * 10] * 3)).status_code == 200
        found = problem(await client.predict(texts=["a"] * 4), 422, "unfit-body")
        assert found["errors"] == [{"pointer": "/texts", "detail": "give 1 to 3 texts; it has 4"}]
        found = problem(await client.predict(texts=["a", "b" * 11]), 422, "unfit-body")
        assert found["errors"][0]["pointer"] == "/texts/1"
        problem(await client.predict(text="b" * 11), 422, "unfit-body")
        problem(await client.predict(texts=["b" * 100] * 3), 413, "body-too-large")
        found = problem(await client.post("/v1/explain", json={"text": "a" * 6}), 422, "unfit-body")
        assert "at most 5 characters" in found["detail"]
        limits = (await client.get("/v1/model")).json()["limits"]
        assert limits == {
            "texts": 3, "text_characters": 10, "body_bytes": 200, "explain_characters": 5
        }  # fmt: skip
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
        assert schemas["PredictBody"]["properties"]["texts"]["maxItems"] == 3
        assert schemas["ExplainBody"]["properties"]["text"]["maxLength"] == 5


async def test_a_body_that_says_no_length_is_refused_at_the_limit(settings):
    sent = 0

    async def pieces():
        nonlocal sent
        for _ in range(1_000):
            sent += 100
            yield b"a" * 100

    async with serving(settings, body_bytes=1_000) as client:
        response = await client.post(
            "/v1/predict", content=pieces(), headers={"Content-Type": "application/json"}
        )
        problem(response, 413, "body-too-large")
        assert 0 < sent < 2_000
        sent = 0
        response = await client.post(
            "/v1/predict",
            content=pieces(),
            headers={"Content-Type": "application/json", "Content-Length": "100000"},
        )
        problem(response, 413, "body-too-large")
        assert sent == 0


@pytest.fixture
def blocked(monkeypatch):
    """Scoring that waits for this event, in a thread."""
    event = threading.Event()
    score = ServedModel.score

    def waiting(self, texts, threads):
        event.wait(20)
        return score(self, texts, threads)

    monkeypatch.setattr(ServedModel, "score", waiting)
    monkeypatch.setattr(ServedModel, "warm_up", lambda self, threads: setattr(self, "small", 1))
    yield event
    event.set()


async def test_requests_beyond_those_in_flight_come_again(settings, blocked):
    async with serving(settings, in_flight=2) as client:
        waiting = [asyncio.create_task(client.predict(text="a film")) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await client.predict(text="a film")
        problem(refused, 429, "too-many-requests")
        assert refused.headers["retry-after"] == "1"
        assert (await client.get("/healthz")).status_code == 200  # is not one of them
        assert "unrolled_requests_in_flight 2.0" in (await client.get("/metrics")).text
        blocked.set()
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200, 200]
        assert (await client.predict(text="a film")).status_code == 200
        assert "unrolled_requests_in_flight 0.0" in (await client.get("/metrics")).text


async def test_bodies_beyond_their_bytes_in_flight_come_again(settings, blocked):
    async with serving(settings, bytes_in_flight=3_000) as client:
        first = asyncio.create_task(client.predict(text="film " * 300))
        await asyncio.sleep(0.05)
        refused = await client.predict(text="film " * 300)
        problem(refused, 429, "too-many-bytes")
        assert refused.headers["retry-after"] == "1"
        small = asyncio.create_task(client.predict(text="a film"))
        await asyncio.sleep(0.05)
        blocked.set()
        answers = await asyncio.gather(first, small)
        assert [answer.status_code for answer in answers] == [200, 200]
        # All of them are given back, and a large one by itself is welcome.
        assert (await client.predict(text="film " * 1_000)).status_code == 200


async def test_a_request_that_takes_too_long(settings, blocked):
    async with serving(settings, request_seconds=0.1) as client:
        problem(await client.predict(text="a film"), 503, "too-slow")
        blocked.set()
        while (await client.predict(text="a film")).status_code != 200:
            await asyncio.sleep(0.01)  # however slow this machine is


async def test_a_body_that_does_not_come(settings):
    async def slow():
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    async with serving(settings, body_seconds=0.1) as client:
        response = await client.post(
            "/v1/predict", content=slow(), headers={"Content-Type": "application/json"}
        )
        problem(response, 408, "body-too-slow")
        assert response.headers["connection"] == "close"


# --- errors


@pytest.mark.parametrize(
    ("body", "status", "kind", "pointer"),
    [
        (b"", 400, "not-json", None),
        (b'{"text": "zebra7319}', 400, "not-json", None),
        (b'{"text": "\xff zebra7319"}', 400, "not-json", None),
        (b'{"text": "\\ud800"}', 400, "not-json", None),
        (b"[" * 100_000, 400, "not-json", None),
        (b'["zebra7319"]', 422, "unfit-body", ""),
        (b"{}", 422, "unfit-body", ""),
        (b'{"texts": []}', 422, "unfit-body", "/texts"),
        (b'{"texts": {"zebra7319": 1}}', 422, "unfit-body", "/texts"),
        (b'{"text": null}', 422, "unfit-body", "/text"),
        (b'{"text": "a", "texts": ["a"]}', 422, "unfit-body", ""),
        (b'{"texts": ["a", 1]}', 422, "unfit-body", "/texts/1"),
        (b'{"text": "a", "zebra7319": NaN}', 422, "unfit-body", ""),
        (b'{"text": "a", "model": 1}', 422, "unfit-body", "/model"),
    ],
)
async def test_bodies_that_will_not_do(client, body, status, kind, pointer):
    response = await client.post(
        "/v1/predict", content=body, headers={"Content-Type": "application/json"}
    )
    document = problem(response, status, kind)
    if pointer is not None:
        assert document["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    "body",
    [b'{"texts":[' + b"1," * 2_000_000 + b"1]}",
     b"{" + b",".join(b'"a%d":1' % number for number in range(300_000)) + b"}"],
    ids=["values", "fields"],
)  # fmt: skip
async def test_a_million_faults_are_one(client, body):
    response = await client.post(
        "/v1/predict", content=body, headers={"Content-Type": "application/json"}
    )
    assert len(problem(response, 422, "unfit-body")["errors"]) == 1


async def test_wrong_types_methods_and_addresses(client):
    body = json.dumps({"text": WORD})
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        response = await client.post("/v1/predict", content=body, headers={"Content-Type": kind})
        problem(response, 415, "unsupported-media-type")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    response = await client.post("/v1/predict", content=body, headers=headers)
    assert response.status_code == 200
    response = await client.post(
        "/v1/predict", content=body, headers={**headers, "Content-Encoding": "gzip"}
    )
    problem(response, 415, "unsupported-encoding")
    response = await client.get("/v1/predict")
    problem(response, 405, "method-not-allowed")
    assert response.headers["allow"] == "POST"
    problem(await client.get(f"/{WORD}"), 404, "not-found")
    problem(await client.get("/v1/predict/"), 404, "not-found")
    problem(await client.get("/docs"), 404, "not-found")
    problem(await client.get("/v1/model?name=%ff"), 400, "bad-query")


async def test_a_failure_is_told_without_its_message(settings, monkeypatch, capsys):
    async with serving(settings) as client:

        def broken(texts, threads):
            raise ZeroDivisionError(f"{WORD} in {texts}")

        monkeypatch.setattr(lane_of(client), "_score", broken)
        response = await client.predict(text=WORD)
        problem(response, 500, "internal-error")
        assert "ZeroDivision" not in response.text
    line = json.loads(capsys.readouterr().err)
    assert line["type"] == "ZeroDivisionError"
    assert re.fullmatch(r"serve/\w+\.py:\d+", line["where"])
    assert line["request_id"] == response.headers["x-request-id"]
    assert WORD not in json.dumps(line)


async def test_a_text_without_an_answer_harms_no_other(settings, monkeypatch):
    async with serving(settings) as client:
        score = lane_of(client)._score

        def fragile(texts, threads):
            if WORD in texts:
                raise ModelError(f"no bound on {WORD}")
            return score(texts, threads)

        monkeypatch.setattr(lane_of(client), "_score", fragile)
        answers = await asyncio.gather(*(client.predict(text=text) for text in TEXTS))
        assert [answer.status_code for answer in answers] == [200] * 5 + [422]
        problem(answers[-1], 422, "no-answer")


# --- explanations


async def test_explanations(client, folders):
    text = "a wonderful dull film"
    answer = await client.post("/v1/explain", json={"text": text, "label": "negative"})
    model = TrainedModel.load(folders[0])
    expected = model.explain(text, label="negative").to_dict()
    assert answer.json() == json.loads(json.dumps({"model": "film", **expected}))
    answer = await client.post(
        "/v1/explain", json={"text": text, "model": "mood", "importance": []}
    )
    assert answer.json()["deletion"] is None
    step = len(expected["tokens"]) - 1
    answer = await client.post("/v1/explain/step", json={"text": text, "step": step, "unit": 2})
    expected = model.explain_step(text, step=step, unit=2).to_dict()
    assert answer.json() == json.loads(json.dumps({"model": "film", **expected}))


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("", {"label": WORD}, "/label"),
        ("", {"importance": [WORD]}, "/importance/0"),
        ("", {"importance": ["deletion"] * 3}, "/importance"),
        ("/step", {"step": 10_000, "unit": 0}, ""),
        ("/step", {"step": 0, "unit": 3}, ""),
        ("/step", {"step": -1, "unit": 0}, "/step"),
        ("/step", {"step": 0.5, "unit": 0}, "/step"),
        ("/step", {"step": 0, "unit": 0, "layer": WORD}, ""),
        ("/step", {"step": 0, "unit": 0, "direction": "backward"}, ""),
        ("/step", {"step": 0}, "/unit"),
    ],
)
async def test_explanations_that_cannot_be(client, path, body, pointer):
    answer = await client.post(f"/v1/explain{path}", json={"text": "a film", **body})
    assert problem(answer, 422, "unfit-body")["errors"][0]["pointer"] == pointer


async def test_nobody_waits_behind_an_explanation_whose_client_has_gone(settings):
    """Who types asks again at every pause: what waits for its turn meanwhile is dropped."""
    async with serving(settings, explanations=1) as client:
        first_may_end, explained = threading.Event(), []
        served = client.app.service.models.get(None).served
        explain = served.explain

        def slowly(body, threads):
            explained.append(body.text)
            first_may_end.wait(60)
            return explain(body, threads)

        served.explain = slowly
        first = asyncio.create_task(client.post("/v1/explain", json={"text": "a film"}))
        while not explained:
            await asyncio.sleep(0.01)
        come = asyncio.Queue()
        scope = {
            "type": "http", "method": "POST", "path": "/v1/explain", "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }  # fmt: skip
        await come.put({"type": "http.request", "body": b'{"text":"a warm film"}'})
        await come.put({"type": "http.disconnect"})
        said = []
        await client.app(scope, come.get, said.append)
        assert said == []
        last = asyncio.create_task(client.post("/v1/explain", json={"text": "a dull film"}))
        await asyncio.sleep(0)
        first_may_end.set()
        assert (await first).status_code == (await last).status_code == 200
        assert explained == ["a film", "a dull film"]
        assert client.app.service.in_flight == 0
        counted = (await client.get("/metrics")).text
        assert 'route="/v1/explain",status="499"' in counted


# --- the rest


async def test_the_model_is_described(settings, folders):
    async with serving(settings) as client:
        found = (await client.get("/v1/model")).json()
        config = json.loads((folders[0] / "config.json").read_text())
        model = TrainedModel.load(folders[0])
        assert found["name"] == "film"
        assert found["models"] == ["film", "mood"]
        assert found["labels"] == ["negative", "positive"]
        assert found["hash"] == config["sha256"]["config.json"]
        assert found["parameters"] == model.network.parameter_count
        assert sum(layer["parameters"] for layer in found["layers"]) == found["parameters"]
        assert len(found["history"]["val_loss"]) == 2
        assert found["recipe"] == config["recipe"]
        assert found["card"].startswith("# film")
        assert len(found["examples"]) == 6
        other = (await client.get("/v1/model?name=mood")).json()
        assert other["name"] == "mood"
        assert other["examples"] == []
        problem(await client.get("/v1/model?name=none"), 404, "no-such-model")
    async with serving(settings, examples=("mine",)) as client:
        assert (await client.get("/v1/model?name=mood")).json()["examples"] == ["mine"]


async def test_where_the_data_lay_is_not_told(settings, folders, tmp_path):
    model = TrainedModel.load(folders[0])
    model.source = f"/home/{WORD}/films.csv"
    model.save(tmp_path / "film")
    assert WORD in (tmp_path / "film" / "README.md").read_text()
    async with serving(settings, models=(("film", tmp_path / "film"),)) as client:
        answer = await client.get("/v1/model")
        assert WORD not in answer.text
        assert answer.json()["source"] == "films.csv"
        assert "texts from films.csv" in answer.json()["card"]


async def test_alive_and_ready(settings):
    app = create_app(settings)
    async with Client(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        problem(await client.get("/readyz"), 503, "not-ready")
        response = await client.predict(text="a film")
        problem(response, 503, "not-ready")
        assert response.headers["retry-after"] == "1"
        async with app.router.lifespan_context(app):
            assert (await client.get("/readyz")).json() == {"status": "ready"}
            app.service.is_draining = True
            problem(await client.get("/readyz"), 503, "not-ready")


async def test_the_token(settings):
    async with serving(settings, token=WORD) as client:
        for path in ("/", "/style.css", "/healthz", "/readyz", "/openapi.json"):
            assert (await client.get(path)).status_code == 200
        for path in ("/v1/model", "/v1/predict", "/v1/none", "/metrics"):
            response = await client.get(path)
            problem(response, 401, "unauthorized")
            assert response.headers["www-authenticate"] == "Bearer"
        for given in (f"Basic {WORD}", "Bearer", "Bearer ", f"Bearer {WORD}0", "Bearer \xff"):
            response = await client.get(
                "/v1/model", headers=[("Authorization", given.encode("latin-1"))]
            )
            problem(response, 401, "unauthorized")
        for given in (f"Bearer {WORD}", f"bearer  {WORD}"):
            response = await client.get("/v1/model", headers={"Authorization": given})
            assert response.status_code == 200
        schemes = (await client.get("/openapi.json")).json()["components"]["securitySchemes"]
        assert schemes == {"token": {"type": "http", "scheme": "bearer"}}


async def test_the_token_is_asked_for_below_another_application(settings):
    from starlette.applications import Starlette
    from starlette.routing import Mount

    async with serving(settings, token=WORD) as inside:
        outer = Starlette(routes=[Mount("/below", inside.app)])
        transport = httpx.ASGITransport(outer)
        async with Client(transport=transport, base_url="http://here") as client:
            problem(await client.get("/below/v1/model"), 401, "unauthorized")
            headers = {"Authorization": f"Bearer {WORD}"}
            answer = await client.get("/below/v1/model", headers=headers)
            assert answer.json()["name"] == "film"


async def test_the_page(client):
    files = page.files()
    for name, content in files.items():
        response = await client.get("/" if name == "index.html" else f"/{name}")
        assert response.content == content
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert response.headers["cache-control"] == "no-cache"
        tag = {"If-None-Match": response.headers["etag"]}
        again = await client.get(response.request.url.path, headers=tag)
        assert (again.status_code, again.content) == (304, b"")
    kinds = {"/": "text/html", "/style.css": "text/css", "/scripts/page.js": "text/javascript"}
    for path, kind in kinds.items():
        response = await client.head(path)
        assert response.headers["content-type"] == f"{kind}; charset=utf-8"
    problem(await client.post("/"), 405, "method-not-allowed")


async def test_every_answer_has_an_id_and_is_not_guessed_at(client):
    for path in ("/", "/healthz", "/v1/model", "/none"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", headers["x-request-id"])
    for given, kept in (("abc-1.2_3", True), ("a b", False), ("a" * 65, False), ("", False)):
        response = await client.get("/healthz", headers={"X-Request-ID": given})
        assert (response.headers["x-request-id"] == given) is kept


async def test_the_log_has_a_line_a_request_and_no_text(settings, capsys):
    async with serving(settings, log_level="info") as client:
        await client.post(
            "/v1/predict", json={"texts": [WORD, "b"]}, headers={"X-Request-ID": "mine"}
        )
        await client.predict(text=WORD, model=WORD)
        await client.get(f"/{WORD}?{WORD}")
    told = capsys.readouterr().err
    assert WORD not in told
    lines = [json.loads(line) for line in told.splitlines()]
    assert [line["event"] for line in lines] == ["model loaded"] * 2 + ["request"] * 3
    first, second, third = lines[2:]
    assert first.keys() == {
        "time", "level", "event", "request_id", "method", "route", "status", "milliseconds",
        "texts",
    }  # fmt: skip
    assert (first["request_id"], first["method"], first["route"]) == ("mine", "POST", "/v1/predict")
    assert (first["status"], first["texts"]) == (200, 2)
    assert (second["status"], second["texts"]) == (404, 0)
    assert (third["status"], third["route"]) == (404, "none")


async def test_the_log_of_requests_can_be_off(settings, capsys):
    async with serving(settings, log_level="info", access_log=False) as client:
        await client.predict(text="a film")
    assert '"event":"request"' not in capsys.readouterr().err


async def test_metrics(settings):
    async with serving(settings) as client:
        await client.predict(texts=["a", "b", "c"])
        await client.predict(text=1)
        response = await client.get("/metrics")
        assert response.headers["content-type"].startswith("text/plain; version=")
        told = response.text
        for line in (
            'unrolled_requests_total{route="/v1/predict",status="200"} 1.0',
            'unrolled_requests_total{route="/v1/predict",status="422"} 1.0',
            'unrolled_request_seconds_count{route="/v1/predict"} 2.0',
            'unrolled_texts_total{model="film"} 3.0',
            'unrolled_batch_texts_bucket{le="2.0",model="film"} 0.0',
            'unrolled_batch_texts_bucket{le="4.0",model="film"} 1.0',
            'unrolled_model_loads_total{model="mood",result="loaded"} 1.0',
        ):
            assert f"{line}\n" in told
        digest = (await client.get("/v1/model")).json()["hash"]
        assert f'unrolled_model_info{{hash="{digest}",model="film"}} 1.0' in told


async def test_the_openapi_document_is_whole(client):
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert document["paths"].keys() == {
        "/v1/predict", "/v1/explain", "/v1/explain/step", "/v1/model", "/healthz", "/readyz",
        "/metrics",
    }  # fmt: skip
    schemas = document["components"]["schemas"]
    named = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))
    assert set(named) == schemas.keys()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert "200" in operation["responses"]
            assert ("requestBody" in operation) is path.startswith(("/v1/predict", "/v1/explain"))


def test_settings_that_cannot_be(folders):
    with pytest.raises(InputError, match="two models are called 'film'"):
        Settings.of([folders[0], folders[0]])
    with pytest.raises(InputError, match="no model to serve"):
        Settings.of([])
    for token in ("", "a b", "ü", "a\n"):
        with pytest.raises(InputError, match="the token is empty or has"):
            Settings.of(folders, token=token)
    assert WORD not in repr(Settings.of(folders, token=WORD))


async def test_a_model_that_is_none(settings, tmp_path: Path):
    with pytest.raises(ModelError, match="there is no such model folder"):
        async with serving(settings, models=(("none", tmp_path / "none"),)):
            raise AssertionError
