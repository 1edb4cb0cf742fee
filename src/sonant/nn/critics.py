"""Critics: networks that tell real speech from a vocoder's, so that it learns what they hear.

Kong et al., "HiFi-GAN" (2020), arXiv 2010.05646, section 2.3: a critic of periods folds the sound into
rows and sees what repeats. Jang et al., "UnivNet" (2021), arXiv 2106.07889: a critic of spectra sees
magnitudes at one resolution. Both with fewer channels than there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from sonant.nn.critics_config import CriticsConfig

__all__ = ["Critics", "CriticsConfig", "Heard", "Rule", "against", "likeness", "pleasing"]

Rule: TypeAlias = Literal["hinge", "least_squares"]
"""What is made of a critic's scores."""
SLOPE: Final = 0.1
"""Of leaky rectifiers for values below 0."""


class Heard(NamedTuple):
    """What one critic made of a sound."""

    scores: Tensor
    """[batch, places], higher for what seems real."""
    layers: list[Tensor]
    """What its layers gave on the way."""


@final
class Critics(nn.Module):
    """All critics of a config; samples [batch, 1, samples] -> what each heard."""

    def __init__(self, config: CriticsConfig) -> None:
        super().__init__()
        self.critics = nn.ModuleList(
            [PeriodCritic(period, config.period_channels) for period in config.periods]
            + [SpectrumCritic(size, config.spectrum_channels) for size in config.resolutions]
        )

    def forward(self, samples: Tensor) -> list[Heard]:
        """Each by itself."""
        return [critic(samples) for critic in self.critics]


@final
class PeriodCritic(nn.Module):
    """Looks at every `period`-th sample: rows of the sound under each other."""

    def __init__(self, period: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.period = period
        layers: list[nn.Module] = []
        inputs = 1
        for number, outputs in enumerate(channels):
            stride = 1 if number == len(channels) - 1 and number else 3
            layers.append(_normed(nn.Conv2d(inputs, outputs, (5, 1), (stride, 1), padding=(2, 0))))
            inputs = outputs
        self.layers = nn.ModuleList(layers)
        self.score = _normed(nn.Conv2d(inputs, 1, (3, 1), padding=(1, 0)))

    def forward(self, samples: Tensor) -> Heard:
        """[batch, 1, samples] of any length."""
        missing = -samples.shape[-1] % self.period
        folded = torch.unflatten(F.pad(samples, (0, missing)), -1, (-1, self.period))
        return _through(self.layers, self.score, folded)


@final
class SpectrumCritic(nn.Module):
    """Looks at magnitudes of a short-time Fourier transform, every quarter of `size` samples."""

    window: Tensor

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size), persistent=False)
        layers: list[nn.Module] = [_normed(nn.Conv2d(1, channels, (7, 5), (2, 2), padding=(3, 2)))]
        layers.extend(
            _normed(nn.Conv2d(channels, channels, (5, 3), (stride, 1), padding=(2, 1)))
            for stride in (2, 2, 1)
        )
        self.layers = nn.ModuleList(layers)
        self.score = _normed(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, samples: Tensor) -> Heard:
        """[batch, 1, samples] of any length."""
        return _through(self.layers, self.score, magnitudes(samples, self.window).unsqueeze(1))


def magnitudes(samples: Tensor, window: Tensor, *, hop: int | None = None) -> Tensor:
    """Of the transforms around every hop, [batch, 1, samples] -> [batch, bins, frames].

    None hops by a quarter of the window.
    """
    size = len(window)
    hop = size // 4 if hop is None else hop
    padded = F.pad(samples[:, 0].float(), (size // 2, size // 2))
    spectra = torch.fft.rfft(padded.unfold(-1, size, hop) * window)
    power = torch.view_as_real(spectra).square().sum(-1)
    # The slope of a root has no end at 0; below this nothing is heard.
    return power.clamp(min=1e-10).sqrt().transpose(1, 2)


def against(real: Sequence[Heard], made: Sequence[Heard], *, rule: Rule) -> Tensor:
    """What the critics minimise: real speech scores high, made speech low. A mean over critics."""
    losses = []
    for one, other in zip(real, made, strict=True):
        if rule == "hinge":
            losses.append(F.relu(1 - one.scores).mean() + F.relu(1 + other.scores).mean())
        else:
            losses.append((1 - one.scores).square().mean() + other.scores.square().mean())
    return torch.stack(losses).mean()


def pleasing(made: Sequence[Heard], *, rule: Rule) -> Tensor:
    """What a vocoder minimises: its speech scores as real speech should. A mean over critics."""
    if rule == "hinge":
        return torch.stack([-heard.scores.mean() for heard in made]).mean()
    return torch.stack([(1 - heard.scores).square().mean() for heard in made]).mean()


def likeness(real: Sequence[Heard], made: Sequence[Heard]) -> Tensor:
    """How far the critics' layers are apart on the two, per unit of what real speech gives; a mean.

    Larsen et al. 2016, "Autoencoding beyond pixels"; real speech is what is to be met, and held.
    """
    apart = [
        (theirs - ours).abs().mean() / theirs.abs().mean().clamp(min=1e-6)
        for one, other in zip(real, made, strict=True)
        for theirs, ours in zip((x.detach() for x in one.layers), other.layers, strict=True)
    ]
    return torch.stack(apart).mean()


def _through(layers: nn.ModuleList, score: nn.Module, x: Tensor) -> Heard:
    kept = []
    for layer in layers:
        x = F.leaky_relu(layer(x), SLOPE)
        kept.append(x)
    return Heard(score(x).flatten(1), kept)


def _normed(layer: nn.Conv2d) -> nn.Module:
    normed: nn.Module = parametrizations.weight_norm(layer)
    return normed
