"""The settings of the front ends of spoof detectors. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from sonant.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class LfccConfig:
    """Linear-frequency cepstra and how they move; the defaults are 20/10 ms at 16 kHz, up to 4 kHz."""

    window_length: int = 320
    """Samples under the Hamming window; 320 at 16 kHz is 20 ms."""
    hop_length: int = 160
    """Samples from one window to the next; 160 at 16 kHz is 10 ms."""
    fft_length: int = 1024
    """Points of the Fourier transform."""
    coefficients: int = 20
    """Triangular filters, evenly spaced in hertz, and as many cepstra of them."""
    max_hz: float | None = 4000.0
    """Upper edge of the last filter; None is half the sample rate."""
    pre_emphasis: float = 0.97
    """Share of the sample before that is taken from each."""
    floor: float = 1.1920929e-07
    """What is added to energies before their logarithm."""

    def __post_init__(self) -> None:
        _above_zero(self, "window_length", "hop_length", "coefficients")
        if self.fft_length < self.window_length:
            raise RecipeError(
                f"fft_length: {self.fft_length} points are fewer than the window's "
                f"{self.window_length} samples"
            )
        if not 0.0 <= self.pre_emphasis < 1.0:
            raise RecipeError(f"pre_emphasis: {self.pre_emphasis} is not in [0, 1)")
        if self.floor <= 0 or (self.max_hz is not None and self.max_hz <= 0):
            raise RecipeError(f"floor, max_hz: {self.floor}, {self.max_hz} are not above 0")

    @property
    def bins(self) -> int:
        """Values of a frame: cepstra, their change, and the change of that."""
        return 3 * self.coefficients


@dataclass(frozen=True, slots=True, kw_only=True)
class SincConfig:
    """The waveform through a fixed bank of band-pass filters, a value for each sample."""

    filters: int = 70
    """Bands side by side, evenly spaced in mel up to half the sample rate."""
    taps: int = 129
    """Samples of each filter; an odd number."""

    def __post_init__(self) -> None:
        _above_zero(self, "filters", "taps")
        if self.taps % 2 == 0:
            raise RecipeError(
                f"taps: {self.taps} is even; a filter with a middle wants an odd number"
            )

    @property
    def bins(self) -> int:
        """Values of a frame."""
        return self.filters

    @property
    def window_length(self) -> int:
        """Samples under a filter."""
        return self.taps

    @property
    def hop_length(self) -> int:
        """Samples from one value to the next."""
        return 1


SpoofFeatures: TypeAlias = LfccConfig | SincConfig
"""The settings of any front end of spoof detectors."""

SPOOF_FEATURES: Final[dict[str, type[SpoofFeatures]]] = {"lfcc": LfccConfig, "sinc": SincConfig}
"""Every front end of spoof detectors by the name a recipe calls it."""


def _above_zero(config: SpoofFeatures, *names: str) -> None:
    for name in names:
        if getattr(config, name) < 1:
            raise RecipeError(f"{name}: {getattr(config, name)} is not above 0")
