"""How much of an attack can be heard: noise against speech, intelligibility, quality."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sonant import intelligibility
from sonant.audio import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """A changed sound against the clean one."""

    snr_db: float
    """Speech against change; infinite where nothing changed."""
    max_noise: float
    """The largest change of a sample; full scale is 1."""
    stoi: float | None
    """Short-time objective intelligibility, 0 to 1; None without pystoi or enough speech."""
    pesq: float | None
    """Wideband, 1 to 4.6; None without the library pesq, or at another rate than 16 kHz."""


def measure(clean: Samples, changed: Samples, *, rate_hz: int) -> Quality:
    """Compare two sounds [samples], sample by sample in step."""
    noise = changed.astype(np.float64) - clean
    energy = float(np.square(noise).sum())
    speech = float(np.square(clean, dtype=np.float64).sum())
    return Quality(
        snr_db=10 * math.log10(speech / energy) if energy and speech else math.inf,
        max_noise=float(np.abs(noise).max(initial=0.0)),
        stoi=intelligibility.stoi(clean, changed, rate_hz=rate_hz),
        pesq=intelligibility.pesq(clean, changed, rate_hz=rate_hz),
    )
