"""Clips of two made-up voices for the graph of `voice_bundle`, and a bundle that decides about them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from bundles import RATE_HZ
from sonant.audio import Samples
from sonant.card import Card
from sonant.card.revision import revise
from sonant.speakers.gates import SNR_DB, Quality
from voice_bundle import write_voices

VOICES: Final = {"ann": 0.3, "bob": -0.3}
"""How far each sound lies from zero, which the graph hears."""
CALIBRATED: Final[dict[str, Any]] = {
    "calibration": {
        "slope": 20.0,
        "offset": -16.0,
        "quality": {},
        "prior": 0.5,
        "same": 100,
        "different": 100,
        "trials": "",
    },
    "operating_point": {"prior": 0.5, "cost_miss": 1.0, "cost_false_accept": 1.0},
    "gate": {"speech_s": 0.3, "snr_db": 0.0},
    "figures": {},
    "chosen_on": "nothing",
}


def clip(name: str, *, seconds: float = 1.0, seed: int = 0) -> Samples:
    """[samples] of a voice; every seed is another recording."""
    draws = np.random.default_rng(seed).normal(VOICES[name], 0.1, round(RATE_HZ * seconds))
    return draws.clip(-0.99, 0.99).astype(np.float32)


def wav(samples: Samples, *, rate_hz: int = RATE_HZ, format: str = "WAV") -> bytes:
    """The bytes of a sound file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=format)
    return file.getvalue()


def write_calibrated(root: Path) -> Path:
    """The folder of version 2, which decides; version 1 beside it is uncalibrated."""
    card = Card.read(write_voices(root))
    return revise(card, files={}, changes={"operating_point": {"speakers": CALIBRATED}})


def loud_is_speech(samples: Samples, rate_hz: int) -> Quality:
    """In place of `gates.measure`, which hears that these voices are noise."""
    spoken = len(samples) / rate_hz if np.abs(samples).max(initial=0.0) > 0.05 else 0.0
    return Quality(speech_s=spoken, snr_db=20.0 if spoken else SNR_DB[0])
