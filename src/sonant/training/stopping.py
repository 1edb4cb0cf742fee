"""What every training loop has in common: how it is asked to stop, and how a step draws its numbers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


def step_seed(seed: int, step: int, rank: int = 0) -> int:
    """Dropout of a step depends on nothing that came before, so a resumed run repeats it exactly."""
    return int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0] >> 1)


@contextmanager
def signals_to(stop: threading.Event, *, insist: bool) -> Iterator[None]:
    """While training, Ctrl-C and SIGTERM ask the loop to stop after the step; a second one is at once.

    Without `insist` the second changes nothing: whoever starts many processes passes Ctrl-C on to each,
    which heard it already.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: object) -> None:
        if stop.is_set() and insist:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
