"""Small sounds that tests are made of: tones, noise, and folders of recordings."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from sonant import audio
from sonant.audio import Clip

RATE_HZ = 16000
LENGTH = RATE_HZ


def tone(frequency_hz: float, *, length: int = LENGTH, amplitude: float = 0.5) -> Tensor:
    """A sine, [samples]."""
    time_s = torch.arange(length, dtype=torch.float64) / RATE_HZ
    return (amplitude * torch.sin(2 * torch.pi * frequency_hz * time_s)).float()


def white(batch: int, *, length: int = LENGTH, seed: int = 0) -> Tensor:
    """White noise at -20 dB, [batch, samples]."""
    return 0.1 * torch.randn(batch, length, generator=torch.Generator().manual_seed(seed))


def rms(samples: Tensor) -> Tensor:
    """Root mean square along time."""
    return samples.double().square().mean(dim=-1).sqrt()


def snr_db(clean: Tensor, noisy: Tensor) -> Tensor:
    """Decibels between a clip and what was added to it."""
    return 20 * (rms(clean) / rms(noisy - clean)).log10()


def write_noises(folder: Path) -> str:
    """Three noise recordings of different length, and one shorter than a clip."""
    for number, length in enumerate((20_000, 27_000, 34_000, 500)):
        samples = white(1, length=length, seed=number)[0].numpy()
        audio.write(folder / f"{number}.wav", Clip(samples, RATE_HZ))
    return str(folder)


def write_rooms(folder: Path) -> str:
    """Three rooms whose direct sound comes at sample 100."""
    for number in range(3):
        tail = white(1, length=3000, seed=20 + number)[0] * torch.exp(-torch.arange(3000) / 500)
        tail[100] = 0.9
        audio.write(folder / f"{number}.wav", Clip(tail.numpy(), RATE_HZ))
    return str(folder)
