"""The same numbers under TensorFlow Serving's names, so that dashboards made for it go on working.

Names, labels and buckets are those of its source (servables/tensorflow/util.cc, batching_session.cc);
its times are microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from sonant.serving.batching import Ran
from sonant.serving.metrics.series import Counter, Family, Histogram, geometric
from sonant.serving.status import Code

PREFIX: Final = ":tensorflow:serving:"
BATCHING: Final = f"{PREFIX}batching_session:"
MICROSECONDS: Final = 1e6
LATENCY: Final = geometric(10, growth=1.8, count=33)
QUEUING: Final = geometric(100, growth=1.2, count=52)
EXAMPLES: Final = geometric(1, growth=2, count=15)
RUNTIME: Final = "ONNX"
"""Where TensorFlow Serving writes which runtime of TensorFlow it was."""


@final
class Aliases:
    """TensorFlow Serving's families; not for several threads."""

    def __init__(self) -> None:
        """All empty."""
        self.requests = Counter(f"{PREFIX}request_count", labels=("model_name", "status"))
        self.latency = Histogram(
            f"{PREFIX}request_latency", edges=LATENCY, labels=("model_name", "API", "entrypoint")
        )
        self.runtime = Histogram(
            f"{PREFIX}runtime_latency", edges=LATENCY, labels=("model_name", "API", "runtime")
        )
        self.examples = Histogram(
            f"{PREFIX}request_example_counts", edges=EXAMPLES, labels=("model",)
        )
        self.example_total = Counter(f"{PREFIX}request_example_count_total", labels=("model",))
        self.queuing = Histogram(
            f"{BATCHING}queuing_latency", edges=QUEUING, labels=("thread_pool_name",)
        )
        self.runs = Counter(f"{BATCHING}wrapped_run_count")
        self.input_rows = Histogram(
            f"{BATCHING}input_batch_size", edges=EXAMPLES, labels=("thread_pool_name",)
        )
        self.run_rows = Histogram(
            f"{BATCHING}processed_batch_size", edges=EXAMPLES, labels=("thread_pool_name",)
        )
        self.padding = Histogram(
            f"{BATCHING}padding_size", edges=EXAMPLES, labels=("thread_pool_name",)
        )

    def families(self) -> Iterator[Family]:
        """All of them."""
        yield from vars(self).values()

    def request(
        self, model: str, *, api: str, entrypoint: str, code: Code, seconds: float, rows: int
    ) -> None:
        """One request was answered; like the original, times are only of those that went well."""
        self.requests.add((model, code.name))
        if code is Code.OK:
            self.latency.observe(
                (model, api.title().replace("_", ""), entrypoint), seconds * MICROSECONDS
            )
            self.examples.observe((model,), rows)
            self.example_total.add((model,), rows)

    def ran(self, model: str, ran: Ran) -> None:
        """One turn of a thread; the pool of a model carries the model's name."""
        self.queuing.observe((model,), ran.queued_s * MICROSECONDS)
        for part in ran.parts:
            self.runtime.observe((model, "Predict", RUNTIME), part.seconds * MICROSECONDS)
            self.runs.add(())
            self.input_rows.observe((model,), part.rows)
            self.run_rows.observe((model,), part.rows + part.padding)
            self.padding.observe((model,), part.padding)
