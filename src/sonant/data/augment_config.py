"""What training does to a clip before it is heard: the settings alone, readable without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sonant.errors import RecipeError

Range = tuple[float, float]

MAX_SPEED = 0.5
MAX_SEMITONES = 24.0
SPEED_STEP = 0.01

_NOT_NEGATIVE = (
    "shift_ms", "speed", "pitch_semitones", "mixup_alpha", "context_ms", "time_masks",
    "time_mask_frames", "freq_masks", "freq_mask_bins", "cutouts", "cutout_frames", "cutout_bins",
    "adversarial_epsilon",
)  # fmt: skip
_PROBABILITIES = (
    "noise_probability", "pitch_probability", "rir_probability", "mixup_probability",
    "context_probability", "adversarial_share",
)  # fmt: skip
_RANGES = ("noise_snr_db", "noise_volume", "gain_db")
_AT_MOST = {"speed": MAX_SPEED, "pitch_semitones": MAX_SEMITONES, "adversarial_epsilon": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """Effects on clips and features; as it stands every effect is off.

    Raises `RecipeError` naming the field that makes no sense. Folders are looked for when the
    effects are made, not here, so that a recipe can be read where its recordings are not.
    """

    shift_ms: float = 0.0
    """Milliseconds; a clip moves by up to this much to either side, zeros move in. 0 is off."""
    noise: str = ""
    """A folder of background recordings (searched to any depth) or one file; empty is off."""
    noise_probability: float = 0.8
    """Share of clips that get noise."""
    noise_snr_db: Range | None = None
    """Decibels between clip and noise, lowest and highest; none mixes by `noise_volume` instead."""
    noise_volume: Range = (0.0, 0.1)
    """Factor on the recording, lowest and highest: for silent clips, and for all without an SNR."""
    gain_db: Range = (0.0, 0.0)
    """Decibels, lowest and highest."""
    speed: float = 0.0
    """Largest relative change of speed, pitch with it, in steps of 1 % (0.15: 85 to 115 %)."""
    pitch_semitones: float = 0.0
    """Largest change of pitch at the same speed, semitones up or down; slow, 2 ms a clip."""
    pitch_probability: float = 0.5
    """Share of clips that get another pitch."""
    rir: str = ""
    """A folder of room impulse responses (searched to any depth) or one file; empty is off."""
    rir_probability: float = 0.5
    """Share of clips put into a room."""
    mixup_alpha: float = 0.0
    """Both parameters of the beta distribution of the shares of two mixed clips. 0 is off."""
    mixup_probability: float = 1.0
    """Share of clips that are mixed with another."""
    context_ms: float = 0.0
    """Milliseconds of the end of another clip put before each: what a stream has heard before. 0 is off."""
    context_probability: float = 0.8
    """Share of clips with something before them; the others begin in silence."""
    time_masks: int = 0
    """SpecAugment masks along time."""
    time_mask_frames: int = 10
    """Widest mask along time, frames."""
    freq_masks: int = 0
    """SpecAugment masks along frequency."""
    freq_mask_bins: int = 5
    """Widest mask along frequency, bins."""
    cutouts: int = 0
    """Rectangles cut out of the features."""
    cutout_frames: int = 10
    """Widest rectangle, frames."""
    cutout_bins: int = 5
    """Highest rectangle, bins."""
    adversarial_epsilon: float = 0.0
    """Largest change of a sample, of 1, in clips that are changed to raise the loss the most. 0 is off."""
    adversarial_share: float = 0.5
    """Share of clips that are changed so."""
    adversarial_steps: int = 3
    """Steps of each change; each costs about as much as a training step."""

    def __post_init__(self) -> None:
        for field in _NOT_NEGATIVE:
            _check_number(field, getattr(self, field), highest=_AT_MOST.get(field, math.inf))
        for field in _PROBABILITIES:
            _check_number(field, getattr(self, field), highest=1.0)
        for field in _RANGES:
            _check_range(field, getattr(self, field))
        if self.adversarial_steps < 1:
            raise RecipeError(f"adversarial_steps: {self.adversarial_steps} is not above 0")
        if self.noise_volume[0] < 0:
            raise RecipeError(f"noise_volume: {self.noise_volume[0]:g} is negative; want 0 or more")
        if 0 < self.speed < SPEED_STEP:
            raise RecipeError(
                f"speed: {self.speed:g} is under its step; want 0 (off) or {SPEED_STEP:g}"
            )


def describe(config: AugmentConfig) -> str:
    """One line that names the effects that are on; `none` when nothing is."""
    c = config
    loud = _span(c.noise_snr_db, "dB SNR") if c.noise_snr_db else f"volume {_span(c.noise_volume)}"
    effects = {
        f"pitch ±{c.pitch_semitones:g} semitones {_share(c.pitch_probability)}": (
            c.pitch_semitones and c.pitch_probability
        ),
        f"speed ±{100 * c.speed:g} %": c.speed,
        f"rooms from {c.rir} {_share(c.rir_probability)}": c.rir and c.rir_probability,
        f"shift ±{c.shift_ms:g} ms": c.shift_ms,
        f"gain {_span(c.gain_db, 'dB')}": any(c.gain_db),
        f"noise from {c.noise} at {loud} {_share(c.noise_probability)}": (
            c.noise and c.noise_probability
        ),
        f"mixup alpha {c.mixup_alpha:g} {_share(c.mixup_probability)}": (
            c.mixup_alpha and c.mixup_probability
        ),
        f"{c.context_ms:g} ms of another clip before it {_share(c.context_probability)}": (
            c.context_ms and c.context_probability
        ),
        f"{c.time_masks} time masks up to {c.time_mask_frames} frames": (
            c.time_masks and c.time_mask_frames
        ),
        f"{c.freq_masks} frequency masks up to {c.freq_mask_bins} bins": (
            c.freq_masks and c.freq_mask_bins
        ),
        f"{c.cutouts} cutouts up to {c.cutout_frames} frames x {c.cutout_bins} bins": (
            c.cutouts and c.cutout_frames and c.cutout_bins
        ),
        f"adversarial changes up to {c.adversarial_epsilon:g} {_share(c.adversarial_share)}": (
            c.adversarial_epsilon and c.adversarial_share
        ),
    }
    return ", ".join(words for words, on in effects.items() if on) or "none"


def _share(probability: float) -> str:
    """A probability in words."""
    return f"(on {100 * probability:g} % of clips)"


def _span(limits: Range, unit: str = "") -> str:
    """A range in words."""
    return f"{limits[0]:g} to {limits[1]:g} {unit}".rstrip()


def _check_number(field: str, value: float, *, highest: float) -> None:
    """Refuse what is negative, above the highest, or no number."""
    if not (math.isfinite(value) and 0 <= value <= highest):
        most = "or more" if highest == math.inf else f"to {highest:g}"
        raise RecipeError(f"{field}: {value:g} does not fit; want 0 {most}")


def _check_range(field: str, value: Range | None) -> None:
    """Refuse what is not (lowest, highest)."""
    if value is None:
        return
    if len(value) != 2 or not all(math.isfinite(limit) for limit in value):
        raise RecipeError(f"{field}: {value} does not fit; want two numbers, lowest and highest")
    if value[0] > value[1]:
        raise RecipeError(
            f"{field}: {value[0]:g} to {value[1]:g} runs backwards; want lowest first"
        )
