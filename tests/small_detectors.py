"""Every spoof detector in small, ready to answer, and clips that differ in length."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from sonant.models.aasist import AasistConfig
from sonant.models.detector import SpoofDetector
from sonant.models.detectors import DetectorConfig, build_detector
from sonant.models.lcnn import LcnnConfig
from sonant.nn.spoof_features_config import LfccConfig, SincConfig, SpoofFeatures

RATE_HZ: Final = 4000
WINDOW: Final = 2000
LENGTHS: Final = (2000, 1403, 1100, 310)
"""In samples; the last is shorter than a quarter of a second."""
SMALL: Final[dict[str, tuple[SpoofFeatures, DetectorConfig]]] = {
    "lcnn": (
        LfccConfig(window_length=80, hop_length=40, fft_length=128, coefficients=8, max_hz=None),
        LcnnConfig(channels=(4, 4, 4, 4, 6, 6, 4, 4, 4), dropout=0.1),
    ),
    "aasist": (
        SincConfig(filters=9, taps=33),
        AasistConfig(channels=(4, 6), graph=6, joint=4),
    ),
}


def small_detector(name: str, **change: object) -> SpoofDetector:
    """The same weights every time, in evaluation mode, with norms that have seen data."""
    features, config = SMALL[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        changed = type(config)(**{**_fields(config), **change})
        detector = build_detector(features, changed, rate_hz=RATE_HZ, samples=WINDOW)
        norms = [
            part for part in detector.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)
        ]
        before = [norm.momentum for norm in norms]
        for norm in norms:
            norm.momentum = 1.0
        with torch.no_grad():
            detector.train()(clips()[0])
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
    return detector.eval()


def clips() -> tuple[Tensor, Tensor]:
    """Noise whose colour differs from one to the next, [4, 2000], and lengths."""
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(len(LENGTHS), WINDOW + 3, generator=draw)
    mixed = [
        noise[number, 3:] * 0.1 + share * noise[number, :WINDOW]
        for number, share in enumerate((0.0, 0.1, 0.2, -0.1))
    ]
    return torch.stack(mixed), torch.tensor(LENGTHS)


def _fields(config: DetectorConfig) -> dict[str, object]:
    from dataclasses import fields

    return {field.name: getattr(config, field.name) for field in fields(config)}
