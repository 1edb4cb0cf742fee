"""sonant on the same folder of WAV files; run by bench/train.py with an empty cache."""

from __future__ import annotations

import os

os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as the command line does

import json
import sys
import tempfile
import time
from pathlib import Path

from sonant import runs
from sonant.events import EpochDone, Event


def main(data: str, epochs: int, recipe: str) -> None:
    """Train, then print seconds to the end of the last epoch, and test accuracy, as JSON."""
    began = time.perf_counter()
    ended = [began]

    def note(event: Event) -> None:
        if isinstance(event, EpochDone):
            ended[0] = time.perf_counter()

    with tempfile.TemporaryDirectory() as scratch:
        outcome = runs.train(
            recipe,
            Path(data),
            out=Path(scratch) / "run",
            overrides=[f"fit.epochs={epochs}"],
            on_event=note,
        )
    assert outcome is not None
    accuracy = outcome.metrics["test_accuracy"]
    print(json.dumps({"seconds": ended[0] - began, "accuracy": accuracy}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
