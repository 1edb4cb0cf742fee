"""Multi-head attention over a recurrent network's past, as a stream: att_mh_rnn of kws_streaming.

Rybakov et al., "Streaming keyword spotting on mobile devices" (2020), after de Andrade et
al., "A neural attention model for speech command recognition" (2018). The paper's network cannot
stream: its GRUs run both ways, and its query is the middle frame of the clip. Here they run one way,
as wide as both of the paper's together; attention spans a window as long as a training clip, and
each of its heads asks with the window's last frame, which has heard all of it. Shapes of the default
on 20 MFCC, any number of frames: image 20 -> 20x10 -> 20x1 -> GRU 256 -> GRU 256 -> 4 heads of 256 ->
1024 -> 64 -> 32 -> labels; with 12 labels 939,633 parameters and 22 running statistics. The paper's
(`att_mh_rnn_whole`) has 743k: its two directions do not look at each other, one wide GRU does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from sonant.models.chained import Chained, image, rows
from sonant.models.dense import ACTIVATIONS, Activation, dense, known, positive, same_length
from sonant.models.initial import as_keras
from sonant.nn.layers import Conv2d
from sonant.nn.recurrent import GRU
from sonant.nn.streaming import Pointwise, Streamable, Windowed
from sonant.nn.windows import UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class AttMHRNNConfig:
    """Convolutions along time, recurrent layers, attention, dense layers."""

    filters: tuple[int, ...] = (10, 1)
    """Channels of each convolution."""
    kernels: tuple[int, ...] = (5, 5)
    """Frames each convolution looks at."""
    activations: tuple[Activation, ...] = ("relu", "relu")
    """What follows each convolution: linear, relu, elu, silu, tanh, sigmoid."""
    hidden: int = 256
    """Width of the state of each recurrent layer."""
    layers: int = 2
    """Recurrent layers, one on the other."""
    heads: int = 4
    """Questions that are asked of the past."""
    dropout: float = 0.2
    """Share of values dropped behind the attention."""
    units: tuple[int, ...] = (64, 32)
    """Widths of the dense layers before the answer; may be empty."""
    unit_activations: tuple[Activation, ...] = ("relu", "linear")
    """What follows each of them."""

    def __post_init__(self) -> None:
        same_length(
            "layers", filters=self.filters, kernels=self.kernels, activations=self.activations
        )
        same_length("dense layers", units=self.units, unit_activations=self.unit_activations)
        positive(filters=self.filters, kernels=self.kernels, units=self.units)
        positive(hidden=self.hidden, layers=self.layers, heads=self.heads)
        known(activations=self.activations, unit_activations=self.unit_activations)


@final
class AttMHRNN(Chained):
    """What the last frame makes of all that came before it in its window."""

    def __init__(self, config: AttMHRNNConfig, *, bins: int, frames: int, labels: int) -> None:
        channels = config.filters[-1] if config.filters else 1
        super().__init__(
            image(bins),
            *_convolutions(config, bins=bins),
            rows(),
            GRU(channels * bins, config.hidden, layers=config.layers),
            LastFrameAttention(config.hidden, heads=config.heads, window=frames),
            Pointwise(nn.Dropout(config.dropout)),
            Pointwise(
                dense(
                    config.hidden * config.heads,
                    config.units,
                    config.unit_activations,
                    labels=labels,
                )
            ),
        )
        as_keras(self)


@final
class LastFrameAttention(Windowed):
    """[batch, channels, frames] -> [batch, heads x channels, frames]: means of a window's frames.

    A head's weights are the softmax of the frames' products with its query, a dense layer on the
    window's last frame; the frames themselves are keys and values (Rybakov et al. 2020).
    """

    def __init__(self, channels: int, *, heads: int, window: int) -> None:
        super().__init__([channels], span=window)
        self.heads = heads
        self.query = nn.Conv1d(channels, heads * channels, 1)

    def over(self, x: Tensor) -> Tensor:
        """Piece by piece, so that a long signal never meets all of itself."""
        past = self.span - 1
        places = x.shape[-1] - past
        if torch.compiler.is_exporting() or places <= self.span:
            return self._attended(x)
        pieces = range(0, places, self.span)
        return torch.cat([self._attended(x[..., at : at + self.span + past]) for at in pieces], -1)

    def _attended(self, x: Tensor) -> Tensor:
        """Every window of frames that lies whole inside `x`."""
        query = self.query(x[..., self.span - 1 :])
        scores = torch.unflatten(query, 1, (self.heads, -1)).transpose(2, 3) @ x.unsqueeze(1)
        places, frames = scores.shape[-2:]
        if places > 1:
            reach = scores.new_ones(places, frames).triu().tril(self.span - 1)
            scores = scores + (reach - 1) * UNSEEN
        means = x.unsqueeze(1) @ scores.softmax(-1).transpose(2, 3)
        return means.flatten(1, 2)


def _convolutions(config: AttMHRNNConfig, *, bins: int) -> Iterator[Streamable]:
    channels = 1
    for filters, kernel, activation in zip(
        config.filters, config.kernels, config.activations, strict=True
    ):
        yield Conv2d(channels, filters, (kernel, 1), bins=bins)
        yield Pointwise(ACTIVATIONS[activation]())
        yield Pointwise(nn.BatchNorm2d(filters))
        channels = filters
