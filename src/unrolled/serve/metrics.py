"""What Prometheus is told, of all workers together."""

from __future__ import annotations

import os
from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MEDIA_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # set before this module is loaded, where there are workers
_add_all_workers: Callable[[CollectorRegistry], object] = MultiProcessCollector
forget_worker: Callable[[int], object] = mark_process_dead
"""Drop the gauges of a process that is dead, by its id."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_000)


class Metrics:
    """Counters of one process; `render` adds those of the other workers."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "unrolled_requests", "Requests that were answered.", ("route", "status"),
            registry=registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "unrolled_request_seconds", "Time to the answer.", ("route",), buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            "unrolled_requests_in_flight", "Requests that are being worked on.",
            multiprocess_mode="livesum", registry=registry,
        )  # fmt: skip
        self._texts = Counter(
            "unrolled_texts", "Texts that were scored.", ("model",), registry=registry
        )
        self._batch = Histogram(
            "unrolled_batch_texts", "Texts that were scored together.", ("model",), buckets=_TEXTS,
            registry=registry,
        )  # fmt: skip
        self._loads = Counter(
            "unrolled_model_loads", "Models that were loaded, or could not be.",
            ("model", "result"), registry=registry,
        )  # fmt: skip
        self._info = Gauge(
            "unrolled_model_info", "1 for the model that is served.", ("model", "hash"),
            multiprocess_mode="livemax", registry=registry,
        )  # fmt: skip
        self._request_children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        children = self._request_children.get((route, status))
        if children is None:
            children = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._request_children[route, status] = children
        children[0].inc()
        children[1].observe(seconds)

    def batch(self, model: str, texts: int) -> None:
        """Count texts that were scored together."""
        self._texts.labels(model).inc(texts)
        self._batch.labels(model).observe(texts)

    def loaded(self, model: str, digest: str, before: str | None) -> None:
        """A model takes the place of the one whose hash was ``before``."""
        self._loads.labels(model, "loaded").inc()
        if before is not None:
            self._info.labels(model, before).set(0)
        self._info.labels(model, digest).set(1)

    def not_loaded(self, model: str) -> None:
        """A model stays, since the new one cannot be used."""
        self._loads.labels(model, "refused").inc()

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        _add_all_workers(registry)
        return generate_latest(registry)
