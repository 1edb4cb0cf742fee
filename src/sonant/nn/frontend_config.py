"""The settings of the front end: which features, in samples, hertz and decibels. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sonant.errors import RecipeError

Normalise: TypeAlias = Literal["none", "per_bin", "global"]
Log: TypeAlias = Literal["none", "ln", "db", "pcen"]


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
    """Compress by the natural logarithm, to decibels, or (log-mel only) by PCEN."""
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
        if self.log == "pcen" and not isinstance(self, LogMelConfig):
            raise RecipeError("log: 'pcen' is for mel energies; take the front end log_mel")

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
class PcenConfig:
    """Per-channel energy normalisation, with the settings of Wang et al. 2017."""

    alpha: float = 0.98
    """How much of a channel's level the gain takes away; 0 is none, 1 all."""
    delta: float = 2.0
    """What is added before the root."""
    r: float = 0.5
    """The exponent of the root."""
    s: float = 0.025
    """Share of each frame in the smoothed level; 0.025 of 10 ms frames is 0.4 s."""
    eps: float = 1e-6
    """Least level divided by."""

    def __post_init__(self) -> None:
        for name in ("delta", "r", "s", "eps"):
            _positive(name, getattr(self, name))
        if self.alpha < 0 or self.s > 1:
            raise RecipeError(
                f"alpha, s: {self.alpha:g}, {self.s:g}; want alpha of 0 or more, and s of at most 1"
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
    """Compress by the natural logarithm, to decibels, or by PCEN."""
    pcen: PcenConfig | None = None
    """Settings of PCEN; None takes those of its paper."""

    def __post_init__(self) -> None:
        _Mel.__post_init__(self)
        if self.pcen is not None and self.log != "pcen":
            raise RecipeError(f"pcen: has no effect with log = {self.log!r}; set log = 'pcen'")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroConfig(_Features):
    """The TFLite micro front end, as on microcontrollers; the defaults are microWakeWord's at 16 kHz."""

    window_length: int = 480
    """Samples under the window; 480 at 16 kHz is 30 ms."""
    hop_length: int = 160
    """Samples from one window to the next; 160 at 16 kHz is 10 ms."""
    mels: int = 40
    """Triangular filters; an even number."""
    min_hz: float = 125.0
    """Lower edge of the first filter."""
    max_hz: float = 7500.0
    """Upper edge of the last filter."""
    smoothing_even: float = 0.025
    """Share of each frame in the estimate of the noise, in filters 0, 2, 4 and so on."""
    smoothing_odd: float = 0.06
    """The same in filters 1, 3, 5 and so on."""
    min_signal_remaining: float = 0.05
    """Share of the signal that is left however loud the noise."""
    gain_control: bool = True
    """Divide by the noise of each filter, so that a far voice is as loud as a near one."""
    gain_strength: float = 0.95
    """Exponent of the noise that is divided by."""
    gain_offset: float = 80.0
    """What is added to the noise, in steps of 16-bit samples."""

    def __post_init__(self) -> None:
        _Features.__post_init__(self)
        for name in ("window_length", "hop_length", "mels", "smoothing_even", "smoothing_odd"):
            _positive(name, getattr(self, name))
        _positive("gain_offset", self.gain_offset)
        if self.mels % 2:
            raise RecipeError(f"mels: {self.mels} is odd; filters are smoothed in pairs")
        if max(self.smoothing_even, self.smoothing_odd) > 1:
            raise RecipeError("smoothing_even, smoothing_odd: want shares of at most 1")
        if not 0.0 <= self.min_hz < self.max_hz:
            raise RecipeError(
                f"min_hz, max_hz: {self.min_hz:g} to {self.max_hz:g} is no band of frequencies; "
                f"want 0 <= min_hz < max_hz"
            )

    @property
    def fft(self) -> int:
        """Points of the Fourier transform."""
        return 1 << (self.window_length - 1).bit_length()


SpectralConfig: TypeAlias = SpectrogramConfig | LogMelConfig | MfccConfig
FrontEndConfig: TypeAlias = SpectrogramConfig | LogMelConfig | MfccConfig | MicroConfig | RawConfig

FRONT_ENDS: Final = {
    "spectrogram": SpectrogramConfig,
    "log_mel": LogMelConfig,
    "mfcc": MfccConfig,
    "micro": MicroConfig,
    "raw": RawConfig,
}


def _positive(name: str, value: float) -> None:
    if value <= 0:
        raise RecipeError(f"{name}: {value} is not above 0")


def span_of(config: FrontEndConfig) -> tuple[int, int]:
    """Samples under a window, and from one window to the next."""
    if isinstance(config, RawConfig):
        return config.frame_length, config.hop
    return config.window_length, config.hop_length


def streams(config: FrontEndConfig) -> str | None:
    """Why a front end needs the whole clip, and what to change; None if it streams."""
    if config.resize is not None:
        return "resize stretches a whole clip to one size, so it cannot stream; leave out resize"
    if isinstance(config, RawConfig | MicroConfig):
        return None
    if config.centre:
        return (
            "centre lays windows over the ends of a clip, so it cannot stream; set centre = false"
        )
    if config.top_db is not None:
        return (
            "top_db measures from the loudest value of a whole clip, so it cannot stream; "
            "leave out top_db"
        )
    return None
