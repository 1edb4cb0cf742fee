"""The settings of the front end: which features, in samples, hertz and decibels. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sonant.errors import RecipeError

Normalise: TypeAlias = Literal["none", "per_bin", "global"]
Log: TypeAlias = Literal["none", "ln", "db"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Features:
    """What every front end has."""

    pre_emphasis: float = 0.0
    """Share of the sample before that is taken from each; 0 leaves the clip, 0.97 is usual."""
    normalise: Normalise = "none"
    """Centre and scale by the training split's mean and deviation, of each bin or of all."""
    resize: tuple[int, int] | None = None
    """Bins and frames to interpolate to, as an image; None keeps the size."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.pre_emphasis < 1.0:
            raise RecipeError(f"pre_emphasis: {self.pre_emphasis} is not in [0, 1)")
        if self.resize is not None and min(self.resize) < 1:
            raise RecipeError(f"resize: {list(self.resize)} wants at least one bin and one frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawConfig(_Features):
    """The waveform itself, whole or in frames."""

    frame_length: int = 1
    """Samples in a frame; they become its bins. 1 keeps the waveform as one row."""
    hop_length: int | None = None
    """Samples from one frame to the next; None sets frames side by side."""

    def __post_init__(self) -> None:
        _Features.__post_init__(self)
        _positive("frame_length", self.frame_length)
        _positive("hop_length", self.hop)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.frame_length if self.hop_length is None else self.hop_length


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spectral(_Features):
    """What every front end made of spectra has."""

    window_length: int
    """Samples under the window."""
    hop_length: int
    """Samples from one window to the next."""
    fft_length: int | None = None
    """Points of the Fourier transform; None takes the power of two that holds the window."""
    window: Literal["hann", "hamming", "rectangular"] = "hann"
    """Its shape."""
    taper: Literal["auto", "periodic", "symmetric"] = "auto"
    """How it closes; auto is periodic for even lengths, symmetric for odd, as in TensorFlow."""
    centre: bool = False
    """Lay windows around multiples of the hop, over the clip's ends; else only inside the clip."""
    pad: Literal["reflect", "zeros"] = "reflect"
    """How `centre` continues the clip."""
    power: Literal[1, 2] = 1
    """1 takes the magnitude of the spectrum, 2 its square."""
    log: Log = "none"
    """Compress by the natural logarithm, or to decibels."""
    floor: float = 1e-10
    """Least value the logarithm sees."""
    top_db: float | None = None
    """Decibels below the loudest value of a clip at which its features are cut; None keeps all."""

    def __post_init__(self) -> None:
        _Features.__post_init__(self)
        for name in ("window_length", "hop_length", "floor"):
            _positive(name, getattr(self, name))
        if self.fft < self.window_length:
            raise RecipeError(
                f"fft_length: {self.fft} points are fewer than the window's {self.window_length} "
                f"samples; leave it out, or give at least window_length"
            )
        if self.top_db is not None and (self.log != "db" or self.top_db <= 0):
            raise RecipeError(f"top_db: {self.top_db} must be above 0, and wants log = 'db'")

    @property
    def fft(self) -> int:
        """Points of the Fourier transform."""
        return self.fft_length or 1 << (self.window_length - 1).bit_length()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectrogramConfig(_Spectral):
    """Magnitude or power of the short-time Fourier transform."""

    window_length: int = 255
    """Samples under the window."""
    hop_length: int = 128
    """Samples from one window to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mel(_Spectral):
    """What log-mel and MFCC share."""

    mels: int
    """Triangular filters."""
    min_hz: float = 0.0
    """Lower edge of the first filter."""
    max_hz: float | None = None
    """Upper edge of the last filter; None is half the sample rate."""
    scale: Literal["htk", "slaney"] = "htk"
    """Formula of the mel scale."""
    norm: Literal["none", "slaney"] = "none"
    """Peak of a filter: 1, or such that its area is 1."""
    slopes: Literal["hz", "mel"] = "hz"
    """Triangles are straight over hertz, as in librosa and torchaudio, or over mel: TensorFlow."""

    def __post_init__(self) -> None:
        _Spectral.__post_init__(self)
        _positive("mels", self.mels)
        if self.min_hz < 0 or (self.max_hz is not None and self.max_hz <= self.min_hz):
            raise RecipeError(
                f"min_hz, max_hz: {self.min_hz:g} to {self.max_hz} is no band of frequencies; "
                f"want 0 <= min_hz < max_hz"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMelConfig(_Mel):
    """Energies of mel filters; the defaults are torchaudio's with 64 filters and decibels."""

    window_length: int = 1024
    """Samples under the window."""
    hop_length: int = 512
    """Samples from one window to the next."""
    centre: bool = True
    """Lay windows around multiples of the hop, over the clip's ends; else only inside the clip."""
    power: Literal[1, 2] = 2
    """1 takes the magnitude of the spectrum, 2 its square."""
    mels: int = 64
    """Triangular filters."""
    log: Log = "db"
    """Compress by the natural logarithm, or to decibels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MfccConfig(_Mel):
    """Cosine transform of log-mel; the defaults are those of streaming keyword spotting at 16 kHz.

    With `max_hz` 7000 they are those of kws_streaming, but for coefficient 0: in the orthonormal
    transform used here it is smaller by the square root of 2.
    """

    window_length: int = 640
    """Samples under the window; 640 at 16 kHz is 40 ms."""
    hop_length: int = 320
    """Samples from one window to the next; 320 at 16 kHz is 20 ms."""
    mels: int = 40
    """Triangular filters."""
    min_hz: float = 20.0
    """Lower edge of the first filter."""
    slopes: Literal["hz", "mel"] = "mel"
    """Triangles are straight over hertz, as in librosa and torchaudio, or over mel: TensorFlow."""
    log: Log = "ln"
    """Compress by the natural logarithm, or to decibels."""
    floor: float = 1e-12
    """Least value the logarithm sees."""
    coefficients: int = 20
    """How many coefficients are kept, from the lowest."""

    def __post_init__(self) -> None:
        _Mel.__post_init__(self)
        if not 1 <= self.coefficients <= self.mels:
            raise RecipeError(
                f"coefficients: {self.coefficients} cannot be had from {self.mels} mels; "
                f"want 1 to mels, or raise mels"
            )


SpectralConfig: TypeAlias = SpectrogramConfig | LogMelConfig | MfccConfig
FrontEndConfig: TypeAlias = SpectrogramConfig | LogMelConfig | MfccConfig | RawConfig

FRONT_ENDS: Final = {
    "spectrogram": SpectrogramConfig,
    "log_mel": LogMelConfig,
    "mfcc": MfccConfig,
    "raw": RawConfig,
}


def _positive(name: str, value: float) -> None:
    if value <= 0:
        raise RecipeError(f"{name}: {value} is not above 0")
