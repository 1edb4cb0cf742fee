"""The settings of a front end that takes a whole utterance, of any length. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sonant.errors import RecipeError


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceConfig:
    """Log-mel energies less their mean over the utterance; the defaults are 25/10 ms at 16 kHz."""

    window_length: int = 400
    """Samples under the window; 400 at 16 kHz is 25 ms."""
    hop_length: int = 160
    """Samples from one window to the next; 160 at 16 kHz is 10 ms."""
    mels: int = 64
    """Triangular filters."""
    min_hz: float = 20.0
    """Lower edge of the first filter."""
    max_hz: float | None = None
    """Upper edge of the last filter; None is half the sample rate."""
    pre_emphasis: float = 0.0
    """Share of the sample before that is taken from each; 0 leaves the clip, 0.97 is usual."""
    floor: float = 1e-6
    """Least energy the logarithm sees: about what rounding to 16 bits leaves in a filter."""
    mean: Literal["utterance", "running", "none"] = "utterance"
    """What is taken from each bin: its mean over the utterance, over the frames so far, or nothing."""

    def __post_init__(self) -> None:
        _above_zero(self)
        if self.floor <= 0:
            raise RecipeError(f"floor: {self.floor} is not above 0")
        if not 0.0 <= self.pre_emphasis < 1.0:
            raise RecipeError(f"pre_emphasis: {self.pre_emphasis} is not in [0, 1)")
        if self.min_hz < 0 or (self.max_hz is not None and self.max_hz <= self.min_hz):
            raise RecipeError(
                f"min_hz, max_hz: {self.min_hz:g} to {self.max_hz} is no band of frequencies; "
                f"want 0 <= min_hz < max_hz"
            )

    @property
    def fft(self) -> int:
        """Points of the Fourier transform."""
        return 1 << (self.window_length - 1).bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepSpeakerFeaturesConfig:
    """Deep Speaker's own features: mel energies without a logarithm, each frame normalised by itself.

    Published weights of that system were trained on these, from speech cut to lie between the first
    and the last sample above the 95th percentile of the magnitude.
    """

    window_length: int = 400
    """Samples under the rectangular window; 400 at 16 kHz is 25 ms."""
    hop_length: int = 160
    """Samples from one window to the next; 160 at 16 kHz is 10 ms."""
    mels: int = 64
    """Triangular filters, whose edges lie on bins of the transform."""
    pre_emphasis: float = 0.97
    """Share of the sample before that is taken from each."""

    def __post_init__(self) -> None:
        _above_zero(self)
        if not 0.0 <= self.pre_emphasis < 1.0:
            raise RecipeError(f"pre_emphasis: {self.pre_emphasis} is not in [0, 1)")

    @property
    def fft(self) -> int:
        """Points of the Fourier transform."""
        return 1 << (self.window_length - 1).bit_length()


UtteranceFeatures: TypeAlias = UtteranceConfig | DeepSpeakerFeaturesConfig
"""The settings of any front end for utterances."""

UTTERANCES: Final[dict[str, type[UtteranceFeatures]]] = {
    "utterance": UtteranceConfig,
    "deep_speaker": DeepSpeakerFeaturesConfig,
}
"""Every front end for utterances by the name a recipe calls it."""


def _above_zero(config: UtteranceFeatures) -> None:
    for name in ("window_length", "hop_length", "mels"):
        if getattr(config, name) < 1:
            raise RecipeError(f"{name}: {getattr(config, name)} is not above 0")
