"""The last seconds of a live stream, for whoever asks who spoke in them."""

from __future__ import annotations

from typing import Final, final

import numpy as np

from sonant.audio import Samples, from_pcm16, to_pcm16

SPAN_S: Final = 1.5
"""What is listened to behind a detection: the phrase, and a little before it."""
KEPT_S: Final = 5.0
"""Above, what may wait in the stream's inbox, a message, and a step: a detection lags so far behind."""
MOST_ASKED: Final = 2
"""Detections of one connection whose speaker is asked for at the same time."""


@final
class Recent:
    """Samples of one stream, 16 bits each, by their time."""

    def __init__(self, *, rate_hz: int) -> None:
        """Nothing was heard yet."""
        self.rate_hz: Final = rate_hz
        self._most: Final = 2 * round(KEPT_S * rate_hz)
        self._kept = bytearray()
        self._heard = 0

    def push(self, data: bytes, *, is_float: bool) -> None:
        """Further samples: int16, or float32 that are numbers."""
        if is_float:
            data = to_pcm16(np.frombuffer(data, "<f4")).astype("<i2").tobytes()
        self._heard += len(data) // 2
        self._kept += data
        del self._kept[: max(0, len(self._kept) - self._most)]

    def until(self, time_s: float) -> Samples:
        """The `SPAN_S` seconds up to a time of the stream, [samples]; less where less is there."""
        first = self._heard - len(self._kept) // 2
        stop = min(round(time_s * self.rate_hz), self._heard)
        start = max(stop - round(SPAN_S * self.rate_hz), first)
        part = self._kept[2 * (start - first) : 2 * max(0, stop - first)]
        return from_pcm16(np.frombuffer(part, "<i2"))


def bytes_of(rate_hz: int) -> int:
    """Memory that one connection takes at most for all this."""
    return 2 * round(KEPT_S * rate_hz) + 4 * MOST_ASKED * round(SPAN_S * rate_hz)
