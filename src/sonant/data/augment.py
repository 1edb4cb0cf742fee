"""Effects on a batch of clips: what an item gets, its number, the epoch and the seed decide alone.

Order: pitch, speed, room, shift, gain, noise. The voice comes first, then where it sounds, then the
microphone; noise comes last so that its level is measured against what is left of the clip. What
is drawn for clips comes as a column, [batch, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sonant.audio import PCM16_SCALE
from sonant.data.augment_config import MAX_SEMITONES, SPEED_STEP, AugmentConfig, describe
from sonant.data.recordings import Recordings, Rooms, read_noise, read_rooms
from sonant.draws import Draws
from sonant.errors import MissingExtra

__all__ = ["Augment", "AugmentConfig", "describe"]

SILENT_RMS = 1e-4
"""-80 dB: a clip below has no level that a signal-to-noise ratio could refer to."""
_BLOCK = round(1 / SPEED_STEP)
"""Output samples after which every speed has moved on by a whole number of input samples."""
_KERNEL_REACH = 16
"""Input samples on either side that a resampled sample is made of, at speeds up to 1."""
_KAISER_BETA = 8.0

PitchShifter = Callable[[NDArray[np.float32], float], NDArray[np.float32]]


class Augment:
    """The waveform effects of a config, and the plan of its mixup.

    Noise and rooms are read here, once. Raises `RecipeError` naming the field when a folder is not
    there, `AudioError` naming an unreadable recording, `MissingExtra` when pitch is asked for and
    audiomentations is not installed.
    """

    def __init__(self, config: AugmentConfig, *, rate_hz: int, seed: int) -> None:
        self.config = config
        self.rate_hz = rate_hz
        self.seed = seed
        self._pitch_shifter = _pitch_shifter(rate_hz) if config.pitch_semitones else None
        self._kernels = speed_kernels(_speed_steps(config)) if config.speed else None
        self._rooms = read_rooms(config.rir, rate_hz=rate_hz) if config.rir else None
        self._noise = read_noise(config.noise, rate_hz=rate_hz) if config.noise else None

    def __call__(self, samples: Tensor, items: NDArray[np.int64], *, epoch: int) -> Tensor:
        """Apply the effects to clips, [batch, samples] float32 -> a new tensor of the same shape.

        `items`, [batch], are the numbers of the clips in their split. Nothing is clipped: loud
        results leave [-1, 1].
        """
        if len(items) != len(samples):
            raise ValueError(f"{len(samples)} clips came with {len(items)} item numbers")
        draws, config, given = self.draws(items, epoch=epoch), self.config, samples
        if self._pitch_shifter is not None:
            samples = self._change_pitch(samples, draws, self._pitch_shifter)
        if self._kernels is not None:
            most = _speed_steps(config)
            steps = draws.integers("speed", -most, most + 1)
            samples = change_speed(samples, steps, kernels=self._kernels)
        if self._rooms is not None:
            samples = self._place_in_rooms(samples, draws, self._rooms)
        if config.shift_ms:
            most = round(config.shift_ms * self.rate_hz / 1000)
            samples = shift(samples, draws.integers("shift", -most, most + 1))
        if any(config.gain_db):
            samples = samples * _tensor(
                10 ** (draws.uniform("gain", *config.gain_db) / 20), samples
            )
        if self._noise is not None:
            self._noise = self._noise.fitted(samples.shape[1])
            samples = self._add_noise(samples, draws, self._noise)
        return samples.clone() if samples is given else samples

    def draws(self, items: NDArray[np.int64], *, epoch: int) -> Draws:
        """The random numbers of these items; give them to `spec_augment` for its masks."""
        return Draws(self.seed, epoch, items)

    def mixup_plan(
        self, items: NDArray[np.int64], *, epoch: int, population: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Whom each item is mixed with, [items], and its own share in the mix, [items] in [0, 1].

        Partners come from all items 0 to `population` - 1, so the batch does not matter. A share of
        1 leaves an item as it is. Source: Zhang et al. 2018, "mixup", section 2.
        """
        draws, config = self.draws(items, epoch=epoch), self.config
        weights = np.ones(len(draws), np.float32)
        if not config.mixup_alpha:
            return np.array(items, np.int64), weights
        partners = draws.integers("mixup.partner", 0, population)[:, 0]
        chosen = draws.chance("mixup", config.mixup_probability)[:, 0]
        share = draws.beta("mixup.weight", config.mixup_alpha, config.mixup_alpha)[:, 0]
        return partners, np.where(chosen, share, weights).astype(np.float32)

    def context_plan(
        self, items: NDArray[np.int64], *, epoch: int, population: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Whose end is heard before each item, [items], and whether anything is, [items]."""
        draws = self.draws(items, epoch=epoch)
        partners = draws.integers("context.partner", 0, population)[:, 0]
        return partners, draws.chance("context", self.config.context_probability)[:, 0]

    def _change_pitch(self, samples: Tensor, draws: Draws, shifter: PitchShifter) -> Tensor:
        """Another pitch for the chosen items, one by one."""
        most = self.config.pitch_semitones
        semitones = draws.uniform("pitch.semitones", -most, most)
        samples = samples.clone()
        for row in np.flatnonzero(draws.chance("pitch", self.config.pitch_probability)):
            shifted = shifter(samples[row].cpu().numpy(), float(semitones[row, 0]))
            samples[row] = torch.from_numpy(shifted)
        return samples

    def _place_in_rooms(self, samples: Tensor, draws: Draws, rooms: Rooms) -> Tensor:
        """A room for the chosen items."""
        chosen = np.flatnonzero(draws.chance("rir", self.config.rir_probability))
        if not len(chosen):
            return samples  # an FFT of nothing is an error
        room = draws.integers("rir.room", 0, len(rooms.responses))[chosen, 0]
        responses = torch.from_numpy(rooms.responses[room]).to(samples.device)
        rows = torch.from_numpy(chosen).to(samples.device)
        wet = reverberate(samples[rows], responses, direct=rooms.direct)
        return samples.index_copy(0, rows, wet)

    def _add_noise(self, samples: Tensor, draws: Draws, noise: Recordings) -> Tensor:
        """A piece of noise under the chosen items; every recording is as likely as any other."""
        config, window = self.config, samples.shape[1]
        recording = draws.integers("noise.recording", 0, len(noise.lengths))
        position = draws.integers("noise.position", 0, noise.positions(window)[recording])
        starts = torch.from_numpy((noise.starts[recording] + position)[:, 0])
        pieces = torch.from_numpy(noise.pcm).unfold(0, window, 1).index_select(0, starts)
        snr = config.noise_snr_db
        return mix_noise(
            samples,
            pieces.to(samples.device) * (1.0 / PCM16_SCALE),
            chosen=draws.chance("noise", config.noise_probability),
            volume=draws.uniform("noise.volume", *config.noise_volume),
            snr_db=None if snr is None else draws.uniform("noise.snr", *snr),
        )


def shift(samples: Tensor, by: NDArray[np.int64]) -> Tensor:
    """Move each clip later by its number of samples (earlier when negative); zeros move in."""
    return _windows(samples, -by, samples.shape[1])[:, 0]


def change_speed(samples: Tensor, steps: NDArray[np.int64], *, kernels: Tensor) -> Tensor:
    """Play each clip (100 + steps) % as fast, pitch with it, about its middle; zeros fill the ends.

    At such speeds a block of 100 output samples lies 100 + steps input samples behind the last, so
    it is a product with the same windowed-sinc weights wherever it stands.
    """
    batch, length = samples.shape
    most = len(kernels) // 2
    # Whole samples, so the middle stays put to half a sample and speed 1 changes nothing.
    origin = -(((length - 1) * steps + _BLOCK) // (2 * _BLOCK))
    blocks = np.arange(-(-length // _BLOCK))
    first = origin + blocks * (_BLOCK + steps)
    windows = _windows(samples, first - _reach(most), kernels.shape[1])
    weights = kernels[torch.from_numpy((steps + most)[:, 0])].to(samples.device)
    return torch.bmm(windows, weights).view(batch, -1)[:, :length].contiguous()


def reverberate(samples: Tensor, responses: Tensor, *, direct: int) -> Tensor:
    """Convolve each clip with its own impulse response, [batch, response samples].

    The direct sound, sample `direct` of every response, stays where it was, and each clip keeps its
    RMS: a room adds reverberation, not loudness.
    """
    length = samples.shape[1]
    responses = responses[:, : direct + length]
    size = 1 << (length + responses.shape[1] - 2).bit_length()
    spectrum = torch.fft.rfft(samples, size) * torch.fft.rfft(responses, size)
    wet = torch.fft.irfft(spectrum, size)[:, direct : direct + length]
    levelled: Tensor = wet * (_rms(samples) / _rms(wet).clamp_min(torch.finfo(wet.dtype).tiny))
    return levelled


def mix_noise(
    samples: Tensor,
    noise: Tensor,
    *,
    chosen: NDArray[np.bool_],
    volume: NDArray[np.float64],
    snr_db: NDArray[np.float64] | None,
) -> Tensor:
    """Add noise, [batch, samples], to chosen clips: `snr_db` below their RMS, or times `volume`.

    A silent clip has no ratio to keep, so it gets its noise by volume; a silent stretch of noise is
    not pulled up as if it were noise.
    """
    scale = _tensor(volume, samples)
    if snr_db is not None:
        level = _rms(samples)
        ratio = _tensor(10 ** (-snr_db / 20), samples)
        by_ratio = level / _rms(noise).clamp_min(SILENT_RMS) * ratio
        scale = torch.where(level > SILENT_RMS, by_ratio, scale)
    return torch.addcmul(samples, noise, scale * _tensor(chosen, samples))


def _windows(samples: Tensor, first: NDArray[np.int64], length: int) -> Tensor:
    """`length` samples from each of the `first`, [batch, windows], of a row; zeros outside.

    Windows are copied as whole runs of memory, far cheaper than gathering sample by sample.
    """
    before = max(0, -int(first.min(initial=0)))
    after = max(0, int(first.max(initial=0)) + length - samples.shape[1])
    padded = functional.pad(samples, (before, after))
    rows = np.arange(len(samples))[:, None] * padded.shape[1]
    starts = torch.from_numpy((rows + before + first).reshape(-1)).to(samples.device)
    copied = padded.view(-1).unfold(0, length, 1).index_select(0, starts)
    return copied.view(*first.shape, length)


def _rms(samples: Tensor) -> Tensor:
    """Root mean square of each row, [batch, 1]."""
    norm: Tensor = torch.linalg.vector_norm(samples, dim=1, keepdim=True)
    return norm / math.sqrt(samples.shape[1])


def _tensor(values: NDArray[np.float64] | NDArray[np.bool_], like: Tensor) -> Tensor:
    """Drawn numbers in the type and on the device of the clips."""
    return torch.from_numpy(values).to(like)


def _speed_steps(config: AugmentConfig) -> int:
    """The largest change of speed, in steps of 1 %; 1e-9 mends 0.29 * 100 = 28.999..."""
    return math.floor(config.speed * _BLOCK + 1e-9)


def _reach(most: int) -> int:
    """Input samples on either side that an output sample is made of, at the highest speed."""
    return math.ceil(_KERNEL_REACH * (1 + most / _BLOCK))


def speed_kernels(most: int) -> Tensor:
    """Resampling weights of one block at every speed, [2 * most + 1, taps, 100] float32.

    Kaiser-windowed sinc, its cutoff lowered above speed 1 so that nothing folds back; the weights
    of a sample sum to 1, so a constant stays one. Source: Smith, "Digital audio resampling".
    """
    speed = 1 + np.arange(-most, most + 1)[:, None, None] / _BLOCK
    reach = _reach(most)
    taps = np.arange(2 * reach + math.ceil((_BLOCK - 1) * float(speed.max())) + 1)[:, None]
    stretch = np.maximum(speed, 1.0)
    distance = (taps - reach - np.arange(_BLOCK) * speed) / stretch
    inside = np.clip(1 - (distance / _KERNEL_REACH) ** 2, 0.0, None)
    weights = np.sinc(distance) * np.i0(_KAISER_BETA * np.sqrt(inside)) * (inside > 0)
    return torch.from_numpy((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _pitch_shifter(rate_hz: int) -> PitchShifter:
    """audiomentations' PitchShift, told the semitones instead of drawing them."""
    try:
        from audiomentations import PitchShift
    except ImportError as error:
        raise MissingExtra("audiomentations", extra="train", purpose="another pitch") from error
    effect = PitchShift(min_semitones=-MAX_SEMITONES, max_semitones=MAX_SEMITONES, p=1.0)
    # Frozen parameters are ours; otherwise it would draw from the global random state.
    effect.freeze_parameters()

    def shift_pitch(samples: NDArray[np.float32], semitones: float) -> NDArray[np.float32]:
        effect.parameters = {"should_apply": True, "num_semitones": semitones}
        shifted: NDArray[np.float32] = effect(samples, sample_rate=rate_hz)
        return shifted

    return shift_pitch
