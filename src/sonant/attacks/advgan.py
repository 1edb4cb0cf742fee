"""AdvGAN for sound: a generator that learns one pass of what an attack finds in many.

Xiao et al., "Generating Adversarial Examples with Adversarial Networks" (2018), arXiv 1801.02610, carried
over from images: convolutions along the waveform, a bound in samples or decibels instead of pixels, and
clips of any length.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.attacks.bounds import Bound, heard
from sonant.errors import ModelError

KERNEL: Final = 8
"""Samples that a strided layer sees, in strides of half of it."""
STRIDE: Final = KERNEL // 2
SLOPE: Final = 0.2
"""Of leaky rectifiers for values below 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvGanConfig:
    """The generator and its critic."""

    channels: tuple[int, ...] = (16, 32, 64)
    """Of each layer, which sees a quarter of the places of the one before."""
    blocks: int = 4
    """Residual blocks between the way down and the way up."""
    universal_s: float = 0.0
    """Above 0: one noise of so many seconds for all clips, repeated to their end; 0: one for each clip."""

    def __post_init__(self) -> None:
        if not self.channels or min(self.channels) < 1 or self.blocks < 0 or self.universal_s < 0:
            raise ModelError(
                "channels: want one or more, all above 0; blocks, universal_s: from 0 up"
            )


@final
class Generator(nn.Module):
    """Clips to noise inside a bound, in one pass.

    Neither batch mates nor what stands behind a clip's length change its noise: norms look along the
    channels of one place, and every layer sees silence where the clip has ended.
    """

    def __init__(self, config: AdvGanConfig, *, rate_hz: int) -> None:
        super().__init__()
        sizes = (1, *config.channels)
        pairs = list(pairwise(sizes))
        self.rate_hz: Final = rate_hz
        self.down = nn.ModuleList([_Down(a, b) for a, b in pairs])
        self.middle = nn.ModuleList([_Block(sizes[-1], 3**n) for n in range(config.blocks)])
        self.up = nn.ModuleList([_Up(b, max(a, sizes[1])) for a, b in reversed(pairs)])
        self.out = nn.Conv1d(sizes[1], 1, 7, padding=3)
        period = round(config.universal_s * rate_hz)
        seed = torch.randn(1, 1, period, generator=torch.Generator().manual_seed(0))
        self.register_buffer("seed", seed)
        self.seed: Tensor

    @property
    def universal(self) -> bool:
        """Whether its noise is the same for all clips."""
        return self.seed.shape[-1] > 0

    def forward(self, clean: Tensor, bound: Bound, lengths: Tensor | None = None) -> Tensor:
        """The clips [batch, 1, samples] with their noise, inside the bound."""
        if self.universal:
            shape = self._shape(self.seed, None)
            turns = -(-clean.shape[-1] // shape.shape[-1])
            shape = shape.repeat(1, 1, turns)[..., : clean.shape[-1]].expand_as(clean)
        else:
            shape = self._shape(clean, lengths)
        return bound.inside(clean + bound.span(clean) * shape, clean, lengths)

    def _shape(self, clean: Tensor, lengths: Tensor | None) -> Tensor:
        """Noise between -1 and 1."""
        samples = clean.shape[-1]
        x = F.pad(clean, (0, -samples % STRIDE ** len(self.down)))
        ends = torch.full((len(x),), samples, device=x.device) if lengths is None else lengths
        x = x * heard(x, ends)
        kept: list[tuple[Tensor, Tensor]] = []
        for layer in self.down:
            kept.append((x, ends))
            ends = -(-ends // STRIDE)
            x = layer(x)
            x = x * heard(x, ends)
        for block in self.middle:
            x = block(x)
            x = x * heard(x, ends)
        for layer, (before, ends) in zip(self.up, reversed(kept), strict=True):
            x = layer(x)
            if before.shape[1] == x.shape[1]:
                x = x + before
            x = x * heard(x, ends)
        noise: Tensor = torch.tanh(self.out(x))
        return noise[..., :samples]


@final
class Critic(nn.Module):
    """Whether a stretch of sound was left alone: [batch, 1, samples] -> scores [batch, places]."""

    def __init__(self, config: AdvGanConfig) -> None:
        super().__init__()
        sizes = (1, *config.channels)
        layers: list[nn.Module] = []
        for a, b in pairwise(sizes):
            layers += [nn.Conv1d(a, b, KERNEL, STRIDE, padding=STRIDE // 2), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv1d(sizes[-1], 1, 3, padding=1))

    def forward(self, samples: Tensor) -> Tensor:
        """Near 1 for what seems untouched, near 0 for what does not."""
        scores: Tensor = self.layers(samples)
        return scores.squeeze(1)


@final
class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, KERNEL, STRIDE, padding=STRIDE // 2)
        self.norm = _ChannelNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), SLOPE)


@final
class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(inputs, outputs, KERNEL, STRIDE, padding=STRIDE // 2)
        self.norm = _ChannelNorm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.norm(self.conv(x)), SLOPE)


@final
class _Block(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
        self.norm = _ChannelNorm(channels)
        self.second = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.second(F.leaky_relu(self.norm(self.first(x)), SLOPE))
        return y


@final
class _ChannelNorm(nn.Module):
    """Layer norm over the channels of each place, [batch, channels, places] in and out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(x.transpose(1, 2)).transpose(1, 2)
        return y
