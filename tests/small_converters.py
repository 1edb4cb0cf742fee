"""Voice converters so small that a test of them takes a moment."""

from __future__ import annotations

from pathlib import Path

import torch

from sonant.models.again_vc import AgainVCConfig
from sonant.models.converter import VoiceConverter
from sonant.models.converters import build_converter
from sonant.nn.voice_mel import VoiceMel

CONVERSION_RECIPE = Path(__file__).parent / "conversion_tones.toml"
"""A recipe for the tone speakers."""
RATE_HZ = 4000
SMALL_MEL = VoiceMel(window_length=128, hop_length=64, mels=16, max_hz=2000.0)


def small_converter(config: AgainVCConfig | None = None) -> VoiceConverter:
    """In evaluation mode, with weights and batch norms that are not those of a fresh one."""
    torch.manual_seed(0)
    chosen = config or AgainVCConfig(width=12, blocks=2, recurrent_layers=2)
    model = build_converter(SMALL_MEL, chosen, rate_hz=RATE_HZ)
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
    return model.eval()
