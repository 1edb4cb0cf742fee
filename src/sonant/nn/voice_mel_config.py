"""A voice's mel spectrogram, as converters and vocoders agree on it: its settings and filters. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sonant.errors import ModelError, RecipeError
from sonant.nn.mel import filter_bank


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceMel:
    """Log magnitudes in mel bands around every hop; the defaults are 64/16 ms at 16 kHz.

    A converter and the vocoder behind it must have the same.
    """

    window_length: int = 1024
    """Samples under the Hann window, and points of the Fourier transform: a power of two."""
    hop_length: int = 256
    """Samples from one window to the next; it divides the window."""
    mels: int = 80
    """Triangular filters, as Slaney 1998 has them: each of the same area."""
    min_hz: float = 0.0
    """Lower edge of the first filter."""
    max_hz: float = 8000.0
    """Upper edge of the last filter."""
    floor: float = 1e-5
    """Least magnitude the logarithm sees: far under what 16 bits can hold."""

    def __post_init__(self) -> None:
        for name in ("window_length", "hop_length", "mels"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name}: {getattr(self, name)} is not above 0")
        if self.window_length & (self.window_length - 1):
            raise RecipeError(
                f"window_length: {self.window_length} is no power of two; take 512, 1024 or 2048"
            )
        if self.window_length < 2 * self.hop_length or self.window_length % self.hop_length:
            raise RecipeError(
                f"hop_length: {self.hop_length} does not divide a window of {self.window_length} "
                f"samples into two parts or more; take {self.window_length // 4}"
            )
        if self.floor <= 0:
            raise RecipeError(f"floor: {self.floor} is not above 0")
        if not 0 <= self.min_hz < self.max_hz:
            raise RecipeError(
                f"min_hz, max_hz: {self.min_hz:g} to {self.max_hz:g} is no band of frequencies; "
                f"want 0 <= min_hz < max_hz"
            )

    @property
    def bins(self) -> int:
        """Frequencies of the Fourier transform."""
        return self.window_length // 2 + 1

    @property
    def lead(self) -> int:
        """Samples that a window reaches out before its middle."""
        return self.window_length // 2

    def frames(self, samples: int) -> int:
        """Frames of a sound of so many samples: one around each hop, the first around its beginning."""
        return 1 + samples // self.hop_length


VOICES: Final[dict[str, type[VoiceMel]]] = {"voice_mel": VoiceMel}
"""Every front end for converters and vocoders by the name a recipe calls it."""


def bank_of(config: VoiceMel, *, rate_hz: int) -> NDArray[np.float64]:
    """The filters as weights [bins, mels].

    Raises `ModelError` where they reach beyond half the rate, or are too narrow for the bins.
    """
    if config.max_hz > rate_hz / 2:
        raise ModelError(
            f"front_end.max_hz: {config.max_hz:g} Hz is above half the sample rate of {rate_hz} Hz; "
            f"lower it, or raise data.rate_hz"
        )
    bank = filter_bank(
        config.mels,
        fft_length=config.window_length,
        rate_hz=rate_hz,
        min_hz=config.min_hz,
        max_hz=config.max_hz,
        scale="slaney",
        norm="slaney",
        slopes="hz",
    )
    if not bank.any(axis=0).all():
        raise ModelError(
            f"front_end.mels: {config.mels} filters are more than the {config.bins} bins of the "
            f"transform can tell apart; take fewer, or a longer window"
        )
    return bank
