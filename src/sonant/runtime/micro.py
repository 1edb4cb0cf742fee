"""The TFLite micro front end itself, bit for bit, by its wheel: what runs on microcontrollers."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from sonant.errors import AudioError, MissingExtra

RATE_HZ, WINDOW_LENGTH, HOP_LENGTH, BINS = 16_000, 480, 160, 40
"""The wheel is built for these alone: windows of 30 ms, every 10 ms."""


@final
class MicroFeatures:
    """Features of a live stream of 16-bit samples at 16 kHz, in the units of microWakeWord.

    The first frame comes with sample 480, and one more with every 160. Raises `MissingExtra`
    without the wheel. `nn/micro.py` is the same in floating point, as a layer.
    """

    def __init__(self) -> None:
        try:
            from pymicro_features import MicroFrontend
        except ImportError as error:
            raise MissingExtra(
                "pymicro-features", extra="micro", purpose="the TFLite micro front end"
            ) from error
        self._front_end = MicroFrontend()
        self._rest = np.zeros(0, np.int16)

    def reset(self) -> None:
        """Forget everything; the next sample is the first."""
        self._front_end.reset()
        self._rest = self._rest[:0]

    def push(self, pcm: NDArray[np.int16]) -> NDArray[np.float32]:
        """Any number of further samples [samples] -> float32 [frames, 40]; often no frame.

        Raises `AudioError` for samples that are not 16-bit integers.
        """
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise AudioError(
                f"the micro front end wants int16 samples as [samples], got {pcm.dtype} "
                f"{list(pcm.shape)}; scale floats by 32768 and clip them first"
            )
        heard = np.concatenate([self._rest, pcm])
        ready = len(heard) // HOP_LENGTH * HOP_LENGTH
        self._rest = heard[ready:]
        frames = [
            self._front_end.process_samples(hop.tobytes()).features
            for hop in heard[:ready].reshape(-1, HOP_LENGTH)
        ]
        return np.array([frame for frame in frames if frame], np.float32).reshape(-1, BINS)
