"""The x-vector network as a stream: an embedding of all that was said so far, at every frame.

Layers and weights are those of `tdnn`, with kernels that end with their frame instead of lying around
it: the same values seven frames later. Statistics run over all frames since the stream began. With the
weights of a trained `Tdnn` (`take_from`) the embedding of a long utterance is close to that network's;
trained by itself it is exact at any length. Shapes and counts as in `tdnn`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import nn

from sonant.errors import ModelError
from sonant.models.chained import Chained
from sonant.models.dense import positive
from sonant.models.tdnn import SLOPE, Tdnn, check_layers
from sonant.nn.layers import Conv1d
from sonant.nn.running import RunningStatistics
from sonant.nn.streaming import Pointwise, Streamable


@dataclass(frozen=True, slots=True, kw_only=True)
class TdnnStreamConfig:
    """One value a layer in each list, as in `TdnnConfig`."""

    channels: tuple[int, ...] = (512, 512, 512, 512, 1500)
    """Channels behind each layer; the last are pooled."""
    kernels: tuple[int, ...] = (5, 3, 3, 1, 1)
    """Frames that each looks at; odd numbers."""
    dilations: tuple[int, ...] = (1, 2, 3, 1, 1)
    """Frames from one of these to the next."""
    size: int = 512
    """Values of an embedding."""
    dropout: float = 0.0
    """Share of pooled values dropped before the dense layer."""

    def __post_init__(self) -> None:
        check_layers(self.channels, self.kernels, self.dilations)
        positive(size=self.size)


@final
class TdnnStream(Chained):
    """Features [batch, bins, frames] -> embeddings so far [batch, size, frames], of any length."""

    def __init__(self, config: TdnnStreamConfig, *, bins: int) -> None:
        layers: list[Streamable] = []
        for channels, kernel, dilation in zip(
            config.channels, config.kernels, config.dilations, strict=True
        ):
            layers.append(Conv1d(bins, channels, kernel, dilation=dilation))
            layers.append(Pointwise(nn.Sequential(nn.LeakyReLU(SLOPE), nn.BatchNorm1d(channels))))
            bins = channels
        super().__init__(
            *layers,
            RunningStatistics(bins),
            Pointwise(
                nn.Sequential(nn.Dropout(config.dropout), nn.Conv1d(2 * bins, config.size, 1))
            ),
        )
        self.size = config.size

    @torch.no_grad()
    def take_from(self, network: Tdnn) -> None:
        """Copy the weights of a network for whole utterances; raises `ModelError` for other shapes."""
        taken = list(network.state_dict().values())
        own = self.state_dict()
        if len(taken) != len(own):
            raise ModelError(
                f"a stream of {len(own)} tensors cannot take the {len(taken)} of that network; "
                f"build both from the same channels, kernels and dilations"
            )
        # Both list layer by layer, and within a layer convolution, norm, dense.
        for (name, weight), value in zip(own.items(), taken, strict=True):
            if weight.numel() != value.numel():
                raise ModelError(
                    f"{name}: {list(weight.shape)} cannot take {list(value.shape)}; build both "
                    f"networks from the same channels, kernels and dilations"
                )
            weight.copy_(value.view_as(weight))
