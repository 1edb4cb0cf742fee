"""The mel spectrogram of a voice in numpy, and magnitudes back from it. No torch.

The same values as `nn.voice_mel.VoiceMelFrontEnd` gives; a test holds the two together.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sonant.nn.voice_mel_config import VoiceMel, bank_of

Floats = NDArray[np.float32]

ROUNDS: Final = 24
"""Updates by which magnitudes are found; more change the sound no more."""
LEAST: Final = 1e-9
"""Keeps quotients finite: far under the floor of any magnitude."""
PIECE_FRAMES: Final = 1024
"""Windows that are transformed at a time, so that an hour of sound needs no more memory."""


def log_mel(samples: Floats, config: VoiceMel, *, rate_hz: int) -> Floats:
    """[samples] at `rate_hz` -> log magnitudes [mels, frames], with 1 + samples // hop frames.

    Raises `ModelError` for settings that the sample rate does not allow.
    """
    bank = _bank(config, rate_hz)
    frames, hop = config.frames(len(samples)), config.hop_length
    sound = np.zeros((frames - 1) * hop + config.window_length, np.float32)
    heard = samples[: len(sound) - config.lead]
    sound[config.lead : config.lead + len(heard)] = heard
    windows = np.lib.stride_tricks.sliding_window_view(sound, config.window_length)[::hop]
    taper = hann(config.window_length)
    found = np.empty((frames, config.mels), np.float32)
    for first in range(0, frames, PIECE_FRAMES):
        piece = slice(first, first + PIECE_FRAMES)
        found[piece] = np.abs(fft.rfft(windows[piece] * taper)) @ bank
    return np.log(np.maximum(found, np.float32(config.floor))).T


def magnitudes_of(mel: Floats, config: VoiceMel, *, rate_hz: int, rounds: int = ROUNDS) -> Floats:
    """Log magnitudes [mels, frames] -> a spectrum [bins, frames], 0 or more, that has this mel.

    Of the many there are, one near the smooth spectrum that the filters themselves draw. Source: Lee and
    Seung 2001, "Algorithms for non-negative matrix factorization", with the filters held.
    """
    bank = _bank(config, rate_hz)
    wanted = np.exp(mel.T, dtype=np.float32)
    # Each filter spreads what it holds evenly; bins that no filter hears stay silent.
    found = (wanted / np.maximum((bank * bank).sum(0), LEAST)) @ bank.T
    drawn = wanted @ bank.T
    for _ in range(rounds):
        found *= drawn / np.maximum((found @ bank) @ bank.T, LEAST)
    return np.ascontiguousarray(found.T)


@lru_cache(maxsize=8)
def hann(length: int) -> Floats:
    """The periodic Hann window."""
    turns = np.arange(length) / length
    return (0.5 - 0.5 * np.cos(2 * np.pi * turns)).astype(np.float32)


@lru_cache(maxsize=8)
def _bank(config: VoiceMel, rate_hz: int) -> Floats:
    return bank_of(config, rate_hz=rate_hz).astype(np.float32)
