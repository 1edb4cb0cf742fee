"""Small streams that the tests of all formats write: a tone or hiss, told apart by a few layers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.models.classifier import StreamingClassifier
from sonant.nn.frontend_config import LogMelConfig
from sonant.nn.layers import Conv1d
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import Chain, Delay, Pointwise, Residual
from sonant.nn.streaming_frontend import StreamingFrontEnd
from sonant.nn.windows import WindowMean

RATE_HZ = 4000
CLIP = 1024
"""Samples of a whole clip; a recurrent layer is unrolled over it, so it is short."""
CLIP_S = CLIP / RATE_HZ
BINS, CHANNELS = 8, 6


def network(labels: int = 3) -> Chain:
    """Convolutions, a look-ahead, a norm, a recurrent layer and a window: every kind of state."""
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(CHANNELS)
    nn.init.uniform_(norm.running_mean, -1.0, 1.0)  # type: ignore[arg-type]
    nn.init.uniform_(norm.running_var, 0.5, 40.0)  # type: ignore[arg-type]
    body = Chain(
        Conv1d(CHANNELS, CHANNELS, 3, dilation=2, groups=CHANNELS, lookahead=2),
        Pointwise(nn.Conv1d(CHANNELS, CHANNELS, 1)),
        Pointwise(nn.ReLU()),
    )
    last = nn.Conv1d(CHANNELS, labels, 1)
    nn.init.uniform_(last.weight, -8.0, 8.0)
    return Chain(
        Conv1d(BINS, CHANNELS, 3),
        Pointwise(norm),
        Pointwise(nn.ReLU()),
        Residual(body, Delay([CHANNELS], 2)),
        GRU(CHANNELS, CHANNELS),
        WindowMean([CHANNELS], 5),
        Pointwise(last),
    ).eval()


def classifier() -> StreamingClassifier:
    """The network behind a small log-mel front end."""
    config = LogMelConfig(window_length=128, hop_length=64, mels=BINS, centre=False)
    return StreamingClassifier(StreamingFrontEnd(config, rate_hz=RATE_HZ), network()).eval()


def sound(streams: int, seconds: float, *, seed: int = 0) -> NDArray[np.float32]:
    """Tones that come and go in noise, [streams, samples]."""
    draw = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    pitch = draw.uniform(100, 1800, (streams, 1))
    loud = np.abs(np.sin(2 * np.pi * draw.uniform(0.2, 2.0, (streams, 1)) * time))
    noise = 0.02 * draw.standard_normal((streams, len(time)))
    mixed: NDArray[np.float32] = (0.3 * loud * np.sin(2 * np.pi * pitch * time) + noise).astype(
        np.float32
    )
    return mixed


def features(streams: int, frames: int) -> Tensor:
    """Bytes' worth of features, as a device counts them, [streams, bins, frames]."""
    generator = torch.Generator().manual_seed(2)
    return 26 * torch.rand(streams, BINS, frames, generator=generator)
