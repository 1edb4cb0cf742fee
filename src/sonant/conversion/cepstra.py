"""How far apart two recordings of one sentence are in their spectral envelopes: mel-cepstral distortion."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonant.audio import Clip
from sonant.conversion.voice_mel import log_mel
from sonant.errors import AudioError, MissingExtra
from sonant.nn.voice_mel_config import VoiceMel

ORDER: Final = 24
"""Coefficients that are compared, without the first, which is the level."""
PAUSE_DB: Final = 40.0
"""Frames so far below the loudest are pauses, which would bring the mean down."""
FLOOR_DB: Final = 60.0
"""Bands so far below the loudest of a clip are noise of no consequence."""

Floats = NDArray[np.float64]


def distortion_db(one: Clip, other: Clip, *, mel: VoiceMel) -> float:
    """Mean over the frames of both, aligned by dynamic time warping, in dB.

    Of a frame it is 10 / ln 10 x sqrt(2 x sum over d = 1..`ORDER` of (c_d - c'_d)^2), where c are the cepstra
    of log magnitudes in mel bands: the root mean square of the difference of two smooth spectra, in dB,
    whatever their levels. Source: Kubichek, "Mel-cepstral distance measure for objective speech quality
    assessment", Proc. IEEE Pacific Rim Conf. (1993). Raises `AudioError` for clips of different rates or
    without sound, and `MissingExtra` without dtaidistance.
    """
    if one.rate_hz != other.rate_hz:
        raise AudioError(f"clips of {one.rate_hz} and {other.rate_hz} Hz; resample one of them")
    left, right = (of(_heard(clip, mel)) for clip in (one, other))
    path = _library("dtaidistance.dtw_ndim").warping_path(
        left, right, use_c=True, inner_dist="euclidean"
    )
    one_by_one = [(left[here], right[there]) for here, there in path]
    apart = [float(np.linalg.norm(here - there)) for here, there in one_by_one]
    return float(10 / np.log(10) * np.sqrt(2) * np.mean(apart))


def of(logs: NDArray[Any]) -> Floats:
    """Log magnitudes [mels, frames] -> cepstra [frames, ORDER], without the level."""
    bands = len(logs)
    angles = np.pi / bands * np.arange(1, ORDER + 1)[:, None] * (np.arange(bands) + 0.5)
    found: Floats = np.ascontiguousarray((2 / bands * np.cos(angles) @ logs).T)
    return found


def _heard(clip: Clip, mel: VoiceMel) -> Floats:
    """Log magnitudes of what is no pause, [mels, frames]."""
    if not clip.samples.any():
        raise AudioError("a clip without sound has no cepstra")
    logs = log_mel(clip.samples, mel, rate_hz=clip.rate_hz).astype(np.float64)
    levels_db = 10 * np.log10(np.exp(2 * logs).sum(axis=0))
    floor = logs.max() - FLOOR_DB * np.log(10) / 20
    heard: Floats = np.maximum(logs[:, levels_db > levels_db.max() - PAUSE_DB], floor)
    return heard


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtra(
            "dtaidistance", extra="voices", purpose="aligning two sentences"
        ) from error
