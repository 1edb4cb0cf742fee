"""Vocos: a vocoder that stays at the frame rate and leaves the sound to an inverse Fourier transform.

Siuzdak, "Vocos: closing the gap between time-domain and Fourier-based neural vocoders for high-quality
audio synthesis" (2023), arXiv 2306.00814: ConvNeXt blocks over frames, then magnitude and phase of every
bin. Three things differ. Kernels end with their frame, or look ahead by as much as `lookahead` shares out
among them, so that a live stream can be made to sound; with all of it they lie around their frame, as the
paper's do. What the mel filters tell of a spectrum is not learned again: the network learns what lies
beyond, and whatever that is, the spectrum has the mel that was asked for. And `turns` of the Griffin-Lim
algorithm may follow: a network that was trained for minutes knows magnitudes long before it knows phases.
Full width is `dim` 512, `hidden` 1536, 8 layers: 13.5 million weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sonant.errors import ModelError, RecipeError
from sonant.models.chained import Chained
from sonant.models.dense import positive
from sonant.models.lookahead import shares
from sonant.nn.istft import Istft
from sonant.nn.layers import Conv1d
from sonant.nn.streaming import Chain, Delay, Pointwise, Residual, State, Streamable
from sonant.nn.turn import turns
from sonant.nn.voice_mel_config import VoiceMel, bank_of

LOUDEST: Final = 100.0
"""Greatest magnitude of a bin: a full-scale sine has half of the window's sum."""
MOST: Final = 8.0
"""Nepers that a bin's magnitude may lie beyond what the filters tell."""
ROUNDS: Final = 3
"""Corrections by which magnitudes come to have the mel that was asked for."""
LEAST: Final = 1e-9
"""Keeps quotients finite: far under the floor of any magnitude."""
SPECTRAL: Final = 3
"""Layers up to the spectra; behind them nothing is learned."""
SPAN: Final = 5.0
"""By how much log magnitudes are divided, so that speech spreads over about two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VocosConfig:
    """Small: 1.2 million weights."""

    dim: int = 192
    """Channels of the frames."""
    hidden: int = 512
    """Channels inside a block."""
    layers: int = 5
    """ConvNeXt blocks."""
    kernel: int = 7
    """Frames that the first layer and each block look at; odd."""
    lookahead: int = 6
    """Frames by which the sound comes later, to be heard first; at most half of all kernels."""
    turns: int = 0
    """Griffin-Lim turns that make phases agree; with each the sound comes 3/4 of a window later."""

    def __post_init__(self) -> None:
        positive(dim=self.dim, hidden=self.hidden, layers=self.layers, kernel=self.kernel)
        if self.kernel % 2 == 0:
            raise RecipeError(f"kernel: {self.kernel} has no middle; take an odd number of frames")
        if self.turns < 0:
            raise RecipeError(f"turns: {self.turns} is below 0")
        self.shares()

    def shares(self) -> list[int]:
        """Frames that each layer looks ahead; raises `RecipeError` for more than there can be."""
        return shares(self.lookahead, reaches=[self.kernel // 2] * (self.layers + 1))


@final
class Vocos(Chained):
    """Log mel magnitudes [batch, mels, frames] -> samples [batch, 1, frames x hop], `delay` frames later."""

    def __init__(self, config: VocosConfig, *, mel: VoiceMel, rate_hz: int) -> None:
        first, *ahead = config.shares()
        istft = Istft(mel.window_length, mel.hop_length)
        body: list[Streamable] = [
            Conv1d(mel.mels, config.dim, config.kernel, lookahead=first),
            Pointwise(ChannelNorm(config.dim)),
            *(_block(config, lookahead) for lookahead in ahead),
            Pointwise(ChannelNorm(config.dim)),
            Pointwise(nn.Conv1d(config.dim, 2 * mel.bins, 1)),
        ]
        super().__init__(
            Pointwise(Levels(mel)),
            Beside(Chain(*body), Delay([mel.mels], config.lookahead)),
            Pointwise(Spectra(mel, rate_hz=rate_hz)),
            *turns(config.turns, istft),
            istft,
        )
        self.mel, self.lookahead, self.turns = mel, config.lookahead, config.turns
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def spectra(self, mel: Tensor) -> Tensor:
        """What sound is made of: [batch, mels, frames] -> [batch, 2 x bins, frames], later by `lookahead`."""
        for layer in list(self.net)[:SPECTRAL]:
            mel = layer(mel)
        return mel

    def sound(self, spectra: Tensor) -> Tensor:
        """The sound of spectra, [batch, 1, frames x hop], later by what is left of `delay`."""
        for layer in list(self.net)[SPECTRAL:]:
            spectra = layer(spectra)
        return spectra


@final
class Levels(nn.Module):
    """Log magnitudes so that silence is 0, as is what a stream heard before it began."""

    def __init__(self, mel: VoiceMel) -> None:
        super().__init__()
        self.least = float(np.log(mel.floor))

    def forward(self, mel: Tensor) -> Tensor:
        """Every value by itself."""
        return (mel - self.least) * (1.0 / SPAN)


@final
class Beside(Streamable):
    """Two branches of the same input, their channels one behind the other; both take the same time."""

    def __init__(self, body: Streamable, shortcut: Streamable) -> None:
        super().__init__()
        if (body.hop, body.delay) != (shortcut.hop, shortcut.delay):
            raise ModelError(
                f"branches that are not in step: hop {body.hop} and {shortcut.hop}, delay {body.delay} "
                f"and {shortcut.delay}"
            )
        self.body, self.shortcut = body, shortcut
        self.hop, self.delay, self.receptive_field = body.hop, body.delay, body.receptive_field

    def initial_state(self, like: Tensor) -> State:
        """That of both branches."""
        return self.body.initial_state(like), self.shortcut.initial_state(like)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Both, the body first."""
        y, body = self.body.step(x, state[0])
        z, shortcut = self.shortcut.step(x, state[1])
        return torch.cat([y, z], 1), (body, shortcut)


@final
class Spectra(nn.Module):
    """What was learned of every bin, and the mel levels, as real and imaginary parts.

    [batch, 2 x bins + mels, frames], log magnitudes beyond what the filters tell, phases, and `Levels`, to
    [batch, 2 x bins, frames]. Whatever was learned, the magnitudes have the mel that was asked for: what
    they are off is shared out among the bins, as in Lee and Seung 2001. A phase is that at the middle of
    the window: there neighbours agree on a pulse, and none is cut off.
    """

    bank: Tensor
    spread: Tensor
    signs: Tensor

    def __init__(self, mel: VoiceMel, *, rate_hz: int) -> None:
        super().__init__()
        bank = bank_of(mel, rate_hz=rate_hz)
        # Each filter spread evenly over what it hears: close to what filters back to the same mel.
        spread = bank / np.maximum(bank.sum(1, keepdims=True), 1e-12) / bank.sum(0)
        self.register_buffer("bank", torch.from_numpy(bank.T.copy()).float(), persistent=False)
        self.register_buffer("spread", torch.from_numpy(spread.T.copy()).float(), persistent=False)
        # The transform counts from the window's beginning, half of it earlier.
        signs = 1.0 - 2.0 * (torch.arange(mel.bins) % 2)
        self.register_buffer("signs", signs, persistent=False)
        self.mel, self.sizes = mel, (mel.bins, mel.bins, mel.mels)

    def forward(self, x: Tensor) -> Tensor:
        """Every frame by itself."""
        level, phase, levels = torch.split(
            x.to(self.signs.dtype).transpose(1, 2), list(self.sizes), 2
        )
        magnitude = self.magnitudes(level, levels) * self.signs
        parts = torch.cat([magnitude * torch.cos(phase), magnitude * torch.sin(phase)], 2)
        return parts.transpose(1, 2)

    def magnitudes(self, beyond: Tensor, levels: Tensor) -> Tensor:
        """[batch, frames, bins], from what was learned of them and the mel levels [batch, frames, mels]."""
        wanted = torch.exp(levels * SPAN + float(np.log(self.mel.floor)))
        found = (wanted @ self.spread) * torch.exp(beyond.clamp(-MOST, MOST))
        drawn = wanted @ self.bank
        for _ in range(ROUNDS):
            found = found * (drawn / ((found @ self.bank.T) @ self.bank).clamp(min=LEAST))
        return found.clamp(max=LOUDEST)


@final
class ChannelNorm(nn.Module):
    """Layer norm over the channels of each frame, [batch, channels, frames]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Every frame by itself."""
        y: Tensor = self.norm(x.transpose(1, 2))
        return y.transpose(1, 2)


@final
class Mixing(nn.Module):
    """The dense half of a ConvNeXt block: norm, out to `hidden` channels, back, scaled.

    Liu et al., "A ConvNet for the 2020s" (2022).
    """

    def __init__(self, dim: int, hidden: int, *, scale: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.out = nn.Linear(dim, hidden)
        self.back = nn.Linear(hidden, dim)
        self.scale = nn.Parameter(torch.full((dim,), scale))

    def forward(self, x: Tensor) -> Tensor:
        """Every frame by itself, [batch, dim, frames]."""
        y = F.gelu(self.out(self.norm(x.transpose(1, 2))))
        mixed: Tensor = self.back(y) * self.scale
        return mixed.transpose(1, 2)


def _block(config: VocosConfig, lookahead: int) -> Residual:
    dim = config.dim
    held = _held([dim], lookahead)
    return Residual(
        Chain(
            Conv1d(dim, dim, config.kernel, groups=dim, lookahead=lookahead),
            Pointwise(Mixing(dim, config.hidden, scale=1 / config.layers)),
        ),
        *held,
    )


def _held(shape: list[int], frames: int) -> Iterator[Delay]:
    """A shortcut in step with a branch that looks ahead."""
    return iter([Delay(shape, frames)] if frames else [])
