"""Our own families, in seconds and rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from sonant.serving.metrics.series import Counter, Family, Gauge, Histogram

SECONDS: Final = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip
SHORT_SECONDS: Final = (0.0001, 0.0002, *SECONDS[:12])
SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
CALL: Final = ("model", "api", "entrypoint")
VERSION: Final = ("model", "version")


@final
class Families:
    """All empty at first; not for several threads."""

    def __init__(self) -> None:
        """The page shows them in this order."""
        self.requests = Counter(
            "sonant_requests_total", labels=(*CALL, "code"), about="Requests, by how they ended."
        )
        self.request_seconds = Histogram(
            "sonant_request_seconds",
            edges=SECONDS,
            labels=CALL,
            about="From the first byte to the answer, of requests that went well.",
        )
        self.rows = Counter(
            "sonant_rows_total", labels=("model", "api"), about="Rows of requests that went well."
        )
        self.batch_rows = Histogram(
            "sonant_batch_rows", edges=SIZES, labels=VERSION, about="Rows of one run."
        )
        self.batch_requests = Histogram(
            "sonant_batch_requests", edges=SIZES, labels=VERSION, about="Requests in one run."
        )
        self.padding_rows = Counter(
            "sonant_padding_rows_total",
            labels=VERSION,
            about="Rows added to reach a size of batch that is allowed.",
        )
        self.queue_seconds = Histogram(
            "sonant_queue_seconds",
            edges=SHORT_SECONDS,
            labels=VERSION,
            about="How long the oldest request of a batch had waited.",
        )
        self.run_seconds = Histogram(
            "sonant_run_seconds",
            edges=SHORT_SECONDS,
            labels=VERSION,
            about="How long one run of the model took.",
        )
        self.streams = Gauge("sonant_streams", labels=("model",), about="Live streams.")
        self.streams_total = Counter(
            "sonant_streams_total", labels=("model",), about="Live streams that were opened."
        )
        self.step_seconds = Histogram(
            "sonant_step_seconds",
            edges=SHORT_SECONDS,
            labels=("model",),
            about="How long one step of a stream graph took.",
        )
        self.step_streams = Histogram(
            "sonant_step_streams", edges=SIZES, labels=("model",), about="Live streams in one step."
        )

    def all(self) -> Iterator[Family]:
        """Every one of them."""
        yield from vars(self).values()

    def of_versions(self) -> Iterator[Family]:
        """Those with a series for each version."""
        return (family for family in self.all() if family.labels == VERSION)
